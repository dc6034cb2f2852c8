"""What is known about every video, because we made it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pvtt_data.render.cutting import visibility
from samples.render.adverts import Advert, Repost

_CONVENTIONS = {
    "paths": "keys are relative to samples/catalogue, mask is relative to samples/truth",
    "frames": "number of frames; frame numbers count from 0",
    "cuts": "first frame of every shot that follows another without a transition; all cuts are hard",
    "dissolves": "frames that show two shots: first is inclusive, last is exclusive; frame i shows "
    "(i - first + 1) / (last - first + 1) of the later shot's display value and the rest of the earlier one's",
    "shots": "frames that show this shot alone: first is inclusive, last is exclusive; whole_product: the product "
    "never touches the picture's edge; mask_area: smallest and largest share of the picture (bars left out) that it "
    "covers; camera and motion: how camera and product move; hand: a hand is in the picture at the beginning and hides "
    "a part of the product",
    "fades": "kind 'in': frame i of the span shows (i - first) / (last - first) of its display value; "
    "last is exclusive and the first frame at full value",
    "letterbox": "[x, y, width, height] in pixels of the picture within the frame; outside it is black",
    "duplicate_of": "key of the video of which this one is a smaller, re-encoded copy, else null",
    "mask": "lossless H.264 of the frame's size and frame count; luma is 255 where the product is visible in at least "
    "half of the pixel while the shutter is open, else 0; in dissolves the shares of both shots are mixed as their "
    "pictures are; not dimmed by fades",
}


def describe(
    advert: Advert, masks: npt.NDArray[np.bool_], key: str, mask: str, repost: Repost | None = None
) -> dict[str, Any]:
    """The truth of one file.

    Args:
        masks: ``(T, H, W)``, the file's masks.
        key: of the advert's first file.
        mask: path of the mask file.
        repost: given if the file is one.
    """
    width, height = (repost.width_px, repost.height_px) if repost else (advert.width_px, advert.height_px)
    scale_x, scale_y = width / advert.width_px, height / advert.height_px
    x, y, w, h = advert.picture_rect
    rect = [round(x * scale_x), round(y * scale_y), round(w * scale_x), round(h * scale_y)]
    picture = masks[:, rect[1] : rect[1] + rect[3], rect[0] : rect[0] + rect[2]]
    spans = advert.timeline.spans
    shots = [
        {
            "first": first,
            "last": last,
            "duration_s": round((last - first) / advert.fps, 4),
            "set": f"{shot.style}-{shot.set_seed}",
            "camera": shot.move.kind,
            "motion": shot.motion.kind,
            "hand": shot.hand is not None,
            "whole_product": seen.whole,
            "mask_area": [round(seen.least_area, 4), round(seen.most_area, 4)],
        }
        for shot, (first, last), seen in zip(advert.shots, spans, visibility(picture, spans), strict=True)
    ]
    fades = [{"kind": "in", "first": 0, "last": advert.fade_in_frames}] if advert.fade_in_frames else []
    return {
        "product_id": advert.product_id,
        "width_px": width,
        "height_px": height,
        "fps": advert.fps,
        "frames": len(masks),
        "cuts": advert.timeline.cuts,
        "dissolves": [{"first": first, "last": last} for first, last in advert.timeline.dissolve_spans],
        "shots": shots,
        "fades": fades,
        "letterbox": rect,
        "duplicate_of": key if repost else None,
        "mask": mask,
    }


def write(videos: dict[str, dict[str, Any]], path: Path) -> None:
    """The truth file: the conventions in words, then one entry a video."""
    path.parent.mkdir(parents=True, exist_ok=True)
    document = {"conventions": _CONVENTIONS, "videos": dict(sorted(videos.items()))}
    path.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
