"""The overlay stage runs only where the recipe asks for it; its numbers are judged by a threshold."""

from __future__ import annotations

import dataclasses
import hashlib
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from record_samples import clip, source, track

from pvtt_data.backends import ChosenBackend, choose_text_detector
from pvtt_data.build import BuildRequest, build
from pvtt_data.errors import PreflightError
from pvtt_data.images import write_png
from pvtt_data.media import encode_clip, encode_masks
from pvtt_data.model_list import PPOCR_DET
from pvtt_data.models import Model, ModelRegistry
from pvtt_data.plan import make_plan
from pvtt_data.recipe import Recipe, read_recipe
from pvtt_data.records import Quality
from pvtt_data.stage import StageResult
from pvtt_data.stages.mask_qc import MaskQcConfig, mask_qc
from pvtt_data.stages.text_overlay import MeasurePhotoText, MeasureTextOverlay, PhotoTextItem, TextOverlayItem
from pvtt_data.store import BlobStore, original_sha256
from pvtt_data.text_detection import Boxes, TextDetector

ROOT = Path(__file__).resolve().parents[2]
ON = "mask_qc.max_text_overlay_share=0.01"
TRACK = track(clip("clip", source("mug")))
GOOD = {
    "area_share_min": 0.1,
    "area_share_max": 0.2,
    "warped_iou_median": 0.97,
    "warped_iou_p05": 0.9,
    "boundary_flicker": 0.01,
    "unexplained_area_change_max": 0.1,
    "border_contact_max": 0.0,
    "components_max": 1.0,
}


def chosen(digest: str = "ab" * 32) -> ChosenBackend:
    return ChosenBackend("ppocrv4-det", "1", {"ppocrv4-det": digest}, {"ppocrv4-det": "/somewhere"})


class FindsTheStripe(TextDetector):
    """Stands in for the network: takes white stripes for text."""

    def boxes(self, image: npt.NDArray[np.uint8]) -> Boxes:
        rows = np.flatnonzero((image > 200).all(axis=2).any(axis=1))
        if not len(rows):
            return np.zeros((0, 4, 2), np.float32)
        top, bottom, right = rows[0], rows[-1] + 1, image.shape[1]
        return np.array([[(0, top), (right, top), (right, bottom), (0, bottom)]], np.float32)


class Measure(MeasureTextOverlay):
    def open_detector(self) -> TextDetector:
        return FindsTheStripe()


class MeasurePhoto(MeasurePhotoText):
    def open_detector(self) -> TextDetector:
        return FindsTheStripe()


def judged(config: MaskQcConfig, share: float) -> StageResult:
    overlays = [Quality(TRACK.track_id, {"text_overlay_share": share, "text_overlay_share_max": share})]
    wanted = config.max_text_overlay_share is not None
    return mask_qc([TRACK], [Quality(TRACK.track_id, GOOD)], config, overlays if wanted else None)


def test_a_clip_under_much_text_is_rejected_with_share_and_threshold() -> None:
    result = judged(MaskQcConfig(max_text_overlay_share=0.02), 0.05)
    assert result.rows == []
    (rejection,) = result.rejections
    assert rejection.reason == "text-overlay"
    assert rejection.message == "text_overlay_share 0.05 is above 0.02"
    assert rejection.numbers["text_overlay_share"] == 0.05
    assert rejection.linked_to == TRACK.clip_id


def test_little_text_is_kept_with_its_number_and_without_the_setting_nothing_changes() -> None:
    (kept,) = judged(MaskQcConfig(max_text_overlay_share=0.02), 0.01).rows
    assert kept.numbers["text_overlay_share"] == 0.01
    (plain,) = judged(MaskQcConfig(), 0.9).rows
    assert "text_overlay_share" not in plain.numbers
    assert plain == dataclasses.replace(TRACK, numbers=dict(sorted({**TRACK.numbers, **GOOD}.items())))


def test_a_track_that_could_not_be_looked_at_for_text_does_not_pass() -> None:
    result = mask_qc([TRACK], [Quality(TRACK.track_id, GOOD)], MaskQcConfig(max_text_overlay_share=0.02), [])
    assert result.rows == []


def test_the_stage_measures_a_stored_clip(tmp_path: Path) -> None:
    store = BlobStore(str(tmp_path / "blobs"), tmp_path / "local")
    frames = np.full((17, 64, 96, 3), 60, np.uint8) + np.arange(17, dtype=np.uint8)[:, None, None, None]
    frames[:, 48:60, ::3] = 240
    masks = np.zeros((17, 64, 96), np.bool_)
    encode_clip(frames, 8.0, tmp_path / "clip.mp4")
    encode_masks(masks, 8.0, tmp_path / "mask.mp4")
    video, mask = store.put_file(tmp_path / "clip.mp4", "mp4"), store.put_file(tmp_path / "mask.mp4", "mp4")
    stage = Measure(chosen())
    stage.setup()
    (quality,) = stage.run(TextOverlayItem("track", video, mask, 8.0), store)
    assert quality.subject_id == "track"
    assert quality.numbers["text_overlay_share"] == pytest.approx(12 / 64, abs=0.02)


def test_the_stage_measures_a_stored_photo_beside_its_product(tmp_path: Path) -> None:
    store = BlobStore(str(tmp_path / "blobs"), tmp_path / "local")
    photo = np.full((80, 120, 3), 60, np.uint8)
    photo[64:72, ::3] = 240
    path = tmp_path / "photo.png"
    path.write_bytes(write_png(photo))
    sha256 = original_sha256(path)
    store.add_original(sha256, path)
    stage = MeasurePhoto(chosen())
    stage.setup()
    shares = []
    for top in (10, 58):  # above the text, and on it
        cutout = np.full((20, 120, 4), 255, np.uint8)
        item = PhotoTextItem("picture", sha256, store.put(write_png(cutout), "png"), 0.0, float(top), 1.0)
        (quality,) = stage.run(item, store)
        assert quality.subject_id == "picture"
        shares.append(quality.numbers["text_overlay_share"])
    assert shares == [pytest.approx(8 / 80, abs=0.01), 0.0]


def test_other_weights_make_results_stale() -> None:
    one, other = Measure(chosen()).fingerprint(), Measure(chosen("cd" * 32)).fingerprint()
    assert one["weights"] == {"ppocrv4-det": "ab" * 32}
    assert one != other


def recipe(*overrides: str) -> Recipe:
    return read_recipe(ROOT / "recipes" / "ecommerce.yaml", overrides)


def test_a_plan_has_the_stage_only_where_the_recipe_asks_for_it(tmp_path: Path) -> None:
    off = make_plan(recipe(), tmp_path / "work", tmp_path / "out")
    on = make_plan(recipe(ON), tmp_path / "work", tmp_path / "out")
    names = [stage.stage for stage in on.stages]
    assert names[names.index("text_overlay") - 1 :][:3] == ["mask_numbers", "text_overlay", "listing_pictures"]
    assert names[names.index("photo_text") + 1] == "pair"
    assert [stage.stage for stage in off.stages] == [n for n in names if n not in ("text_overlay", "photo_text")]
    without = make_plan(recipe(ON, "engines.panzoom=0"), tmp_path / "work", tmp_path / "out")
    assert "photo_text" not in [stage.stage for stage in without.stages]
    assert next(stage for stage in on.stages if stage.stage == "text_overlay").expected == 14


def registry(folder: Path) -> ModelRegistry:
    """Offline, with a stand-in for the segmentation weights and nothing else."""
    folder.mkdir()
    (folder / "u2net.onnx").write_bytes(b"net")
    stand_in = Model("u2net", "u2net.onnx", hashlib.sha256(b"net").hexdigest(), 3, "MIT", "test", ())
    return ModelRegistry(folder / "cache", [stand_in, PPOCR_DET], [folder], offline=True)


def test_weights_that_cannot_be_had_are_told_before_the_work(tmp_path: Path) -> None:
    models = registry(tmp_path / "models")
    with pytest.raises(PreflightError, match="ppocrv4-det is not in"):
        build(BuildRequest(recipe(ON), tmp_path / "work", tmp_path / "out"), registry=models)
    assert not (tmp_path / "work").exists()
    assert not (tmp_path / "out").exists()


def test_without_the_setting_no_text_detector_is_fetched(tmp_path: Path) -> None:
    models = registry(tmp_path / "models")
    outcome = build(BuildRequest(recipe(), tmp_path / "work", tmp_path / "out", until="mine"), registry=models)
    assert "overlay text" not in " ".join(outcome.notes)
    assert models.where("ppocrv4-det") is None


def test_the_choice_says_which_weights_and_why(text_detector_path: Path) -> None:
    detector, why = choose_text_detector(ModelRegistry.default())
    assert detector.weights == {"ppocrv4-det": PPOCR_DET.sha256}
    assert detector.files == {"ppocrv4-det": str(text_detector_path)}
    assert "max_text_overlay_share" in why
    assert PPOCR_DET.sha256[:12] in why


def test_stopping_after_the_stage_that_is_switched_off_names_the_setting(tmp_path: Path) -> None:
    request = BuildRequest(recipe(), tmp_path / "work", tmp_path / "out", until="text_overlay")
    with pytest.raises(PreflightError, match=r"mask_qc\.max_text_overlay_share"):
        build(request, registry=registry(tmp_path / "models"))
