"""Near duplicates: which reposts are found, what is joined falsely, and how fast candidates are nominated.

    PVTT_TEST_DATA=path/to/data python benchmarks/near_duplicates.py FOLDER
    python benchmarks/near_duplicates.py --scale 2000

FOLDER keeps what was measured for the next run (the first takes about 12 minutes of one core, later ones two). The
pairs go the way they go in a build: nominated, compared and judged with the default thresholds of
`pvtt_data.stages.dedup`. Thresholds were set on the "tune" pieces. The "report" pieces had been looked at while the
method was designed, so their figures are not those of footage never seen.

Targets, stated before the first run of this method: at least 95 % of reposts linked for each transform without overlay
but "mirrored", which nobody promises, at least 80 % of those with overlays, no false link between different footage,
and 2,000 sources of 10 s nominated in less than 60 CPU seconds and 1 GB.

"Linked" sources go to one split. "Collapsed" says that a window was dropped for one of the other source. "other
product" is the same footage with other footage in an oval in the middle: it should be linked and must not collapse.
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import cv2
import numpy as np
from near_duplicate_footage import REPOSTS, all_series

from pvtt_data.footage import PICTURE_PX, Footage, Sketch, footage_of, sketch_of
from pvtt_data.records import Comparison, Shot
from pvtt_data.same_footage import compare
from pvtt_data.series import Series
from pvtt_data.shots import find_shots, letterbox, windows
from pvtt_data.stage import library_version
from pvtt_data.stages.dedup import DedupConfig, dedup
from pvtt_data.stages.nominate import nominate
from pvtt_data.stages.split_shots import SplitShotsConfig

CLIP_S = 49 / 16
LIBRARIES = ("av", "opencv-python-headless", "numpy")
SAME = ("original", *(how.name for how in REPOSTS))
PARTS = ("other product, 10%", "other product, 20%", "intro", "cut into other footage")


@dataclass(frozen=True, slots=True)
class Made:
    """One video: a piece as it is, reposted, or as a part of another video."""

    piece: str
    half: str
    how: str
    shots: tuple[Shot, ...]
    footage: Footage

    @property
    def name(self) -> str:
        return f"{self.piece}, {self.how}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a pair of videos."""

    nominated: bool
    linked: bool
    collapsed: bool


def shots_of(name: str, series: Series) -> tuple[Shot, ...]:
    """The windows of a video, laid as a build lays them."""
    shots = []
    for index, span in enumerate(s for s in find_shots(series) if s.kind == "shot"):
        for first, last in windows(series, span, CLIP_S, SplitShotsConfig().max_windows):
            start, end = (float(series.time_s[np.searchsorted(series.frame, frame)]) for frame in (first, last - 1))
            size, box = (series.width_px, series.height_px), letterbox(series, first, last)
            times = (first, last, start, end - start + series.interval_s, index)
            shots.append(Shot(f"{name} {first}", name, name, *size, *times, box, {}))
    return tuple(shots)


def judge(one: Made, other: Made, nominated: set[tuple[str, str]], spent_s: list[float]) -> Verdict:
    """What a build decides about two videos."""
    if tuple(sorted((one.name, other.name))) not in nominated:
        return Verdict(False, False, False)
    begun = time.process_time()
    stretches = tuple(compare(one.footage, other.footage))
    spent_s.append(time.process_time() - begun)
    comparison = Comparison("", one.name, other.name, stretches)
    footage = {name: name for name in (one.name, other.name)}
    result, links = dedup([*one.shots, *other.shots], footage, [comparison], DedupConfig())
    source_of = {shot.shot_id: shot.source_id for shot in (*one.shots, *other.shots)}
    across = [r for r in result.rejections if source_of[r.subject_id] != source_of[r.linked_to]]
    return Verdict(True, bool(links), bool(across))


def copies_table(made: Mapping[tuple[str, str], Made], nominated: set[tuple[str, str]], spent_s: list[float]) -> None:
    """Print what is found of each piece's reposts."""
    print("| the original and … | tune: linked | collapsed | report: linked | collapsed |")
    print("| --- | --- | --- | --- | --- |")
    for how in (*SAME[1:], *PARTS):
        row = []
        for half in ("tune", "report"):
            pairs = [(made[p, "original"], m) for (p, h), m in made.items() if h == how and m.half == half]
            usable = [(a, b) for a, b in pairs if a.shots and b.shots]
            verdicts = [judge(a, b, nominated, spent_s) for a, b in usable]
            row.append(f"{sum(v.linked for v in verdicts)} of {len(usable)}")
            row.append(f"{sum(v.collapsed for v in verdicts)}")
        print(f"| {how} | {' | '.join(row)} |")


def different(made: Mapping[tuple[str, str], Made]) -> Iterator[tuple[str, Made, Made]]:
    """Pairs of videos that share nothing: each repost with the other originals, and with one repost of each."""
    names = sorted({piece for piece, _ in made})
    for a, b in combinations(names, 2):
        for number, how in enumerate(SAME):
            for other in {"original", SAME[(number + 7) % len(SAME)]}:
                yield "originals and reposts", made[a, how], made[b, other]
            if how != "original":
                yield "originals and reposts", made[a, "original"], made[b, how]
        yield "behind the same intro", made[a, "intro"], made[b, "intro"]


def different_table(
    made: Mapping[tuple[str, str], Made], nominated: set[tuple[str, str]], spent_s: list[float]
) -> None:
    """Print what is joined falsely."""
    counts: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    worst = set()
    for kind, a, b in different(made):
        if not a.shots or not b.shots:
            continue
        halves = f"both {a.half}" if a.half == b.half else "one of each"
        verdict = judge(a, b, nominated, spent_s)
        for place, flag in enumerate((True, verdict.nominated, verdict.linked, verdict.collapsed)):
            counts[kind, halves][place] += flag
        if verdict.linked or verdict.collapsed:
            worst.add(f"{a.name} – {b.name}")
    print("\n| different pieces | halves | pairs | nominated | linked | collapsed |")
    print("| --- | --- | --- | --- | --- | --- |")
    for (kind, halves), numbers in sorted(counts.items(), reverse=True):
        print(f"| {kind} | {halves} | {' | '.join(map(str, numbers))} |")
    print("".join(f"\nfalse: {pair}" for pair in sorted(worst)))


def accuracy(data: Path, folder: Path) -> None:
    """Print the tables of accuracy as Markdown."""
    made = {}
    for piece, how, series in all_series(data, folder):
        name = f"{piece.name}, {how}"
        made[piece.name, how] = Made(piece.name, piece.half, how, shots_of(name, series), footage_of(series))
    begun = time.process_time()
    nominated = set(nominate({m.name: sketch_of(m.footage) for m in made.values()}))
    print(f"{len(made)} videos, {len(nominated)} pairs nominated in {time.process_time() - begun:.1f} CPU s\n")
    spent_s: list[float] = []
    copies_table(made, nominated, spent_s)
    copies = len(spent_s)
    different_table(made, nominated, spent_s)
    for kind, times in (("copies", spent_s[:copies]), ("different", spent_s[copies:])):
        print(f"compare, {kind}: median {1000 * np.median(times):.0f} CPU ms of {len(times)} pairs")


def synthetic(number: int) -> Footage:
    """10 s of a blurred random scene under a slow pan; every tenth is the one before, cropped and under a caption."""
    copy = number % 10 == 9
    random = np.random.default_rng(number - copy)
    room = cv2.resize(random.integers(0, 256, (24, 24), dtype=np.uint8), (256, 256), interpolation=cv2.INTER_CUBIC)
    (x, y), (dx, dy) = random.integers(40, 100, 2), random.integers(-1, 2, 2)
    pictures = np.stack([room[y + dy * t : y + dy * t + 100, x + dx * t : x + dx * t + 100] for t in range(40)])
    if copy:
        pictures = pictures[:, 8:, :94].copy()
        pictures[:, -16:-4, 8:-8] = 20
    resized = [cv2.resize(picture, (PICTURE_PX, PICTURE_PX), interpolation=cv2.INTER_AREA) for picture in pictures]
    return Footage(250 * np.arange(40, dtype=np.int64), np.stack(resized))


def scale(count: int) -> None:
    """Print what nominating so many synthetic sources takes."""
    sketches: dict[str, Sketch] = {f"{number:07d}": sketch_of(synthetic(number)) for number in range(count)}
    begun = time.process_time()
    pairs = nominate(sketches)
    spent_s = time.process_time() - begun
    copies = {(f"{n - 1:07d}", f"{n:07d}") for n in range(9, count, 10)}
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{count} sources of 10 s: {spent_s:.1f} CPU s, peak {peak_mb:.0f} MB; nominated {len(pairs)} pairs, ", end=""
    )
    print(f"{len(copies & set(pairs))} of {len(copies)} copies among them")


def main(arguments: Sequence[str]) -> None:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--scale", type=int)
    chosen = parser.parse_args(arguments)
    data = os.environ.get("PVTT_TEST_DATA")
    if chosen.scale is None and (chosen.folder is None or not data):
        parser.error("give --scale, or FOLDER and the environment variable PVTT_TEST_DATA")
    cv2.setNumThreads(1)
    if chosen.scale is not None:
        scale(chosen.scale)
    if chosen.folder is not None and data:
        accuracy(Path(data), chosen.folder)
    versions = ", ".join(f"{library} {library_version(library)}" for library in LIBRARIES)
    print(f"\n{platform.machine()}; Python {platform.python_version()}, {versions}")


if __name__ == "__main__":
    main(sys.argv[1:])
