"""What is traced is what stands there, and comes out the same each time."""

from __future__ import annotations

import dataclasses
import gc
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from toy_scenes import (
    BEHIND,
    DEPTH,
    LENS,
    ball,
    box,
    checkers,
    everything,
    matt,
    room,
    screen,
    silhouette,
    still,
    void,
)

from pvtt_data.render import meshes
from pvtt_data.render.camera import Lens
from pvtt_data.render.denoise import Denoiser
from pvtt_data.render.look import Look, develop
from pvtt_data.render.material import Material, Part, Texture
from pvtt_data.render.motion import Pose
from pvtt_data.render.stage_set import Softbox
from pvtt_data.render.tracer import Layers, Stage, open_stage

pytestmark = pytest.mark.usefixtures("render_variant")
SHAPE = (LENS.height_px, LENS.width_px)
HERE = Path(__file__).parent


@pytest.fixture(autouse=True)
def _one_stage_at_a_time() -> None:
    gc.collect()


def bytes_of(layers: Layers) -> bytes:
    return b"".join(layer.tobytes() for layer in (layers.light, layers.albedo, layers.normal, layers.product))


def clean(layers: Layers, lens: Lens = LENS) -> np.ndarray:
    """Display levels (H, W, 3), 0 to 255, of denoised light."""
    shape = (lens.height_px, lens.width_px, 3)
    denoiser = Denoiser("high")
    light = denoiser(*(layer.reshape(shape) for layer in (layers.light, layers.albedo, layers.normal)))
    return 255 * develop(light, Look())


def two_actors() -> Stage:
    return open_stage(room(), [[box()], [ball()]], DEPTH)


def test_equal_seeds_give_equal_bytes_and_others_other_noise() -> None:
    stage = two_actors()
    one, again = (stage.trace(LENS, still(0), everything(), 8, 5) for _ in range(2))
    assert bytes_of(one) == bytes_of(again)
    other = stage.trace(LENS, still(0), everything(), 8, 6)
    assert (one.light != other.light).mean() > 0.5
    assert one.light.mean() == pytest.approx(float(other.light.mean()), rel=0.03)
    assert one.light.shape == one.albedo.shape == one.normal.shape == (LENS.width_px * LENS.height_px, 3)


def test_stages_one_after_the_other_in_a_process_give_equal_bytes() -> None:
    made = []
    for _ in range(3):
        stage = two_actors()
        made.append(bytes_of(stage.trace(LENS, still(1), everything(), 4, 9)))
        made.append(stage.coverage(LENS, still(1), everything(), 4, 9).tobytes())
        del stage
        gc.collect()
        between = open_stage(void(), [[screen(0.5, 1.0)]], DEPTH)
        between.coverage(LENS, still(0), everything(), 4, 1)
        del between
    assert made[:2] == made[2:4] == made[4:]


def test_lamps_are_drawn_in_the_same_order_in_every_stage() -> None:
    lamps = tuple(Softbox((x, -1.5, 3.0), (0, 0, 0.4), (0.7, 0.7), (9.0, 9.0, 9.0)) for x in (-1.5, 0.0, 1.5))
    stage_set = dataclasses.replace(room(), lamps=lamps)
    found = set()
    for _ in range(30):
        stage = open_stage(stage_set, [[box()]], DEPTH)
        found.add(stage.trace(LENS, still(0), everything()[::16], 2, 3).light.tobytes())
        del stage
    assert len(found) == 1


def test_any_list_of_pixels_can_be_traced_and_shows_the_same_picture() -> None:
    stage = two_actors()
    whole = stage.trace(LENS, still(0), everything(), 64, 2)
    for pixels in (everything()[1234:1235], everything()[::7], everything()[:997][::-1].copy()):
        part = stage.trace(LENS, still(0), pixels, 64, 3)
        assert all(np.isfinite(layer).all() for layer in (part.light, part.albedo, part.normal))
        assert part.light.shape == (len(pixels), 3) and part.product.shape == (len(pixels),)
        assert np.abs(part.albedo - whole.albedo[pixels]).mean() < 0.02
        brighter = (part.light - whole.light[pixels]).mean(axis=0)
        assert len(pixels) == 1 or np.abs(brighter).max() < 0.03 * whole.light.mean()


@pytest.mark.parametrize("part", [box(), ball()], ids=["box", "ball"])
@pytest.mark.parametrize(
    "pose", [{}, {"yaw_deg": 40.0, "shift": (0.2, -0.3, 0.1), "roll_deg": 10.0}], ids=["at rest", "posed"]
)
def test_the_product_covers_what_its_outline_does(part: Part, pose: dict[str, object]) -> None:
    stage = open_stage(room(), [[part]], DEPTH)
    exposure = still(0, **pose)
    seen = stage.coverage(LENS, exposure, everything(), 256, 1).reshape(SHAPE)
    expected = silhouette(part.mesh, LENS, exposure)
    assert seen.sum() == pytest.approx(expected.sum(), rel=0.01)
    assert np.abs(seen - expected).max() < 0.2 and np.abs(seen - expected).mean() < 0.01
    traced = stage.trace(LENS, exposure, everything(), 64, 1).product
    assert traced.sum() == pytest.approx(expected.sum(), rel=0.02)


def test_nobody_is_seen_on_the_bare_set_which_looks_as_if_there_were_no_products() -> None:
    stage = two_actors()
    bare = stage.trace(LENS, still(None), everything(), 32, 4)
    assert (bare.product == 0).all()
    assert (stage.coverage(LENS, still(None), everything(), 8, 4) == 0).all()
    del stage
    gc.collect()
    empty = open_stage(room(), [], DEPTH).trace(LENS, still(None), everything(), 32, 4)
    assert np.abs(clean(bare) - clean(empty)).mean() < 0.5


def test_far_from_the_product_the_picture_is_the_bare_one_to_the_last_bit() -> None:
    stage = two_actors()
    bare = stage.trace(LENS, still(None), everything(), 8, 4).light.reshape(*SHAPE, 3)
    for actor in (0, 1):
        shown = stage.trace(LENS, still(actor), everything(), 8, 4)
        light, product = shown.light.reshape(*SHAPE, 3), shown.product.reshape(SHAPE)
        same = (light == bare).all(axis=2)
        assert not same[product > 0.9].any()
        assert same[:12].mean() > 0.6, "most paths from the top of the wall never meet it"
        assert np.abs(light[:12] - bare[:12]).mean() < 0.03 * bare[:12].mean()


def test_a_turned_product_is_lit_like_one_that_was_built_turned() -> None:
    pose = {"yaw_deg": 90.0, "shift": (0.1, 0.2, 0.0)}
    mesh = box(checkers(4)).mesh
    gloss = Material(checkers(4), roughness=0.35)
    pictures = []
    stage = open_stage(room(), [[Part(mesh, gloss)]], DEPTH)
    stage.trace(LENS, still(0), everything(), 4, 1)  # it has stood otherwise before
    pictures.append(stage.trace(LENS, still(0, **pose), everything(), 256, 7))
    del stage
    gc.collect()
    built = Part(Pose(**pose).apply(mesh), gloss)  # type: ignore[arg-type]
    pictures.append(open_stage(room(), [[built]], DEPTH).trace(LENS, still(0), everything(), 256, 7))
    posed, turned = pictures
    assert np.abs(clean(posed) - clean(turned)).mean() < 1.5
    inside = (posed.product > 0.99) & (turned.product > 0.99)
    assert inside.sum() > 100
    assert np.abs(posed.normal[inside] - turned.normal[inside]).max() < 0.05
    assert np.abs(clean(posed) - clean(turned))[inside.reshape(SHAPE)].mean() < 3


def test_a_moving_product_is_smeared_along_its_way() -> None:
    stage = two_actors()
    start, end = (still(1, shift=(x, 0.0, 0.0)) for x in (-0.3, 0.3))
    moving = type(start)(start.opens, start.closes, (start.product[0], end.product[0]), actor=1)
    smeared = stage.coverage(LENS, moving, everything(), 64, 1)
    ends = [stage.coverage(LENS, one, everything(), 64, 1) for one in (start, end)]
    assert smeared.sum() == pytest.approx((ends[0].sum() + ends[1].sum()) / 2, rel=0.03)
    partly = [((share > 0.1) & (share < 0.9)).sum() for share in (smeared, ends[0])]
    assert partly[0] > 3 * partly[1]
    light = stage.trace(LENS, moving, everything(), 64, 1)
    assert np.abs(light.product - smeared).max() < 0.3


def stripes() -> Texture:
    """Left half solid, right half open."""
    pixels = np.zeros((16, 16, 1), np.uint8)
    pixels[:, :8] = 255
    return Texture(pixels, srgb=False)


def test_holes_let_the_eye_and_light_through() -> None:
    ahead = {"azimuth_deg": 0.0, "elevation_deg": 0.0}
    stage = open_stage(room(), [[screen(0.8, stripes())], [screen(0.8, 1.0)]], DEPTH)
    holed, whole = (stage.coverage(LENS, still(n, **ahead), everything(), 32, 1).reshape(SHAPE) for n in (0, 1))  # type: ignore[arg-type]
    assert holed.sum() == pytest.approx(whole.sum() / 2, rel=0.03)
    assert holed[40, 20] == 1 and holed[40, 28] == 0 and whole[40, 28] == 1
    bare, light = (stage.trace(LENS, still(n, **ahead), everything(), 64, 1) for n in (None, 0))  # type: ignore[arg-type]
    assert light.product.reshape(SHAPE)[40, 28] == 0
    behind = np.s_[32:48, 26:30]
    gap, plain = (layers.albedo.reshape(*SHAPE, 3)[behind] for layers in (light, bare))
    assert np.abs(gap - plain).mean() < 0.02, "what lies behind the hole is seen"
    cast = [layers.light.reshape(*SHAPE, 3)[behind].mean() for layers in (light, bare)]
    assert 0.7 * cast[1] < cast[0] < 1.2 * cast[1], "and it is lit"


def test_a_half_open_surface_covers_by_halves_all_or_nothing() -> None:
    stage = open_stage(room(), [[screen(0.8, 0.4)], [screen(0.8, 0.6)]], DEPTH)
    open_one, solid = (stage.coverage(LENS, still(n), everything(), 8, 1).sum() for n in (0, 1))
    assert open_one == 0 and solid > 100


@pytest.mark.parametrize("thin", [False, True])
def test_glass_is_seen_as_product_and_shows_what_lies_behind(thin: bool) -> None:
    glass = Material(transmission=1.0, ior=1.5, thin=thin, tint=(0.9, 1.0, 0.9))
    part = Part(meshes.ball(0.4), glass)
    stage = open_stage(room(), [[part]], DEPTH)
    covered = stage.coverage(LENS, still(0), everything(), 64, 1)
    assert covered.sum() == pytest.approx(silhouette(part.mesh, LENS, still(0)).sum(), rel=0.02)
    layers = stage.trace(LENS, still(0), everything(), 64, 1)
    inside = layers.product > 0.99
    assert (layers.albedo[inside] == 1).all()
    light = layers.light[inside].mean(axis=0)
    assert light[1] > light[0] > 0.1 * light[1], "green glass, and not black"


def test_what_glows_lights_the_room_and_moves_with_its_product() -> None:
    lantern = Part(meshes.ball(0.2), Material("#ffffff", emission=(4.0, 3.0, 1.0)))
    stage = open_stage(room(), [[box(), lantern]], DEPTH)
    for x in (-0.4, 0.4):
        exposure = still(0, shift=(x, 0.0, 0.0))
        light = stage.trace(LENS, exposure, everything(), 32, 1).light
        place, _ = LENS.project(exposure.opens, np.array([x, 0.0, 0.85]))
        brightest = np.unravel_index(light[:, 0].argmax(), SHAPE)
        covered = stage.coverage(LENS, exposure, everything(), 32, 1).reshape(SHAPE)
        assert covered[brightest] > 0.5 and abs(brightest[1] - place[0]) < 8


def test_light_of_an_even_sky_is_even() -> None:
    stage = open_stage(void(), [[Part(meshes.ball(0.4), matt((0.5, 0.5, 0.5)))]], DEPTH)
    layers = stage.trace(LENS, still(0), everything(), 64, 1)
    assert np.allclose(layers.light[layers.product == 0], 0.7, rtol=1e-5)
    inside = layers.product == 1
    assert layers.light[inside].mean() == pytest.approx(0.35, rel=0.05)
    assert layers.albedo[inside] == pytest.approx(0.5, abs=0.01)


def test_what_stands_before_a_cleared_box_is_not_seen() -> None:
    stage = two_actors()
    hidden = dataclasses.replace(BEHIND, cleared=None)
    assert not stage.coverage(LENS, hidden, everything(), 16, 5).any()
    seen = stage.coverage(LENS, BEHIND, everything(), 64, 5).reshape(SHAPE)
    assert np.abs(seen - silhouette(box().mesh, LENS, BEHIND)).max() < 0.25
    assert (stage.sight(LENS, BEHIND, everything()).group.reshape(SHAPE)[seen == 1] == 1).all()
    assert (stage.trace(LENS, BEHIND, everything(), 64, 5).product.reshape(SHAPE)[seen == 1] == 1).all()


def test_sight_gives_the_point_behind_each_pixel_and_whose_it_is() -> None:
    stage = open_stage(void(), [[box()]], DEPTH)
    sight = stage.sight(LENS, still(0), everything())
    product = sight.group == 1
    assert set(np.unique(sight.group)) == {1, 255}
    assert np.isinf(sight.point[~product]).all() and np.isfinite(sight.point[product]).all()
    low, high = (side(box().mesh.vertices, axis=0) for side in (np.min, np.max))
    assert (sight.point[product] > low - 1e-4).all() and (sight.point[product] < high + 1e-4).all()
    place, _ = LENS.project(still(0).opens, sight.point[product])
    rows, columns = np.divmod(everything()[product].astype(int), LENS.width_px)
    assert np.abs(place - np.stack([columns, rows], -1) - 0.5).max() < 1e-2


SCALAR = """
import sys
import numpy as np
from pvtt_data.render.stage_set import Softbox
from pvtt_data.render.tracer import open_stage
from pvtt_data.render.variant import ChosenVariant, start
from toy_scenes import BEHIND, DEPTH, LENS, ball, box, everything, room, still

start(ChosenVariant("scalar_rgb", "the test asks for it"), threads=2)
stage = open_stage(room(), [[box()], [ball()]], DEPTH)
arrays = {}
posed = still(0, yaw_deg=50.0, shift=(0.2, 0.1, 0.0))
for name, exposure in (("bare", still(None)), ("posed", posed), ("behind", BEHIND)):
    layers = stage.trace(LENS, exposure, everything(), 64, 3)
    arrays |= {f"{name}_{layer}": getattr(layers, layer) for layer in ("light", "albedo", "normal", "product")}
    sight = stage.sight(LENS, exposure, everything())
    arrays |= {f"{name}_point": sight.point, f"{name}_group": sight.group}
np.savez(sys.argv[1], **arrays)
"""


def test_the_scalar_variant_sees_the_same(tmp_path: Path) -> None:
    out = tmp_path / "scalar.npz"
    done = subprocess.run(
        [sys.executable, "-c", SCALAR, out], cwd=HERE, capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stderr
    scalar = np.load(out)
    stage = two_actors()
    posed = still(0, yaw_deg=50.0, shift=(0.2, 0.1, 0.0))
    for name, exposure in (("bare", still(None)), ("posed", posed)):
        vector = stage.trace(LENS, exposure, everything(), 64, 3)
        assert scalar[f"{name}_light"].mean(axis=0) == pytest.approx(vector.light.mean(axis=0), rel=0.02)
        assert np.abs(scalar[f"{name}_albedo"] - vector.albedo).mean() < 0.01
        assert np.abs(scalar[f"{name}_normal"] - vector.normal).mean() < 0.01
        assert np.abs(scalar[f"{name}_product"] - vector.product).mean() < 0.01
        blurred = [light.reshape(10, 8, 6, 8, 3).mean(axis=(1, 3)) for light in (scalar[f"{name}_light"], vector.light)]
        assert np.abs(blurred[0] - blurred[1]).max() < 0.15 * blurred[1].mean()
        sight = stage.sight(LENS, exposure, everything())
        same = scalar[f"{name}_group"] == sight.group
        assert same.mean() > 0.995
        assert np.abs(scalar[f"{name}_point"] - sight.point)[same & (sight.group < 255)].max() < 0.01
    behind = stage.trace(LENS, BEHIND, everything(), 64, 3)
    assert np.abs(scalar["behind_product"] - behind.product).mean() < 0.01
    inside = (scalar["behind_product"] == 1) & (behind.product == 1)
    assert scalar["behind_light"][inside].mean() == pytest.approx(behind.light[inside].mean(), rel=0.03)
    assert (scalar["behind_group"][inside] == 1).all()
