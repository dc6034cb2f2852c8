"""Which boxes are the product: weight, likeness over time, several instances, and when it is not there."""

from __future__ import annotations

import numpy as np
import pytest
from disc_world import box, disc_clip, green_disc
from hypothesis import given
from hypothesis import strategies as st

from pvtt_data.errors import InputError
from pvtt_data.segmenters.base import Target
from pvtt_data.segmenters.grounded.choose import choose_product
from pvtt_data.segmenters.grounded.detection import Detection, box_iou, detections_of, suppress_overlaps
from pvtt_data.segmenters.grounded.settings import FindSettings

KEYS = (0, 8, 16, 23)
FIND = FindSettings()
DISC = Target(("red disc", "disc"))


def found_red(masks, score=0.5, keys=KEYS) -> dict[int, list[Detection]]:
    return {t: [Detection(box(masks[t]), score, "disc")] if t in keys else [] for t in KEYS}


def test_the_thing_that_is_there_all_the_time_beats_a_better_box_of_one_frame() -> None:
    frames, masks = disc_clip()
    found = found_red(masks)
    found[8].append(Detection((0.0, 0.0, 80.0, 12.0), 0.9, "red disc"))
    choice = choose_product(frames, found, DISC, FIND)
    assert [dict(chain.boxes) for chain in choice.chains] == [{t: box(masks[t]) for t in KEYS}]
    assert choice.phrase == "disc"
    assert choice.numbers["detector_score"] == 0.5
    assert choice.numbers["detector_keyframe_share"] == 1.0


def test_a_keyframe_without_a_box_is_passed_over() -> None:
    frames, masks = disc_clip()
    choice = choose_product(frames, found_red(masks, keys=(0, 16, 23)), DISC, FIND)
    assert sorted(choice.chains[0].boxes) == [0, 16, 23]
    assert choice.numbers["detector_keyframe_share"] == 0.75


def test_a_product_seen_too_seldom_is_no_product() -> None:
    frames, masks = disc_clip()
    with pytest.raises(InputError) as refused:
        choose_product(frames, found_red(masks, keys=(8,)), DISC, FIND)
    assert refused.value.reason == "no-product"
    assert refused.value.numbers["keyframes_with_product"] == 1.0
    with pytest.raises(InputError, match="0 of 4"):
        choose_product(frames, found_red(masks, keys=()), DISC, FIND)


def test_two_instances_are_taken_where_two_are_wanted_and_named_where_one_is() -> None:
    frames, masks = disc_clip()
    other = green_disc()
    found = found_red(masks)
    for t in KEYS:
        found[t].append(Detection(box(other), 0.45, "disc"))
    pair = choose_product(frames, found, Target(("earring",), instances=2), FIND)
    assert len(pair.chains) == 2
    assert set(pair.chains[1].boxes.values()) == {box(other)}
    single = choose_product(frames, found, DISC, FIND)
    assert len(single.chains) == 1
    assert single.numbers["detector_runner_up"] > 0.7
    alone = choose_product(frames, found_red(masks), DISC, FIND)
    assert alone.numbers["detector_runner_up"] == 0.0


def test_a_thing_of_quite_another_size_is_no_second_instance() -> None:
    frames, masks = disc_clip()
    found = found_red(masks)
    for t in KEYS:
        found[t].append(Detection((0.0, 0.0, 70.0, 50.0), 0.5, "disc"))
    choice = choose_product(frames, found, Target(("earring",), instances=2, area_share=(0.001, 0.9)), FIND)
    assert len(choice.chains) == 1


def test_an_unusual_size_weighs_less() -> None:
    frames, masks = disc_clip()
    whole = (0.0, 0.0, 80.0, 60.0)
    found = {t: [Detection(whole, 0.6, "disc"), *one] for t, one in found_red(masks).items()}
    small = choose_product(frames, found, Target(("disc",), area_share=(0.001, 0.1)), FIND)
    assert small.chains[0].boxes[0] == box(masks[0])
    large = choose_product(frames, found, Target(("disc",), area_share=(0.5, 1.0)), FIND)
    assert large.chains[0].boxes[0] == whole


BOXES = st.tuples(st.floats(0, 50), st.floats(0, 50), st.floats(1, 40), st.floats(1, 40)).map(
    lambda v: (v[0], v[1], v[0] + v[2], v[1] + v[3])
)


@given(st.lists(st.tuples(BOXES, st.floats(0.01, 1)), max_size=12), st.floats(0.1, 0.9))
def test_what_suppression_keeps_does_not_overlap_and_covers_what_it_drops(drawn, most: float) -> None:
    found = [Detection(b, s, "x") for b, s in drawn]
    kept = suppress_overlaps(found, most)
    for n, one in enumerate(kept):
        assert all(box_iou(one.box, other.box) <= most for other in kept[:n])
    for dropped in found:
        assert dropped in kept or any(box_iou(dropped.box, k.box) > most and k.score >= dropped.score for k in kept)


@given(BOXES, BOXES)
def test_iou_is_symmetric_and_one_for_equals(one, other) -> None:
    assert box_iou(one, other) == pytest.approx(box_iou(other, one))
    assert box_iou(one, one) == pytest.approx(1.0)
    assert 0.0 <= box_iou(one, other) <= 1.0


def test_boxes_are_cut_at_the_picture_and_named_by_their_best_phrase() -> None:
    boxes = np.array([[-5.0, -5.0, 30.0, 20.0], [200.0, 0.0, 220.0, 10.0], [1.0, 1.0, 9.0, 9.0]])
    scores = np.array([[0.2, 0.7], [0.9, 0.1], [0.1, 0.2]])
    found = detections_of(boxes, scores, ("cup", "mug"), (60, 80), 0.3)
    assert found == [Detection((0.0, 0.0, 30.0, 20.0), 0.7, "mug")]
