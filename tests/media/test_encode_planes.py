"""Planes are stored as they are: to replace a part of a clip changes nothing of the rest."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from pvtt_data.media import clip_planes, decode_video, decode_video_planes, encode_clip, encode_planes


def noise(height: int, width: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    dice = np.random.default_rng(3)
    shapes = ((3, height, width), (3, height // 2, width // 2), (3, height // 2, width // 2))
    return tuple(dice.integers(0, 256, shape, np.uint8) for shape in shapes)  # type: ignore[return-value]


@pytest.mark.parametrize(("height", "width"), [(48, 64), (50, 34)])  # the second: an odd number of chroma rows
def test_any_planes_come_back(height: int, width: int, tmp_path: Path) -> None:
    planes = noise(height, width)
    encode_planes(planes, 8.0, tmp_path / "a.mp4")
    for one, other in zip(planes, decode_video_planes(tmp_path / "a.mp4"), strict=True):
        assert np.array_equal(one, other)
    encode_planes(planes, 8.0, tmp_path / "b.mp4")
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()


def test_planes_of_a_stored_clip_keep_its_colours(tmp_path: Path) -> None:
    frames = np.zeros((3, 48, 64, 3), np.uint8)
    frames[..., :24, :, :] = (200, 40, 30)
    frames[..., 24:, :, :] = (20, 60, 220)
    encode_clip(frames, 8.0, tmp_path / "clip.mp4", crf=4)
    encode_planes(decode_video_planes(tmp_path / "clip.mp4"), 8.0, tmp_path / "again.mp4")
    assert np.array_equal(decode_video(tmp_path / "clip.mp4"), decode_video(tmp_path / "again.mp4"))
    with av.open(str(tmp_path / "again.mp4")) as again, av.open(str(tmp_path / "clip.mp4")) as clip:
        kept = ("pix_fmt", "colorspace", "color_range", "color_primaries", "color_trc")
        contexts = [container.streams.video[0].codec_context for container in (again, clip)]
        assert len({tuple(getattr(context, name) for name in kept) for context in contexts}) == 1


def test_planes_of_frames_are_what_an_encoder_is_given(tmp_path: Path) -> None:
    frames = np.full((2, 16, 16, 3), 128, np.uint8)
    y, u, v = clip_planes(frames)
    assert (y.shape, u.shape, v.shape) == ((2, 16, 16), (2, 8, 8), (2, 8, 8))
    assert set(np.unique(y)) == {126}  # 16 + 219 · 128 / 255
    assert set(np.unique(u)) == set(np.unique(v)) == {128}
    encode_planes((y, u, v), 8.0, tmp_path / "grey.mp4")
    assert set(np.unique(decode_video(tmp_path / "grey.mp4"))) == {128}


def test_planes_of_other_shapes_are_refused(tmp_path: Path) -> None:
    y, u, v = noise(48, 64)
    for wrong in ((y, u[:, :-1], v), (y, u, v[:2]), (y.astype(np.int16), u, v), (y[:0], u[:0], v[:0])):
        with pytest.raises(ValueError, match="planes must be"):
            encode_planes(wrong, 8.0, tmp_path / "wrong.mp4")
    assert not list(tmp_path.iterdir())
