"""FFGO samples: a collage, then the clip; what does not fit is left out, and the scene has no product in it."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from export_samples import BLUE, RED, drawn, sample_of, write_version
from network_file import mean_colour_network
from PIL import Image
from sample_meta import sample_meta

from pvtt_data.errors import DatasetError, InputError
from pvtt_data.exports import export_dataset
from pvtt_data.exports.collage import Window, collage, empty_scene
from pvtt_data.exports.ffgo import TRIGGER, FfgoExport
from pvtt_data.exports.folder import Files
from pvtt_data.media import decode_video
from pvtt_data.shards import SampleMeta, ShardDataset

SMALL = {"width": 96, "height": 64, "frames": 9}


def png(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path).convert("RGB"))


def alike(picture: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray:
    """``(H, W)``: where a picture has about that colour."""
    return np.abs(picture.astype(int) - colour).max(axis=2) < 25


def rows_of(folder: Path) -> list[dict[str, str]]:
    with (folder / "metadata.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module", name="out")
def _out(version: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("ffgo") / "out"
    export_dataset(version, out, FfgoExport(**SMALL), split="train")
    return out


def test_a_video_is_its_collage_and_then_the_target(version: Path, out: Path) -> None:
    samples = {sample.key: sample for sample in ShardDataset(version, "train")}
    rows = rows_of(out / "train")
    assert len(rows) == len(samples)
    for row in rows:
        sample = samples[Path(row["video"]).stem]
        video = decode_video(out / "train" / row["video"]).astype(int)
        assert video.shape == (9, 64, 96, 3)
        assert np.abs(video[0] - png(out / "train" / row["collage"])).mean() < 4
        assert np.abs(video[1:] - sample.target[:8]).mean() < 3, "other frames, or in another order"
        assert row["prompt"] == f"{TRIGGER} {sample.meta.prompt}"
        scene = png(out / "train/scenes" / f"{sample.key}.png")
        assert not alike(scene, RED).any(), "A is in the scene"
        assert not alike(scene, BLUE).any(), "B is in the scene"
        assert alike(png(out / "train" / row["collage"])[:, :32], BLUE).mean() > 0.1, "B is not in its third"


def test_a_third_is_the_product_and_two_thirds_are_the_scene_on_white() -> None:
    blue = np.full((50, 50, 3), (0, 0, 250), np.uint8)
    green = np.full((480, 832, 3), (0, 200, 0), np.uint8)
    made = collage([blue, blue], green, 832, 480).astype(int)
    assert made.shape == (480, 832, 3)
    is_blue, is_green = made[..., 2] > 200, (made[..., 1] > 150) & (made[..., 0] < 100)
    white = (made == 255).all(axis=2)
    assert np.flatnonzero((is_blue & ~white).any(axis=0)).max() < 277 <= np.flatnonzero(is_green.any(axis=0)).min()
    assert np.flatnonzero(is_green.any(axis=0)).tolist() == list(range(277, 832)), "the scene fills its two thirds"
    assert abs(int(is_green.any(axis=1).sum()) - round(555 * 480 / 832)) <= 1, "and is scaled as a whole"
    rows = (is_blue & ~white).any(axis=1)
    assert rows[:240].any()
    assert rows[240:].any()
    assert not rows[238:242].any(), "two pictures lie above each other"
    assert (white | is_blue | is_green).all()
    halves = collage([blue], green, 1280, 720, 0.5).astype(int)
    is_green = (halves[..., 1] > 150) & (halves[..., 0] < 100)
    assert np.flatnonzero(is_green.any(axis=0)).min() == 640 and abs(int(is_green.any(axis=1).sum()) - 369) <= 1
    tall = collage([blue], green.transpose(1, 0, 2), 480, 832).astype(int)
    assert np.flatnonzero(((tall[..., 2] > 200) & (tall[..., 0] < 100)).any(axis=1)).max() < 277


def test_the_empty_scene_takes_what_other_frames_show() -> None:
    made = drawn(3, frames=25, height=96, width=144)
    holes = made.source_mask.copy()
    scene, unseen = empty_scene(made.source, holes, seed=0)
    wrong = np.abs(scene.astype(int) - made.ground).max(axis=2)
    assert wrong[~holes[0]].max() < 12
    shown_later = holes[0] & ~holes[:: len(holes) - 1].all(axis=0)
    assert np.abs(scene.astype(int) - made.ground)[shown_later].mean() < 6
    assert 0 <= unseen < 1
    with pytest.raises(InputError, match="cover"):
        empty_scene(made.source, np.ones_like(holes), seed=0)


def test_a_window_says_what_it_cuts_off() -> None:
    window = Window.of(848, 480, 832, 480)
    assert window.cut_share == pytest.approx(16 / 848)
    picture = np.zeros((480, 848, 3), np.uint8)
    picture[:, 8:840] = 7
    assert (window.view(picture) == 7).all()
    masks = np.zeros((2, 480, 848), np.bool_)
    masks[:, :, :16] = True
    assert window.kept_share(masks) == 0.5
    assert Window.of(1664, 960, 832, 480).view(np.zeros((960, 1664, 3), np.uint8)).shape == (480, 832, 3)


def test_defaults_are_81_frames_of_832_by_480(tmp_path: Path) -> None:
    # A sample that was never encoded, without texture or motion: only the export's own video takes time.
    ground = np.full((480, 832, 3), (90, 120, 100), np.uint8)
    box = np.zeros((480, 832), np.bool_)
    box[200:300, 300:400] = True
    red, blue = (np.where(box[..., None], np.uint8(colour), ground) for colour in (RED, BLUE))
    clip = {"source": np.broadcast_to(red, (80, *red.shape)), "target": np.broadcast_to(blue, (80, *blue.shape))}
    masks = dict.fromkeys(("source_mask", "target_mask", "effect_mask"), np.broadcast_to(box, (80, *box.shape)))
    facts = sample_meta("0" * 16, 80, 480, 832, reference_count=1, heldout_count=0)
    meta = SampleMeta.model_validate(facts)
    sample: Any = SimpleNamespace(
        key=meta.key, split="train", meta=meta, references=drawn(1).references, **clip, **masks
    )
    files, form = Files(tmp_path), FfgoExport()
    row = form.make(sample, files)
    form.finish({"train": [(meta, row)]}, files)
    (row,) = rows_of(tmp_path / "train")
    assert decode_video(tmp_path / "train" / row["video"]).shape == (81, 480, 832, 3)
    assert png(tmp_path / "train" / row["collage"]).shape == (480, 832, 3)
    assert "--height 480 --width 832 --num_frames 81" in form.how_to_load(tmp_path, {"train": [(meta, row)]})


def test_clips_that_do_not_fit_are_left_out_with_advice(tmp_path: Path) -> None:
    at_the_side = drawn(1, width=104)
    at_the_side.target_mask[:] = False
    at_the_side.target_mask[:, :, :10] = True
    samples = [
        sample_of(n, tmp_path / "m", made, product_a=f"a{n}", product_b=f"b{n}")
        for n, made in {
            20: drawn(1, frames=5),
            21: drawn(1, height=96, width=64),
            22: at_the_side,
            23: drawn(1),
        }.items()
    ]
    version = write_version(tmp_path / "v1", tmp_path / "media", samples)
    form = FfgoExport(width=96, height=64, frames=9)
    done = export_dataset(version, tmp_path / "out", form)
    assert done.samples == {"train": 1}
    assert set(done.skipped) == {"too-short", "other-shape", "product-cut"}
    assert "--frames 5" in done.skipped["too-short"][1]
    assert "--size 64x96" in done.skipped["other-shape"][1]
    with pytest.raises(DatasetError, match="of B would be cut off"):
        export_dataset(version, tmp_path / "narrow", form, where="product_b = 'b22'")


def test_a_network_may_fill_the_scene_and_is_named_by_its_hash(version: Path, tmp_path: Path) -> None:
    network = tmp_path / "lama.onnx"
    network.write_bytes(mean_colour_network(32, 1.0))
    settings: dict[str, Any] = {**SMALL, "fill_model": network}
    for name, form in (("texture", FfgoExport(**SMALL)), ("network", FfgoExport(**settings))):
        export_dataset(version, tmp_path / name, form, where="engine = 'composite'")
    (plain,), (filled,) = ((tmp_path / name / "train/scenes").iterdir() for name in ("texture", "network"))
    assert (png(plain) != png(filled)).any()
    manifest = (tmp_path / "network/export.json").read_text()
    assert str(tmp_path) not in manifest
    assert len(json.loads(manifest)["settings"]["fill_model_sha256"]) == 64
