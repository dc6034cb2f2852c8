"""Panzoom as a stage: photos from the store in, encoded pairs and rows of the shared tables out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from record_samples import assignment, source

from pvtt_data.images import read_rgba, write_png
from pvtt_data.media import decode_masks, decode_video
from pvtt_data.records import ListingImage, Pair, Picture, record_key
from pvtt_data.stages.normalise import NormaliseConfig
from pvtt_data.stages.panzoom import Panzoom, PanzoomSettings, alpha_in_photo, panzoom_item, photo_rows
from pvtt_data.stages.pictures import PicturesConfig, cut_out
from pvtt_data.store import BlobStore, original_sha256
from pvtt_data.workspace import Workspace

FORMAT = NormaliseConfig(sizes=("96x160", "160x96"), frames=5, fps=8)  # type: ignore[arg-type]


def drawn(colour: tuple[int, int, int]) -> tuple[np.ndarray, np.ndarray]:
    picture = np.full((400, 320, 3), 240, np.uint8)
    mask = np.zeros((400, 320), np.float32)
    cv2.rectangle(mask, (100, 120), (220, 330), 1.0, -1)
    picture[mask > 0] = colour
    cv2.circle(picture, (150, 200), 30, (240, 220, 60), -1)
    return picture, mask


@pytest.fixture
def store(tmp_path: Path) -> BlobStore:
    return Workspace(tmp_path / "work").store


def picture(store: BlobStore, folder: Path, product: str, colour: tuple[int, int, int], max_side: int) -> Picture:
    """A listing picture on the disk, and its cut-out in the store."""
    pixels, mask = drawn(colour)
    path = folder / f"{product}.png"
    path.write_bytes(write_png(pixels))
    sha256 = original_sha256(path)
    store.add_original(sha256, path)
    cutout, numbers = cut_out(pixels, mask, PicturesConfig(max_side_px=max_side))
    blob = store.put(write_png(cutout), "png")
    return Picture(product, product, "listing", sha256, "", -1.0, blob, "u2net", {**numbers, "area_share": 0.2})


def asked(a: Picture, b: Picture) -> Pair:
    return Pair(
        pair_id="0" * 16, engine="panzoom", kind="swap", split="train", difficulty="hard", product_a=a.product_id,
        product_b=b.product_id, clip_id="clip", track_id="track", cutout_id=a.picture_id, reference_ids=(),
        heldout_ids=(), seed=6, photo_id=b.picture_id,
    )  # fmt: skip


@pytest.mark.parametrize("max_side", [768, 128])
def test_the_mask_lies_on_the_product_of_the_photo_however_its_cut_out_was_scaled(
    store: BlobStore, tmp_path: Path, max_side: int
) -> None:
    b = picture(store, tmp_path, "b", (30, 60, 200), max_side)
    _, mask = drawn((30, 60, 200))
    item = panzoom_item(asked(b, b), {"b": b}, FORMAT)
    alpha = read_rgba(store.path(b.cutout))[..., 3]
    found = alpha_in_photo(alpha, (item.left_px, item.top_px), item.scale, mask.shape) > 0.5
    assert (found & (mask > 0)).sum() / (found | (mask > 0)).sum() > 0.97


def test_a_pair_is_encoded_and_becomes_rows_that_name_the_photo(store: BlobStore, tmp_path: Path) -> None:
    a, b = (picture(store, tmp_path, n, c, 768) for n, c in (("a", (200, 40, 30)), ("b", (30, 60, 200))))
    pair = asked(a, b)
    item = panzoom_item(pair, {"a": a, "b": b}, FORMAT)
    assert (item.width_px, item.height_px) in ((96, 160), (160, 96))
    (swap,) = Panzoom(PanzoomSettings(), 14).run(item, store)
    assert swap.target is not None and swap.target_mask is not None
    target, mask = decode_video(store.path(swap.target)), decode_masks(store.path(swap.target_mask))
    assert target.shape == (5, item.height_px, item.width_px, 3)
    assert np.median(target[0][mask[0]], axis=0)[2] > 150
    mined = replace(
        source("ad", "b", title="A vase", licence="CC0-1.0"), images=(ListingImage(b.image_sha256, 9, "vase/1.jpg"),)
    )
    other = source("other ad", "b")
    rows = photo_rows(
        [swap], {pair.pair_id: pair}, {"a": a, "b": b}, {pair.pair_id: item}, [mined, other],
        [assignment(mined, "family", "train"), assignment(other, "family", "train")], {"u2net": "ab" * 32}, "auto",
    )  # fmt: skip
    (photo,), (clip,), (track,), (assigned,) = rows.sources, rows.clips, rows.tracks, rows.assignments
    assert (photo.kind, photo.product_id, photo.sha256) == ("photo", "b", b.image_sha256)
    assert photo.path == "vase/1.jpg" or mined.source_id > other.source_id
    assert (clip.clip_id, track.track_id, track.clip_id) == ("clip", "track", "clip")
    assert clip.source_id == assigned.source_id == record_key(photo)
    assert (assigned.component_id, assigned.split) == ("family", "train")
    assert track.weights == {"u2net": "ab" * 32}
    assert track.segmenter == "u2net (auto)"
