"""Masks from keyframes on made clips: the product stays the product, whatever single keyframes say."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from pvtt_data.errors import InputError
from pvtt_data.masks import component_areas, iou
from pvtt_data.segmenters.propagate import keyframe_indices, segment_by_keyframes
from pvtt_data.segmenters.propagation_config import PropagationConfig

HEIGHT, WIDTH, COUNT = 128, 192, 25
PRODUCT_RGB, OTHER_RGB, HAND_RGB = (200, 40, 40), (40, 60, 200), (40, 200, 60)

Picture = NDArray[np.uint8]
Map = NDArray[np.float32]


def ground() -> Picture:
    noise = np.random.default_rng(3).integers(0, 256, (HEIGHT, WIDTH), dtype=np.uint8)
    grey = cv2.GaussianBlur(noise, (0, 0), 2).astype(np.float32)
    return np.repeat(np.clip((grey - 127.5) * 3 + 127.5, 90, 165)[..., None], 3, axis=2).astype(np.uint8)


def textured(picture: Picture, mask: NDArray[np.bool_], rgb: tuple[int, int, int], dx: int) -> None:
    """Paint a shape with bright stripes that move along with it."""
    rows, columns = np.nonzero(mask)
    stripes = 12 * np.sin((columns - dx) * 0.7) + 12 * np.sin(rows * 0.5)
    picture[mask] = np.clip(np.array(rgb) + stripes[:, None], 0, 255).astype(np.uint8)


def scene(with_hand_from: int | None = None, gone: range = range(0)) -> tuple[Picture, NDArray[np.bool_]]:
    """A red product moves right above a still blue square; a green hand may come in from the right."""
    frames, masks = np.repeat(ground()[None], COUNT, axis=0), np.zeros((COUNT, HEIGHT, WIDTH), np.bool_)
    for t in range(COUNT):
        x = 50 + 2 * t
        product, other = np.zeros((2, HEIGHT, WIDTH), np.uint8)
        cv2.ellipse(product, (x, 58), (20, 26), 0, 0, 360, 1, -1)
        other[98:122, 16:48] = 1
        textured(frames[t], other > 0, OTHER_RGB, 0)
        if t not in gone:
            masks[t] = product > 0
            textured(frames[t], masks[t], PRODUCT_RGB, 2 * t)
        if with_hand_from is not None and t >= with_hand_from:
            hand = np.zeros((HEIGHT, WIDTH), np.uint8)
            cv2.rectangle(hand, (max(165 - 2 * (t - with_hand_from), 150), 4), (WIDTH, 26), 1, -1)
            textured(frames[t], hand > 0, HAND_RGB, -2 * t)
    return frames, masks


def colour(picture: Picture, channel: int) -> Map:
    values = picture.astype(np.float32)
    others = np.delete(values, channel, axis=2).max(axis=2)
    soft = cv2.GaussianBlur((values[..., channel] > others + 60).astype(np.float32), (0, 0), 1.5)
    return np.asarray(soft, np.float32)


class FakeModel:
    """Finds red things with a little noise; may be told to err on some whole frames, counted from 0."""

    def __init__(
        self,
        also_green: bool = False,
        jumps_at: frozenset[int] = frozenset(),
        blind_at: frozenset[int] = frozenset(),
        deviation: float = 0.05,
    ) -> None:
        self.also_green, self.jumps_at, self.blind_at = also_green, jumps_at, blind_at
        self.whole_frames = self.runs = 0
        self.noise, self.deviation = np.random.default_rng(5), deviation

    def __call__(self, picture: Picture) -> Map:
        self.runs += 1
        channel = 0
        if picture.shape[:2] == (HEIGHT, WIDTH):
            number, self.whole_frames = self.whole_frames, self.whole_frames + 1
            if number in self.blind_at:
                raise InputError("no-product", "blind")
            channel = 2 if number in self.jumps_at else 0
        answer = colour(picture, channel)
        if self.also_green:
            answer = np.maximum(answer, colour(picture, 1))
        if answer.max() < 0.5:
            raise InputError("no-product", "nothing red")
        noisy = answer + self.noise.normal(0, self.deviation, answer.shape)
        return np.clip(noisy, 0, 1).astype(np.float32)


def worst_iou(found: NDArray[np.bool_], true: NDArray[np.bool_]) -> float:
    return min(iou(a, b) for a, b in zip(found, true, strict=True))


@pytest.fixture(autouse=True)
def one_thread() -> None:
    cv2.setNumThreads(1)


def test_masks_follow_the_product_between_keyframes() -> None:
    frames, true = scene()
    model = FakeModel()
    found = segment_by_keyframes(frames, model, PropagationConfig())
    assert found.masks.shape == true.shape and found.masks.dtype == np.bool_
    assert worst_iou(found.masks, true) > 0.93
    assert found.confidence.shape == (COUNT,) and found.confidence.min() > 0.8
    assert model.runs == found.numbers["model_runs"] <= COUNT // 2
    assert found.numbers["keyframes_accepted"] == found.numbers["keyframes"]
    assert found.numbers["keyframe_gap_max"] == 0


@pytest.mark.parametrize("number", [0, 2, 3])
def test_a_keyframe_that_jumps_to_another_object_does_not_take_over(number: int) -> None:
    frames, true = scene()
    config = PropagationConfig(find_every=8)
    found = segment_by_keyframes(frames, FakeModel(jumps_at=frozenset({number})), config)
    assert worst_iou(found.masks, true) > 0.9
    assert not (found.masks[:, 95:] & ~true[:, 95:]).any()


def test_one_keyframe_that_jumps_and_one_that_sees_nothing_are_bridged() -> None:
    frames, true = scene()
    model = FakeModel(jumps_at=frozenset({1}), blind_at=frozenset({3}))
    found = segment_by_keyframes(frames, model, PropagationConfig(find_every=6, refine_every=6))
    assert worst_iou(found.masks, true) > 0.9


def test_a_hand_that_comes_in_is_not_the_product() -> None:
    frames, true = scene(with_hand_from=9)
    found = segment_by_keyframes(frames, FakeModel(also_green=True), PropagationConfig(find_every=8))
    assert worst_iou(found.masks, true) > 0.9
    assert all(len(component_areas(mask)) == 1 for mask in found.masks)


def test_a_product_absent_from_most_of_the_clip_is_no_product() -> None:
    frames, _ = scene(gone=range(9, COUNT))
    with pytest.raises(InputError) as error:
        segment_by_keyframes(frames, FakeModel(), PropagationConfig(find_every=8))
    assert error.value.reason == "no-product"


def test_a_product_that_goes_away_is_a_lost_track_not_a_padded_mask() -> None:
    frames, _ = scene(gone=range(18, COUNT))
    with pytest.raises(InputError) as error:
        segment_by_keyframes(frames, FakeModel(), PropagationConfig(find_every=3, refine_every=3))
    assert error.value.reason == "track-lost"
    assert error.value.numbers["keyframe_gap_max"] > 6


def test_a_product_that_is_away_between_keyframes_is_missed() -> None:
    frames, _ = scene(gone=range(8, 18))
    with pytest.raises(InputError) as error:
        segment_by_keyframes(frames, FakeModel(), PropagationConfig())
    assert error.value.reason == "track-lost"


def test_keyframes_that_show_different_things_are_a_lost_track() -> None:
    frames, _ = scene()
    model = FakeModel(jumps_at=frozenset({1, 3}))
    with pytest.raises(InputError) as error:
        segment_by_keyframes(frames, model, PropagationConfig(find_every=6, refine_every=6, min_accepted_share=0.8))
    assert error.value.reason == "track-lost"
    assert error.value.numbers["keyframes_agreeing"] < 0.8 * error.value.numbers["keyframes_with_product"]


def blind(picture: Picture) -> Map:
    raise InputError("no-product", "nothing stands out")


def everything(picture: Picture) -> Map:
    return np.ones(picture.shape[:2], np.float32)


def nothing(picture: Picture) -> Map:
    return np.zeros(picture.shape[:2], np.float32)


@pytest.mark.parametrize("model", [blind, everything, nothing])
def test_a_clip_in_which_nothing_or_everything_stands_out_has_no_product(model: Callable[[Picture], Map]) -> None:
    with pytest.raises(InputError) as error:
        segment_by_keyframes(scene()[0], model, PropagationConfig())
    assert error.value.reason == "no-product"
    assert error.value.numbers == {"keyframes_with_product": 0.0, "keyframes": 3.0}


@pytest.mark.parametrize("count", [1, 2, 9])
def test_short_clips_work(count: int) -> None:
    frames, true = scene()
    found = segment_by_keyframes(frames[:count], FakeModel(), PropagationConfig())
    assert worst_iou(found.masks, true[:count]) > 0.93


def test_the_same_input_gives_the_same_masks() -> None:
    frames, _ = scene()
    first, second = (segment_by_keyframes(frames, FakeModel(), PropagationConfig()) for _ in range(2))
    assert first.masks.tobytes() == second.masks.tobytes()
    assert first.confidence.tobytes() == second.confidence.tobytes()
    assert first.numbers == second.numbers


def test_progress_counts_every_run_of_the_model() -> None:
    told: list[tuple[int, int]] = []
    frames, _ = scene()
    segment_by_keyframes(frames, FakeModel(), PropagationConfig(), lambda done, planned: told.append((done, planned)))
    assert [done for done, _ in told] == list(range(1, len(told) + 1))
    assert all(done <= planned for done, planned in told) and told[-1] == (len(told), len(told))


def test_a_still_clip_takes_two_closer_looks_and_one_that_changes_takes_more() -> None:
    still = FakeModel(deviation=0.0)
    frames, _ = scene()
    found = segment_by_keyframes(np.repeat(frames[:1], COUNT, axis=0), still, PropagationConfig())
    # Two whole frames, two cut-outs of these, and one that asks whether what was found is whole.
    assert still.runs == 5 and found.numbers["keyframes"] == 2
    passed = scene()[0]
    passed[12:] = passed[:13]
    jumping = FakeModel(deviation=0.0)
    found = segment_by_keyframes(passed, jumping, PropagationConfig())
    assert jumping.runs > 4 and found.numbers["keyframes"] > 2


def test_what_is_far_from_the_product_does_not_change_its_mask() -> None:
    frames, _ = scene()
    marked = frames.copy()
    marked[:, :, 170:, 2] = 255 - marked[:, :, 170:, 2]
    first, second = (segment_by_keyframes(clip, FakeModel(), PropagationConfig()) for clip in (frames, marked))
    assert worst_iou(first.masks, second.masks) > 0.99


@pytest.mark.parametrize(("count", "every"), [(1, 8), (2, 8), (9, 8), (49, 8), (50, 8), (121, 16), (5, 1)])
def test_keyframes_have_both_ends_and_no_wider_gap(count: int, every: int) -> None:
    indices = keyframe_indices(count, every)
    assert indices[0] == 0 and indices[-1] == count - 1
    assert max(np.diff(indices), default=0) <= every


@pytest.mark.parametrize(("count", "every"), [(0, 8), (5, 0)])
def test_no_frames_have_no_keyframes(count: int, every: int) -> None:
    with pytest.raises(ValueError, match="no keyframes"):
        keyframe_indices(count, every)
