"""The synthesise stage draws distractors, keeps the target that has one, and knows what fills its backgrounds."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from moving_scenes import cutout, scene
from network_file import mean_colour_network
from pydantic import ValidationError

from pvtt_data.errors import InputError, PreflightError
from pvtt_data.files import sha256_file
from pvtt_data.fillers import CommandFiller, OnnxFiller
from pvtt_data.images import write_png
from pvtt_data.media import decode_masks, decode_video, encode_clip, encode_masks
from pvtt_data.records import Assignment, Blob, Cut, Pair, Picture, Rectangle
from pvtt_data.stages.synthesise import (
    CompositeSettings,
    MovingProduct,
    MovingSwapItem,
    SwapItem,
    Synthesise,
    SynthesiseConfig,
    draw_distractors,
)
from pvtt_data.store import BlobStore


def _pair(number: int, kind: str = "swap") -> Pair:
    return Pair(f"pair{number}", "composite", kind, "train", "easy", "a", "b", "c", "t", "p", (), (), number)  # type: ignore[arg-type]


def _picture(product: str, number: int, origin: str = "listing") -> Picture:
    blob = Blob(f"{product}{number}", 1, "png")
    return Picture(f"{product}{number}", product, origin, "", "", -1.0, blob, "u2net", {})  # type: ignore[arg-type]


PRODUCTS = {"a": "train", "b": "train", "c": "train", "d": "train", "elsewhere": "test"}
ASSIGNMENTS = [Assignment(f"s-{name}", name, f"family-{name}", split) for name, split in PRODUCTS.items()]  # type: ignore[arg-type]
PICTURES = [_picture(name, number) for name in PRODUCTS for number in range(3)]
PAIRS = [_pair(number) for number in range(400)]


def test_a_share_of_the_swaps_gets_a_third_product() -> None:
    drawn = draw_distractors(PAIRS, PICTURES, ASSIGNMENTS, 0.25)
    assert 70 <= len(drawn) <= 130
    assert {blob.sha256[0] for blob in drawn.values()} == {"c", "d"}, "neither A nor B nor another split's"
    assert not draw_distractors(PAIRS, PICTURES, ASSIGNMENTS, 0.0)
    assert len(draw_distractors(PAIRS, PICTURES, ASSIGNMENTS, 1.0)) == len(PAIRS)
    assert not draw_distractors([_pair(0, "noop")], PICTURES, ASSIGNMENTS, 1.0)
    assert not draw_distractors(PAIRS, [_picture("c", 0, "clip")], ASSIGNMENTS, 1.0), "frames of clips are no listing"


def test_a_new_product_disturbs_only_the_pairs_that_take_it() -> None:
    before = draw_distractors(PAIRS, PICTURES, ASSIGNMENTS, 0.5)
    after = draw_distractors(
        PAIRS, [*PICTURES, _picture("new", 0)], [*ASSIGNMENTS, Assignment("s", "new", "family-new", "train")], 0.5
    )
    assert set(before) == set(after)
    assert all(blob == before[name] or blob.sha256 == "new0" for name, blob in after.items())
    assert any(blob.sha256 == "new0" for blob in after.values())


def _item(folder: Path, store: BlobStore, distractor: Blob | None) -> SwapItem:
    made = scene(count=9, zoom=1.0, turn=0.0, step=(1.0, 0.0))
    for name in ("clip.mp4", "mask.mp4"):
        (folder / name).unlink(missing_ok=True)
    encode_clip(made.frames, 16.0, folder / "clip.mp4", crf=1)
    encode_masks(made.masks, 16.0, folder / "mask.mp4")
    sha256 = sha256_file(folder / "clip.mp4")
    store.add_original(sha256, folder / "clip.mp4")
    whole = Rectangle(0, 0, 240, 160)
    return SwapItem(
        pair_id="pair",
        kind="swap",
        media_sha256=sha256,
        declared_fps=None,
        cut=Cut(0, 9, whole, whole, 240, 160, 9, 16.0),
        mask=store.put_file(folder / "mask.mp4", "mp4"),
        cutout=store.put(write_png(cutout("bottle")), "png"),
        seed=1,
        distractor=distractor,
    )


def test_a_distractor_is_in_the_swaps_own_target(tmp_path: Path) -> None:
    store = BlobStore(str(tmp_path / "blobs"), tmp_path / "local")
    thing = store.put(write_png(cutout("round", tint=(230, 20, 20), size=80)), "png")
    stage = Synthesise(SynthesiseConfig(), crf=8)
    stage.setup()
    (plain,) = stage.run(_item(tmp_path, store, None), store)
    (swap,) = stage.run(_item(tmp_path, store, thing), store)
    assert plain.target is None
    assert "distractor" in swap.flags
    assert swap.target is not None

    def red(video: np.ndarray) -> int:
        return int(((video[..., 0] > 170) & (video[..., 1] < 90)).sum())

    assert red(decode_video(store.path(swap.target))) > 1000
    assert red(decode_video(store.path(swap.source))) > 1000
    assert red(decode_video(store.path(plain.source))) < 100


def _moving(folder: Path, store: BlobStore, pad: Rectangle | None = None) -> MovingSwapItem:
    """The same swap with A from a clip in which it becomes redder, while the camera turns and zooms."""
    item = _item(folder, store, None)
    made = scene(count=9, step=(2.0, -1.0))
    red = made.frames[..., 0] + np.where(made.masks, 15 * np.arange(9)[:, None, None], 0)
    frames = np.concatenate([np.minimum(red, 255)[..., None].astype(np.uint8), made.frames[..., 1:]], axis=3)
    encode_clip(frames, 16.0, folder / "a.mp4", crf=1)
    encode_masks(made.masks, 16.0, folder / "a_mask.mp4")
    sha256 = sha256_file(folder / "a.mp4")
    store.add_original(sha256, folder / "a.mp4")
    whole = Rectangle(0, 0, 240, 160)
    cut = Cut(0, 9, whole, pad or whole, 240, 160, 9, 16.0)
    moving = MovingProduct(sha256, None, cut, store.put_file(folder / "a_mask.mp4", "mp4"))
    told = {field.name: getattr(item, field.name) for field in dataclasses.fields(item)}
    return MovingSwapItem(**(told | {"cutout": None}), moving=moving)


def test_a_moving_product_keeps_changing_where_it_is_pasted(tmp_path: Path) -> None:
    store = BlobStore(str(tmp_path / "blobs"), tmp_path / "local")
    stage = Synthesise(SynthesiseConfig(), crf=8)
    stage.setup()
    (swap,) = stage.run(_moving(tmp_path, store), store)
    assert swap.numbers["cutout_frames"] == 9
    frames, masks = decode_video(store.path(swap.source)), decode_masks(store.path(swap.source_mask))
    reds = [float(np.median(frame[mask][:, 0])) for frame, mask in zip(frames, masks, strict=True)]
    assert np.ptp(reds) > 40
    (still,) = stage.run(_item(tmp_path, store, None), store)
    assert still.numbers["cutout_frames"] == 1


def test_the_same_swap_of_a_picture_and_of_a_clip_are_kept_apart(tmp_path: Path) -> None:
    store = BlobStore(str(tmp_path / "blobs"), tmp_path / "local")
    stage = Synthesise(SynthesiseConfig(), crf=8)
    moving = _moving(tmp_path, store)
    other = dataclasses.replace(moving, moving=dataclasses.replace(moving.moving, mask=Blob("cd" * 32, 9, "mp4")))
    keys = {stage.cache_key(item, stage.fingerprint()) for item in (_item(tmp_path, store, None), moving, other)}
    assert len(keys) == 3


def test_a_clip_of_a_that_cannot_be_cut_out_says_that_it_is_as(tmp_path: Path) -> None:
    store = BlobStore(str(tmp_path / "blobs"), tmp_path / "local")
    stage = Synthesise(SynthesiseConfig(), crf=8)
    stage.setup()
    with pytest.raises(InputError, match="clip of A") as caught:
        stage.run(_moving(tmp_path, store, pad=Rectangle(100, 0, 100, 160)), store)
    assert caught.value.reason == "a-cutout-cropped", "where the picture ends inside its bars"


def test_what_fills_backgrounds_is_part_of_what_results_are_kept_by(tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    path.write_bytes(mean_colour_network(64, 1.0))
    assert CompositeSettings().filler() is None
    assert isinstance(CompositeSettings(fill_model=path).filler(), OnnxFiller)
    command = ("fill", "{frames}", "{masks}", "{output}")
    assert isinstance(CompositeSettings(fill_command=command).filler(), CommandFiller)
    with pytest.raises(ValidationError, match="not both"):
        CompositeSettings(fill_model=path, fill_command=command)
    with pytest.raises(PreflightError):
        CompositeSettings(fill_command=("fill",)).filler()

    def stage(**settings: object) -> Synthesise:
        return Synthesise(SynthesiseConfig(composite=CompositeSettings(**settings)), crf=14)  # type: ignore[arg-type]

    assert stage().weights == {}
    assert stage(fill_model=path).weights == {"fill_model": sha256_file(path)}
    moved = tmp_path / "elsewhere.onnx"
    moved.write_bytes(path.read_bytes())
    assert stage(fill_model=moved).config == stage(fill_model=path).config == stage().config
    assert stage(fill_command=command).config != stage().config
    assert stage(distractor_share=0.3).config == stage().config, "a share changes which pairs, not what they become"
