"""The examples on the pages about loading, versions and exporting run as they are written."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import re
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from export_samples import FRAMES, HEIGHT, WIDTH, write_version

from pvtt_data.cli import cli
from pvtt_data.shards import SampleMeta, ShardDataset, verify

DOCS = Path(__file__).resolve().parents[1] / "docs"
_BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_NEEDS = ("torch", "datasets", "webdataset", "diffsynth.core.data")


def blocks(page: str) -> list[str]:
    return _BLOCK.findall((DOCS / page).read_text(encoding="utf-8"))


def run(page: str, number: int) -> dict[str, Any]:
    """The names that a block leaves behind."""
    code = blocks(page)[number]
    for library in _NEEDS:
        if re.search(rf"^(?:import|from) {re.escape(library)}\b", code, re.MULTILINE):
            pytest.importorskip(library, reason=f"{library} is not installed")
    names: dict[str, Any] = {"__name__": "example"}
    exec(compile(code, f"{page}, block {number + 1}", "exec"), names)
    return names


@pytest.fixture(scope="module", name="folder")
def _folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a version in `shards/v1` and the exports of docs/export.md."""
    folder = tmp_path_factory.mktemp("docs")
    write_version(folder / "shards/v1", folder / "media")
    return folder


@pytest.fixture(autouse=True)
def _inside(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    if importlib.util.find_spec("datasets") is not None:
        config = importlib.import_module("datasets.config")
        monkeypatch.setattr(config, "HF_DATASETS_CACHE", folder / "cache")


def test_our_reader() -> None:
    made = run("loading.md", 0)
    assert made["sample"].target.shape == (FRAMES, HEIGHT, WIDTH, 3)
    assert len(made["different"]) == made["sample"].meta.reference_count


def test_a_loader_of_pytorch() -> None:
    made = run("loading.md", 1)
    dataset = ShardDataset("shards/v1", "train")
    first = dataset[int(dataset.order(0, 0)[0])]
    assert made["batch"]["key"] == first.key
    assert np.array_equal(made["batch"]["video"].numpy(), first.target.transpose(3, 0, 1, 2))
    assert np.array_equal(made["batch"]["mask"].numpy(), first.target_mask)


def test_datasets_streaming() -> None:
    sample = run("loading.md", 2)["sample"]
    ours = ShardDataset("shards/v1")[sample["__key__"]]
    assert np.array_equal(sample["target_mask.mp4"], ours.target_mask)
    assert isinstance(sample["json"], SampleMeta)


def test_datasets_map_style(folder: Path) -> None:
    made = run("loading.md", 3)
    easy = {sample.key for sample in ShardDataset("shards/v1", "train") if sample.meta.difficulty == "easy"}
    assert set(made["keys"]) == easy
    assert any((folder / "cache").rglob("*.arrow"))


def test_webdataset() -> None:
    made = run("loading.md", 4)
    assert made["sample"]["source_mask.mp4"].dtype == np.bool_
    assert {sample["__key__"] for sample in made["samples"]} == set(ShardDataset("shards/v1", "train").keys())


def test_by_hand() -> None:
    made = run("loading.md", 5)
    assert hashlib.sha256(made["video"]).hexdigest() == made["sha256"]
    facts = run("loading.md", 6)["facts"]
    assert set(facts) == set(ShardDataset("shards/v1", "train").keys())
    counts = run("loading.md", 7)["counts"]
    assert sum(count for _, _, count in counts) == len(ShardDataset("shards/v1"))


def test_checking_looking_and_writing(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("versions.md", 0)["report"].checked["decoded_samples"] == len(ShardDataset("shards/v1"))
    run("versions.md", 1)
    assert Path("sheet.png").stat().st_size > 0
    made = run("versions.md", 2)
    assert made["publication"].status == "published"
    written, all_samples = ShardDataset("accepted/v1"), ShardDataset("shards/v1")
    assert set(written.keys()) == {sample.key for sample in all_samples if sample.meta.verdict == "accept"}
    assert 0 < len(written) < len(all_samples)
    assert verify("accepted/v1").ok
    assert run("versions.md", 2)["publication"].status == "up-to-date"
    assert "published accepted/v1" in capsys.readouterr().out


def test_no_block_is_forgotten() -> None:
    assert len(blocks("loading.md")) == 8
    assert len(blocks("versions.md")) == 3
    assert len(blocks("export.md")) == 5


def test_exports_as_their_page_calls_and_loads_them(folder: Path) -> None:
    page = (DOCS / "export.md").read_text(encoding="utf-8")
    commands = re.findall(r"^    pvtt-data (export shards/v1 .*)$", page, re.MULTILINE)
    assert len(commands) == 4
    for command in commands:
        if "diffsynth" in command:
            pytest.importorskip("torch", reason="torch is not installed")
        done = CliRunner().invoke(cli, shlex.split(command))
        assert done.exit_code == 0, done.output
    videos = run("export.md", 1)
    assert Path(videos["row"]["video"]["path"]).is_file()
    frames = run("export.md", 2)
    (sample,) = ShardDataset("shards/v1", "validation")
    assert np.array_equal(frames["frames"], sample.target)
    assert np.array_equal(frames["masks"], sample.target_mask)
    davis = run("export.md", 3)
    key, part = davis["name"].split("-")
    assert np.array_equal(davis["mask"], getattr(ShardDataset("shards/v1")[key], f"{part}_mask")[0])
    again = run("export.md", 4)
    assert again["done"].samples == {"train": 4}
    assert again["problems"] == []
    rows = run("export.md", 0)["rows"]
    assert len(rows) == 4
