"""How long it takes to open 10,000 samples for review, and how much memory: index process, its parent and database.

The target is 3 minutes and 2 GB for all of them together. Samples are triples of the composite engine with three
references and twenty numbers, each with its mask of B and its clip; half of the masks have a verdict. The media are
names and places only: opening reads no video.

    python benchmarks/review_index.py --count 10000 --out review-index
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
from pvtt_curation.app import running
from pvtt_curation.media import MediaCache, MediaRef
from pvtt_curation.subjects import Reviewed, Subject

from pvtt_data.images import write_png
from pvtt_data.records import Verdict
from pvtt_data.reviews.log import ReviewLog
from pvtt_data.reviews.records import Review, clip_key, mask_key, triple_key

TARGET_S, TARGET_BYTES = 180.0, 2_000_000_000
REFERENCES, NUMBERS, CATEGORIES = 3, 20, 30
SHARDS = 16


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=10_000, help="triples")
    parser.add_argument("--out", type=Path, required=True, help="folder that is made anew")
    options = parser.parse_args()
    shutil.rmtree(options.out, ignore_errors=True)
    options.out.mkdir(parents=True)
    reviewed = Reviewed("benchmark", "0123456789abcdef", tuple(subjects(options.out, options.count)))
    verdicts = options.out / "verdicts"
    masks = [subject for subject in reviewed.subjects if subject.kind == "mask"][::2]
    ReviewLog(verdicts, "ann").append_all(
        [Review.made("mask", mask.key, "reject", "ann", reason="drift") for mask in masks]
    )
    result = {"triples": options.count, "subjects": len(reviewed.subjects), "verdicts": len(masks)}
    for name in ("first", "again"):
        result[name] = opened(reviewed, options.out / "cache", verdicts)
    folder = options.out / "cache" / "database"
    result["database_bytes"] = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    first = result["first"]
    result["within"] = first["seconds"] <= TARGET_S and first["peak_bytes"]["together"] <= TARGET_BYTES
    print(json.dumps(result, indent=2))


def opened(reviewed: Reviewed, cache: Path, verdicts: Path) -> dict[str, object]:
    """Open the app once: seconds until it can be used, and the most memory that its processes had at one time."""
    peaks: dict[str, int] = {"together": 0}
    done = threading.Event()

    def watch() -> None:
        while not done.wait(0.2):
            now: dict[str, int] = {}
            me = psutil.Process()
            for process in [me, *me.children(recursive=True)]:
                try:
                    kind = "parent" if process == me else "database" if process.name() == "mongod" else "index"
                    now[kind] = now.get(kind, 0) + process.memory_info().rss
                except psutil.Error:
                    continue
            now["together"] = sum(now.values())
            peaks.update({kind: max(peaks.get(kind, 0), size) for kind, size in now.items()})

    watcher = threading.Thread(target=watch)
    watcher.start()
    said: list[str] = []
    began = time.monotonic()
    try:
        with running(reviewed, MediaCache(cache), verdicts=verdicts, reviewer="ann", echo=said.append):
            seconds = time.monotonic() - began
    finally:
        done.set()
        watcher.join()
    return {"seconds": round(seconds, 1), "peak_bytes": peaks, "said": said}


def subjects(folder: Path, count: int) -> Iterator[Subject]:
    """Triples, masks and clips as `subjects_of_version` gives them."""
    tars = [folder / f"train-{number:05d}-of-{SHARDS:05d}.tar" for number in range(SHARDS)]
    picture = write_png(np.zeros((64, 64, 4), np.uint8))
    for tar in tars:
        tar.write_bytes(picture)
    members = ["source", "source_mask", "target", "target_mask", "effect_mask"]
    members += [f"reference_{number}" for number in range(REFERENCES)]
    for number in range(count):
        dice = np.random.default_rng(number)
        media = {}
        for name in members:
            sha256 = hashlib.sha256(f"{name} {number}".encode()).hexdigest()
            suffix = "png" if name.startswith("reference") else "mp4"
            media[name] = MediaRef(tars[number % SHARDS], sha256, suffix, 0, len(picture))
        video, mask = media["target"].sha256, media["target_mask"].sha256
        key = triple_key({f"{name}.{ref.suffix}": ref.sha256 for name, ref in media.items()})
        parts = {"triple": key, "mask": mask_key(video, mask), "clip": clip_key(video)}
        verdict: Verdict = "flag" if number % 5 == 0 else "accept"
        reasons = ("large-inpaint", "reference-leak")[: number % 3] if verdict == "flag" else ()
        numbers = {f"number_{at}": float(value) for at, value in enumerate(dice.random(NUMBERS))}
        shared = {
            "name": f"videos/shop-{number % 97}/{number:08d}.mp4 [0:49)", "fps": 24.0, "frames": 49, "width": 480,
            "height": 848, "category": f"category {number % CATEGORIES}", "product": f"product-{number // 3}",
            "product_b": f"product-{number // 3}", "title_b": f"Product number {number // 3}", "split": "train",
        }  # fmt: skip
        yield Subject(
            kind="triple", key=key, row_id=key[:16], verdict=verdict, reasons=reasons, media=media, parts=parts,
            product_a=f"product-{number // 2 + 1}", engine="composite", triple_kind="swap", difficulty="medium",
            numbers=numbers, prompt="a product on a table in the sun " * 3, **shared,
        )  # fmt: skip
        yield Subject(
            kind="mask", key=parts["mask"], row_id=parts["mask"][:16], verdict=verdict, reasons=reasons,
            media={"video": media["target"], "mask": media["target_mask"]}, parts={**parts, "triple": key},
            numbers=numbers, **shared,
        )  # fmt: skip
        yield Subject(
            kind="clip", key=parts["clip"], row_id=parts["clip"][:16], verdict="accept",
            media={"video": media["target"]}, parts={"clip": parts["clip"]}, **shared,
        )  # fmt: skip


if __name__ == "__main__":
    main()
