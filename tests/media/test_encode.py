"""What is stored decodes to what was given, and has the same bytes wherever it is written."""

from __future__ import annotations

import hashlib
import io
import subprocess
import sys
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pvtt_data.errors import InputError
from pvtt_data.media import (
    Limits,
    decode_masks,
    decode_video,
    decode_video_planes,
    encode_clip,
    encode_masks,
    exact_rate,
    open_media,
)

CLIP_SCRIPT = """
import sys
from pathlib import Path
import numpy as np
from pvtt_data.media import encode_clip
encode_clip(np.load(sys.argv[1]), 16, Path(sys.argv[2]))
"""


def moving_clip(frames: int = 12, height: int = 48, width: int = 80) -> npt.NDArray[np.uint8]:
    y, x = np.mgrid[:height, :width]
    grain = np.random.default_rng(0).normal(0, 3, (height, width))
    return np.stack(
        [
            np.stack([128 + 90 * np.sin((x + 3 * t) / 9 + c) * np.cos(y / (7 + c)) + grain for c in range(3)], -1)
            for t in range(frames)
        ]
    ).clip(0, 255).astype(np.uint8)  # fmt: skip


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def psnr_db(a: npt.NDArray[np.uint8], b: npt.NDArray[np.uint8]) -> float:
    return float(10 * np.log10(255**2 / np.mean((a.astype(float) - b) ** 2)))


def test_a_clip_has_the_same_bytes_again_and_in_another_process(tmp_path: Path) -> None:
    clip = moving_clip()
    encode_clip(clip, 16, tmp_path / "a.mp4")
    encode_clip(iter(clip), Fraction(16), tmp_path / "another-name.mp4")
    np.save(tmp_path / "clip.npy", clip)
    arguments = [str(tmp_path / "clip.npy"), str(tmp_path / "c.mp4")]
    subprocess.run([sys.executable, "-c", CLIP_SCRIPT, *arguments], check=True, timeout=60)
    assert digest(tmp_path / "a.mp4") == digest(tmp_path / "another-name.mp4") == digest(tmp_path / "c.mp4")


def test_a_clip_comes_back_nearly_as_it_was(tmp_path: Path) -> None:
    clip = moving_clip()
    path = tmp_path / "clip.mp4"
    encode_clip(clip, 16, path)
    decoded = decode_video(path)
    assert decoded.shape == clip.shape
    assert psnr_db(decoded, clip) > 30
    assert np.abs(decoded.mean(axis=(0, 1, 2)) - clip.mean(axis=(0, 1, 2))).max() < 1
    assert np.array_equal(decode_video(path.read_bytes()), decoded)


def test_a_smaller_crf_is_closer(tmp_path: Path) -> None:
    clip = moving_clip()
    encode_clip(clip, 16, tmp_path / "good.mp4", crf=4)
    encode_clip(clip, 16, tmp_path / "poor.mp4", crf=40)
    assert psnr_db(decode_video(tmp_path / "good.mp4"), clip) > psnr_db(decode_video(tmp_path / "poor.mp4"), clip) + 6


def test_a_clip_says_what_it_is_and_nothing_of_where_it_was_made(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    encode_clip(moving_clip(), 29.97, path)
    data = path.read_bytes()
    assert b"Lavf" not in data
    assert b"Lavc" not in data
    assert data.find(b"moov") < data.find(b"mdat"), "the index comes first, so players start at once"
    with av.open(io.BytesIO(data)) as container:
        stream = container.streams.video[0]
        context = stream.codec_context
        colours = (context.colorspace, context.color_primaries, context.color_trc, context.color_range)
        assert colours == (1, 1, 1, 1)
        assert stream.average_rate == Fraction(30000, 1001)
        assert context.pix_fmt == "yuv420p"
    media = open_media(path)
    assert len(media.timeline) == 12
    assert media.timeline.interval_s == Fraction(1001, 30000)


@pytest.mark.parametrize("shape", [(2, 47, 80, 3), (2, 48, 81, 3), (2, 48, 80), (2, 48, 80, 4), (0, 48, 80, 3)])
def test_pictures_that_cannot_be_stored_are_refused(tmp_path: Path, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"even|frame"):
        encode_clip(np.zeros(shape, np.uint8), 16, tmp_path / "clip.mp4")
    assert list(tmp_path.iterdir()) == []


def test_a_failed_encode_leaves_no_file(tmp_path: Path) -> None:
    def failing() -> Iterator[npt.NDArray[np.uint8]]:
        yield from moving_clip(3)
        raise RuntimeError("the source broke")

    with pytest.raises(RuntimeError, match="the source broke"):
        encode_clip(failing(), 16, tmp_path / "clip.mp4")
    assert list(tmp_path.iterdir()) == []


@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    frames=st.integers(1, 6),
    height=st.integers(1, 30),
    width=st.integers(1, 30),
    share=st.floats(0, 1),
)
def test_masks_come_back_exactly(
    tmp_path_factory: pytest.TempPathFactory, seed: int, frames: int, height: int, width: int, share: float
) -> None:
    masks = np.random.default_rng(seed).random((frames, height * 2, width * 2)) < share
    path = tmp_path_factory.mktemp("masks") / "mask.mp4"
    encode_masks(masks, 16, path)
    assert np.array_equal(decode_masks(path), masks)
    assert np.array_equal(decode_masks(path.read_bytes()), masks)


def test_mask_luma_is_black_or_white_and_nothing_else(tmp_path: Path) -> None:
    masks = np.zeros((3, 32, 48), bool)
    masks[1, 5:20, 7:31] = True
    path = tmp_path / "mask.mp4"
    encode_masks(masks, 16, path)
    luma, u, v = decode_video_planes(path)
    assert set(np.unique(luma)) == {0, 255}
    assert set(np.unique(u)) == set(np.unique(v)) == {128}
    shown = decode_video(path)
    assert np.array_equal(shown[..., 0] > 127, masks)
    assert set(np.unique(shown)) <= {0, 1, 254, 255}


@pytest.mark.parametrize("shape", [(2, 15, 16), (2, 16, 15), (0, 16, 16), (16, 16)])
def test_masks_that_cannot_be_stored_are_refused(tmp_path: Path, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"mask|even"):
        encode_masks(np.zeros(shape, bool), 16, tmp_path / "mask.mp4")


def test_planes_are_those_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    encode_clip(moving_clip(), 16, path)
    y, u, v = decode_video_planes(path)
    with av.open(str(path)) as container:
        for number, frame in enumerate(container.decode(video=0)):
            for plane, stored in zip(frame.planes, (y, u, v), strict=True):
                rows = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)[: plane.height, : plane.width]
                assert np.array_equal(rows, stored[number])
    assert (y.shape, u.shape, v.shape) == ((12, 48, 80), (12, 24, 40), (12, 24, 40))


def test_members_that_are_not_whole_mp4s_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    encode_clip(moving_clip(), 16, path)
    data = path.read_bytes()
    for bad in (b"", b"RIFF" * 100, data[: len(data) // 3], data[: len(data) * 9 // 10]):
        with pytest.raises(InputError):
            decode_video(bad)
    with pytest.raises(InputError) as refused:
        decode_masks(data, Limits(max_frames=5))
    assert refused.value.reason == "too-long"


@pytest.mark.parametrize(
    ("given_fps", "meant"),
    [
        (29.97, Fraction(30000, 1001)),
        (23.976, Fraction(24000, 1001)),
        (59.94, Fraction(60000, 1001)),
        (30, Fraction(30)),
        (16.0, Fraction(16)),
        (12.5, Fraction(25, 2)),
        (Fraction(179, 6), Fraction(179, 6)),
    ],
)
def test_rates_mean_what_people_mean(given_fps: float | Fraction, meant: Fraction) -> None:
    assert exact_rate(given_fps) == meant
