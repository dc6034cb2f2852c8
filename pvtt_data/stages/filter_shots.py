"""Filter: drop windows that cannot teach, by numbers that `measure` took. A table stage: no pixels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field

from pvtt_data.records import Shot
from pvtt_data.stage import StageConfig, StageResult, reject

NAME = "filter"


class FilterConfig(StageConfig):
    """Thresholds; each rejection carries the measured number and its threshold."""

    min_side_px: Annotated[int, Field(ge=16)] = 320
    """Shortest side of the picture inside the bars, in the source's pixels."""
    min_fps: Annotated[float, Field(gt=0)] = 8.0
    """Lowest frame rate of a source."""
    min_luma: Annotated[float, Field(ge=0, le=255)] = 28.0
    """Mean brightness (0–255) below which a window is too dark."""
    max_luma: Annotated[float, Field(ge=0, le=255)] = 242.0
    """Mean brightness above which it is too bright."""
    min_contrast: Annotated[float, Field(ge=0, le=128)] = 8.0
    """Standard deviation of brightness below which it is blank."""
    min_sharpness: Annotated[float, Field(ge=0)] = 12.0
    """Median variance of the Laplacian at 240 px short side, below which it is blurred."""
    min_motion_px_per_s: Annotated[float, Field(ge=0)] = 0.5
    """Median length of the optical flow at 240 px short side, below which it is static (a slide, not a video)."""
    max_shake_px_per_s: Annotated[float, Field(gt=0)] = 60.0
    """Root mean square of the change of the global motion from one measurement to the next, 1/16 s later, at 240 px
    short side, above which it is shaky."""


def filter_shots(shots: Sequence[Shot], config: FilterConfig) -> StageResult:
    """The windows that pass every threshold; the first failed one is the reason."""
    result = StageResult(NAME, items=len(shots), table=True)
    for shot in shots:
        failed = _first_failure(shot, config)
        if failed is None:
            result.rows.append(shot)
            continue
        reason, name, value, limit, below = failed
        message = f"{name} {value:.4g} is {'below' if below else 'above'} {limit:g}"
        numbers = {name: value, "threshold": limit}
        result.rejections.append(reject(NAME, "shot", shot.shot_id, "", reason, message, numbers))
    return result


def _first_failure(shot: Shot, config: FilterConfig) -> tuple[str, str, float, float, bool] | None:
    """(reason, number's name, value, threshold, whether the value is below it)"""
    numbers = shot.numbers
    side = float(min(shot.letterbox.width, shot.letterbox.height))
    checks = [
        ("too-small", "side_px", side, config.min_side_px, True),
        ("low-frame-rate", "fps", numbers["fps"], config.min_fps, True),
        ("too-dark", "luma", numbers["luma"], config.min_luma, True),
        ("too-bright", "luma", numbers["luma"], config.max_luma, False),
        ("blank", "contrast", numbers["contrast"], config.min_contrast, True),
        ("blurred", "sharpness", numbers["sharpness"], config.min_sharpness, True),
        ("static", "motion_px_per_s", numbers["motion_px_per_s"], config.min_motion_px_per_s, True),
        ("shaky", "shake_px_per_s", numbers["shake_px_per_s"], config.max_shake_px_per_s, False),
    ]
    for reason, name, value, limit, below in checks:
        if (value < limit) if below else (value > limit):
            return reason, name, value, float(limit), below
    return None
