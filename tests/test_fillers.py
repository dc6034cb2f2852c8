"""Networks and programs that make up background keep to their interface, or say what they did instead."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from moving_scenes import cutout, scene
from network_file import mean_colour_network

from pvtt_data.engines.composite import CompositeEngine, CompositeRequest
from pvtt_data.errors import PreflightError
from pvtt_data.fillers import CommandFiller, FillerError, OnnxFiller

PAINT_BLUE = """
import sys
from pathlib import Path
import cv2
frames, masks, output = map(Path, sys.argv[1:4])
for path in sorted(frames.iterdir()):
    picture, mask = cv2.imread(str(path)), cv2.imread(str(masks / path.name), cv2.IMREAD_GRAYSCALE)
    picture[mask > 127] = (250, 20, 10)
    picture[mask <= 127] //= 2
    cv2.imwrite(str(output / path.name), picture)
"""


@pytest.fixture(name="blue")
def _blue(tmp_path: Path) -> CommandFiller:
    script = tmp_path / "paint it; rm -rf.py"  # no shell reads this
    script.write_text(PAINT_BLUE)
    return CommandFiller([sys.executable, str(script), "{frames}", "{masks}", "{output}"], 60.0)


def _clip() -> tuple[np.ndarray, np.ndarray]:
    frames = np.full((3, 40, 60, 3), 200, np.uint8)
    holes = np.zeros((3, 40, 60), np.bool_)
    holes[:, 10:20, 10:30] = True
    return frames, holes


def test_a_program_fills_a_clip(blue: CommandFiller) -> None:
    frames, holes = _clip()
    filled = blue.fill_video(frames, holes)
    assert (filled[holes] == (10, 20, 250)).all()


def test_the_engine_uses_a_program_for_what_no_frame_shows_and_nothing_else(blue: CommandFiller) -> None:
    made = scene()
    request = CompositeRequest(made.frames, made.masks, cutout("bottle"), seed=3, placement="free")
    plain, filled = CompositeEngine().make(request), CompositeEngine(filler=blue).make(request)
    bare = filled.target_mask & ~filled.source_mask
    assert (np.abs(filled.source[bare].astype(int) - (10, 20, 250)).max(axis=1) < 25).mean() > 0.5
    assert np.array_equal(filled.source[~filled.effect_mask], made.frames[~filled.effect_mask])
    assert (filled.source_mask != plain.source_mask).mean() < 0.01


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("import sys; sys.exit('no GPU')", "no GPU"),
        ("pass", "00000.png is missing"),
        ("import time; time.sleep(60)", "longer than"),
        ("import sys, cv2, numpy; cv2.imwrite(sys.argv[3] + '/00000.png', numpy.zeros((4, 5, 3)))", "5x4"),
    ],
)
def test_a_program_that_fails_is_a_fault_with_its_words(code: str, message: str) -> None:
    filler = CommandFiller([sys.executable, "-c", code, "{frames}", "{masks}", "{output}"], 2.0)
    with pytest.raises(FillerError, match=message):
        filler.fill_video(*_clip())


def test_a_program_that_is_not_there_or_gets_no_folder_is_named() -> None:
    with pytest.raises(FillerError, match="no-such-program"):
        CommandFiller(["no-such-program", "{frames}", "{masks}", "{output}"]).fill_video(*_clip())
    with pytest.raises(PreflightError, match=r"\{masks\}"):
        CommandFiller(["fill", "{frames}", "{output}"])


@pytest.mark.parametrize("scale", [1.0, 255.0])
def test_a_network_of_lamas_interface_fills_a_hole(tmp_path: Path, scale: float) -> None:
    path = tmp_path / "net.onnx"
    path.write_bytes(mean_colour_network(64, scale))
    picture = np.zeros((100, 140, 3), np.uint8)
    picture[:] = (200, 120, 40)
    hole = np.zeros((100, 140), np.bool_)
    hole[40:60, 50:90] = True
    picture[hole] = (0, 0, 255)
    filled = OnnxFiller(path).fill_plate(picture, hole)
    assert np.abs(filled[hole].astype(int) - (200, 120, 40)).max() <= 2
    assert np.array_equal(filled[~hole], picture[~hole])


def test_the_engine_uses_a_network(tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    path.write_bytes(mean_colour_network(64, 1.0))
    made = scene()
    request = CompositeRequest(made.frames, made.masks, cutout("bottle"), seed=3, placement="free")
    plain, filled = CompositeEngine().make(request), CompositeEngine(filler=OnnxFiller(path)).make(request)
    bare = filled.target_mask & ~filled.source_mask
    assert filled.source[bare].std(axis=0).max() < 0.7 * plain.source[bare].std(axis=0).max()


def test_files_that_are_no_such_network_are_named(tmp_path: Path) -> None:
    with pytest.raises(PreflightError, match=r"none\.onnx"):
        OnnxFiller(tmp_path / "none.onnx")
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"not a network")
    with pytest.raises(PreflightError, match=r"broken\.onnx"):
        OnnxFiller(broken)
    other = tmp_path / "other.onnx"
    other.write_bytes(mean_colour_network(64, 1.0, channels=4))
    with pytest.raises(PreflightError, match="picture"):
        OnnxFiller(other)
