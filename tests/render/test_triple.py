"""A rendered triple is whole: two videos that agree outside the effect, exact masks, pictures of B."""

from __future__ import annotations

import gc
import io
import math
from collections.abc import Callable

import cv2
import numpy as np
import pytest

from pvtt_data.render.denoise import Denoiser
from pvtt_data.render.flow import geometry_bytes
from pvtt_data.render.presets import PRESETS
from pvtt_data.render.products.library import build_product, draw_spec
from pvtt_data.render.references import LEAST_ANGLE_DEG
from pvtt_data.render.scene import SceneOptions
from pvtt_data.render.triple import RenderedTriple, Wanted, render_triple

pytestmark = [pytest.mark.usefixtures("render_variant"), pytest.mark.slow]
PRODUCTS = (build_product(draw_spec(1, ["carton"])), build_product(draw_spec(2, ["soap"])))
SIZE = (160, 96)
SEED = 6
"""A scene in which the products leave some of the frame alone."""


def rendered(wanted: Wanted, aged: float = 0.0, on_frame: Callable[[], None] = lambda: None) -> RenderedTriple:
    gc.collect()
    options = SceneOptions(
        SIZE[1], SIZE[0], 5, 8.0, styles=("paper",), occluder_share=0.0, earlier_generation_share=aged
    )
    return render_triple(SEED, PRODUCTS, options, PRESETS["draft"], Denoiser("fast"), wanted, on_frame)


def check(triple: RenderedTriple, frames: int) -> None:
    """Fail where a triple is not what it promises."""
    for video in (triple.source, triple.target):
        assert video.shape == (frames, *SIZE, 3) and video.dtype == np.uint8
    for masks in (triple.source_mask, triple.target_mask, triple.effect_mask):
        assert masks.shape == (frames, *SIZE) and masks.dtype == np.bool_
    differs = (triple.source != triple.target).any(axis=-1)
    assert not (differs & ~triple.effect_mask).any()
    assert differs.any(axis=(1, 2)).all()
    assert 0.05 < (~triple.effect_mask).mean() < 0.99
    for mask in (triple.source_mask, triple.target_mask):
        assert mask.any(axis=(1, 2)).all() and not (mask & ~triple.effect_mask).any()
    assert set(triple.numbers) == {"effect_share", "size_ratio", "least_reference_angle_deg"}
    assert all(math.isfinite(number) for number in triple.numbers.values())
    assert triple.numbers["effect_share"] == pytest.approx(triple.effect_mask.mean())
    assert 0.7 <= triple.numbers["size_ratio"] <= 1.4
    # Views of the clip between those that were looked at may come a little nearer.
    assert triple.numbers["least_reference_angle_deg"] > LEAST_ANGLE_DEG - 2


def check_shadowless(triple: RenderedTriple) -> None:
    """Fail where a target without B's shadow is anything but the target without B's shadow."""
    alone, target = triple.shadowless, triple.target
    assert alone is not None and alone.shape == target.shape and alone.dtype == np.uint8
    assert (alone == triple.source)[~triple.effect_mask].all()
    inside = np.stack([cv2.erode(mask.astype(np.uint8), np.ones((5, 5))) > 0 for mask in triple.target_mask])
    assert inside.any() and np.abs(alone.astype(int) - target)[inside].mean() < 3
    ground = triple.effect_mask & ~np.stack(
        [cv2.dilate(m.astype(np.uint8), np.ones((5, 5))) > 0 for m in triple.target_mask]
    )
    assert alone[ground].mean() > target[ground].mean() + 2


@pytest.fixture(scope="module")
def whole(render_variant: object) -> RenderedTriple:
    """All frames, with geometry."""
    return rendered(Wanted(references=4, heldout=2, geometry=True, reference_px=96))


def test_a_triple_is_whole_and_equal_outside_the_effect(whole: RenderedTriple) -> None:
    assert whole.scene.look.crf is None
    check(whole, 5)


def test_as_many_pictures_of_b_are_made_as_wanted(whole: RenderedTriple) -> None:
    assert 3 <= len(whole.references) <= 4 and len(whole.heldout) == 2
    views = [*whole.references, *whole.heldout]
    assert all(view.picture.ndim == 3 and view.picture.shape[2] == 4 for view in views)
    assert len({view.direction for view in views}) == len(views)


def test_depth_is_nearer_where_the_products_are(whole: RenderedTriple) -> None:
    assert len(whole.geometry) == 2 and all(len(frames) == 5 for frames in whole.geometry)
    for frames, masks in zip(whole.geometry, (whole.source_mask, whole.target_mask), strict=True):
        for found, mask in zip(frames, masks, strict=True):
            assert found.depth.shape == SIZE and found.flow.shape == (*SIZE, 2)
            assert np.median(found.depth[mask]) < np.median(found.depth[~mask])


def test_geometry_is_stored_as_arrays_that_load_without_pickles(whole: RenderedTriple) -> None:
    with np.load(io.BytesIO(geometry_bytes(whole.geometry)), allow_pickle=False) as stored:
        assert set(stored) == {f"{v}_{k}" for v in ("source", "target") for k in ("depth", "flow", "visible")}
        for video in ("source", "target"):
            assert stored[f"{video}_depth"].shape == (5, *SIZE)
            assert stored[f"{video}_flow"].shape == (5, *SIZE, 2)
            assert stored[f"{video}_visible"].dtype == np.bool_


def test_a_preview_is_the_same_frames_of_the_same_triple(whole: RenderedTriple) -> None:
    shown = [0, 4]
    counted: list[int] = []
    preview = rendered(Wanted(4, 2, shown=(0, 4), reference_px=96, shadowless=True), on_frame=lambda: counted.append(1))
    check(preview, 2)
    check_shadowless(preview)
    assert whole.shadowless is None, "what nobody asked for"
    assert len(counted) == 2 and preview.geometry == () and preview.scene.frames == 5
    for name in ("source", "target", "source_mask", "target_mask", "effect_mask"):
        assert (getattr(preview, name) == getattr(whole, name)[shown]).all(), name
    for one, other in zip([*whole.references, *whole.heldout], [*preview.references, *preview.heldout], strict=True):
        assert one.direction == other.direction and (one.picture == other.picture).all()


def test_references_are_as_small_as_asked_for_and_show_the_same_from_the_same_sides(whole: RenderedTriple) -> None:
    small = rendered(Wanted(4, 2, shown=(0,), reference_px=64))
    for one, other in zip(small.references, whole.references, strict=True):
        assert one.direction == other.direction
        height, width = one.picture.shape[:2]
        assert max(height, width) <= 64 < max(other.picture.shape)
        assert abs(height / width - other.picture.shape[0] / other.picture.shape[1]) < 0.15


def test_a_triple_that_looks_encoded_before_is_equal_outside_the_effect_too(whole: RenderedTriple) -> None:
    aged = rendered(Wanted(3, 0, shown=(0, 4), reference_px=96, shadowless=True), aged=1.0)
    check_shadowless(aged)
    assert aged.scene.look.crf is not None and aged.heldout == ()
    check(aged, 2)
    assert (aged.source_mask == whole.source_mask[[0, 4]]).all()
    assert (aged.source != whole.source[[0, 4]]).mean() > 0.3
