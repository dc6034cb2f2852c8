"""Tubes along curves: closed, outward, of the right size, without twists."""

from __future__ import annotations

import numpy as np
import pytest
from solids import face_normals, is_closed, signed_volume

from pvtt_data.render.meshes import merged
from pvtt_data.render.products.bag_parts import seam
from pvtt_data.render.products.chains import KINDS, chain
from pvtt_data.render.products.creases import mirrored, shaded
from pvtt_data.render.products.plates import face, plate, soft_box, superellipse
from pvtt_data.render.products.sweeps import (
    Ends,
    flat_section,
    frames,
    lengths,
    resampled,
    round_section,
    smooth_curve,
    tube,
)

_TURN = np.linspace(0, 2 * np.pi, 120, endpoint=False)
_HELIX = np.stack([10 * np.cos(_TURN), 10 * np.sin(_TURN), 2 * _TURN], -1)
_CIRCLE = np.stack([10 * np.cos(_TURN), 10 * np.sin(_TURN), np.zeros(120)], -1)
_KNOT = np.stack(
    [
        (8 + 3 * np.cos(3 * _TURN)) * np.cos(2 * _TURN),
        (8 + 3 * np.cos(3 * _TURN)) * np.sin(2 * _TURN),
        3 * np.sin(3 * _TURN),
    ],
    -1,
)


@pytest.mark.parametrize("ends", ["flat", "round"])
def test_an_open_tube_is_a_closed_solid_with_outward_winding(ends: Ends) -> None:
    made = tube(_HELIX, round_section(1.0, 24), ends=ends)
    assert is_closed(made)
    length = float(lengths(_HELIX)[-1])
    caps = 4 / 3 * np.pi if ends == "round" else 0.0
    assert signed_volume(made) == pytest.approx(np.pi * length + caps, rel=0.03)


@pytest.mark.parametrize("curve", [_CIRCLE, _KNOT])
def test_a_tube_along_a_loop_joins_its_ends_without_a_twist(curve: np.ndarray) -> None:
    made = tube(curve, flat_section(2.0, 1.0, 0.3), closed=True)
    assert is_closed(made)
    moving = frames(curve, closed=True)
    turned = np.einsum("ij,ij->i", moving.side, np.roll(moving.side, 1, axis=0))
    assert turned.min() > 0.95


def test_a_ring_of_known_size_has_the_volume_of_a_torus() -> None:
    made = tube(_CIRCLE, round_section(1.5, 48), closed=True)
    assert signed_volume(made) == pytest.approx(2 * np.pi**2 * 10 * 1.5**2, rel=0.01)


def test_frames_are_right_handed_and_keep_the_normal_of_a_plane_curve() -> None:
    moving = frames(_CIRCLE, closed=True, side=(0, 0, 1))
    assert np.allclose(moving.side, [0, 0, 1], atol=1e-9)
    assert np.allclose(np.cross(moving.side, moving.up), moving.ahead, atol=1e-9)
    helix = frames(_HELIX)
    assert np.allclose(np.cross(helix.side, helix.up), helix.ahead, atol=1e-9)


def test_smooth_normals_agree_with_the_winding() -> None:
    made = tube(_HELIX, round_section(1.0, 24), ends="round", crease_deg=80)
    mean = made.normals[made.faces].mean(axis=1)
    assert np.einsum("ij,ij->i", mean, face_normals(made)).min() > 0.7
    assert np.allclose(np.linalg.norm(made.normals, axis=1), 1)


def test_a_flat_between_bevels_shades_flat() -> None:
    made = plate(superellipse(10, 10), 3.0, 0.5)
    top = made.vertices[:, 2] > 3.0 - 1e-9
    inside = np.hypot(*made.vertices[:, :2].T) < 9
    assert made.normals[top & inside, 2].min() > 0.999
    assert is_closed(made) and signed_volume(made) > 0


def test_facets_are_split_at_every_edge_when_nothing_may_be_smooth() -> None:
    corners = np.array([(x, y, z) for x in (0.0, 1.0) for y in (0.0, 1.0) for z in (0.0, 1.0)])
    quads = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    faces = np.array([tri for a, b, c, d in quads for tri in ((a, b, c), (a, c, d))], np.int64)
    cube = shaded(corners, corners[:, :2], faces, 20.0)
    assert len(cube.vertices) == 24
    assert np.allclose(cube.normals[cube.faces].mean(axis=1), face_normals(cube))
    assert signed_volume(mirrored(cube)) == pytest.approx(signed_volume(cube))


def test_a_soft_box_fills_its_size() -> None:
    made = soft_box(10, 4, 6, 1.0)
    assert is_closed(made)
    assert np.allclose(np.ptp(made.vertices, axis=0), [10, 4, 6], atol=1e-6)
    assert 0.88 * 240 < signed_volume(made) < 240


def test_a_face_shows_its_picture_upright() -> None:
    made = face(flat_section(4, 2, 0.3))
    assert face_normals(made)[:, 2].min() > 0.999
    high = made.uv[np.argmax(made.vertices[:, 1])]
    right = made.uv[np.argmax(made.vertices[:, 0])]
    assert high[1] == pytest.approx(0) and right[0] == pytest.approx(1)


@pytest.mark.parametrize("kind", KINDS)
def test_chains_are_made_of_closed_links_and_follow_their_curve(kind: str) -> None:
    made = chain(kind, _CIRCLE * 4, 5.0, closed=True)  # type: ignore[arg-type]
    assert is_closed(made) and signed_volume(made) > 0
    radius = np.hypot(*made.vertices[:, :2].T)
    assert radius.min() > 36 and radius.max() < 44
    angles = np.sort(np.arctan2(made.vertices[:, 1], made.vertices[:, 0]))
    assert np.diff(angles).max() < 0.2


def test_stitches_lie_on_the_surface_and_do_not_touch_each_other() -> None:
    line = np.column_stack([np.linspace(0, 60, 200), np.zeros(200), np.zeros(200)])
    made = seam(line, np.tile([[0.0, 0.0, 1.0]], (200, 1)), 5.0, 1.0)
    assert made.vertices[:, 2].max() > 0.5
    taken = np.unique(np.round(made.vertices[:, 0] * 2))
    assert len(taken) < 120


def test_resampling_gives_equal_steps() -> None:
    curve = smooth_curve(np.array([(0, 0, 0), (10, 0, 0), (10, 5, 0), (0, 9, 4)], float), 50, closed=True)
    steps = np.linalg.norm(np.diff(np.concatenate([curve, curve[:1]]), axis=0), axis=1)
    assert steps.std() < 0.05 * steps.mean()
    assert len(resampled(curve, 7, closed=True)) == 7


def test_merged_links_keep_their_winding() -> None:
    one = tube(_CIRCLE, round_section(1.0), closed=True)
    assert signed_volume(merged([one, one.moved(z=5)])) == pytest.approx(2 * signed_volume(one), rel=1e-6)
