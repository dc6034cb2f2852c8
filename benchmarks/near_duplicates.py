"""Near duplicates: how many reposts of a clip are found, and how much different footage is joined falsely.

    PVTT_TEST_DATA=path/to/data python benchmarks/near_duplicates.py FOLDER

FOLDER keeps what was measured for the next run (the first takes about 12 minutes of one core). The method under test is
the one of `pvtt_data.stages.dedup`: nine perceptual hashes a window, mean distance of at most 8 bits. Its threshold was
set before this benchmark existed; results are printed for both halves of the clips, so that another method can set its
thresholds on "tune" and be compared on "report".

Target, stated before the first run: at least 95 % of reposts linked for each transform but "mirrored", which nobody
promises, and no false link between different footage.

A repost counts as found if any of its windows is a duplicate of any window of the original. "other product" is the
same footage with other footage in an oval in the middle: joining it with the original is a false link. "intro" is the
same footage behind one second of an animated logo: joining it with the original is right, with other pieces false.
"""

from __future__ import annotations

import itertools
import os
import platform
import sys
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from near_duplicate_footage import REPOSTS, all_series

from pvtt_data.series import Series
from pvtt_data.shots import find_shots, letterbox, signature, signature_hashes, windows
from pvtt_data.stage import library_version
from pvtt_data.stages.dedup import DedupConfig
from pvtt_data.stages.split_shots import SplitShotsConfig

CLIP_S = 49 / 16
LIBRARIES = ("av", "opencv-python-headless", "numpy")

Hashes = npt.NDArray[np.uint64]


def window_hashes(series: Series) -> Hashes:
    """``(windows, 9) uint64``: the signatures of a source's windows, laid as a build lays them."""
    found = []
    for span in find_shots(series):
        if span.kind == "shot":
            for first, last in windows(series, span, CLIP_S, SplitShotsConfig().max_windows):
                found.append(signature_hashes(signature(series, first, last, letterbox(series, first, last))))
    return np.array(found, np.uint64).reshape(-1, 9)


def joined(one: Hashes, other: Hashes) -> bool:
    """Whether any two windows are duplicates; a source without windows is joined to nothing."""
    if not len(one) or not len(other):
        return False
    bits = np.bitwise_count(one[:, None] ^ other[None]).mean(axis=2)
    return bool((bits <= DedupConfig().max_distance_bits).any())


def main() -> None:
    """Print the tables as Markdown."""
    data = os.environ.get("PVTT_TEST_DATA")
    if not data or len(sys.argv) != 2:
        sys.exit(__doc__)
    cv2.setNumThreads(1)
    halves: dict[str, str] = {}
    hashes: dict[str, dict[str, Hashes]] = {}
    for piece, made, series in all_series(Path(data), Path(sys.argv[1])):
        halves[piece.name] = piece.half
        hashes.setdefault(piece.name, {})[made] = window_hashes(series)
    members = {half: [name for name, of in halves.items() if of == half] for half in ("tune", "report")}

    print("| the original and … | tune | report |\n| --- | --- | --- |")
    same = [how.name for how in REPOSTS]
    for made in [*same, "other product, 10%", "other product, 20%", "intro"]:
        row = []
        for names in members.values():
            usable = [n for n in names if len(hashes[n]["original"]) and len(hashes[n][made])]
            found = sum(joined(hashes[n]["original"], hashes[n][made]) for n in usable)
            row.append(f"{found} of {len(usable)}")
        print(f"| {made}{' (false)' if made.startswith('other') else ''} | {row[0]} | {row[1]} |")

    print("\n| false links | tune | report |\n| --- | --- | --- |")
    for kind, variants in (
        ("originals and reposts of different pieces", ["original", *same]),
        ("different pieces behind the same intro", ["intro"]),
    ):
        row = []
        for names in members.values():
            wrong, pairs, worst = 0, 0, set()
            for a, b in itertools.combinations(names, 2):
                for x, y in itertools.product(variants, variants):
                    if len(hashes[a][x]) and len(hashes[b][y]):
                        pairs += 1
                        if joined(hashes[a][x], hashes[b][y]):
                            wrong += 1
                            worst.add(f"{a} – {b}")
            row.append(f"{wrong} of {pairs}" + (f" ({'; '.join(sorted(worst))})" if worst else ""))
        print(f"| {kind} | {row[0]} | {row[1]} |")
    versions = ", ".join(f"{library} {library_version(library)}" for library in LIBRARIES)
    print(f"\n{platform.machine()}, one thread; Python {platform.python_version()}, {versions}")


if __name__ == "__main__":
    main()
