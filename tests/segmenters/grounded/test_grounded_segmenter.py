"""Grounded SAM 2 as a whole, with a detector and a tracker that know the truth."""

from __future__ import annotations

import numpy as np
import pytest
from disc_world import FakeDetector, FakeTracker, box, disc_clip, green_disc

from pvtt_data.errors import InputError
from pvtt_data.segmenters.base import Job, Segmentation, Segmenter, Target
from pvtt_data.segmenters.box_prompt import BoxPrompt
from pvtt_data.segmenters.grounded.segmenter import GroundedSegmenter
from pvtt_data.segmenters.grounded.settings import VERSION, FindSettings, FollowSettings

DISC = Target(("red disc",))


def segmenter(detector=None, tracker=None, **following) -> GroundedSegmenter:
    return GroundedSegmenter(
        detector or FakeDetector(), tracker or FakeTracker(), {}, FindSettings(every=8), FollowSettings(**following)
    )


def test_it_is_a_segmenter_that_must_be_told_what_to_look_for() -> None:
    made: Segmenter = segmenter()
    assert made.takes_target
    assert made.version == VERSION, "what cache keys hold"
    frames, _ = disc_clip(4)
    with pytest.raises(ValueError, match="must be told"):
        made.segment_video(frames)
    with pytest.raises(ValueError, match="must be told"):
        made.segment_image(frames[0])


def test_a_clip_gets_masks_confidence_and_the_figures_that_doubt_needs() -> None:
    frames, masks = disc_clip()
    detector = FakeDetector()
    found = segmenter(detector).segment_video(frames, DISC)
    assert np.array_equal(found.masks, masks)
    assert found.confidence.shape == (24,)
    assert found.confidence.min() == pytest.approx(0.95)
    assert detector.asked == [("red disc",)]
    assert found.numbers["pass_agreement_min"] == 1.0
    assert found.numbers["detector_box_iou_min"] == 1.0
    assert found.numbers["detector_score"] == pytest.approx(0.6)
    assert found.numbers["reprompts"] == 0.0


def test_a_drift_lowers_confidence_where_it_happened() -> None:
    frames, _ = disc_clip()
    tracker = FakeTracker(slips_when=frames[10], sure=0.95)
    found = segmenter(tracker=tracker, max_reprompts=0).segment_video(frames, DISC)
    assert found.confidence.min() == 0.0
    assert found.numbers["pass_agreement_min"] == 0.0
    assert found.numbers["detector_box_iou_min"] < 0.5


def test_prompting_again_mends_a_drift() -> None:
    frames, masks = disc_clip()
    tracker = FakeTracker(slips_when=frames[10], sure=0.3)
    found = segmenter(tracker=tracker).segment_video(frames, DISC)
    wrong = [t for t in range(24) if not np.array_equal(found.masks[t], masks[t])]
    assert found.numbers["reprompts"] >= 1.0
    assert wrong in ([], [10])


def test_a_pair_is_one_mask_with_two_parts() -> None:
    frames, masks = disc_clip()
    pair = segmenter(FakeDetector(green_score=0.5)).segment_video(frames, Target(("earring",), instances=2))
    assert np.array_equal(pair.masks, masks | green_disc())
    assert pair.numbers["instances"] == 2.0


def test_a_clip_without_the_product_and_one_in_which_it_leaves_are_rejected() -> None:
    frames, _ = disc_clip()
    with pytest.raises(InputError) as nothing:
        segmenter(FakeDetector(blind=frames)).segment_video(frames, DISC)
    assert nothing.value.reason == "no-product"
    gone = frames.copy()
    gone[20:] = 120
    with pytest.raises(InputError) as lost:
        segmenter().segment_video(gone, DISC)
    assert lost.value.reason == "track-lost"
    assert lost.value.numbers["frames_without_mask"] == 4.0


def test_clips_that_are_worked_on_together_come_out_as_they_do_alone() -> None:
    frames, masks = disc_clip()
    short, short_masks = disc_clip(9)
    jobs = [Job(frames, DISC), Job(np.full_like(short, 120), DISC), Job(short, DISC)]
    together = segmenter().segment_videos(jobs)
    assert isinstance(together[0], Segmentation)
    assert isinstance(together[1], InputError)
    assert isinstance(together[2], Segmentation)
    assert np.array_equal(together[0].masks, masks)
    assert np.array_equal(together[2].masks, short_masks)
    assert together[0].numbers == segmenter().segment_video(frames, DISC).numbers


def test_a_fault_of_a_model_is_no_rejection() -> None:
    class Broken(FakeTracker):
        def embed(self, frames):
            raise RuntimeError("out of memory")

    frames, _ = disc_clip(4)
    with pytest.raises(RuntimeError, match="out of memory"):
        segmenter(tracker=Broken()).segment_videos([Job(frames, DISC)])


def test_progress_ends_at_what_was_planned() -> None:
    frames, _ = disc_clip()
    told: list[tuple[int, int]] = []
    segmenter().segment_video(frames, DISC, lambda done, total: told.append((done, total)))
    assert told[-1][0] == told[-1][1]
    assert [done for done, _ in told] == sorted(done for done, _ in told)


def test_a_picture_gets_probabilities() -> None:
    frames, masks = disc_clip()
    probability = segmenter().segment_image(frames[3], DISC)
    assert probability.dtype == np.float32
    assert np.array_equal(probability > 0.5, masks[3])
    with pytest.raises(InputError):
        segmenter().segment_image(np.full((40, 50, 3), 120, np.uint8), DISC)


@pytest.mark.parametrize("prompt", ["teapot.", "Teapot .", " teapot"])
def test_a_prompt_in_the_detectors_notation_becomes_phrases(prompt: str) -> None:
    assert Target.of_prompt(prompt) == Target(("teapot",))


def test_several_phrases_and_none() -> None:
    assert Target.of_prompt("Gold  bracelet. bracelet. gold bracelet.").phrases == ("gold bracelet", "bracelet")
    with pytest.raises(ValueError, match="nothing to look for"):
        Target.of_prompt(" . ")


def box_around(mask: np.ndarray, frame: int) -> BoxPrompt:
    left, top, right, bottom = box(mask)
    height, width = mask.shape
    return BoxPrompt(frame, left / width, top / height, right / width, bottom / height)


@pytest.mark.parametrize("frame", [0, 9, 23])
def test_a_box_alone_is_where_the_tracker_begins_and_nobody_asks_the_detector(frame: int) -> None:
    frames, _ = disc_clip()
    detector, tracker = FakeDetector(), FakeTracker()
    drawn = box_around(green_disc(), frame)
    found = segmenter(detector, tracker).segment_video(frames, box=drawn)
    # The red disc hides some of the green one as it passes.
    assert all(np.array_equal(mask, seen[..., 1] > 180) for mask, seen in zip(found.masks, frames, strict=True))
    assert detector.asked == []
    assert tracker.lanes[0][0] == frame
    assert found.numbers["prompt_box_iou"] == 1.0
    assert not [name for name in found.numbers if name.startswith("detector")]
    (same,) = segmenter().segment_videos([Job(frames, Target((), holed=True), drawn)])
    assert isinstance(same, Segmentation) and np.array_equal(same.masks, found.masks)


def test_a_box_outweighs_what_the_words_find_better_elsewhere() -> None:
    frames, _ = disc_clip()
    detector = FakeDetector(red_score=0.9, green_score=0.3)
    drawn = box_around(green_disc(), 9)
    found = segmenter(detector).segment_video(frames, DISC, box=drawn)
    assert all(np.array_equal(mask, seen[..., 1] > 180) for mask, seen in zip(found.masks, frames, strict=True))
    assert detector.asked == [("red disc",)], "words find the further keyframes of the same thing"
    assert found.numbers["detector_score"] == pytest.approx(0.3)
    assert found.numbers["detector_keyframe_share"] == 1.0
    assert found.numbers["detector_box_iou_min"] == 1.0
    nowhere = segmenter(FakeDetector(blind=frames)).segment_video(frames, DISC, box=drawn)
    assert np.array_equal(nowhere.masks, found.masks) and nowhere.numbers["detector_keyframe_share"] == 0.0


def test_a_loose_box_is_not_doubted_and_a_drift_from_it_is_mended_where_words_help() -> None:
    frames, masks = disc_clip()
    left, top, right, bottom = box(masks[4])
    loose = BoxPrompt(4, max(left - 8, 0) / 80, max(top - 8, 0) / 60, (right + 8) / 80, (bottom + 8) / 60)
    alone = segmenter().segment_video(frames, box=loose)
    assert np.array_equal(alone.masks, masks) and alone.numbers["reprompts"] == 0.0
    assert alone.numbers["prompt_box_iou"] < 0.5
    slips = FakeTracker(slips_when=frames[10], sure=0.3)
    with_words = segmenter(tracker=slips).segment_video(frames, DISC, box=loose)
    assert with_words.numbers["reprompts"] >= 1.0
    assert [t for t in range(24) if not np.array_equal(with_words.masks[t], masks[t])] in ([], [10])


def test_a_box_begins_in_its_own_window_and_reaches_all_others() -> None:
    frames, masks = disc_clip()
    found = segmenter(window=8, overlap=2).segment_video(frames, box=box_around(masks[13], 13))
    assert np.array_equal(found.masks, masks)
    near = segmenter(close_look="always").segment_video(frames, box=box_around(masks[13], 13))
    assert np.array_equal(near.masks, masks) and near.numbers["close_look_share"] == 1.0


def test_a_box_of_a_frame_that_is_not_there_spoils_no_other_clip() -> None:
    frames, masks = disc_clip()
    bad, good = segmenter().segment_videos(
        [Job(frames, None, BoxPrompt(24, 0, 0, 1, 1)), Job(frames, None, box_around(masks[3], 3))]
    )
    assert isinstance(bad, InputError) and bad.reason == "bad-box"
    assert isinstance(good, Segmentation) and np.array_equal(good.masks, masks)
    with pytest.raises(ValueError, match="must be told"):
        segmenter().segment_video(frames, Target(()))
