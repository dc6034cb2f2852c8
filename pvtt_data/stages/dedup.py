"""Dedup: of windows that show the same footage keep one, and remember which sources share footage. A table stage.

Two sources share footage where a stretch of one agrees with a stretch of the other in most of the picture, and what
moves there moves alike. They are linked, and linked sources go to one split, even if something covers a part of the
picture: a sticker, a logo, or another product in the same template. A window is dropped only if it shows the same as
another in the whole picture, for at least half of its length. The one with the most pixels stays (ties: the smallest
id), and the dropped one names it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from pvtt_data.records import Comparison, Link, Shot, Stretch, content_id
from pvtt_data.same_footage import mirrored
from pvtt_data.stage import StageConfig, StageResult, reject

NAME = "dedup"

# Linking takes a window of each source with at least so much of the stretch: an intro that no clip shows links nothing.
_MIN_SEEN_MS = 1000
# Blocks in which something moves that show whether it moves alike.
_MIN_MOVING_BLOCKS = 4


class DedupConfig(StageConfig):
    """When two sources share footage, and when a window is dropped for it."""

    min_agreeing: Annotated[float, Field(gt=0, le=1)] = 0.5
    """Share of the picture's blocks that agree in shared footage, at least; the rest may be covered or exchanged."""
    min_moving_alike: Annotated[float, Field(gt=0, le=1)] = 0.8
    """Share of the agreeing blocks with motion that move alike, at least; other moments of one scene do not."""
    min_agreeing_whole: Annotated[float, Field(gt=0, le=1)] = 0.95
    """Share of blocks that agree where the whole picture is the same: only such windows are dropped. Footage in which
    nothing moves is shared only if as much agrees."""
    min_overlap: Annotated[float, Field(gt=0, le=1)] = 0.5
    """Share of the shorter of two windows that shows the same as the other, at least, for one to be dropped."""


@dataclass(frozen=True, slots=True)
class _Shared:
    """A stretch that footage shares with other footage, seen from the one."""

    other: str
    stretch: Stretch
    whole: bool


def dedup(
    shots: Sequence[Shot], footage_of: Mapping[str, str], comparisons: Sequence[Comparison], config: DedupConfig
) -> tuple[StageResult, list[Link]]:
    """The windows that stay, and links between sources that share footage.

    Args:
        shots: the windows.
        footage_of: SHA-256 of a medium → SHA-256 of its footage; media with equal footage show the same all along. A
            medium that is missing here, because its fingerprint failed, shares nothing with others.
        comparisons: what was found of pairs of footage.
        config: the thresholds.
    """
    result = StageResult(NAME, items=len(shots), table=True)
    footage_of = {shot.media_sha256: footage_of.get(shot.media_sha256, shot.media_sha256) for shot in shots}
    shared = _shared(comparisons, config)
    kept: dict[str, list[Shot]] = defaultdict(list)
    for shot in sorted(shots, key=_rank):
        footage = footage_of[shot.media_sha256]
        twins: list[tuple[float, Shot, Stretch | None]] = [
            (_overlap(shot, other, None), other, None) for other in kept[footage]
        ]
        twins += [
            (_overlap(shot, other, part.stretch), other, part.stretch)
            for part in shared.get(footage, ())
            if part.whole
            for other in kept[part.other]
        ]
        overlap, keeper, stretch = min(twins, key=lambda twin: (-twin[0], _rank(twin[1])), default=(0.0, None, None))
        if keeper is None or overlap < config.min_overlap:
            kept[footage].append(shot)
            result.rows.append(shot)
            continue
        numbers = {"overlap": overlap, "min_overlap": config.min_overlap, **_numbers(stretch)}
        numbers["min_agreeing_whole"] = config.min_agreeing_whole
        message = "shows the same footage as a window that stays"
        result.rejections.append(
            reject(NAME, "shot", shot.shot_id, "", "near-duplicate", message, numbers, linked_to=keeper.shot_id)
        )
    result.rows.sort(key=lambda shot: shot.shot_id)
    return result, _links(shots, footage_of, shared)


def _shared(comparisons: Sequence[Comparison], config: DedupConfig) -> dict[str, list[_Shared]]:
    """Footage → what it shares, both ways."""
    shared: dict[str, list[_Shared]] = defaultdict(list)
    for comparison in sorted(comparisons, key=lambda row: row.comparison_id):
        for stretch in comparison.stretches:
            whole = stretch.agreeing >= config.min_agreeing_whole
            moves = stretch.moving >= _MIN_MOVING_BLOCKS
            same = stretch.agreeing >= config.min_agreeing and stretch.moving_alike >= config.min_moving_alike
            if same and (moves or whole):
                shared[comparison.one].append(_Shared(comparison.other, stretch, whole))
                shared[comparison.other].append(_Shared(comparison.one, mirrored(stretch), whole))
    return shared


def _rank(shot: Shot) -> tuple[int, str]:
    return (-shot.letterbox.width * shot.letterbox.height, shot.shot_id)


def _span_ms(shot: Shot) -> tuple[float, float]:
    return 1000 * shot.start_s, 1000 * (shot.start_s + shot.duration_s)


def _overlap(shot: Shot, other: Shot, stretch: Stretch | None) -> float:
    """Share of the shorter window that shows what the other does; without a stretch both lie in the same footage."""
    (start, end), (other_start, other_end) = _span_ms(shot), _span_ms(other)
    duration, other_duration = end - start, other_end - other_start
    pace = 1.0
    if stretch is not None:
        pace = (stretch.other_end_ms - stretch.other_start_ms) / (stretch.one_end_ms - stretch.one_start_ms)
        start = stretch.other_start_ms + pace * (max(start, stretch.one_start_ms) - stretch.one_start_ms)
        end = stretch.other_start_ms + pace * (min(end, stretch.one_end_ms) - stretch.one_start_ms)
        other_start, other_end = max(other_start, stretch.other_start_ms), min(other_end, stretch.other_end_ms)
    common = max(0.0, min(end, other_end) - max(start, other_start))
    return min(1.0, max(common / pace / duration, common / other_duration))


def _numbers(stretch: Stretch | None) -> dict[str, float]:
    if stretch is None:
        return {"agreeing": 1.0, "moving_alike": 1.0}
    return {"agreeing": stretch.agreeing, "moving_alike": stretch.moving_alike}


def _links(shots: Sequence[Shot], footage_of: Mapping[str, str], shared: Mapping[str, Sequence[_Shared]]) -> list[Link]:
    """One link for each two footages that share what their windows show, between their smallest sources, and links
    from the smallest source of a footage to the others that have it."""
    windows: dict[str, list[Shot]] = defaultdict(list)
    for shot in shots:
        windows[footage_of[shot.media_sha256]].append(shot)
    sources = {footage: sorted({shot.source_id for shot in of}) for footage, of in windows.items()}
    links = [_link(names[0], name, _numbers(None)) for names in sources.values() for name in names[1:]]
    best: dict[tuple[str, str], Stretch] = {}
    for footage, parts in shared.items():
        for part in parts:
            if footage not in windows or part.other not in windows or sources[footage][0] >= sources[part.other][0]:
                continue
            stretch, pair = part.stretch, (sources[footage][0], sources[part.other][0])
            seen = min(
                _seen_ms(windows[footage], stretch.one_start_ms, stretch.one_end_ms),
                _seen_ms(windows[part.other], stretch.other_start_ms, stretch.other_end_ms),
            )
            if seen >= _MIN_SEEN_MS and (pair not in best or stretch.agreeing > best[pair].agreeing):
                best[pair] = stretch
    links += [_link(*pair, _numbers(stretch) | _times(stretch)) for pair, stretch in best.items()]
    return sorted(links, key=lambda link: link.link_id)


def _seen_ms(windows: Sequence[Shot], start_ms: int, end_ms: int) -> float:
    """The longest part of a stretch that one window shows."""
    return max(min(end, end_ms) - max(start, start_ms) for start, end in map(_span_ms, windows))


def _times(stretch: Stretch) -> dict[str, float]:
    return {
        "one_start_s": stretch.one_start_ms / 1000,
        "one_end_s": stretch.one_end_ms / 1000,
        "other_start_s": stretch.other_start_ms / 1000,
        "other_end_s": stretch.other_end_ms / 1000,
    }


def _link(one: str, other: str, numbers: dict[str, float]) -> Link:
    return Link(content_id("link", one, other), one, other, numbers)
