"""`pvtt-data export`: what it says, and what it refuses."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from click.testing import CliRunner
from export_samples import write_version

from pvtt_data.cli import cli
from pvtt_data.exports import check_export


@pytest.fixture(scope="module", name="version")
def _version(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("export-command")
    return write_version(folder / "v1", folder / "media")


def export(*arguments: str | Path) -> tuple[int, str]:
    done = CliRunner().invoke(cli, ["export", *map(str, arguments)])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.exit_code, done.output


def test_it_says_what_was_written_and_how_to_load_it(version: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    code, said = export(version, "--format", "videofolder", "--out", out, "--where", "fps = 8")
    assert code == 0, said
    assert f"{out}: 4 train, 1 validation, 1 test samples" in said
    assert "flagged: 1; --where" in said
    assert "licences: CC-BY-4.0 (5), CC0-1.0 (1), MIT (1)" in said
    assert f'datasets.load_dataset("videofolder", data_dir="{out}", split="train")' in said
    assert check_export(out) == []
    code, said = export(version, "--format", "videofolder", "--out", out, "--where", "fps = 8")
    assert code == 0
    assert "is complete and unchanged" in said
    assert "nothing was written" in said


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("--format", "frames", "--trigger", "x"), "--trigger: not for format frames"),
        (("--format", "davis", "--size", "832x480"), "--size: not for format davis"),
        (("--format", "ffgo", "--frames", "80"), "--frames: Value error, must be 4n+1, such as 81"),
        (("--format", "ffgo", "--size", "830x480"), "--size"),
        (("--format", "ffgo", "--size", "wide"), "no size such as 832x480"),
        (("--format", "davis", "--jpeg-quality", "101"), "--jpeg-quality"),
        (("--format", "coco"), "'coco' is not one of"),
    ],
)
def test_settings_that_do_not_fit_are_refused_before_anything_is_written(
    version: Path, tmp_path: Path, arguments: tuple[str, ...], why: str
) -> None:
    code, said = export(version, *arguments, "--out", tmp_path / "out")
    assert code == 2
    assert why in said
    assert not (tmp_path / "out").exists()


def test_the_version_is_only_read(version: Path, tmp_path: Path) -> None:
    def digests() -> dict[Path, str]:
        return {p: hashlib.sha256(p.read_bytes()).hexdigest() for p in version.rglob("*") if p.is_file()}

    before = digests()
    assert export(version, "--format", "videofolder", "--out", tmp_path / "out")[0] == 0
    assert digests() == before
