"""The tracker follows known motion, and says why when it cannot."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from moving_scenes import SIZE, Scene, scene, texture

from pvtt_data.errors import InputError
from pvtt_data.tracking import Track, TrackConfig, apply_transform, scale_of, settle_rotation, track_plane


def _error_px(made: Scene, track: Track) -> float:
    """Largest distance of tracked points on the product from where they really are, over all frames."""
    points = np.array([[10.0, 16.0], [38.0, 16.0], [38.0, 50.0], [10.0, 50.0], [24.0, 32.0]])
    at_key = apply_transform(made.product_moves[track.keyframe], points)
    worst = 0.0
    for tracked, true in zip(track.transforms, made.product_moves, strict=True):
        worst = max(
            worst, float(np.linalg.norm(apply_transform(tracked, at_key) - apply_transform(true, points), axis=1).max())
        )
    return worst


@pytest.mark.parametrize("with_the_ground", [True, False])
def test_known_zoom_turn_and_shift_are_followed(with_the_ground: bool) -> None:
    made = scene(count=21, with_the_ground=with_the_ground)
    track = track_plane(made.frames, made.masks)
    assert track.model == "similarity"
    assert _error_px(made, track) < 1.5
    assert track.inlier_ratio.min() > 0.8
    assert np.allclose(track.transforms[track.keyframe], np.eye(3))


def test_handheld_shake_is_kept() -> None:
    height, width = SIZE
    ground = texture(2 * height, 2 * width, 5, (120, 120, 120))
    shake = 4.0 * np.random.default_rng(3).standard_normal((15, 2))
    frames, masks = [], []
    for x, y in shake:
        move = np.array([[1.0, 0.0, x - 60], [0.0, 1.0, y - 40]])
        frames.append(cv2.warpAffine(ground, move, (width, height)))
        mask = np.zeros((height, width), np.uint8)
        mask[40:120, 70:170] = 1
        masks.append(cv2.warpAffine(mask, np.array([[1.0, 0.0, x], [0.0, 1.0, y]]), (width, height)) > 0)
    track = track_plane(np.stack(frames), np.stack(masks))
    tracked = track.transforms[:, :2, 2]
    assert np.abs(tracked - (shake - shake[track.keyframe])).max() < 1.5


def test_a_tilting_plane_gets_a_homography() -> None:
    height, width = SIZE
    label = texture(height, width, 8, (128, 128, 128))
    corners = np.array([[70, 30], [170, 30], [170, 130], [70, 130]], np.float32)
    frames, masks = [], []
    for t in range(13):
        lean = 2.2 * (t - 6)
        end = corners + np.array([[lean, lean / 2], [-lean, lean / 2], [lean, 0], [-lean, 0]], np.float32)
        move = cv2.getPerspectiveTransform(corners, end)
        frames.append(cv2.warpPerspective(label, move, (width, height), borderMode=cv2.BORDER_REFLECT))
        inside = np.zeros((height, width), np.uint8)
        inside[32:128, 72:168] = 1
        masks.append(cv2.warpPerspective(inside, move, (width, height)) > 0)
    track = track_plane(np.stack(frames), np.stack(masks), keyframe=6)
    assert track.model == "homography"
    moved = apply_transform(track.transforms[0], corners.astype(np.float64))
    expected = corners + np.array([[-13.2, -6.6], [13.2, -6.6], [-13.2, 0], [13.2, 0]])
    assert np.abs(moved - expected).max() < 1.5


def test_a_product_without_texture_is_followed_by_its_mask() -> None:
    made = scene(product=np.full((64, 48, 3), (200, 40, 40), np.uint8))
    track = track_plane(made.frames, made.masks)
    assert track.model == "mask"
    assert track.numbers()["track_degrees"] == 3.0
    ratio = scale_of(track.transforms[-1], np.zeros(2)) / scale_of(track.transforms[0], np.zeros(2))
    assert ratio == pytest.approx(1.012**10, abs=0.02)


def test_without_texture_and_with_a_flickering_mask_there_is_no_track() -> None:
    made = scene(product=np.full((64, 48, 3), (200, 40, 40), np.uint8))
    masks = made.masks.copy()
    for index in range(0, len(masks), 2):
        masks[index] = cv2.dilate(masks[index].astype(np.uint8), np.ones((9, 9), np.uint8)).astype(bool)
    frames = np.where(masks[..., None], np.uint8(90), np.uint8(100)).repeat(3, axis=3)
    with pytest.raises(InputError) as caught:
        track_plane(frames, masks)
    assert caught.value.reason == "untrackable-unsteady-mask"
    assert caught.value.numbers["mask_jitter"] > caught.value.numbers["max_mask_jitter"]


def test_blank_frames_have_too_few_features() -> None:
    frames = np.full((8, *SIZE, 3), 128, np.uint8)
    masks = np.zeros((8, *SIZE), np.bool_)
    masks[:, 40:120, 80:160] = True
    with pytest.raises(InputError) as caught:
        track_plane(frames, masks, TrackConfig(mask_fallback=False))
    assert caught.value.reason == "untrackable-too-few-features"
    assert caught.value.numbers["features"] == 0


def test_a_cut_is_untrackable() -> None:
    made = scene(count=12)
    frames = made.frames.copy()
    frames[6:] = texture(*SIZE, 77, (90, 60, 160))
    with pytest.raises(InputError) as caught:
        track_plane(frames, made.masks, TrackConfig(mask_fallback=False))
    assert caught.value.reason in {"untrackable-low-inliers", "untrackable-too-few-features"}
    assert caught.value.numbers["frame"] in (5, 6)


def test_a_jump_in_scale_is_named() -> None:
    made = scene(count=8, zoom=1.16, step=(0.0, 0.0), turn=0.0)
    with pytest.raises(InputError) as caught:
        track_plane(made.frames, made.masks, TrackConfig(max_step_scale=1.1))
    assert caught.value.reason == "untrackable-scale-jump"


def test_an_empty_mask_is_named_with_its_frame() -> None:
    made = scene(count=6)
    masks = made.masks.copy()
    masks[4] = False
    with pytest.raises(InputError) as caught:
        track_plane(made.frames, masks)
    assert caught.value.reason == "untrackable-no-region"
    assert caught.value.numbers == {"frame": 4.0}


def test_features_that_leave_the_region_are_drift() -> None:
    made = scene(count=11, step=(6.0, 0.0))
    masks = np.repeat(made.masks[5:6], len(made.masks), axis=0)
    masks[0], masks[-1] = np.roll(masks[0], 40, axis=1), np.roll(masks[-1], -40, axis=1)
    with pytest.raises(InputError) as caught:
        track_plane(made.frames, masks)
    assert caught.value.reason.startswith("untrackable-")


def test_rotation_is_kept_only_if_the_outline_turns_too() -> None:
    turning = scene(count=15, kind="bottle", turn=0.05, step=(0.0, 0.0), zoom=1.0)
    track = track_plane(turning.frames, turning.masks)
    assert settle_rotation(track, turning.masks)[1] == 1.0
    upright = scene(count=15, kind="bottle", turn=0.0, step=(0.0, 0.0), zoom=1.0)
    settled, kept = settle_rotation(track, upright.masks)
    assert kept == 0.0
    assert np.abs(settled.transforms[:, 1, 0]).max() < 1e-9


def test_equal_inputs_give_equal_tracks() -> None:
    made = scene()
    first, second = track_plane(made.frames, made.masks), track_plane(made.frames, made.masks)
    assert np.array_equal(first.transforms, second.transforms)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["car-shadow", "scooter-black"])
def test_real_vehicles_with_true_masks_are_followed(test_data: Path, name: str) -> None:
    """The tracked outline of the keyframe covers the true mask of every frame, as far as a turning body can."""
    pictures = sorted((test_data / "davis" / name / "frames").glob("*.jpg"))
    labels = sorted((test_data / "davis" / name / "masks").glob("*.png"))
    frames = np.stack([cv2.imread(str(path))[:, :, ::-1] for path in pictures])
    masks = np.stack([cv2.imread(str(path), cv2.IMREAD_GRAYSCALE) > 127 for path in labels])
    track = track_plane(frames, masks)
    size = (masks.shape[2], masks.shape[1])
    outline = masks[track.keyframe].astype(np.uint8)
    overlaps = []
    for transform, mask in zip(track.transforms, masks, strict=True):
        moved = cv2.warpPerspective(outline, transform, size) > 0
        overlaps.append((moved & mask).sum() / (moved | mask).sum())
    assert np.median(overlaps) > 0.75
    assert min(overlaps) > 0.5


def _sheared(steps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A square print that shears about its middle by ``steps`` (T,), with its masks."""
    height, width = SIZE
    label, middle = texture(height, width, 8, (128, 128, 128)), np.array([120.0, 80.0])
    frames, masks = [], []
    for shear in steps:
        move = np.array([[1.0, shear, 0.0], [0.0, 1.0, 0.0]])
        move[:, 2] = middle - move[:, :2] @ middle
        square = np.zeros((height, width), np.uint8)
        square[30:130, 70:170] = 1
        inside = cv2.warpAffine(square, move, (width, height)) > 0
        ground = texture(height, width, 2, (150, 120, 90))
        frames.append(np.where(inside[:, :, None], cv2.warpAffine(label, move, (width, height)), ground))
        masks.append(inside)
    return np.stack(frames), np.stack(masks)


def test_a_region_that_no_similarity_follows_gets_a_richer_model() -> None:
    frames, masks = _sheared(0.12 * (np.arange(7) - 3))
    track = track_plane(frames, masks, keyframe=3)
    assert track.model == "affine"
    assert abs(track.transforms[6][0, 1] - 0.36) < 0.03
    with pytest.raises(InputError) as caught:
        track_plane(frames, masks, TrackConfig(models=("similarity",), mask_fallback=False), keyframe=3)
    assert caught.value.reason == "untrackable-low-inliers"


def test_a_mirror_is_followed_by_its_outline() -> None:
    """What it shows goes its own way, but the outline is steady."""
    made = scene(count=15, turn=0.0, zoom=1.0)
    frames = made.frames.copy()
    image = texture(*SIZE, 31, (128, 128, 128))
    for index, mask in enumerate(made.masks):
        middle = np.argwhere(mask).mean(axis=0)
        y, x = np.mgrid[: SIZE[0], : SIZE[1]]
        outwards = (y < middle[0]) == (x < middle[1])
        shown = np.where(outwards[:, :, None], np.roll(image, 4 * index, 1), np.roll(image, -4 * index, 1))
        frames[index][mask] = shown[mask]
    track = track_plane(frames, made.masks, TrackConfig(min_inlier_ratio=0.9))
    assert track.model == "mask"
    assert _error_px(made, track) < 3.0


def test_what_stands_shears_only_where_outlines_say_so() -> None:
    frames, masks = _sheared(0.07 * (np.arange(7) - 3))
    track = track_plane(frames, masks, TrackConfig(models=("affine",)), keyframe=3)
    flat, _ = settle_rotation(track, masks)
    assert flat.model == "affine", "a label that leans with its outline is flat"
    upright = np.stack([masks[3]] * 7)
    standing, kept = settle_rotation(track, upright)
    assert standing.model == "similarity"
    assert kept == 0.0
    assert np.abs(standing.transforms[:, 0, 1]).max() < 0.02


def test_what_stands_in_place_of_a_leaning_region_stays_in_its_middle() -> None:
    frames, masks = _sheared(0.02 * (np.arange(25) - 12))
    moved = np.stack([np.roll(mask, index - 12, axis=1) for index, mask in enumerate(masks)])
    track = track_plane(frames, masks, TrackConfig(models=("affine",)), keyframe=12)
    standing, _ = settle_rotation(track, moved)
    assert standing.model == "similarity"
    middle = np.argwhere(moved[12]).mean(axis=0)[::-1]
    for move, mask in zip(standing.transforms, moved, strict=True):
        there = apply_transform(move, middle[None])[0]
        assert abs(there[0] - np.argwhere(mask).mean(axis=0)[1]) < 4.5
