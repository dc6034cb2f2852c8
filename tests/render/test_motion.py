"""Poses are rigid, and products move as their motion is called."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pvtt_data.render import meshes
from pvtt_data.render.camera import look_at
from pvtt_data.render.motion import MOTIONS, Pose, ProductMotion, as_matrix

angles = st.floats(-360, 360)
lengths = st.floats(-3, 3)
_VIEW = look_at(np.array([1.0, -4.0, 2.0]), np.zeros(3), 1.0, 12.0)
BASIS = tuple(tuple(map(float, axis)) for axis in (_VIEW.right, _VIEW.up, -_VIEW.forward))
poses = st.builds(
    Pose,
    st.tuples(lengths, lengths, lengths),
    angles,
    angles,
    angles,
    st.floats(0, 1),
    st.sampled_from([None, BASIS]),
    st.floats(0.1, 4),
)


@settings(deadline=None)
@given(poses)
def test_a_pose_turns_without_bending_or_mirroring(pose: Pose) -> None:
    rotation = pose.rotation()
    assert np.allclose(rotation @ rotation.T, np.eye(3), atol=1e-9)
    assert np.linalg.det(rotation) == pytest.approx(1.0)


@settings(deadline=None)
@given(poses)
def test_a_mesh_in_a_pose_is_the_mesh_under_the_pose_s_matrix(pose: Pose) -> None:
    mesh = meshes.block(0.6, 0.3, 1.0)
    placed = pose.apply(mesh)
    column = np.concatenate([mesh.vertices, np.ones((len(mesh.vertices), 1))], axis=1)
    assert np.allclose(placed.vertices, (column @ as_matrix(pose).T)[:, :3])
    lengths_of = np.linalg.norm(placed.normals, axis=1)
    assert np.allclose(lengths_of, np.linalg.norm(mesh.normals, axis=1))
    assert (placed.faces == mesh.faces).all() and (placed.uv == mesh.uv).all()


@settings(deadline=None)
@given(poses)
def test_turns_stay_about_the_pivot(pose: Pose) -> None:
    held = as_matrix(pose) @ [0, 0, pose.pivot_z, 1]
    assert np.allclose(held[:3], np.add(pose.shift, (0, 0, pose.pivot_z)))


def test_a_product_yaws_pitches_and_rolls_the_way_that_is_said() -> None:
    front, top = np.array([0.0, -1.0, 0.0]), np.array([0.0, 0.0, 1.0])
    assert np.allclose(Pose(yaw_deg=90).rotation() @ front, [1, 0, 0])
    assert np.allclose(Pose(pitch_deg=90).rotation() @ top, front)
    assert np.allclose(Pose(roll_deg=90).rotation() @ top, [1, 0, 0])


def test_a_body_in_a_view_s_coordinates_lies_flat_in_the_picture() -> None:
    turned = Pose(roll_deg=90, basis=BASIS).rotation()
    assert np.allclose(turned @ [0, 1, 0], _VIEW.right)
    assert np.allclose(turned @ [0, 0, 1], -_VIEW.forward)


@settings(deadline=None)
@given(poses, poses)
def test_a_pose_part_of_the_way_ends_at_both_ends(one: Pose, other: Pose) -> None:
    assert np.allclose(as_matrix(one.towards(other, 0.0)), as_matrix(one))
    end = one.towards(other, 1.0)
    assert np.allclose(end.shift, other.shift)
    assert (end.yaw_deg, end.pitch_deg, end.roll_deg, end.scale) == pytest.approx(
        (other.yaw_deg, other.pitch_deg, other.roll_deg, other.scale)
    )
    middle = one.towards(other, 0.5)
    assert np.allclose(middle.shift, (np.array(one.shift) + other.shift) / 2)
    assert middle.yaw_deg == pytest.approx((one.yaw_deg + other.yaw_deg) / 2)


def test_a_lifted_product_leaves_the_ground_and_comes_back() -> None:
    motion = ProductMotion("lift", (0.0, 30.0), 0.3, 1.0)
    heights = [motion.pose(share, 0.2, 0.5).shift[2] - 0.2 for share in np.linspace(0, 1, 41)]
    assert heights[0] == pytest.approx(0, abs=1e-9) and heights[-1] == pytest.approx(0, abs=1e-9)
    assert max(heights) == pytest.approx(0.3, abs=1e-3) and min(heights) > -1e-9
    for end in (0.0, 1.0):
        assert motion.pose(end, 0.2, 0.5).roll_deg == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("side", [-1.0, 1.0])
def test_a_sliding_product_comes_from_its_side_and_ends_in_its_place(side: float) -> None:
    motion = ProductMotion("slide", (15.0, 15.0), 0.4, side)
    ways = [motion.pose(share, 0.1, 0.5).shift for share in np.linspace(0, 1, 11)]
    assert ways[0] == pytest.approx((0.4 * side, 0.0, 0.1)) and ways[-1] == pytest.approx((0.0, 0.0, 0.1))
    assert (np.diff([abs(way[0]) for way in ways]) <= 0).all()


def test_a_turntable_turns_evenly_on_its_place_and_a_product_at_rest_does_not_move() -> None:
    turning = ProductMotion("turntable", (-30.0, 50.0))
    assert [turning.pose(share, 0.0, 0.5).yaw_deg for share in (0.0, 0.5, 1.0)] == pytest.approx([-30, 10, 50])
    assert turning.pose(0.3, 0.7, 0.5).shift == (0.0, 0.0, 0.7)
    assert ProductMotion().pose(0.2, 0.4, 0.5) == ProductMotion().pose(0.9, 0.4, 0.5)


@pytest.mark.parametrize("kind", MOTIONS)
def test_only_what_floats_leaves_the_ground(kind: str) -> None:
    motion = ProductMotion(kind, (0.0, 20.0), 0.3, 1.0)  # type: ignore[arg-type]
    highest = max(motion.pose(share, 0.0, 0.4).shift[2] for share in np.linspace(0, 1, 21))
    assert motion.floats == (highest > 0.01)


def test_a_tumbling_product_rolls_over_by_the_amount_that_is_said() -> None:
    motion = ProductMotion("tumble", (0.0, 0.0), 40.0, -1.0)
    assert motion.pose(0.0, 0.0, 0.5).roll_deg == pytest.approx(0)
    assert motion.pose(1.0, 0.0, 0.5).roll_deg == pytest.approx(-40)
