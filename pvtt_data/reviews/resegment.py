"""Segment one clip again as a person says: by other words, by a box in one frame, or both.

What a build makes of such a verdict and what a person is shown before giving it come from the same code, so the mask in
the next version is the one that was looked at.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray

from pvtt_data.backends import ChosenBackend, open_backend
from pvtt_data.errors import InputError
from pvtt_data.files import sha256_file
from pvtt_data.media import decode_video, encode_clip, open_media
from pvtt_data.models import ModelRegistry
from pvtt_data.records import Clip
from pvtt_data.reviews.records import Review
from pvtt_data.segment_files import draw_masks
from pvtt_data.segmenters.base import Progress, Target
from pvtt_data.segmenters.box_prompt import BoxPrompt
from pvtt_data.segmenters.finish import smoothed
from pvtt_data.stages.segment import (
    BoxedSegmentItem,
    SegmentConfig,
    SegmentItem,
    TargetedSegmentItem,
    backend_for,
    check_told,
    target_namer,
)
from pvtt_data.vocabulary import NamedTarget


@dataclass(frozen=True, slots=True)
class Resegmentation:
    """What a person says of a clip's product.

    Attributes:
        prompt: what to look for, such as "teapot."; empty for none. It takes the place of what category and title say.
        box: where it is in one frame; None for none.
    """

    prompt: str = ""
    box: BoxPrompt | None = None

    @classmethod
    def said(cls, prompt: str, box: Sequence[float] | None, box_frame: int | None) -> Resegmentation:
        """From the words and the box of a verdict.

        Args:
            box: left, top, right, bottom in shares of width and height; None or empty for none.
            box_frame: the frame of the box, from 0.

        Raises:
            InputError: ``bad-box``, its box is none.
        """
        return cls(" ".join(prompt.split()), BoxPrompt.of(box, box_frame or 0) if box else None)

    @classmethod
    def of_review(cls, review: Review) -> Resegmentation:
        """What a verdict with the action ``resegment`` says.

        Raises:
            InputError: ``bad-box``, its box is none.
        """
        return cls.said(review.prompt, review.box, review.box_frame)

    def target(self, named: NamedTarget | None) -> Target | None:
        """What the backend is told: the prompt's words, or with a box alone no words at all.

        Args:
            named: what category and title say; None for a backend that cannot be told. With a box alone, whether
                background shows through such a product and how many things make it up still come from there.
        """
        if self.prompt:
            try:
                return Target.of_prompt(self.prompt)
            except ValueError:
                return Target(())
        return None if named is None else replace(named.target, phrases=())

    def item(self, clip: Clip, named: NamedTarget | None) -> SegmentItem:
        """What the stage is handed in place of what it would be handed without the verdict."""
        target = self.target(named)
        if self.box is not None:
            return BoxedSegmentItem(clip.clip_id, clip.video, clip.cut.fps, target, self.box)
        assert target is not None, "a verdict has a prompt or a box"
        return TargetedSegmentItem(clip.clip_id, clip.video, clip.cut.fps, target)

    def is_understood(self, backend: ChosenBackend, named: NamedTarget | None) -> bool:
        """Whether a backend can do what is said; else the stage rejects the clip and says why."""
        try:
            check_told(backend, self.target(named), self.box)
        except InputError:
            return False
        return True

    @property
    def words(self) -> str:
        """For records and people: "teapot. in the box 0.1,0.2,0.5,0.6 of frame 12"."""
        box = "" if self.box is None else f"in the box {self.box.words} of frame {self.box.frame}"
        return " ".join(part for part in (self.prompt, box) if part)


@dataclass(frozen=True, slots=True, eq=False)
class Trial:
    """What a clip's mask would be.

    Attributes:
        masks: (T, H, W) bool.
        confidence: (T,) float32 in [0, 1].
        overlay: an H.264 file that browsers play: the clip with the mask tinted and outlined, and the box in its frame.
        backend: name and digests of what made it.
        why: in words, why this backend.
    """

    masks: NDArray[np.bool_]
    confidence: NDArray[np.float32]
    overlay: Path
    backend: str
    why: str


def try_resegment(
    video: Path,
    folder: Path,
    prompt: str = "",
    box: Sequence[float] | None = None,
    box_frame: int = 0,
    settings: SegmentConfig | None = None,
    category: str = "",
    title: str = "",
    registry: ModelRegistry | None = None,
    on_progress: Progress | None = None,
) -> Trial:
    """Segment a clip as a build would after such a verdict, and show what comes out.

    Args:
        video: the clip's MP4.
        folder: where the overlay is written, under a name that its content gives it.
        prompt: what to look for; empty for none.
        box: left, top, right, bottom in shares of width and height; None for none.
        box_frame: the frame of the box, from 0.
        settings: the recipe's ``segment``.
        category, title: of the clip's source, which say more than a box does: see `Resegmentation.target`.
        registry: where weights come from; None for this machine's.
        on_progress: told about every run of the model.

    Raises:
        InputError: ``no-product``, ``track-lost``; ``bad-box``, ``bad-prompt``, nothing is said that can be followed;
            ``cannot-be-told``, a prompt for a backend that takes none; or the video is none.
        PreflightError: the backend cannot run here; the text has the commands that mend it.
    """
    settings = settings or SegmentConfig()
    if not prompt.strip() and box is None:
        raise InputError("bad-prompt", "a prompt, a box or both say what to look for")
    asked = Resegmentation.said(prompt, box, box_frame)
    backend, why = backend_for(settings, registry or ModelRegistry.default())
    named = target_namer(settings)(category, title) if backend.takes_target else None
    target = asked.target(named)
    check_told(backend, target, asked.box)
    frames = decode_video(video)
    if asked.box is not None:
        asked.box.within(*frames.shape[:3])
    found = open_backend(backend).segment_video(frames, target, on_progress, asked.box)
    masks = smoothed(found.masks, settings.smoothing_px)
    overlay = _written(draw_masks(frames, masks, asked.box), float(open_media(video).probe.fps), folder)
    return Trial(masks, found.confidence, overlay, backend.label, why)


def _written(frames: NDArray[np.uint8], fps: float, folder: Path) -> Path:
    """A video named by its content, there only when it is whole."""
    folder.mkdir(parents=True, exist_ok=True)
    unfinished = folder / f".{uuid4().hex}.mp4"
    try:
        encode_clip(frames, fps, unfinished)
        path = folder / f"resegment-{sha256_file(unfinished)[:16]}.mp4"
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
    return path
