"""Composite triples from real clips: how many come out, why the others do not, and where the processor time goes.

    PVTT_TEST_DATA=... python benchmarks/composite.py [--work DIR] [--products N] [--moving SHARE] [--workers N]
        [--timed N] [--sheets DIR]

The six clips of PVTT_TEST_DATA/clips are six products B (one small thing on a table each, bottles that a hand moves, a
kettle and a mug; 640x360 to 1280x720). The products A are the listing pictures of samples/catalogue, and frames of the
other clips, as `pair` deals them. Everything goes through a build: U2-Net's masks, mask QC, the engine, triple QC.

Targets, set before the first run:

- at least 20 triples accepted or flagged by triple QC, of distinct window and A, at most 4 a window, from at least 5 of
  the 6 clips;
- in at least 30 % of them part of B lies outside A;
- a triple of 49 frames, 832x480, costs at most 6 CPU-seconds in the engine, decoding and encoding not counted.

The build is kept in --work, so a second run makes again only what changed. The engine's time is measured in this
process, on up to --timed pairs spread over the clips, one thread; steps are the engine's own functions.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pyarrow.parquet as pq

ROOT = Path(__file__).parent.parent
CLIPS = ("bottles", "coffee", "crystal", "frog", "pig", "rabbit")
RECIPE = """\
name: composite-benchmark
mine: {{folder: {feed}, layout: catalogue}}
filter: {{min_motion_px_per_s: 0.0, max_shake_px_per_s: 200, min_sharpness: 0}}
normalise: {{sizes: [480x848, 832x480]}}
segment: {{backend: u2net}}
mask_qc: {{min_area_share: 0.008}}
assign_split: {{validation_share: 0, test_share: 0}}
pair: {{products_per_clip: {products}, moving_share: {moving}}}
engines: {{crosspair: 0, panzoom: 0}}
"""


def lay_out(feed: Path, clips: Path) -> None:
    """Clips and listing pictures as a catalogue; what is there already stays."""
    for name in CLIPS:
        _listing(feed / "clips", name, [], [clips / f"{name}.mp4"], {"category": "things", "licence": "CC0-1.0"})
    for listing in sorted((ROOT / "samples" / "catalogue").rglob("P*.json")):
        told = json.loads(listing.read_text())
        pictures = [listing.parent / name for name in told["images"]]
        _listing(feed / "pictures", told["product_id"], pictures, [], {"category": told["category"]})


def _listing(folder: Path, name: str, pictures: Sequence[Path], videos: Sequence[Path], told: dict[str, str]) -> None:
    media = folder / "media"
    media.mkdir(parents=True, exist_ok=True)
    for path in (*pictures, *videos):
        if not (media / path.name).exists():
            shutil.copyfile(path, media / path.name)
    names = [path.name for path in videos]
    if not videos:  # a product is known by its videos; this one is too short to give a clip
        names = [f"{name}_blink.mp4"]
        if not (media / names[0]).exists():
            _blink(media / names[0], int(name[1:]))
    listing = {
        "product_id": name,
        "title": name,
        **told,
        "images": [f"media/{path.name}" for path in pictures],
        "videos": [f"media/{file}" for file in names],
    }
    (folder / f"{name}.json").write_text(json.dumps(listing))


def _blink(path: Path, seed: int) -> None:
    from pvtt_data.media import encode_clip

    noise = np.random.default_rng(seed).integers(0, 255, (8, 24, 32, 3), np.uint8)
    frames = np.stack([cv2.resize(frame, (640, 480), interpolation=cv2.INTER_CUBIC) for frame in noise])
    encode_clip(frames, 16, path, crf=20)


def build(work: Path, products: int, moving: float, workers: int) -> None:
    """The build up to triple QC, by the command line."""
    feed = work / "feed"
    lay_out(feed, Path(os.environ["PVTT_TEST_DATA"]) / "clips")
    recipe = work / "recipe.yaml"
    recipe.write_text(RECIPE.format(feed=feed, products=products, moving=moving))
    command = [sys.executable, "-m", "pvtt_data.cli", "build", str(recipe), "--work", str(work / "work")]
    subprocess.run(
        [*command, "--out", str(work / "shards"), "--until", "triple_qc", "--workers", str(workers)], check=True
    )


# Yield ---------------------------------------------------------------------------------------------------------------


def table(work: Path, name: str) -> list[dict[str, Any]]:
    """Rows of a table of the build."""
    rows: list[dict[str, Any]] = pq.read_table(work / "work" / "tables" / f"{name}.parquet").to_pylist()
    return rows


def clip_names(work: Path) -> dict[str, str]:
    """Clip id → ``frog 0`` and so on, windows numbered by their time."""
    product = {row["source_id"]: row["product_id"] for row in table(work, "sources")}
    numbers: Counter[str] = Counter()
    names = {}
    for row in sorted(table(work, "clips"), key=lambda row: (product[row["source_id"]], row["start_s"])):
        name = product[row["source_id"]]
        names[row["clip_id"]] = f"{name} {numbers[name]}"
        numbers[name] += 1
    return names


def tell_yield(work: Path) -> None:
    """How many pairs became triples, by clip; why the others did not, and what the flagged ones are flagged for."""
    names, pairs, triples = clip_names(work), table(work, "pairs"), table(work, "triples")
    kept = {(row["clip_id"], row["product_a"]): row for row in triples}
    tried = Counter(names[row["clip_id"]].split()[0] for row in pairs)
    accepted, flagged = Counter[str](), Counter[str]()
    for (clip, _), row in kept.items():
        (accepted if row["verdict"] == "accept" else flagged)[names[clip].split()[0]] += 1
    print(f"\n{'clip':10} windows  pairs  accepted  flagged")
    for name in CLIPS:
        windows = sum(value.split()[0] == name for value in names.values())
        print(f"{name:10} {windows:7} {tried[name]:6} {accepted[name]:9} {flagged[name]:8}")
    most = max(Counter(clip for clip, _ in kept).values(), default=0)
    clips = len({names[clip].split()[0] for clip, _ in kept})
    free = [row for row in kept.values() if dict(row["numbers"]).get("placement_free", 0.0) > 0]
    moving = sum(bool(row["track_id_a"]) for row in kept.values())
    print(f"{moving} of them with a moving A, of {sum(bool(row['track_id_a']) for row in pairs)} such pairs")
    print(
        f"{len(kept)} triples of distinct window and A ({accepted.total()} accepted, {flagged.total()} flagged) from "
        f"{clips} clips, at most {most} a window; in {len(free)} part of B lies outside A"
    )
    stages = ("split", "filter", "normalise", "segment", "mask_qc", "pair", "synthesise", "triple_qc")
    reasons = Counter((row["stage"], row["reason"]) for row in table(work, "rejections") if row["stage"] in stages)
    print("\ndropped")
    for (stage, reason), count in sorted(reasons.items()):
        print(f"  {stage:12} {reason:32} {count:4}")
    print("flagged")
    for reason, count in Counter(reason for row in kept.values() for reason in row["reasons"]).most_common():
        print(f"  {reason:45} {count:4}")
    for name in ("made_up_share", "visible_fill_share", "fill_synthesised_share", "outside_share", "residue"):
        values = sorted(dict(row["numbers"])[name] for row in kept.values())
        if values:
            print(f"  {name:28} median {statistics.median(values):.3f}  largest {values[-1]:.3f}")


# Time ----------------------------------------------------------------------------------------------------------------

SWAP = "pvtt_data.engines.swap"
STEPS = {
    "gate": ("pvtt_data.engines.composite", "check_clip"),
    "cut-out": ("pvtt_data.engines.composite", "prepare_cutout"),
    "track B": ("pvtt_data.engines.composite", "track_plane"),
    "settle B": ("pvtt_data.engines.composite", "settle_rotation"),
    "what is in front": (SWAP, "find_occluders"),
    "shadow, reflection": (SWAP, "plan_removal"),
    "track background": (SWAP, "track_background"),
    "plate": (SWAP, "make_plate"),
    "place A": (SWAP, "place"),
    "fill frames": (SWAP, "fill_clip"),
    "colour and light": (SWAP, "match_colour"),
    "light path": (SWAP, "light_path"),
}
"""Functions that do not call each other; drawing A is what remains."""


@contextmanager
def _steps_timed(spent: dict[str, float]) -> Iterator[None]:
    """Count the processor time of the functions in `STEPS`."""
    import importlib

    originals: list[tuple[Any, str, Callable[..., Any]]] = []
    for step, (module_name, name) in STEPS.items():
        module = importlib.import_module(module_name)
        original = getattr(module, name)
        originals.append((module, name, original))

        def timed(*args: Any, _step: str = step, _original: Callable[..., Any] = original, **kwargs: Any) -> Any:
            begun = time.process_time()
            try:
                return _original(*args, **kwargs)
            finally:
                spent[_step] += time.process_time() - begun

        setattr(module, name, timed)
    try:
        yield
    finally:
        for module, name, original in originals:
            setattr(module, name, original)


def requests(work: Path, count: int) -> Iterator[tuple[str, Any]]:
    """Pairs of the build as requests, spread over the clips: every clip's first pair, then every clip's second, …"""
    from pvtt_data.engines.composite import CompositeRequest
    from pvtt_data.engines.moving import steady_cutout
    from pvtt_data.images import read_rgba
    from pvtt_data.media import decode_masks
    from pvtt_data.records import Clip, MaskTrack, Pair, Picture
    from pvtt_data.stages.normalise import read_frames
    from pvtt_data.workspace import Workspace

    workspace = Workspace(work / "work")
    store = workspace.store
    clips = {row.clip_id: row for row in workspace.read_table("clips", Clip)}
    tracks = {row.track_id: row for row in workspace.read_table("tracks", MaskTrack)}
    pictures = {row.picture_id: row for row in workspace.read_table("pictures", Picture)}
    names = clip_names(work)
    turn: Counter[str] = Counter()
    ranked = []
    for row in workspace.read_table("pairs", Pair):
        name = names[row.clip_id].split()[0]
        ranked.append((turn[name], name, row))
        turn[name] += 1
    for _, _, row in sorted(ranked, key=lambda entry: entry[:2])[:count]:
        clip = clips[row.clip_id]
        frames = read_frames(clip.cut, store.original(clip.media_sha256), clip.declared_fps)
        masks = decode_masks(store.path(tracks[row.track_id].mask))
        if row.track_id_a:
            track = tracks[row.track_id_a]
            own = clips[track.clip_id]
            seen = read_frames(own.cut, store.original(own.media_sha256), own.declared_fps)
            product = steady_cutout(seen, decode_masks(store.path(track.mask)))
        else:
            product = read_rgba(store.path(pictures[row.cutout_id].cutout))
        yield (
            f"{names[row.clip_id]} <- {row.product_a}",
            CompositeRequest(frames=frames, masks=masks, product=product, seed=row.seed),
        )


def time_engine(work: Path, count: int, sheets: Path | None) -> None:
    """Processor time of the engine, whole and by step."""
    from pvtt_data.engines.composite import CompositeEngine
    from pvtt_data.errors import InputError

    cv2.setNumThreads(1)
    engine = CompositeEngine()
    totals: list[float] = []
    by_step: dict[str, list[float]] = defaultdict(list)
    print("\nprocessor seconds of the engine")
    for name, request in requests(work, count):
        spent: dict[str, float] = defaultdict(float)
        begun, outcome, result = time.process_time(), "", None
        with _steps_timed(spent):
            try:
                result = engine.make(request)
                outcome = " ".join(result.flags)
            except InputError as error:
                outcome = f"rejected: {error.reason}"
        took = time.process_time() - begun
        print(f"  {name:28} {took:6.2f}  {outcome}", flush=True)
        if result is None:
            continue
        totals.append(took)
        for step in STEPS:
            by_step[step].append(spent[step])
        if sheets is not None:
            sheets.mkdir(parents=True, exist_ok=True)
            sheet = contact_sheet(result, (4, len(result.source) // 2, len(result.source) - 5))
            cv2.imwrite(str(sheets / f"{name.replace(' <- ', '_').replace(' ', '')}.jpg"), sheet[:, :, ::-1])
    if not totals:
        return
    count, height, width = request.masks.shape
    print(
        f"engine version {engine.version}, {len(totals)} triples of {count} frames {width}x{height}: median "
        f"{statistics.median(totals):.2f}, mean {statistics.mean(totals):.2f}, largest {max(totals):.2f} CPU-s"
    )
    by_step["drawing A, the rest"] = [
        total - sum(by_step[step][index] for step in STEPS) for index, total in enumerate(totals)
    ]
    for step, values in by_step.items():
        print(f"  {step:20} mean {statistics.mean(values):5.2f}  largest {max(values):5.2f}")
    versions = f"Python {platform.python_version()}, OpenCV {cv2.__version__}, NumPy {np.__version__}"
    print(f"{platform.processor() or platform.machine()}, {versions}")


def contact_sheet(result: Any, frames: Sequence[int]) -> np.ndarray:
    """``(H, W, 3) uint8`` RGB: target, source, and source with outlines of A (red), B (green) and effect (blue)."""
    columns = []
    for index in frames:
        drawn = result.source[index].copy()
        for masks, colour in (
            (result.effect_mask, (60, 90, 255)),
            (result.target_mask, (40, 200, 40)),
            (result.source_mask, (255, 40, 40)),
        ):
            contours, _ = cv2.findContours(masks[index].astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
            cv2.drawContours(drawn, contours, -1, colour, 2)
        column = np.vstack([result.target[index], result.source[index], drawn])
        height = 900 if column.shape[0] > column.shape[1] else 720
        size = (round(column.shape[1] * height / column.shape[0]), height)
        columns.append(cv2.resize(column, size, interpolation=cv2.INTER_AREA))
    return np.hstack(columns)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, default=Path("work/composite-benchmark"))
    parser.add_argument("--products", type=int, default=4, help="products A tried in each window")
    parser.add_argument("--moving", type=float, default=0.0, help="share of the swaps whose A is a moving cut-out")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="processes of the build")
    parser.add_argument("--timed", type=int, default=12, help="pairs whose time is measured")
    parser.add_argument("--sheets", type=Path, help="write contact sheets of the timed pairs here")
    arguments = parser.parse_args()
    work = arguments.work.resolve()
    work.mkdir(parents=True, exist_ok=True)
    build(work, arguments.products, arguments.moving, arguments.workers)
    tell_yield(work)
    time_engine(work, arguments.timed, arguments.sheets)


if __name__ == "__main__":
    main()
