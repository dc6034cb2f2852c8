"""What passes in front hides a part of the product for a part of the clip."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from pvtt_data.render.sets.hand import hand
from pvtt_data.render.sets.implicit import limb, skin
from pvtt_data.render.sets.occluders import MAKERS, PORTRAIT, draw_occluder
from pvtt_data.render.stage_set import Occluder

PRODUCT = (0.30, 0.45)
"""Half width and half height of a product in the picture, in halves of the picture's height."""


def covered(occluder: Occluder, share: float) -> float:
    """Share of the product's rectangle that is hidden at a time of the clip; triangles are drawn as filled shapes."""
    cv2 = pytest.importorskip("cv2")
    t = np.clip((share - occluder.begin) / (occluder.finish - occluder.begin), 0, 1)
    place = np.array(occluder.start) + (np.array(occluder.end) - np.array(occluder.start)) * t
    roll = np.radians(occluder.roll_deg[0] + (occluder.roll_deg[1] - occluder.roll_deg[0]) * t)
    turn = np.array([[np.cos(roll), -np.sin(roll)], [np.sin(roll), np.cos(roll)]])
    picture: npt.NDArray[np.uint8] = np.zeros((90, 60), np.uint8)
    for part in occluder.parts:
        flat = part.mesh.vertices[:, :2] @ turn.T + place
        pixels = np.stack([(flat[:, 0] / PRODUCT[0] + 1) * 30, (1 - flat[:, 1] / PRODUCT[1]) * 45], -1)
        triangles = np.rint(pixels).astype(np.int32)[part.mesh.faces]
        near = ((triangles.max(axis=1) >= 0) & (triangles.min(axis=1) <= [60, 90])).all(axis=1)
        for triangle in triangles[near]:
            cv2.fillConvexPoly(picture, triangle, 255)
    return float((picture > 0).mean())


@pytest.mark.parametrize("index", range(len(MAKERS)))
@pytest.mark.parametrize("aspect", [PORTRAIT, 832 / 480])
def test_a_part_of_the_product_is_hidden_for_a_part_of_the_clip(index: int, aspect: float) -> None:
    most = []
    for seed in range(2):
        occluder = MAKERS[index][0](np.random.default_rng(seed), aspect)
        shares = [covered(occluder, t) for t in np.linspace(0, 1, 11)]
        assert max(shares) < 0.9, "some of the product stays in sight"
        assert min(shares) < 0.35, "at some time most of it is in sight"
        most.append(max(shares))
    assert max(most) > 0.03, "it gets in the way"


def test_occluders_are_between_camera_and_product_and_move_within_the_clip() -> None:
    rng = np.random.default_rng(0)
    for _ in range(6):
        occluder = draw_occluder(rng)
        assert 0.3 <= occluder.depth <= 0.9
        assert 0 <= occluder.begin < occluder.finish <= 1
        assert occluder.start != occluder.end
        assert sum(len(part.mesh.faces) for part in occluder.parts) < 60_000


def test_the_same_numbers_draw_the_same_occluder() -> None:
    first, again = (draw_occluder(np.random.default_rng(9)) for _ in range(2))
    assert (first.start, first.end, first.depth) == (again.start, again.end, again.depth)
    assert np.array_equal(first.parts[0].mesh.vertices, again.parts[0].mesh.vertices)


def test_hands_have_five_fingers_and_their_arm_reaches_out_of_the_picture() -> None:
    flesh, nails, sleeve = hand(np.random.default_rng(0), left=False)
    assert len(np.unique(np.round(nails.mesh.vertices, 6), axis=0)) > 5 * 100
    assert sleeve.mesh.vertices[:, 1].min() < -3
    assert 0.3 < flesh.mesh.vertices[:, 1].max() < 0.64, "no fingertip is cut off"


def test_a_left_hand_mirrors_a_right_one() -> None:
    right, left = (hand(np.random.default_rng(3), left=flag) for flag in (False, True))
    assert np.allclose(right[0].mesh.vertices * [-1, 1, 1], left[0].mesh.vertices)


def test_a_skin_is_closed_and_its_triangles_face_outwards() -> None:
    start, end = np.zeros(3), np.array([0.5, 0.2, 0.1])
    mesh = skin(lambda p: limb(p, start, end, (0.2, 0.15)), np.full(3, -0.4), np.array([0.9, 0.6, 0.5]), 0.04)
    edges = np.sort(np.concatenate([mesh.faces[:, [0, 1]], mesh.faces[:, [1, 2]], mesh.faces[:, [2, 0]]]), axis=1)
    _, uses = np.unique(edges, axis=0, return_counts=True)
    assert (uses == 2).all(), "every edge belongs to two triangles"
    a, b, c = (mesh.vertices[mesh.faces[:, i]] for i in range(3))
    facing = np.einsum("ij,ij->i", np.cross(b - a, c - a), mesh.normals[mesh.faces[:, 0]])
    assert (facing > 0).mean() > 0.99
    assert np.abs(limb(mesh.vertices, start, end, (0.2, 0.15))).max() < 0.02
