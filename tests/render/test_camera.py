"""Cameras stand where they say, see what lies before them, and are held by steady hands."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pvtt_data.render.camera import MOVES, CameraMove, Lens, View, ease, hand, look_at

coordinates = st.floats(-8, 8)
AHEAD = look_at(np.array([0.0, -4.0, 0.0]), np.zeros(3), 4.0)


def angles_of(view: View, aim: np.ndarray) -> tuple[float, float, float]:
    """(azimuth, elevation, distance) of a camera about a point, degrees and scene units."""
    away = view.origin - aim
    distance = float(np.linalg.norm(away))
    return (
        float(np.degrees(np.arctan2(away[0], -away[1]))),
        float(np.degrees(np.arcsin(away[2] / distance))),
        distance,
    )


@settings(deadline=None)
@given(st.tuples(coordinates, coordinates, coordinates), st.tuples(coordinates, coordinates), st.floats(-180, 180))
def test_the_axes_of_a_view_are_orthonormal_and_right_handed(
    origin: tuple[float, float, float], level: tuple[float, float], roll_deg: float
) -> None:
    aim = np.add(origin, (*level, -1.0))
    aim[0] += 1.0 if abs(level[0]) + abs(level[1]) < 0.1 else 0.0
    view = look_at(np.array(origin), aim, 1.0, roll_deg)
    axes = np.stack([view.right, view.up, -view.forward])
    assert np.allclose(axes @ axes.T, np.eye(3), atol=1e-9)
    assert np.linalg.det(axes) == pytest.approx(1.0)
    assert np.allclose(np.cross(view.forward, aim - view.origin), 0, atol=1e-9)


def test_a_view_without_roll_is_upright_and_roll_turns_it() -> None:
    view = look_at(np.array([2.0, -5.0, 3.0]), np.zeros(3), 1.0)
    assert view.right[2] == pytest.approx(0) and view.up[2] > 0
    turned = look_at(np.array([2.0, -5.0, 3.0]), np.zeros(3), 1.0, 90.0)
    assert np.allclose(turned.right, view.up) and np.allclose(turned.up, -view.right)


def test_points_fall_where_a_pinhole_puts_them() -> None:
    lens = Lens(200, 100, fov_y_deg=90.0)
    points = np.array([[0, 0, 0], [0, 0, 4], [0, 0, -4], [8, 0, 0], [-2, -2, 1]], float)
    places, depths = lens.project(AHEAD, points)
    assert np.allclose(places, [[100, 50], [100, 0], [100, 100], [200, 50], [50, 25]])
    assert np.allclose(depths, [4, 4, 4, 4, 2])


def test_what_lies_behind_the_camera_has_negative_depth() -> None:
    places, depths = Lens(200, 100).project(AHEAD, np.array([[0.0, -9.0, 0.0], [0.3, -4.0, 0.2]]))
    assert depths[0] == pytest.approx(-5) and np.isfinite(places).all()


@pytest.mark.parametrize("kind", MOVES)
def test_a_move_begins_and_ends_where_it_says(kind: str) -> None:
    move = CameraMove(
        kind,
        (-10.0, 25.0),
        (5.0, 20.0),
        (4.0, 3.0),
        (0.2, -0.2),
        (0.4, 0.6),
        ease=0.8,  # type: ignore[arg-type]
    )
    for progress, (azimuth, elevation, distance), aim in (
        (0.0, (-10.0, 5.0, 4.0), [0.2, 0.0, 0.9]),
        (1.0, (25.0, 20.0, 3.0), [-0.2, 0.0, 1.1]),
    ):
        view = move.view(progress, time_s=3.0 * progress, foot_z=0.5)
        assert angles_of(view, np.array(aim)) == pytest.approx((azimuth, elevation, distance))
        place, _ = Lens(320, 180).project(view, np.array(aim))
        assert place == pytest.approx([160, 90])


def test_positive_azimuth_has_the_camera_to_the_right_and_the_product_is_in_focus_at_its_axis() -> None:
    move = CameraMove("static", (30.0, 30.0), (0.0, 0.0), (4.0, 4.0), aim_z=(0.0, 0.0), focus_shift=(-0.1, 0.3))
    assert move.view(0.0, 0.0).origin[0] == pytest.approx(2.0)
    assert move.view(0.0, 0.0).focus == pytest.approx(3.9)
    assert move.view(1.0, 0.0).focus == pytest.approx(4.3)


def test_a_tripod_stands_still_and_a_hand_wavers_about_where_it_is_held() -> None:
    still = CameraMove("static", (0.0, 0.0), (10.0, 10.0), (4.0, 4.0))
    held = CameraMove("static", (0.0, 0.0), (10.0, 10.0), (4.0, 4.0), shake=0.3, shake_seed=5)
    times = np.arange(0, 60, 0.1)
    steady = still.view(0.0, 0.0)
    assert all((still.view(t / 60, t).origin == steady.origin).all() for t in times[::50])
    off = [np.degrees(np.arcsin(held.view(0.0, t).forward @ steady.right)) for t in times]
    assert 0.5 * 0.3 < np.std(off) < 1.7 * 0.3
    assert abs(np.mean(off)) < 0.15


def test_a_view_wavers_by_as_much_more_than_its_hand_as_it_is_said_to() -> None:
    steady = CameraMove("static", (0.0, 0.0), (10.0, 10.0), (4.0, 4.0)).view(0.0, 0.0)
    off = np.array(
        [
            [[view.forward @ steady.right, view.forward @ steady.up, view.right @ steady.up]]
            for seed in range(24)
            for held in [CameraMove("static", (0.0, 0.0), (10.0, 10.0), (4.0, 4.0), shake=0.3, shake_seed=seed)]
            for view in [held.view(0.0, float(t)) for t in np.arange(0, 60, 0.2)]
        ]
    ).reshape(24, -1, 3)
    yaw, pitch, roll = np.degrees(np.arcsin(off)).std(axis=1).mean(axis=0) / 0.3
    assert yaw == pytest.approx(1.15, abs=0.06) and pitch == pytest.approx(1.15, abs=0.06)
    assert roll == pytest.approx(0.5, abs=0.06)


@settings(deadline=None)
@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1))
def test_easing_keeps_the_ends_and_never_turns_back(softness: float, one: float, other: float) -> None:
    assert ease(0.0, softness) == 0.0
    assert ease(1.0, softness) == pytest.approx(1.0)
    first, last = sorted((one, other))
    assert ease(first, softness) <= ease(last, softness) + 1e-12
    assert ease(1 - one, softness) == pytest.approx(1 - ease(one, softness))


def test_a_soft_move_starts_slowly_and_an_even_one_does_not() -> None:
    assert ease(0.1, 0.0) == pytest.approx(0.1)
    assert ease(0.1, 1.0) < 0.03
    assert ease(1.01, 0.5) > 1.0


@pytest.mark.parametrize("seed", range(4))
def test_a_hand_sways_slowly_more_than_it_trembles(seed: int) -> None:
    rate, seconds = 40, 60
    unrest = np.array([hand(seed, t / rate) for t in range(rate * seconds)])
    window = np.hanning(len(unrest))[:, None]
    power = np.abs(np.fft.rfft((unrest - unrest.mean(axis=0)) * window, axis=0)) ** 2
    frequency = np.fft.rfftfreq(len(unrest), 1 / rate)
    slow, fast = power[frequency < 1].sum(axis=0), power[frequency >= 1].sum(axis=0)
    assert (slow > 3 * fast).all()
    assert power[(frequency > 8) & (frequency < 10)].sum() > 10 * power[(frequency > 5) & (frequency < 7)].sum()
    assert ((unrest.std(axis=0) > 0.8) & (unrest.std(axis=0) < 1.2)).all()


@settings(deadline=None)
@given(st.integers(0, 2**31), st.floats(0, 100))
def test_the_same_hand_takes_the_same_way_and_others_another(seed: int, time_s: float) -> None:
    assert (hand(seed, time_s) == hand(seed, time_s)).all()
    assert (hand(seed, time_s) != hand(seed + 1, time_s)).any()
    assert np.abs(hand(seed, time_s + 0.01) - hand(seed, time_s)).max() < 0.5
