"""Exports appear whole, go on after an interruption, and touch nothing that is not theirs."""

from __future__ import annotations

import ast
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
from export_samples import files_of, write_version

from pvtt_data.errors import DatasetError, DiskFullError, PreflightError, PvttError
from pvtt_data.exports import FORMATS, FormatName, check_export, export_dataset, folder, run
from pvtt_data.exports.folder import ExportFolder, Files
from pvtt_data.exports.formats import Row
from pvtt_data.exports.frames import FramesExport
from pvtt_data.shards import ShardDataset
from pvtt_data.shards.reader import Sample

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module", name="whole")
def _whole(version: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Files of an export that nobody disturbed."""
    out = tmp_path_factory.mktemp("whole") / "out"
    export_dataset(version, out, FORMATS["frames"]())
    return files_of(out)


class Interrupted(FramesExport):
    """Stops in the middle of the third sample."""

    begun: ClassVar[list[str]] = []

    def make(self, sample: Sample, files: Files) -> Row:
        self.begun.append(sample.key)
        if len(self.begun) == 3:
            files.write(f"{sample.split}/{sample.key}/source/00000.png", b"half")
            raise KeyboardInterrupt
        return super().make(sample, files)


def test_an_interrupted_export_goes_on_and_ends_in_the_same_bytes(
    version: Path, tmp_path: Path, whole: dict[str, str]
) -> None:
    out = tmp_path / "out"
    Interrupted.begun.clear()
    with pytest.raises(KeyboardInterrupt):
        export_dataset(version, out, Interrupted())
    assert not (out / "export.json").exists()
    (out / ".00000.png.1234.tmp").write_bytes(b"left by a killed process")
    lost = next((out / "train").rglob("source/00001.png"))
    lost.unlink()  # of a finished sample: it is made again
    done = export_dataset(version, out, FORMATS["frames"]())
    assert done.resumed == 1
    assert files_of(out) == whole


def test_processes_change_no_byte(version: Path, tmp_path: Path, whole: dict[str, str]) -> None:
    counts = []
    export_dataset(
        version, tmp_path / "out", FORMATS["frames"](), workers=2, on_sample=lambda done, of: counts.append((done, of))
    )
    assert files_of(tmp_path / "out") == whole
    assert counts == [(done, 6) for done in range(7)]


def test_a_killed_export_goes_on(version: Path, tmp_path: Path, whole: dict[str, str]) -> None:
    out = tmp_path / "out"
    command = [sys.executable, "-m", "pvtt_data.cli", "export", str(version), "--format", "frames", "--out", str(out)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=ROOT)
    journal = out / ".pvtt-export/journal.jsonl"
    while process.poll() is None and not (journal.exists() and journal.stat().st_size):
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (out / "export.json").exists(), "it was too quick for this test"
    export_dataset(version, out, FORMATS["frames"]())
    assert files_of(out) == whole


def test_a_finished_export_is_checked_and_left_alone(version: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    first = export_dataset(version, out, FORMATS["videofolder"](), split="train")
    stamps = {path: path.stat().st_mtime_ns for path in out.rglob("*")}
    again = export_dataset(version, out, FORMATS["videofolder"](), split="train")
    assert again.was_complete
    assert (again.samples, again.files, again.advice) == (first.samples, first.files, first.advice)
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*")} == stamps
    checked = subprocess.run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=out, check=False)
    assert checked.returncode == 0
    assert check_export(out) == []
    victim = next((out / "train/target").iterdir())
    victim.write_bytes(b"changed")
    (out / "train/more.txt").write_text("mine")
    assert [line.split()[-2:] for line in check_export(out)] == [["was", "changed"], ["the", "export"]]
    with pytest.raises(PreflightError, match="was changed"):
        export_dataset(version, out, FORMATS["videofolder"](), split="train")


def test_other_content_is_refused_and_stays(version: Path, tmp_path: Path) -> None:
    foreign = tmp_path / "mine"
    foreign.mkdir()
    (foreign / "thesis.txt").write_text("years of work")
    with pytest.raises(PreflightError, match="is not empty"):
        export_dataset(version, foreign, FORMATS["davis"]())
    assert files_of(foreign).keys() == {"thesis.txt"}
    with pytest.raises(PreflightError, match="is a file"):
        export_dataset(version, foreign / "thesis.txt", FORMATS["davis"]())
    out = tmp_path / "out"
    export_dataset(version, out, FORMATS["davis"](), split="test")
    for form, split, why in (
        (FORMATS["frames"](), "test", 'format is "davis" there'),
        (FORMATS["davis"](jpeg_quality=80), "test", "settings.jpeg_quality is 95 there and 80 here"),
        (FORMATS["davis"](), None, 'split is "test" there'),
    ):
        with pytest.raises(PreflightError, match=why):
            export_dataset(version, out, form, split=split)  # type: ignore[arg-type]
    half = tmp_path / "half"
    Interrupted.begun.clear()
    with pytest.raises(KeyboardInterrupt):
        export_dataset(version, half, Interrupted())
    with pytest.raises(PreflightError, match="holds another export"):
        export_dataset(version, half, FORMATS["davis"]())


def test_a_run_that_wrote_nothing_does_not_keep_its_folder(version: Path, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="too-short"):
        export_dataset(version, tmp_path / "out", FORMATS["ffgo"]())
    done = export_dataset(version, tmp_path / "out", FORMATS["davis"](), split="test")
    assert done.samples == {"test": 1}


def test_two_at_once_are_refused(version: Path, tmp_path: Path) -> None:
    with (
        ExportFolder(tmp_path / "out", {"format": "frames"}),
        pytest.raises(PreflightError, match="another process"),
        ExportFolder(tmp_path / "out", {"format": "frames"}),
    ):
        pass


def test_one_that_was_finished_while_this_one_began_stays(
    version: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = folder.hold
    out = tmp_path / "out"

    def late(path: Path, words: str) -> Any:
        monkeypatch.setattr(folder, "hold", plain)
        export_dataset(version, out, FORMATS["davis"](), split="test")
        return plain(path, words)

    monkeypatch.setattr(folder, "hold", late)
    with pytest.raises(PreflightError, match="holds another export"):
        export_dataset(version, out, FORMATS["davis"](jpeg_quality=80), split="test")
    assert check_export(out) == []
    shutil.rmtree(out)
    monkeypatch.setattr(folder, "hold", late)
    assert export_dataset(version, out, FORMATS["davis"](), split="test").was_complete
    assert check_export(out) == [] and not (out / ".pvtt-export").exists()


def test_a_run_that_was_killed_when_all_was_written_leaves_a_finished_export(version: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    export_dataset(version, out, FORMATS["davis"](), split="test")
    state = out / ".pvtt-export"
    state.mkdir()
    (state / "head.json").write_text("{}")
    (state / "journal.jsonl").write_text("half a li")
    assert check_export(out) == []
    assert export_dataset(version, out, FORMATS["davis"](), split="test").was_complete
    assert not state.exists()


def test_a_changed_description_is_told_from_the_export_that_it_described(version: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    export_dataset(version, out, FORMATS["davis"](), split="test")
    stated = json.loads((out / "export.json").read_text())
    del stated["licences"]
    (out / "export.json").write_text(json.dumps(stated))
    with pytest.raises(PreflightError, match=r"export\.json was changed"):
        export_dataset(version, out, FORMATS["davis"](), split="test")


def test_an_export_does_not_go_into_the_version(version: Path) -> None:
    before = sorted(version.rglob("*"))
    with pytest.raises(PreflightError, match="lies in the version itself"):
        export_dataset(version, version / "export", FORMATS["davis"]())
    assert sorted(version.rglob("*")) == before


@pytest.mark.parametrize("name", ["videofolder", "diffsynth", "ffgo"])
def test_what_to_type_next_can_be_pasted(tmp_path: Path, name: FormatName) -> None:
    out = tmp_path / 'it\'s "mine", $HOME'
    facts: Any = SimpleNamespace(width=64, height=64, frames=9)
    text = FORMATS[name]().how_to_load(out, {"train": [(facts, {})]})
    if name == "videofolder":
        call = ast.parse(text, mode="eval").body
        assert isinstance(call, ast.Call)
        assert str(out) in [ast.literal_eval(keyword.value) for keyword in call.keywords]
    else:
        assert {f"{out}/train", f"{out}/train/metadata.csv"} <= set(shlex.split(text.split(":\n", 1)[1]))


@pytest.mark.parametrize("path", ["../up", "/etc/passwd", "a/../b", ".hidden", "a//b", "a/.b", "a b", "ü", "", "a/"])
def test_names_leave_neither_the_folder_nor_the_plain_letters(tmp_path: Path, path: str) -> None:
    with pytest.raises(ValueError, match="no path"):
        Files(tmp_path).write(path, b"")
    assert not list(tmp_path.iterdir())


def test_conditions_choose_samples(version: Path, tmp_path: Path) -> None:
    def keys(where: str) -> set[str]:
        return {sample.meta.engine for sample in run.select(ShardDataset(version), where)}

    assert keys("verdict = 'flag'") == {"render"}
    assert keys("kind = 'reconstruct' OR product_b = '00126'") == {"crosspair", "panzoom"}
    assert keys("list_contains(licences, 'MIT')") == {"render"}
    assert keys("numbers.m < 1") == {"render"}, "a number that was not measured is none"
    assert keys("engine = 'panzoom' -- a comment") == {"panzoom"}
    for wrong in ("nonsense =", "true) ; DROP TABLE samples; SELECT (1", "length(readfile('/etc/passwd')) > 0"):
        with pytest.raises(PvttError, match="--where"):
            keys(wrong)
    secret = tmp_path / "secret.csv"
    secret.write_text("key\nabc\n")
    with pytest.raises(PvttError, match="disabled"):
        keys(f"key IN (SELECT key FROM read_csv('{secret}'))")
    with pytest.raises(DatasetError, match="no samples in test for which"):
        export_dataset(version, tmp_path / "out", FORMATS["frames"](), split="test", where="fps > 100")


def test_damage_in_the_shards_ends_the_export(version: Path, tmp_path: Path) -> None:
    damaged = tmp_path / "v1"
    shutil.copytree(version, damaged)
    sample = ShardDataset(damaged, "train")[1]
    span = sample.spans["target.mp4"]
    span.path.chmod(0o644)
    with span.path.open("r+b") as file:
        file.seek(span.offset + span.length // 2)
        file.write(b"\xff" * 16)
    with pytest.raises(DatasetError, match="SHA-256"):
        export_dataset(damaged, tmp_path / "out", FORMATS["videofolder"]())
    assert not (tmp_path / "out/export.json").exists()


def test_a_full_disk_says_so_and_keeps_what_was_finished(
    version: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, whole: dict[str, str]
) -> None:
    written: list[Any] = []
    write = Files.write

    def full(self: Files, path: str, data: bytes) -> str:
        written.append(path)
        if len(written) == 100:
            raise OSError(28, os.strerror(28), path)
        return write(self, path, data)

    monkeypatch.setattr(Files, "write", full)
    with pytest.raises(DiskFullError, match="run the same command again"):
        export_dataset(version, tmp_path / "out", FORMATS["frames"]())
    assert export_dataset(version, tmp_path / "out", FORMATS["frames"]()).resumed == 2
    assert files_of(tmp_path / "out") == whole


def test_an_export_says_what_it_is_and_nothing_of_the_machine(version: Path, tmp_path: Path) -> None:
    export_dataset(version, tmp_path / "out", FORMATS["videofolder"](), where="verdict = 'accept'")
    text = (tmp_path / "out/export.json").read_text()
    manifest = json.loads(text)
    assert manifest["dataset"] == {"name": "tricky", "root": ShardDataset(version).manifest.root}
    assert manifest["samples"] == {"train": 4, "validation": 1}
    assert manifest["where"] == "verdict = 'accept'"
    assert manifest["licences"] == {"CC-BY-4.0": 4, "CC0-1.0": 1, "MIT": 1}
    for path in (tmp_path / "out").rglob("*"):
        if path.suffix in (".json", ".jsonl", ".parquet") or path.name == "SHA256SUMS":
            assert str(tmp_path).encode() not in path.read_bytes()


@pytest.fixture(autouse=True)
def _clean() -> Iterator[None]:
    Interrupted.begun.clear()
    yield


def test_equal_versions_give_equal_exports(tmp_path: Path) -> None:
    for name in ("one", "two"):
        version = write_version(tmp_path / name / "v1", tmp_path / name / "media")
        export_dataset(version, tmp_path / name / "out", FORMATS["videofolder"]())
    assert files_of(tmp_path / "one/out") == files_of(tmp_path / "two/out")
