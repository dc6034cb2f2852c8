"""Masks from a box in one frame: the thing in the box, whatever stands out more, and nothing beyond the box."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from test_keyframe_masks import COUNT, HEIGHT, OTHER_RGB, WIDTH, Map, Picture, colour, scene, worst_iou

from pvtt_data.errors import InputError
from pvtt_data.masks import iou
from pvtt_data.media import open_media, read_range
from pvtt_data.segmenters.base import Target
from pvtt_data.segmenters.box_prompt import BoxPrompt
from pvtt_data.segmenters.from_box import segment_from_box
from pvtt_data.segmenters.propagate import segment_by_keyframes
from pvtt_data.segmenters.propagation_config import PropagationConfig
from pvtt_data.segmenters.u2net import U2NetSegmenter

CONFIG = PropagationConfig()


@pytest.fixture(autouse=True)
def one_thread() -> None:
    cv2.setNumThreads(1)


class MostSalient:
    """Finds the red thing where one is in the picture, however little of it, else the blue one."""

    def __init__(self) -> None:
        self.runs = 0

    def __call__(self, picture: Picture) -> Map:
        self.runs += 1
        red, blue = colour(picture, 0), colour(picture, 2)
        answer = red if (red > 0.5).sum() > 20 else blue
        if answer.max() < 0.5:
            raise InputError("no-product", "grey")
        return answer


def around(mask: NDArray[np.bool_], frame: int, margin_px: int = 3) -> BoxPrompt:
    """A box around a (H, W) mask as a person draws it, a little too large."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    height, width = mask.shape
    return BoxPrompt(
        frame,
        max(int(columns[0]) - margin_px, 0) / width,
        max(int(rows[0]) - margin_px, 0) / height,
        min(int(columns[-1]) + 1 + margin_px, width) / width,
        min(int(rows[-1]) + 1 + margin_px, height) / height,
    )


def square() -> NDArray[np.bool_]:
    """Where the blue square of `scene` stands, (T, H, W)."""
    mask = np.zeros((COUNT, HEIGHT, WIDTH), np.bool_)
    mask[:, 98:122, 16:48] = True
    return mask


@pytest.mark.parametrize("frame", [0, 11, COUNT - 1])
def test_the_thing_in_the_box_is_followed_though_another_stands_out_more(frame: int) -> None:
    frames, red = scene()
    assert worst_iou(segment_by_keyframes(frames, MostSalient(), CONFIG).masks, red) > 0.9, "without a box"
    found = segment_from_box(frames, MostSalient(), around(square()[frame], frame), CONFIG)
    assert worst_iou(found.masks, square()) > 0.9
    assert not (found.masks & red).any()
    assert found.confidence.min() > 0.8
    assert found.numbers["keyframes_carried"] == 0.0 and found.numbers["prompt_box_iou"] > 0.6
    again = segment_from_box(frames, MostSalient(), around(square()[frame], frame), CONFIG)
    assert np.array_equal(again.masks, found.masks) and again.numbers == found.numbers


@pytest.mark.parametrize("frame", [0, 7, COUNT - 1])
def test_a_moving_thing_is_followed_from_any_frame_to_both_ends(frame: int) -> None:
    frames, red = scene()
    found = segment_from_box(frames, MostSalient(), around(red[frame], frame), CONFIG)
    assert worst_iou(found.masks, red) > 0.9


def test_in_its_frame_nothing_lies_beyond_the_box() -> None:
    frames, red = scene()
    whole = around(red[12], 12, margin_px=0)
    half = BoxPrompt(12, whole.x0, whole.y0, whole.x1, (whole.y0 + whole.y1) / 2)
    found = segment_from_box(frames, MostSalient(), half, CONFIG)
    below = round(half.y1 * HEIGHT) + 1
    assert found.masks[12].any() and not found.masks[12, below:].any()


def test_of_several_looks_the_one_that_shows_the_whole_thing_is_taken() -> None:
    """Seen from near only the lid stands out, as it does to the real network with a bottle."""
    frames = np.repeat(scene()[0][:1], 9, axis=0)
    frames[:, 8:60, 120:150] = OTHER_RGB
    frames[:, 8:18, 120:150] = (220, 20, 20)
    bottle = np.zeros((HEIGHT, WIDTH), np.bool_)
    bottle[8:60, 120:150] = True

    def near_sighted(picture: Picture) -> Map:
        red, blue = colour(picture, 0), colour(picture, 2)
        return red if picture.shape[0] < 90 and (red > 0.5).any() else np.maximum(red, blue)

    found = segment_from_box(frames, near_sighted, around(bottle, 4), CONFIG)
    assert iou(found.masks[4], bottle) > 0.85


def test_an_empty_box_and_one_of_another_clip_are_refused() -> None:
    frames, _ = scene()
    with pytest.raises(InputError) as nothing:
        segment_from_box(frames, MostSalient(), BoxPrompt(3, 0.6, 0.75, 0.9, 0.95), CONFIG)
    assert nothing.value.reason == "no-product"
    with pytest.raises(InputError) as other:
        segment_from_box(frames, MostSalient(), BoxPrompt(COUNT, 0, 0, 1, 1), CONFIG)
    assert other.value.reason == "bad-box"


def test_where_flow_alone_says_where_it_is_the_numbers_and_the_confidence_say_so() -> None:
    frames, _ = scene()
    blue = square()

    class SeesItOnce(MostSalient):
        """Blind once the box has been looked at."""

        def __call__(self, picture: Picture) -> Map:
            if self.runs:
                raise InputError("no-product", "blind")
            return super().__call__(picture)

    found = segment_from_box(frames, SeesItOnce(), around(blue[12], 12), CONFIG)
    assert worst_iou(found.masks, blue) > 0.9, "it stands still, so flow carries it well"
    assert found.numbers["keyframes_carried"] == 2.0
    assert found.confidence[0] == 0.0 and found.confidence[12] > 0.8


def test_a_thing_that_goes_away_is_a_lost_track() -> None:
    frames, red = scene(gone=range(14, COUNT))
    with pytest.raises(InputError) as lost:
        segment_from_box(frames, MostSalient(), around(red[2], 2), CONFIG)
    assert lost.value.reason == "track-lost"


def test_every_run_is_told() -> None:
    frames, _ = scene()
    told: list[tuple[int, int]] = []
    model = MostSalient()
    found = segment_from_box(
        frames, model, around(square()[5], 5), CONFIG, lambda done, planned: told.append((done, planned))
    )
    assert told[-1] == (model.runs, model.runs) and found.numbers["model_runs"] == model.runs
    assert all(done <= planned for done, planned in told)


def test_u2net_takes_a_box_and_still_refuses_words(tmp_path: Path) -> None:
    segmenter = U2NetSegmenter(tmp_path / "absent.onnx")
    with pytest.raises(ValueError, match="cannot be told"):
        segmenter.segment_video(np.zeros((2, 32, 32, 3), np.uint8), Target(("mug",)), box=BoxPrompt(0, 0, 0, 1, 1))


@pytest.mark.slow
def test_a_person_stands_out_and_a_box_says_that_the_mug_is_meant(u2net_path: Path, test_data: Path) -> None:
    media = open_media(test_data / "clips" / "coffee.mp4")
    frames = np.stack(
        [cv2.resize(frame, (640, 360), interpolation=cv2.INTER_AREA) for frame in read_range(media, 96, 105)]
    )
    segmenter = U2NetSegmenter(u2net_path)
    blue = np.stack([frame[..., 2].astype(int) - frame[..., 0] > 90 for frame in frames])
    mug = blue & (np.indices(blue.shape[1:])[1] > 350)
    assert iou(segmenter.segment_image(frames[4]) > 0.5, mug[4]) < 0.2
    found = segmenter.segment_video(frames, box=BoxPrompt(4, 0.57, 0.47, 0.77, 0.78))
    assert worst_iou(found.masks, mug) > 0.85
