"""Media of reviews: members of tars as files, overlays that show where a mask is, and what becomes of damage."""

from __future__ import annotations

import dataclasses
import io
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image
from pvtt_curation.media import MediaCache, MediaRef, default_cache
from pvtt_curation.overlays import MaskedVideo, overlay_frame
from review_toys import FPS, FRAMES, HEIGHT, WIDTH, ref_of, toy_frames, toy_masks, toy_media

from pvtt_data.errors import DatasetError, PreflightError
from pvtt_data.media import decode_video, encode_masks


@pytest.fixture
def media(tmp_path: Path) -> dict[str, MediaRef]:
    return toy_media(tmp_path, 0)


@pytest.fixture
def cache(tmp_path: Path) -> MediaCache:
    return MediaCache(tmp_path / "cache")


def in_a_tar(ref: MediaRef, folder: Path) -> MediaRef:
    tar = folder / "shard.tar"
    tar.write_bytes(b"x" * 512 + ref.read() + b"y" * 512)
    return dataclasses.replace(ref, path=tar, offset=512)


def test_a_file_that_is_there_is_used_and_a_member_is_copied_once(
    cache: MediaCache, media: dict[str, MediaRef], tmp_path: Path
) -> None:
    assert cache.file(media["target"]) == media["target"].path
    member = in_a_tar(media["target"], tmp_path)
    copy = cache.file(member)
    assert copy.read_bytes() == media["target"].read()
    assert copy.name == f"{member.sha256}.mp4"
    member.path.unlink()
    assert cache.file(member) == copy


def test_a_damaged_or_cut_tar_gives_no_file(cache: MediaCache, media: dict[str, MediaRef], tmp_path: Path) -> None:
    member = in_a_tar(media["target"], tmp_path)
    with pytest.raises(DatasetError, match="are not those of"):
        cache.file(dataclasses.replace(member, offset=500))
    with pytest.raises(DatasetError, match="ends before"):
        cache.file(dataclasses.replace(member, offset=member.length + 1000))
    assert not list(cache.folder.rglob("*.mp4"))


def test_a_name_that_is_no_hash_never_becomes_a_path(media: dict[str, MediaRef]) -> None:
    with pytest.raises(ValueError, match="not a medium's name"):
        _ = dataclasses.replace(media["target"], sha256="../../etc/passwd").name


def test_an_overlay_is_h264_with_the_videos_frames_bright_inside_the_mask_and_dull_outside(
    cache: MediaCache, media: dict[str, MediaRef]
) -> None:
    path = cache.overlay(media["target"], media["target_mask"])
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
        assert stream.average_rate == FPS
    drawn, video = decode_video(path).astype(float), decode_video(media["target"].path).astype(float)
    assert drawn.shape == (FRAMES, HEIGHT, WIDTH, 3)
    masks = toy_masks(0)
    inside = np.stack([mask & np.roll(mask, 6, 1) & np.roll(mask, -6, 1) for mask in masks])
    outside = ~np.stack([mask | np.roll(mask, 6, 1) | np.roll(mask, -6, 1) for mask in masks])
    assert abs(drawn[inside] - video[inside]).mean() < 40
    assert drawn[outside].mean() < 0.6 * video[outside].mean()


def test_the_outline_has_the_colour_of_the_product_it_belongs_to() -> None:
    frame, mask = np.full((HEIGHT, WIDTH, 3), 120, np.uint8), toy_masks(0)[0]
    orange, blue = (overlay_frame(frame, mask, colour) for colour in ((255, 122, 0), (0, 174, 255)))
    red, _, bluish = orange[mask].astype(int).max(axis=0)
    assert red > 220
    assert bluish < 140
    red, _, bluish = blue[mask].astype(int).max(axis=0)
    assert bluish > 220
    assert red < 140


def test_equal_masks_have_one_overlay_and_it_is_drawn_once(cache: MediaCache, media: dict[str, MediaRef]) -> None:
    path = cache.overlay(media["target"], media["target_mask"])
    before = path.stat().st_mtime_ns
    assert cache.overlay(media["target"], media["target_mask"]) == path
    assert path.stat().st_mtime_ns == before
    assert cache.overlay(media["target"], media["target_mask"], "a") != path
    assert cache.has_drawn(media["target"], media["target_mask"])


def test_many_at_once_make_one_whole_overlay(cache: MediaCache, media: dict[str, MediaRef]) -> None:
    with ThreadPoolExecutor(4) as pool:
        paths = set(pool.map(lambda _: cache.overlay(media["target"], media["target_mask"]), range(8)))
    assert len(paths) == 1
    assert len(decode_video(paths.pop())) == FRAMES
    assert not [path for path in cache.folder.rglob("*") if path.name.startswith(".")]


def test_a_strip_shows_the_product_at_moments_from_first_to_last(cache: MediaCache, media: dict[str, MediaRef]) -> None:
    with Image.open(cache.strip(media["target"], media["target_mask"])) as strip:
        assert strip.format == "JPEG"
        assert strip.height == 224
        assert strip.width > 5 * strip.height // 2


def test_a_strip_follows_a_mask_that_moves_and_survives_frames_without_one() -> None:
    masks = toy_masks(0).copy()
    masks[3:5] = False
    drawn = MaskedVideo(toy_frames(0), masks, FPS)  # type: ignore[arg-type]
    with Image.open(io.BytesIO(drawn.strip())) as strip:
        assert strip.width > strip.height
    empty = MaskedVideo(toy_frames(0), np.zeros_like(masks), FPS)  # type: ignore[arg-type]
    with Image.open(io.BytesIO(empty.strip())) as strip:
        assert strip.size[0] > 0


def test_posters_are_small_pictures_of_video_and_mask(cache: MediaCache, media: dict[str, MediaRef]) -> None:
    bare, masked = cache.poster(media["target"]), cache.poster(media["target"], media["target_mask"])
    assert bare != masked
    for path in (bare, masked):
        with Image.open(path) as picture:
            assert picture.format == "JPEG"
            assert max(picture.size) <= 192


def test_a_mask_of_another_length_is_refused(cache: MediaCache, media: dict[str, MediaRef], tmp_path: Path) -> None:
    encode_masks(toy_masks(0)[:5], FPS, tmp_path / "short.mp4")
    with pytest.raises(DatasetError, match="the mask is"):
        cache.overlay(media["target"], ref_of(tmp_path / "short.mp4"))


def test_a_cache_that_cannot_be_written_says_so(media: dict[str, MediaRef], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(PreflightError, match="--cache"):
        MediaCache(tmp_path / "file").overlay(media["target"], media["target_mask"])


def test_the_default_cache_is_the_users(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_cache() == tmp_path / "pvtt" / "review"
