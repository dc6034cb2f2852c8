"""`pvtt-data segment`: a prompt is obeyed or refused, and the log says what was asked of whom."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner, Result
from grounded_stand_ins import NO_GPU, ToldSegmenter, pretend, registry_with

from pvtt_data.cli.segment import segment_command
from pvtt_data.images import write_png
from pvtt_data.segmenters.base import Target

HERE = ("grounding-dino-tiny", "bert-vocabulary", "sam2.1-large", "sam2.1-tiny")


@pytest.fixture
def frames(tmp_path: Path) -> Path:
    folder = tmp_path / "frames"
    folder.mkdir()
    for i in range(3):
        (folder / f"shot_{i:03d}.png").write_bytes(write_png(np.full((64, 96, 3), 80 + i, np.uint8)))
    return folder


def segment(monkeypatch: pytest.MonkeyPatch, models: Path, *arguments: str | Path) -> tuple[Result, ToldSegmenter]:
    segmenter = ToldSegmenter()
    registry = registry_with(models, HERE)
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


@pytest.mark.parametrize(
    ("arguments", "missing", "words"),
    [
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
