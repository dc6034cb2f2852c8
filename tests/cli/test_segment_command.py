"""`pvtt-data segment`: a prompt is obeyed or refused, and the log says what was asked of whom."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner, Result
from grounded_stand_ins import H100, NO_GPU, ToldSegmenter, pretend, registry_with

from pvtt_data.cli.segment import segment_command
from pvtt_data.images import write_png
from pvtt_data.media import decode_video
from pvtt_data.segmenters.base import Target
from pvtt_data.segmenters.box_prompt import BoxPrompt

HERE = ("grounding-dino-tiny", "bert-vocabulary", "sam2.1-large", "sam2.1-tiny")


@pytest.fixture
def frames(tmp_path: Path) -> Path:
    folder = tmp_path / "frames"
    folder.mkdir()
    for i in range(3):
        (folder / f"shot_{i:03d}.png").write_bytes(write_png(np.full((64, 96, 3), 80 + i, np.uint8)))
    return folder


def segment(
    monkeypatch: pytest.MonkeyPatch, models: Path, *arguments: str | Path, here: Sequence[str] = HERE
) -> tuple[Result, ToldSegmenter]:
    segmenter = ToldSegmenter()
    registry = registry_with(models, here)
    monkeypatch.setattr("pvtt_data.cli.segment.ModelRegistry.default", lambda: registry)
    monkeypatch.setattr("pvtt_data.cli.segment.open_backend", lambda backend: segmenter)
    return CliRunner().invoke(segment_command, [str(argument) for argument in arguments]), segmenter


def test_a_prompt_gives_masks_an_overlay_and_a_log(
    frames: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pretend(monkeypatch, NO_GPU)
    out = tmp_path / "masks"
    done, segmenter = segment(
        monkeypatch, tmp_path, frames, "--prompt", "Teapot. kettle.", "--tracker", "sam2.1-tiny", "--out", out
    )
    assert done.exit_code == 0, done.output
    assert segmenter.told == [Target(("teapot", "kettle"))] * 3
    assert sorted(path.name for path in out.iterdir()) == [
        "overlay.mp4", "segment.json", "shot_000.png", "shot_001.png", "shot_002.png",
    ]  # fmt: skip
    mask = cv2.imread(str(out / "shot_001.png"), cv2.IMREAD_UNCHANGED)
    assert mask.shape == (64, 96) and set(np.unique(mask)) == {0, 255}
    log = json.loads((out / "segment.json").read_text())
    assert log["prompt"] == "Teapot. kettle."
    assert log["target"]["phrases"] == ["teapot", "kettle"]
    assert set(log["backend"]["weights"]) == {"grounding-dino-tiny", "bert-vocabulary", "sam2.1-tiny"}
    assert "which is slow" in log["backend"]["why"]
    assert [frame["name"] for frame in log["per_frame"]] == ["shot_000.png", "shot_001.png", "shot_002.png"]
    assert [frame["confidence"] for frame in log["per_frame"]] == [0.5, 0.75, 1.0]
    assert log["numbers"] == {"reprompts": 1.0}
    assert str(tmp_path) not in (out / "segment.json").read_text()


def test_a_box_is_followed_drawn_and_logged(frames: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch, H100)
    out = tmp_path / "masks"
    done, segmenter = segment(
        monkeypatch, tmp_path, frames, "--box", "0.5, 0.25,0.75,1", "--box-frame", "1", "--out", out
    )
    assert done.exit_code == 0, done.output
    assert segmenter.boxes == [BoxPrompt(1, 0.5, 0.25, 0.75, 1.0)] and set(segmenter.told) == {None}
    log = json.loads((out / "segment.json").read_text())
    assert log["box"] == {"frame": 1, "x0": 0.5, "y0": 0.25, "x1": 0.75, "y1": 1.0}
    assert log["backend"]["name"] == "grounded-sam2", "the best that is here, though nobody gave it words"
    overlay = decode_video(out / "overlay.mp4")
    cyan = [(frame[20:60, 46:74].astype(int) @ [-1, 1, 0]).max() > 60 for frame in overlay]
    assert cyan == [False, True, False]


def test_a_box_needs_no_more_than_u2net_where_nothing_better_is_here(
    frames: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pretend(monkeypatch, NO_GPU)
    done, segmenter = segment(
        monkeypatch, tmp_path, frames, "--box", "0,0,1,1", "--out", tmp_path / "masks", here=("u2net",)
    )
    assert done.exit_code == 0, done.output
    assert segmenter.boxes == [BoxPrompt(0, 0, 0, 1, 1)]
    assert json.loads((tmp_path / "masks" / "segment.json").read_text())["backend"]["name"] == "u2net"


@pytest.mark.parametrize(
    ("arguments", "missing", "words"),
    [
        (["--box", "0.1,0.2,0.3"], (), "a box has four edges"),
        (["--box", "left"], (), "four numbers with commas between them"),
        (["--box", "48,16,72,64"], (), "in 96×64 they are 0.5000,0.2500,0.7500,1.0000"),
        (["--box", "0.5,0.2,0.4,0.9"], (), "with something in between"),
        (["--box", "0.5,0.2,0.505,0.9"], (), "holds nothing"),
        (["--box", "0,0,1,1", "--box-frame", "3"], (), "the clip's frames are 0 to 2"),
        (["--box-frame", "3"], (), "which frame a --box is of"),
        (["--backend", "u2net", "--box", "0,0,1,1", "--prompt", "mug."], (), "cannot be told what to look for"),
        (["--backend", "u2net", "--prompt", "mug."], (), "pvtt-data models pull grounded-sam2"),
        (["--backend", "grounded-sam2"], (), '--prompt "teapot."'),
        (["--prompt", " . "], (), "names nothing to look for"),
        (["--prompt", "mug."], ("torch",), "pip install 'pvtt[gpu]'"),
        (["--prompt", "mug.", "--detector", "owlv2-base"], (), "pvtt-data models pull owlv2-base clip-merges"),
        (["--prompt", "mug.", "--device", "cuda"], (), "cuda cannot run here: no GPU answers"),
        (["--detector", "owlv2-base", "--device", "cpu"], (), "--detector, --device: for grounded-sam2 only"),
    ],
)
def test_what_cannot_be_done_is_refused_with_what_to_do_instead(
    frames: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    missing: tuple[str, ...],
    words: str,
) -> None:
    pretend(monkeypatch, NO_GPU, missing)
    done, segmenter = segment(monkeypatch, tmp_path, frames, "--out", tmp_path / "masks", *arguments)
    assert done.exit_code == 2
    assert words in " ".join(done.output.split())
    assert segmenter.told == []
    assert not (tmp_path / "masks").exists()
