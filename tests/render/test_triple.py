"""A rendered triple is whole: two videos that agree outside the effect, exact masks, pictures of B."""

from __future__ import annotations

import gc
import math

import numpy as np
import pytest

from pvtt_data.render import references
from pvtt_data.render.denoise import Denoiser
from pvtt_data.render.flow import geometry_bytes
from pvtt_data.render.presets import PRESETS
from pvtt_data.render.products.library import build_product, draw_spec
from pvtt_data.render.references import LEAST_ANGLE_DEG
from pvtt_data.render.scene import SceneOptions
from pvtt_data.render.triple import RenderedTriple, Wanted, render_triple

pytestmark = pytest.mark.usefixtures("render_variant")
PRODUCTS = (build_product(draw_spec(1, ["carton"])), build_product(draw_spec(2, ["soap"])))
SIZE = (160, 96)
SEED = 6
"""A scene in which the products leave some of the frame alone."""


@pytest.fixture(scope="module", autouse=True)
def _small_pictures() -> object:
    patched = pytest.MonkeyPatch()
    patched.setattr(references, "_SIZE_PX", 96)
    yield
    patched.undo()


def rendered(wanted: Wanted, aged: float = 0.0, seed: int = SEED) -> RenderedTriple:
    gc.collect()
    options = SceneOptions(
        SIZE[1], SIZE[0], 5, 8.0, styles=("paper",), occluder_share=0.0, earlier_generation_share=aged
    )
    return render_triple(seed, PRODUCTS, options, PRESETS["draft"], Denoiser("fast"), wanted)


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


@pytest.fixture(scope="module")
def whole(render_variant: object) -> RenderedTriple:
    """All frames with geometry, as one compression left them."""
    return rendered(Wanted(references=4, heldout=2, geometry=True), aged=1.0)


def test_a_triple_whose_look_is_aged_is_whole_and_equal_outside_the_effect(whole: RenderedTriple) -> None:
    assert whole.scene.look.crf is not None
    check(whole, 5)


def test_as_many_pictures_of_b_are_made_as_wanted(whole: RenderedTriple) -> None:
    assert 3 <= len(whole.references) <= 4 and len(whole.heldout) == 2
    views = [*whole.references, *whole.heldout]
    assert all(view.picture.ndim == 3 and view.picture.shape[2] == 4 for view in views)
    assert len({view.direction for view in views}) == len(views)


def test_a_triple_comes_out_the_same_each_time(whole: RenderedTriple) -> None:
    again = rendered(Wanted(references=4, heldout=2, geometry=True), aged=1.0)
    for name in ("source", "target", "source_mask", "target_mask", "effect_mask"):
        assert (getattr(again, name) == getattr(whole, name)).all(), name
    for one, other in zip([*whole.references, *whole.heldout], [*again.references, *again.heldout], strict=True):
        assert one.direction == other.direction and (one.picture == other.picture).all()
    assert again.numbers == whole.numbers
    assert geometry_bytes(again.geometry) == geometry_bytes(whole.geometry)


def test_depth_is_nearer_where_the_products_are(whole: RenderedTriple) -> None:
    assert len(whole.geometry) == 2 and all(len(frames) == 5 for frames in whole.geometry)
    for frames, masks in zip(whole.geometry, (whole.source_mask, whole.target_mask), strict=True):
        for found, mask in zip(frames, masks, strict=True):
            assert found.depth.shape == SIZE and found.flow.shape == (*SIZE, 2)
            assert np.median(found.depth[mask]) < np.median(found.depth[~mask])


def test_a_preview_renders_only_the_frames_that_are_shown_and_the_same_ones() -> None:
    counted = []
    gc.collect()
    options = SceneOptions(SIZE[1], SIZE[0], 5, 8.0, styles=("paper",), occluder_share=0.0, earlier_generation_share=0)
    preset, denoiser = PRESETS["draft"], Denoiser("fast")
    preview = render_triple(
        SEED, PRODUCTS, options, preset, denoiser, Wanted(3, 0, shown=(0, 4)), lambda: counted.append(1)
    )
    check(preview, 2)
    assert len(counted) == 2 and preview.geometry == () and preview.heldout == ()
    assert preview.scene.frames == 5 and preview.scene.look.crf is None
    full = rendered(Wanted(3, 0))
    assert (full.source[[0, 4]] == preview.source).all() and (full.target[[0, 4]] == preview.target).all()
