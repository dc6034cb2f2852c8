"""Points in holes: set where the background shows through, and nowhere else."""

from __future__ import annotations

import numpy as np
import pytest

from pvtt_data.segmenters.grounded.holes import hole_points


def ring_picture(hole: tuple[int, int, int], seed: int = 0):
    """A gold ring on a textured blue ground, (120, 160); its disc as a tracker takes it, and where the hole is."""
    y, x = np.mgrid[:120, :160]
    distance = np.hypot(x - 80, y - 60)
    disc, inner = distance <= 45, distance <= 32
    noise = np.random.default_rng(seed).normal(0, 6, (120, 160, 3))
    ground = np.array([40, 70, 150]) + noise
    picture = np.where((disc & ~inner)[..., None], np.array([210, 170, 60]) + noise, ground)
    picture = np.where(inner[..., None], np.array(hole) + noise, picture)
    return np.clip(picture, 0, 255).astype(np.uint8), disc, inner


@pytest.mark.parametrize("seed", range(3))
def test_the_hole_of_a_ring_that_was_taken_for_a_disc_gets_a_point(seed: int) -> None:
    picture, disc, inner = ring_picture((40, 70, 150), seed)
    points = hole_points(picture, disc)
    assert points
    assert all(inner[int(y), int(x)] for x, y in points)


def test_a_solid_thing_gets_none() -> None:
    picture, disc, _ = ring_picture((210, 170, 60))
    assert hole_points(picture, disc) == ()
    # A face of its own, like that of a watch, looks like nothing around it.
    picture, disc, _ = ring_picture((240, 240, 240))
    assert hole_points(picture, disc) == ()


def test_a_mask_that_leaves_the_hole_open_needs_none() -> None:
    picture, disc, inner = ring_picture((40, 70, 150))
    assert hole_points(picture, disc & ~inner) == ()


def test_empty_and_whole_masks_have_no_holes() -> None:
    picture, _, _ = ring_picture((40, 70, 150))
    assert hole_points(picture, np.zeros((120, 160), bool)) == ()
    assert hole_points(picture, np.ones((120, 160), bool)) == ()
