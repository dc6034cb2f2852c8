"""What of Grounded SAM 2 can be set. Imports no model library."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from pvtt_data.stage import StageConfig

VERSION = "1"
"""Of the whole backend; bump it when the same input may give other masks, and stored ones become stale."""

DetectorName = Literal["grounding-dino-tiny", "grounding-dino-base", "owlv2-base"]
TrackerName = Literal["sam2.1-tiny", "sam2.1-small", "sam2.1-base-plus", "sam2.1-large"]


class FindSettings(StageConfig):
    """How the product is found in keyframes."""

    every: Annotated[int, Field(ge=1)] = 12
    """Most frames between two keyframes, which the detector sees; the first and the last frame are among them."""
    min_score: Annotated[float, Field(ge=0, le=1)] = 0.25
    """Smallest score of a box; the text threshold is the same. OWLv2's scores are lower: 0.1 suits it."""
    nms_iou: Annotated[float, Field(ge=0, le=1)] = 0.7
    """Of two boxes of one keyframe that overlap by more than this IoU, the better one stays."""
    min_keyframe_share: Annotated[float, Field(gt=0, le=1)] = 0.5
    """Share of the keyframes in which the same product must be found; below, the clip is rejected as no-product."""


class FollowSettings(StageConfig):
    """How the product is followed from keyframes through the clip."""

    window: Annotated[int, Field(ge=2)] = 96
    """Most frames whose features are held at a time; longer clips are followed in windows, so memory is bounded."""
    overlap: Annotated[int, Field(ge=1)] = 8
    """Frames that two windows share; the masks of the first one prompt the second, and both must agree."""
    min_quality: Annotated[float, Field(ge=0, le=1)] = 0.5
    """The tracker's own estimate of a mask's IoU below which a frame is doubtful."""
    min_box_iou: Annotated[float, Field(ge=0, le=1)] = 0.5
    """IoU of the mask's box and the detector's box below which a keyframe is doubtful."""
    max_reprompts: Annotated[int, Field(ge=0)] = 4
    """How often a clip may be prompted again, each time from the doubtful keyframe with the best box."""
    check: bool = True
    """Follow the product back from where each pass ended, and compare: twice the tracking, and the best single sign
    of a drifted mask."""
    close_look: Literal["auto", "always", "never"] = "auto"
    """Follow once more in a cut-out around the product at full resolution; auto does it for thin and small things."""


class GroundedSettings(StageConfig):
    """Grounded SAM 2."""

    detector: DetectorName = "grounding-dino-tiny"
    """Open-vocabulary detector."""
    tracker: TrackerName = "sam2.1-large"
    """Size of SAM 2.1."""
    implementation: Literal["sam2", "transformers"] = "sam2"
    """Whose code runs SAM 2: the `sam2` package (lanes of clips in one batch, compiled) or transformers."""
    tracker_folder: Path | None = None
    """A local folder with a video tracker in the format of transformers (config.json of type sam2_video or
    sam3_tracker_video, model.safetensors), in place of `tracker`: SAM 3 for those who have its weights."""
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """auto is bfloat16 on a GPU that has it, else float32."""
    compile: bool = False
    """torch.compile of the image encoder and the memory attention: a minute at the start, faster from then on."""
    batch: Annotated[int, Field(ge=1)] = 8
    """Most clips, passes or frames in one batch."""
    find: FindSettings = FindSettings()
    follow: FollowSettings = FollowSettings()
