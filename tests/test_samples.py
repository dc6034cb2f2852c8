"""The committed sample catalogue is what its truth file says."""

from __future__ import annotations

import json
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

SAMPLES = Path(__file__).resolve().parent.parent / "samples"
CATALOGUE = SAMPLES / "catalogue"
TEAPOT = SAMPLES / "teapot"
TRUTH = json.loads((SAMPLES / "truth" / "truth.json").read_text(encoding="utf-8"))
VIDEOS: dict[str, dict[str, Any]] = TRUTH["videos"]
LISTINGS = sorted(CATALOGUE.glob("*/*.json"))

each_video = pytest.mark.parametrize("key", sorted(VIDEOS))


@cache
def luma(path: Path) -> npt.NDArray[np.uint8]:
    """(T, H, W) uint8: the luma planes of a video as stored."""
    with av.open(str(path)) as container:
        frames = [frame.to_ndarray()[: frame.height] for frame in container.decode(video=0)]
    return np.stack(frames)


@each_video
def test_video_has_the_promised_frames_size_and_rate(key: str) -> None:
    promised = VIDEOS[key]
    with av.open(str(CATALOGUE / key)) as container:
        stream = container.streams.video[0]
        assert stream.codec_context.name == "h264"
        assert stream.codec_context.pix_fmt == "yuv420p"
        assert stream.average_rate == promised["fps"]
    assert luma(CATALOGUE / key).shape == (promised["frames"], promised["height_px"], promised["width_px"])


@each_video
def test_mask_video_is_binary_and_matches_its_video(key: str) -> None:
    masks = luma(SAMPLES / "truth" / VIDEOS[key]["mask"])
    assert masks.shape == luma(CATALOGUE / key).shape
    assert np.isin(masks, (0, 255)).all()
    x, y, width, height = VIDEOS[key]["letterbox"]
    picture = masks[:, y : y + height, x : x + width] > 0
    assert picture.sum() == (masks > 0).sum(), "the product reaches into the bars"
    area = picture.mean(axis=(1, 2))
    for shot in VIDEOS[key]["shots"]:
        span = area[shot["first"] : shot["last"]]
        np.testing.assert_allclose([span.min(), span.max()], shot["mask_area"], atol=1e-4)


@each_video
def test_shots_tile_the_video_and_long_ones_show_the_whole_product(key: str) -> None:
    video = VIDEOS[key]
    between = [(cut, cut) for cut in video["cuts"]] + [(span["first"], span["last"]) for span in video["dissolves"]]
    borders = [(0, 0), *sorted(between), (video["frames"], video["frames"])]
    spans = [(shot["first"], shot["last"]) for shot in video["shots"]]
    assert spans == [(before[1], after[0]) for before, after in pairwise(borders)]
    long_shots = [shot for shot in video["shots"] if shot["duration_s"] >= 3.3]
    assert long_shots
    for shot in long_shots:
        assert shot["whole_product"]
        assert 0.05 <= shot["mask_area"][0] <= shot["mask_area"][1] <= 0.31


@each_video
def test_pictures_jump_at_cuts_and_nowhere_else(key: str) -> None:
    small = luma(CATALOGUE / key)[:, ::8, ::8].astype(np.float32)
    change = np.abs(np.diff(small, axis=0)).mean(axis=(1, 2))
    cuts = [cut - 1 for cut in VIDEOS[key]["cuts"]]
    slow = [*VIDEOS[key]["fades"], *VIDEOS[key]["dissolves"]]
    blended = [index for span in slow for index in range(max(0, span["first"] - 1), span["last"])]
    assert change[cuts].min() > 3 * np.delete(change, cuts + blended).max()


def test_dissolves_mix_the_frames_on_both_sides() -> None:
    dissolves = [(key, span) for key, video in VIDEOS.items() for span in video["dissolves"]]
    assert dissolves
    for key, span in dissolves:
        small = luma(CATALOGUE / key)[:, ::8, ::8].astype(np.float32)
        first, last = span["first"], span["last"]
        assert 8 <= last - first <= 24
        before, after = small[first - 1], small[last]
        way = after - before
        shares = np.array([((small[i] - before) * way).sum() / (way * way).sum() for i in range(first, last)])
        np.testing.assert_allclose(shares, np.arange(1, len(shares) + 1) / (len(shares) + 1), atol=0.12)


@each_video
def test_bars_are_black_and_the_picture_is_not(key: str) -> None:
    x, y, width, height = VIDEOS[key]["letterbox"]
    middle = luma(CATALOGUE / key)[VIDEOS[key]["frames"] // 2]
    outside = np.ones(middle.shape, bool)
    outside[y : y + height, x : x + width] = False
    assert not outside.any() or middle[outside].max() <= 20
    picture = middle[y : y + height, x : x + width]
    assert min(picture[0].mean(), picture[-1].mean()) > 24


def test_fades_rise_from_black() -> None:
    faded = {key: fade for key, video in VIDEOS.items() for fade in video["fades"]}
    assert faded
    for key, fade in faded.items():
        brightness = luma(CATALOGUE / key)[fade["first"] : fade["last"] + 1].mean(axis=(1, 2))
        assert brightness[0] < 18
        assert (np.diff(brightness) > 0).all()


def test_flaws_that_the_catalogue_exists_to_show_are_there() -> None:
    videos = list(VIDEOS.values())
    assert {video["fps"] for video in videos} >= {24, 25, 30}
    assert any(video["width_px"] > video["height_px"] for video in videos)
    assert any(video["letterbox"][3] < video["height_px"] for video in videos)
    assert any(shot["duration_s"] < 1.5 for video in videos for shot in video["shots"])
    assert any(shot["hand"] for video in videos for shot in video["shots"])
    assert any(shot["motion"] == "turntable" for video in videos for shot in video["shots"])
    assert len({shot["camera"] for video in videos for shot in video["shots"]}) >= 5
    copies = [video for video in videos if video["duplicate_of"]]
    assert copies
    for copy in copies:
        original = VIDEOS[copy["duplicate_of"]]
        assert copy["frames"] == original["frames"]
        assert copy["width_px"] < original["width_px"]


@pytest.mark.parametrize("path", LISTINGS, ids=lambda path: path.stem)
def test_listing_names_existing_files_in_its_own_folder(path: Path) -> None:
    listing = json.loads(path.read_text(encoding="utf-8"))
    assert listing["product_id"] == path.stem
    assert listing["category"] == path.parent.name
    assert listing["licence"] == "Apache-2.0"
    assert len(listing["images"]) == 3
    for name in listing["videos"]:
        assert VIDEOS[f"{listing['category']}/{name}"]["product_id"] == path.stem
    for name in listing["images"]:
        with Image.open(path.parent / name) as image:
            pixels = np.asarray(image.convert("RGB"))
        assert min(pixels.shape[:2]) >= 512
        for edge in (pixels[:4], pixels[-4:], pixels[:, :4], pixels[:, -4:]):
            assert (edge == 255).all(), "the background is not white"
        assert (pixels.min(axis=-1) < 200).mean() > 0.05, "there is no product"


def test_every_file_of_the_catalogue_is_listed_once() -> None:
    assert len(LISTINGS) >= 8
    assert len({path.parent for path in LISTINGS}) >= 2
    listed = [
        f"{path.parent.name}/{name}"
        for path in LISTINGS
        for listing in [json.loads(path.read_text(encoding="utf-8"))]
        for name in [*listing["images"], *listing["videos"]]
    ]
    present = sorted(str(p.relative_to(CATALOGUE)) for p in CATALOGUE.glob("*/media/*/*"))
    assert sorted(listed) == present
    assert sorted(key for key in listed if key.endswith(".mp4")) == sorted(VIDEOS)


def test_the_teapot_lies_in_the_folders_that_training_scripts_read() -> None:
    frames, masks = sorted(TEAPOT.glob("video_frames/*")), sorted(TEAPOT.glob("masks/*"))
    assert [path.name for path in frames] == [f"{i:05d}.jpg" for i in range(49)]
    assert [path.name for path in masks] == [f"{i:05d}.png" for i in range(49)]
    for path in (frames[0], frames[-1]):
        with Image.open(path) as image:
            assert (image.mode, image.size) == ("RGB", (480, 848))
    for path in masks:
        with Image.open(path) as image:
            mask = np.asarray(image)
        assert image.mode == "L" and mask.shape == (848, 480)
        assert set(np.unique(mask)) == {0, 255}
        assert 0.05 < (mask > 0).mean() < 0.31
    pictures = sorted(TEAPOT.glob("reference_images/*.jpg"))
    assert len(pictures) == 4
    for path in pictures:
        with Image.open(path) as image:
            pixels = np.asarray(image.convert("RGB"))
        assert (pixels[:4] == 255).all()
        assert (pixels.min(axis=-1) < 200).mean() > 0.05


def test_samples_stay_small() -> None:
    files = [p for p in SAMPLES.rglob("*") if p.is_file() and "__pycache__" not in p.parts]
    assert sum(p.stat().st_size for p in files) <= 8_000_000
