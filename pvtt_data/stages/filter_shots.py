"""Filter: drop windows that cannot teach, by numbers that `measure` took. A table stage: no pixels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field

from pvtt_data.records import Shot
from pvtt_data.stage import StageConfig, StageResult, reject
from pvtt_data.thresholds import Rule, first_broken

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


def rules(config: FilterConfig) -> list[Rule]:
    """The thresholds in the order in which they are tried."""
    return [
        Rule("too-small", "side_px", config.min_side_px, "below"),
        Rule("low-frame-rate", "fps", config.min_fps, "below"),
        Rule("too-dark", "luma", config.min_luma, "below"),
        Rule("too-bright", "luma", config.max_luma, "above"),
        Rule("blank", "contrast", config.min_contrast, "below"),
        Rule("blurred", "sharpness", config.min_sharpness, "below"),
        Rule("static", "motion_px_per_s", config.min_motion_px_per_s, "below"),
        Rule("shaky", "shake_px_per_s", config.max_shake_px_per_s, "above"),
    ]


def window_numbers(shot: Shot) -> dict[str, float]:
    """What the thresholds look at."""
    return {**shot.numbers, "side_px": float(min(shot.letterbox.width, shot.letterbox.height))}


def filter_shots(shots: Sequence[Shot], config: FilterConfig) -> StageResult:
    """The windows that pass every threshold; the first failed one is the reason."""
    result = StageResult(NAME, items=len(shots), table=True)
    for shot in shots:
        numbers = window_numbers(shot)
        rule = first_broken(numbers, rules(config))
        if rule is None:
            result.rows.append(shot)
            continue
        told = {rule.number: numbers[rule.number], "threshold": float(rule.limit)}
        result.rejections.append(reject(NAME, "shot", shot.shot_id, "", rule.reason, rule.says(numbers), told))
    return result
