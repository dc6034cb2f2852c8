"""The command line: quick to start, clear when something is wrong."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from pvtt_data.cli import cli
from pvtt_data.images import write_png
from pvtt_data.media import decode_video, open_media, read_range

ROOT = Path(__file__).resolve().parents[2]
RECIPE = ROOT / "recipes" / "ecommerce.yaml"


COMMANDS = (
    "build",
    "plan",
    "show",
    "segment",
    "caption",
    "judge",
    "qc",
    "models",
    "verify",
    "inspect",
    "verdicts",
    "log",
    "diff",
    "schema",
)


def pvtt(*arguments: str | Path, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pvtt_data.cli", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, check=False, timeout=300)


def test_help_lists_the_commands_and_loads_nothing_heavy() -> None:
    code = (
        "import sys\nfrom pvtt_data.cli import cli\ncli(['--help'], standalone_mode=False)\n"
        "heavy = {'numpy', 'cv2', 'av', 'pyarrow', 'onnxruntime', 'duckdb', 'pydantic', 'rich'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr
    for command in COMMANDS:
        assert command in done.stdout


def test_every_command_explains_itself() -> None:
    for command in COMMANDS:
        done = CliRunner().invoke(cli, [command, "--help"])
        assert done.exit_code == 0, done.output
        assert "Usage:" in done.stdout


def test_a_misspelt_setting_is_an_error_that_names_the_right_one(tmp_path: Path) -> None:
    recipe = tmp_path / "mine.yaml"
    recipe.write_text(f"name: x\nmine:\n  folder: {tmp_path}\nfilter:\n  min_lumma: 3\n")
    done = pvtt("build", recipe, "--work", tmp_path / "w", "--out", tmp_path / "s")
    assert done.returncode == 1
    assert "mine.yaml:5" in done.stderr
    assert "min_luma" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "w").exists()


def test_preflight_says_all_that_is_missing_and_touches_nothing(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    done = pvtt(
        "build", RECIPE, "--set", f"mine.folder={tmp_path / 'gone'}", "--work", blocked / "w", "--out", tmp_path / "s"
    )
    assert done.returncode == 1
    assert "gone is not a folder" in done.stderr
    assert "--work" in done.stderr
    assert not (tmp_path / "s").exists()


def test_the_schema_is_json_schema_with_descriptions() -> None:
    schema = json.loads(pvtt("schema").stdout)
    assert "filter" in schema["properties"]
    assert "description" in json.dumps(schema["properties"]["mine"]) or "$defs" in schema


def test_show_before_any_build_says_what_to_do(tmp_path: Path) -> None:
    done = pvtt("show", "clips", "--work", tmp_path)
    assert done.returncode == 1
    assert "run pvtt-data build first" in done.stderr


def test_a_plan_of_a_fresh_build_counts_the_sources_and_estimates_the_rest(tmp_path: Path) -> None:
    done = pvtt("plan", RECIPE, "--json", "--work", tmp_path / "w", "--out", tmp_path / "s")
    assert done.returncode == 0, done.stderr
    stages = {row["stage"]: row for row in json.loads(done.stdout)["stages"]}
    assert stages["measure"]["to_run"] == 9
    assert stages["segment"]["to_run"] == 0
    assert stages["segment"]["expected"] == 14
    assert stages["segment"]["why"] == ["≈ 14 more after measure"]
    assert json.loads(done.stdout)["seconds"] > 60


def test_models_list_names_licence_and_origin() -> None:
    done = pvtt("models", "list")
    assert done.returncode == 0
    assert "u2net" in done.stdout and "Apache" in done.stdout


@pytest.mark.slow
def test_segment_writes_a_mask_for_each_frame_and_an_overlay(tmp_path: Path, u2net_path: Path) -> None:
    video = "bottles/media/videos/P1001_ad.mp4"
    shown = read_range(open_media(ROOT / "samples" / "catalogue" / video), 20, 29)
    true = read_range(open_media(ROOT / "samples" / "truth" / "masks" / "P1001_ad.mp4"), 20, 29)[..., 1] > 127
    frames = tmp_path / "frames"
    frames.mkdir()
    for i, picture in enumerate(shown):
        (frames / f"shot_{i:03d}.png").write_bytes(write_png(picture))
    out = tmp_path / "masks"
    done = pvtt("segment", frames, "--out", out)
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in out.glob("*.png")) == [f"shot_{i:03d}.png" for i in range(9)]
    for i in range(9):
        mask = cv2.imread(str(out / f"shot_{i:03d}.png"), cv2.IMREAD_UNCHANGED)
        assert set(np.unique(mask)) == {0, 255}
        assert ((mask > 0) & true[i]).sum() / ((mask > 0) | true[i]).sum() > 0.9
    assert decode_video(out / "overlay.mp4").shape == shown.shape
    again = pvtt("segment", frames, "--out", out)
    assert again.returncode != 0
    assert "not empty" in again.stderr
