"""Grounded SAM 2 as a `Segmenter`: found by words in keyframes, followed through the clip, looked at from near.

Where a person drew a box, the tracker begins with it. Words find further keyframes then, as far as they show the same
thing; without words the box is all there is.

The models' code is imported only when a segmenter is opened.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pvtt_data.errors import InputError
from pvtt_data.files import sha256_file
from pvtt_data.segmenters.base import Job, Progress, Segmentation, Segmenter, Target
from pvtt_data.segmenters.box_prompt import BoxPrompt
from pvtt_data.segmenters.finish import finished
from pvtt_data.segmenters.grounded.choose import Chain, Choice, Drawn, choose_product
from pvtt_data.segmenters.grounded.close_look import is_worth_it, look_closer
from pvtt_data.segmenters.grounded.detection import Detection, Detector
from pvtt_data.segmenters.grounded.follow import Sighting, Track, follow
from pvtt_data.segmenters.grounded.holes import hole_points
from pvtt_data.segmenters.grounded.lanes import (
    Course,
    EmbeddedClip,
    Lane,
    Prompt,
    Run,
    VideoTracker,
    run_together,
)
from pvtt_data.segmenters.grounded.settings import VERSION, FindSettings, FollowSettings, GroundedSettings
from pvtt_data.segmenters.propagate import keyframe_indices

if TYPE_CHECKING:
    import torch


class GroundedSegmenter:
    """A detector and a tracker.

    Args:
        detector: finds the product in keyframes.
        tracker: follows it.
        files: role → path of the weights.
        find: thresholds of finding.
        following: thresholds of following.
    """

    name = "grounded-sam2"
    version = VERSION
    takes_target = True

    def __init__(
        self,
        detector: Detector,
        tracker: VideoTracker,
        files: Mapping[str, Path],
        find: FindSettings | None = None,
        following: FollowSettings | None = None,
    ) -> None:
        self.detector = detector
        self.tracker = tracker
        self._files = files
        self._find = find or FindSettings()
        self._follow = following or FollowSettings()

    @cached_property
    def weights(self) -> Mapping[str, str]:
        """See `Segmenter`; large files are hashed when it is first asked for."""
        return {role: sha256_file(path) for role, path in self._files.items()}

    def segment_image(self, image: NDArray[np.uint8], target: Target | None = None) -> NDArray[np.float32]:
        """See `Segmenter.segment_image`."""
        wanted = _told(target)
        (found,) = self.detector.detect([image], wanted.phrases, self._find.min_score)
        choice = choose_product(image[None], {0: found}, wanted, self._find)
        clip = self.tracker.embed(image[None])
        probability = np.zeros(image.shape[:2], np.float32)
        for chain in choice.chains:
            prompt = Prompt(box=chain.best.box)
            (run,) = self.tracker.run([Lane(clip, (0,), prompt)])
            points = hole_points(image, run.mask(0)) if wanted.holed else ()
            if points:
                (run,) = self.tracker.run([Lane(clip, (0,), Prompt(box=chain.best.box, outside=points))])
            np.maximum(probability, run.probability(0), out=probability)
        if not (probability > 0.5).any():
            raise InputError("no-product", "the tracker finds nothing in the detector's box", choice.numbers)
        return probability

    def segment_video(
        self,
        frames: NDArray[np.uint8],
        target: Target | None = None,
        on_progress: Progress | None = None,
        box: BoxPrompt | None = None,
    ) -> Segmentation:
        """See `Segmenter.segment_video`."""
        (outcome,) = self.segment_videos([Job(frames, target, box)], on_progress)
        if isinstance(outcome, InputError):
            raise outcome
        return outcome

    def segment_videos(
        self, jobs: Sequence[Job], on_progress: Progress | None = None
    ) -> list[Segmentation | InputError]:
        """See `Segmenter.segment_videos`; the passes of all clips share batches.

        Raises:
            Exception: anything but an `InputError` that ends the work on a clip.
        """
        watched = _Watched(self.tracker, on_progress)
        outcomes: list[Segmentation | InputError | None] = [None] * len(jobs)
        courses: dict[str, Course[Segmentation]] = {}
        for n, job in enumerate(jobs):
            try:
                courses[str(n)] = self._course(job, self._seen(job), watched)
            except InputError as error:
                outcomes[n] = error
        for name, result in run_together(watched, courses).items():
            if isinstance(result, Exception) and not isinstance(result, InputError):
                raise result
            outcomes[int(name)] = result
        return [outcome for outcome in outcomes if outcome is not None]

    def _seen(self, job: Job) -> Choice:
        """What the keyframes show of the product."""
        drawn = _drawn(job)
        target = _told(job.target, drawn)
        keys = keyframe_indices(len(job.frames), self._find.every) if target.phrases else []
        # In the frame of a person's box nothing is left to be found.
        keys = [t for t in keys if drawn is None or t != drawn.frame]
        found: Sequence[Sequence[Detection]] = []
        if keys:
            found = self.detector.detect([job.frames[t] for t in keys], target.phrases, self._find.min_score)
        return choose_product(job.frames, dict(zip(keys, found, strict=True)), target, self._find, drawn)

    def _course(self, job: Job, choice: Choice, tracker: VideoTracker) -> Course[Segmentation]:
        drawn = _drawn(job)
        numbers, target = dict(choice.numbers), _told(job.target, drawn)
        tracks: list[Track] = []
        for chain in choice.chains:
            sighting = _sighting(chain, target, drawn)
            track = yield from follow(tracker, job.frames, sighting, self._follow)
            mode = self._follow.close_look
            if mode == "always" or (mode == "auto" and is_worth_it(track.masks, target.holed)):
                numbers |= yield from look_closer(tracker, job.frames, track, sighting, self._follow)
            tracks.append(track)
        if drawn is not None:
            # The box of a person measures the mask, not the detector.
            numbers["prompt_box_iou"] = tracks[0].box_ious.pop(drawn.frame)
        return _segmentation(tracks, numbers, target)


def open_grounded(settings: GroundedSettings, files: Mapping[str, Path], device: str) -> Segmenter:
    """Load the models.

    Args:
        settings: which ones and how; what an "auto" precision comes to is decided before (`grounded_backend.identity`,
            because cache keys hold it), and here it is float32.
        files: role → path: ``detector``; ``tokenizer``, or ``tokenizer-vocabulary`` and ``tokenizer-merges`` for OWLv2;
            ``tracker``, unless `GroundedSettings.tracker_folder` names a folder.
        device: "cpu" or "cuda".

    Raises:
        ValueError: a file holds other weights than its model's.
    """
    import torch

    precision = torch.bfloat16 if settings.precision == "bfloat16" else torch.float32
    torch.backends.cuda.matmul.allow_tf32 = precision == torch.bfloat16
    return GroundedSegmenter(
        _detector(settings, files, device, precision),
        _tracker(settings, files, device, precision),
        files,
        settings.find,
        settings.follow,
    )


def _detector(settings: GroundedSettings, files: Mapping[str, Path], device: str, precision: torch.dtype) -> Detector:
    if settings.detector == "owlv2-base":
        from pvtt_data.segmenters.grounded.owlv2 import Owlv2, load_owlv2

        return Owlv2(
            settings.detector,
            load_owlv2(files["detector"]),
            files["tokenizer-vocabulary"],
            files["tokenizer-merges"],
            device,
            precision,
            settings.batch,
        )
    from pvtt_data.segmenters.grounded.grounding_dino import GroundingDino, load_grounding_dino

    model = load_grounding_dino(settings.detector, files["detector"])
    return GroundingDino(settings.detector, model, files["tokenizer"], device, precision, settings.batch)


def _tracker(
    settings: GroundedSettings, files: Mapping[str, Path], device: str, precision: torch.dtype
) -> VideoTracker:
    if settings.tracker_folder is None and settings.implementation == "sam2":
        from pvtt_data.segmenters.grounded.sam2_tracker import Sam2Tracker, load_sam2

        sam2 = load_sam2(settings.tracker, files["tracker"])
        return Sam2Tracker(settings.tracker, sam2, device, precision, settings.batch, settings.compile)
    from pvtt_data.segmenters.grounded import hf_tracker

    if settings.tracker_folder is not None:
        name = settings.tracker_folder.name
        model, processor = hf_tracker.load_folder(settings.tracker_folder)
    else:
        name = settings.tracker
        model, processor = hf_tracker.load_sam2_of_transformers(name, files["tracker"])
    return hf_tracker.TransformersTracker(name, model, processor, device, precision)


def _told(target: Target | None, drawn: Drawn | None = None) -> Target:
    """What to look for; a person's box needs no words."""
    if target is None and drawn is not None:
        return Target(())
    if target is None or not (target.phrases or drawn):
        raise ValueError("Grounded SAM 2 must be told what to look for")
    return target


def _drawn(job: Job) -> Drawn | None:
    """A person's box in pixels.

    Raises:
        InputError: ``bad-box``, see `BoxPrompt.within`.
    """
    if job.box is None:
        return None
    count, height, width = job.frames.shape[:3]
    return Drawn(job.box.frame, job.box.within(count, height, width))


def _sighting(chain: Chain, target: Target, drawn: Drawn | None) -> Sighting:
    trust = {one.frame: one.weight for one in chain.seen}
    # In the keyframe of a person's box there is no other, so only the first chain has one there.
    of_person = drawn.frame if drawn is not None and drawn.frame in trust else None
    return Sighting(chain.boxes, trust, target.holed, of_person)


def _segmentation(tracks: Sequence[Track], numbers: dict[str, float], target: Target) -> Segmentation:
    """The union of all instances, finished, with the least confidence of any of them.

    Raises:
        InputError: ``track-lost``, nothing is left in some frame.
    """
    masks = np.logical_or.reduce([track.masks for track in tracks])
    seen = np.array([mask.any() for mask in masks])
    confidence = np.minimum.reduce(
        [np.minimum.reduce([track.quality, track.presence, track.agreement]) for track in tracks]
    )
    numbers |= {
        "tracker_quality_min": float(min(track.quality.min() for track in tracks)),
        "tracker_quality_median": float(np.median([np.median(track.quality) for track in tracks])),
        "tracker_presence_min": float(min(track.presence.min() for track in tracks)),
        "pass_agreement_min": float(min(track.agreement.min() for track in tracks)),
        "pass_agreement_median": float(np.median(np.concatenate([track.agreement for track in tracks]))),
        "window_agreement_min": min(track.window_agreement for track in tracks),
        "reprompts": float(sum(track.reprompts for track in tracks)),
        "hole_points": float(sum(track.holes for track in tracks)),
        "confidence_median": float(np.median(confidence)),
        "confidence_min": float(confidence.min()),
        "frames_without_mask": float((~seen).sum()),
    }
    box_ious = [value for track in tracks for value in track.box_ious.values()]
    if box_ious:
        numbers |= {"detector_box_iou_min": min(box_ious), "detector_box_iou_median": float(np.median(box_ious))}
    if not seen.all():
        frame = int(np.flatnonzero(~seen)[0])
        raise InputError("track-lost", f"nothing of the product is left in frame {frame}", numbers | {"frame": frame})
    whole = np.stack([finished(mask, holed=target.holed, parts=target.instances) for mask in masks])
    return Segmentation(whole, confidence.astype(np.float32), dict(sorted(numbers.items())))


class _Watched:
    """A tracker whose work is counted for whoever watches."""

    def __init__(self, tracker: VideoTracker, on_progress: Progress | None) -> None:
        self._tracker = tracker
        self._on_progress = on_progress
        self._done = 0
        self._planned = 0
        self.name = tracker.name

    def embed(self, frames: NDArray[np.uint8]) -> EmbeddedClip:
        """See `VideoTracker.embed`."""
        self._planned += len(frames)
        clip = self._tracker.embed(frames)
        self._tell(len(frames))
        return clip

    def run(self, lanes: Sequence[Lane]) -> list[Run]:
        """See `VideoTracker.run`."""
        steps = sum(len(lane.order) for lane in lanes)
        self._planned += steps
        runs = self._tracker.run(lanes)
        self._tell(steps)
        return runs

    def _tell(self, steps: int) -> None:
        self._done += steps
        if self._on_progress is not None:
            self._on_progress(self._done, self._planned)
