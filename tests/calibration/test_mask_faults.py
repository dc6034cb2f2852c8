"""Faults do to a right track what their names say, by the strength that is asked for."""

from __future__ import annotations

from itertools import pairwise

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from pvtt_data.calibration.mask_faults import KINDS, TrackedClip, hand_in_view
from pvtt_data.masks import iou


def texture(height: int, width: int, seed: int) -> NDArray[np.uint8]:
    noise = np.random.default_rng(seed).integers(60, 200, (height, width, 3), dtype=np.uint8)
    return np.asarray(cv2.GaussianBlur(noise, (0, 0), 4), np.uint8)


@pytest.fixture(scope="module")
def clip() -> TrackedClip:
    """A red box and, some way off, a blue one, before a camera that pans; the red one is the product."""
    wide = texture(160, 320, 1)
    wide[50:110, 90:150] = (190, 40, 40)
    wide[60:100, 220:260] = (40, 60, 190)
    product = np.zeros((160, 320), np.bool_)
    product[50:110, 90:150] = True
    lefts = [20 + 2 * t for t in range(11)]
    stranger = np.zeros((40, 30, 4), np.uint8)
    stranger[5:35, 5:25] = (240, 220, 20, 255)
    return TrackedClip(
        np.stack([wide[:, left : left + 260] for left in lefts]),
        np.stack([product[:, left : left + 260] for left in lefts]),
        stranger,
    )


def made(clip: TrackedClip, kind: str, strength: float, seed: int = 3) -> TrackedClip:
    faulty = KINDS[kind].inject(clip, strength, np.random.default_rng(seed))
    assert faulty is not None
    return faulty


@pytest.mark.parametrize("kind", list(KINDS))
def test_the_same_seed_makes_the_same_fault_and_leaves_the_clip_alone(clip: TrackedClip, kind: str) -> None:
    before = clip.frames.copy(), clip.masks.copy()
    one, other = (made(clip, kind, KINDS[kind].setting[0]) for _ in range(2))
    np.testing.assert_array_equal(one.masks, other.masks)
    np.testing.assert_array_equal(one.frames, other.frames)
    np.testing.assert_array_equal(clip.frames, before[0])
    np.testing.assert_array_equal(clip.masks, before[1])
    assert any((a != b).any() for a, b in zip(one.masks, clip.masks, strict=True))


@pytest.mark.parametrize("kind", list(KINDS))
def test_no_strength_both_sets_thresholds_and_is_called_unseen(kind: str) -> None:
    fault = KINDS[kind]
    assert len(set(fault.strengths)) == len(fault.setting) + len(fault.unseen) + len(fault.weak)


def test_a_drifting_mask_begins_right_and_ends_off_by_its_strength(clip: TrackedClip) -> None:
    overlaps = [iou(a, b) for a, b in zip(made(clip, "drift", 0.4).masks, clip.masks, strict=True)]
    assert overlaps[0] == overlaps[1] == 1.0
    assert all(later <= earlier for earlier, later in pairwise(overlaps))
    assert overlaps[-1] == pytest.approx((1 - 0.4) / (1 + 0.4), abs=0.15)
    assert min(iou(a, b) for a, b in zip(made(clip, "drift", 0.1).masks, clip.masks, strict=True)) > 0.75


def test_a_flickering_mask_wobbles_around_the_right_one(clip: TrackedClip) -> None:
    masks = made(clip, "flicker", 0.06).masks
    areas = masks.sum(axis=(1, 2)) / clip.masks.sum(axis=(1, 2))
    assert areas.std() > 0.02 and 0.7 < areas.mean() < 1.3
    assert min(iou(a, b) for a, b in zip(masks, clip.masks, strict=True)) > 0.5


@pytest.mark.parametrize("seed", range(6))
def test_a_lost_mask_is_wrong_in_as_many_frames_as_asked_and_right_in_the_others(clip: TrackedClip, seed: int) -> None:
    masks = made(clip, "lost", 0.25, seed).masks
    wrong = [t for t in range(len(masks)) if iou(masks[t], clip.masks[t]) < 0.5]
    assert len(wrong) == 3 and wrong[-1] - wrong[0] == 2
    assert all((masks[t] == clip.masks[t]).all() for t in range(len(masks)) if t not in wrong)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.startswith("wrong")])
def test_a_wrong_object_is_away_from_the_product_and_moves_with_the_scene(clip: TrackedClip, kind: str) -> None:
    masks = made(clip, kind, 0.4).masks
    assert not any((a & b).any() for a, b in zip(masks, clip.masks, strict=True))
    moved = np.nonzero(masks[-1])[1].mean() - np.nonzero(masks[0])[1].mean()
    assert moved == pytest.approx(-20.0, abs=5.0)
    assert 0.2 < masks[0].sum() / clip.masks[0].sum() < 0.9


def test_a_hand_is_painted_at_the_product_and_taken_along(clip: TrackedClip) -> None:
    faulty = made(clip, "hand included", 0.5)
    added = faulty.masks & ~clip.masks
    assert (faulty.masks | clip.masks == faulty.masks).all()
    assert added[-1].sum() > 0.2 * clip.masks[-1].sum()
    changed = np.abs(faulty.frames.astype(int) - clip.frames).max(axis=3) > 0
    assert changed[added].mean() > 0.9


def test_a_hand_in_view_is_no_fault(clip: TrackedClip) -> None:
    shown = hand_in_view(clip, 0.3, np.random.default_rng(0))
    assert (shown.masks <= clip.masks).all()
    assert (shown.frames != clip.frames).any()
