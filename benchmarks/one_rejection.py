"""One mask of many is rejected by a person: what the next version costs, and what of it is new.

    python benchmarks/one_rejection.py [--triples N] [--workers N] [--work DIR]

Products are drawn, moving over grey noise, in clips of 64×64 pixels and 5 frames; each clip gives one triple
(crosspair, whose source is the clip itself), and each product has 50 clips. Masks and listing pictures are not what is
measured: they are read off the colour, the product being the only coloured thing, and put into the work directory as
the results of a segmentation. Everything else is a build as `pvtt-data build` runs it, in processes of its own.

Then one mask is rejected, and the same command runs again. Counted are the rows that map stages computed, the samples
that went, came or changed, and the shards that were written anew; the time is that of the whole command, starting up
included, and beside it that of processors, which other work on the machine does not change. An unchanged build before
it and one after it say what a build costs that changes nothing.

Targets, set before the first run, for 1,000 triples on two processors: no row computed by any stage, exactly one sample
gone and no other touched, exactly one of 16 shards rewritten, and at most 60 s on a machine that does nothing else.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pvtt_data.build import BuildRequest, build
from pvtt_data.images import write_png
from pvtt_data.media import decode_video, encode_clip, encode_masks
from pvtt_data.models import ModelRegistry
from pvtt_data.recipe import Recipe, read_recipe
from pvtt_data.records import Clip, MaskTrack, Picture, content_id
from pvtt_data.reviews.log import ReviewLog
from pvtt_data.reviews.records import Review, mask_key
from pvtt_data.shards import diff_versions
from pvtt_data.stage import Named, Outcome
from pvtt_data.stages.pictures import ListingItem, ListingPictures, cut_out
from pvtt_data.stages.segment import Segment, SegmentItem, backend_for
from pvtt_data.workspace import Workspace

SIDE_PX, FPS, FRAMES, CLIPS_OF_ONE = 64, 8, 5, 50
SOURCE_PX = 96
SETTINGS = {
    "name": "one-rejection",
    "split": {"max_windows": CLIPS_OF_ONE, "min_content_score": 255},
    "filter": {
        "min_side_px": 32, "min_luma": 0, "max_luma": 255, "min_contrast": 0, "min_sharpness": 0,
        "min_motion_px_per_s": 0, "max_shake_px_per_s": 1e9,
    },
    "normalise": {"sizes": f"{SIDE_PX}x{SIDE_PX}", "frames": FRAMES, "fps": FPS},
    "segment": {"backend": "u2net"},
    "mask_qc": {"max_area_share": 1, "reject": {"warped_iou_median": 0, "warped_iou_p05": 0}},
    "pictures": {"per_clip": 0, "min_side_px": 16},
    "assign_split": {"validation_share": 0, "test_share": 0},
    "looks": {"embedder": "colour-shape"},
    "engines": {"composite": 0, "crosspair": 1, "panzoom": 0},
    "pair": {"products_per_clip": 1, "min_view_distance": 0, "min_reference_likeness": 0},
    "synthesise": {"crosspair": {"min_view_distance": 0, "max_area": 1}},
    "triple_qc": {"embedder": "colour-shape", "max_leak_bits": 0},
    "shards": {"count": 16},
}  # fmt: skip


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--triples", type=int, default=1000, help="about so many; default 1000")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--work", type=Path, help="folder to work in, kept; a temporary one by default")
    arguments = parser.parse_args()
    if arguments.work is not None:
        arguments.work.mkdir(parents=True, exist_ok=True)
        measure(arguments.work, arguments.triples, arguments.workers)
        return
    with tempfile.TemporaryDirectory(prefix="one-rejection-") as folder:
        measure(Path(folder), arguments.triples, arguments.workers)


def measure(folder: Path, triples: int, workers: int) -> dict[str, object]:
    """Build, reject one mask, build again; print and return what was found."""
    recipe = prepare(folder, max(2, round(triples / CLIPS_OF_ONE)), workers)
    print(f"first build: {timed(recipe, folder, workers)}", flush=True)
    unchanged = timed(recipe, folder, workers)
    before = versions(folder)[-1]
    name = reject_one(folder)
    rejected = timed(recipe, folder, workers)
    after = versions(folder)[-1]
    diff = diff_versions(before, after)
    log = sorted((folder / "work" / "runs").iterdir())[-1] / "log.jsonl"
    computed = {
        row["stage"]: row["items"] - row["cached"]
        for row in map(json.loads, log.read_text(encoding="utf-8").splitlines())
        if row.get("event") == "stage" and row["cpu_s"]
    }
    again = timed(recipe, folder, workers)
    result: dict[str, object] = {
        "samples before": sum(count.before for count in diff.splits),
        "rejected mask": name,
        "rows computed": {stage: count for stage, count in computed.items() if count},
        "samples gone": [(line.key, line.review) for line in diff.removed],
        "samples that came": len(diff.added),
        "samples changed": len(diff.changed),
        "shards rewritten": f"{len(diff.shards_rewritten)} of {len(diff.shards_rewritten) + diff.shards_same}",
        "nothing changed before": unchanged,
        "one mask rejected": rejected,
        "nothing changed after": again,
        "version made": after.name if after != before else "none",
        "up to date after": versions(folder)[-1] == after,
    }
    for what, value in result.items():
        print(f"{what:<34} {value}", flush=True)
    return result


def prepare(folder: Path, products: int, workers: int) -> Path:
    """Draw the feed, cut the clips, and put their masks into the work directory; the recipe's path."""
    for number in range(products):
        draw_product(folder / "feed" / f"P{number:04d}", number)
    path = folder / "recipe.yaml"
    path.write_text(json.dumps({**SETTINGS, "mine": {"folder": "feed", "layout": "products"}}), encoding="utf-8")
    recipe = read_recipe(path)
    outcome = build(BuildRequest(recipe, folder / "work", folder / "shards", until="clip_review", workers=workers))
    print(f"{len(outcome.tables.clips)} clips of {products} products", flush=True)
    put_masks(recipe, folder, outcome.tables.clips)
    images = {(s.product_id, image.sha256) for s in outcome.tables.sources for image in s.images}
    put_pictures(recipe, folder, images)
    return path


def draw_product(folder: Path, number: int) -> None:
    """One video of a coloured thing over grey noise that never repeats, and two pictures of it."""
    folder.mkdir(parents=True, exist_ok=True)
    seconds = CLIPS_OF_ONE * (FRAMES / FPS) * 1.2 + 4
    count = round(seconds * FPS)
    chance = np.random.default_rng(number)
    noise = chance.integers(40, 200, (count * 4 // 8 + 16, SOURCE_PX // 8), dtype=np.uint8)
    ground = np.kron(noise, np.ones((8, 8), np.uint8))
    frames = np.empty((count, SOURCE_PX, SOURCE_PX, 3), np.uint8)
    for index in range(count):
        frames[index] = ground[index * 4 : index * 4 + SOURCE_PX, :, None]
        x = SOURCE_PX / 2 + 14 * np.sin(index / 9 + number)
        y = SOURCE_PX / 2 + 14 * np.cos(index / 13)
        paint(frames[index], number, x, y, 22)
    encode_clip(frames, FPS, folder / "video.mp4", crf=14)
    for name, radius in (("front", 90), ("near", 110)):
        picture = np.full((256, 256, 3), 245, np.uint8)
        paint(picture, number, 128, 128, radius)
        (folder / f"{name}.png").write_bytes(write_png(picture))


def paint(image: npt.NDArray[np.uint8], number: int, x: float, y: float, radius: float) -> None:
    """Draw product ``number`` into an ``(H, W, 3) uint8 RGB`` image: a disc in two strong colours."""
    rows, columns = np.mgrid[: image.shape[0], : image.shape[1]]
    inside = (columns - x) ** 2 + (rows - y) ** 2 < radius**2
    hues = np.array([[220, 30, 40], [30, 190, 60], [40, 60, 220], [230, 190, 20], [200, 40, 200], [20, 190, 200]])
    upper = rows < y
    image[inside & upper] = hues[number % 6]
    image[inside & ~upper] = hues[(number // 6 + 1 + number) % 6]


def coloured(image: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
    """Where an ``(..., 3) uint8 RGB`` image has a strong colour."""
    wide = image.astype(np.int16)
    return np.asarray(wide.max(axis=-1) - wide.min(axis=-1) > 70, np.bool_)


def put_masks(recipe: Recipe, folder: Path, clips: list[Clip]) -> None:
    """Store the masks of all clips as the results of the segmentation."""
    workspace = Workspace(folder / "work")
    backend, _ = backend_for(recipe.segment, ModelRegistry.default(), fetch=False)
    stage = Segment(backend, recipe.segment.smoothing_px)
    fingerprint, cache, store = stage.fingerprint(), workspace.cache(stage.name), workspace.store
    for clip in clips:
        scratch = store.scratch_file("mp4")
        encode_masks(coloured(decode_video(store.path(clip.video))), clip.cut.fps, scratch)
        mask = store.put_file(scratch, "mp4")
        track = MaskTrack(
            content_id("track", clip.clip_id, mask.sha256), clip.clip_id, backend.label, dict(backend.weights), mask,
            "accept", (), {"confidence_min": 1.0},
        )  # fmt: skip
        item = SegmentItem(clip.clip_id, clip.video, clip.cut.fps)
        cache.add(stage.cache_key(Named(item, clip.clip_id, "").item, fingerprint), Outcome((track,)))
    cache.compact()


def put_pictures(recipe: Recipe, folder: Path, images: set[tuple[str, str]]) -> None:
    """Store the cut-outs of all listing images as the results of the stage that makes them."""
    from pvtt_data.images import read_image

    workspace = Workspace(folder / "work")
    backend, _ = backend_for(recipe.segment, ModelRegistry.default(), fetch=False)
    stage = ListingPictures(recipe.pictures, backend)
    fingerprint, cache, store = stage.fingerprint(), workspace.cache(stage.name), workspace.store
    for product, sha256 in sorted(images):
        image = read_image(store.original(sha256))
        cutout, numbers = cut_out(image, coloured(image).astype(np.float32), recipe.pictures)
        picture = Picture(
            content_id("picture", product, sha256), product, "listing", sha256, "", -1.0,
            store.put(write_png(cutout), "png"), backend.label,
            {**numbers, "area_share": float(coloured(image).mean())},
        )  # fmt: skip
        cache.add(stage.cache_key(ListingItem(product, sha256), fingerprint), Outcome((picture,)))
    cache.compact()


def reject_one(folder: Path) -> str:
    """Reject the mask of one accepted triple; what it is of."""
    workspace = Workspace(folder / "work")
    track = workspace.read_table("tracks", MaskTrack)[0]
    clip = next(c for c in workspace.read_table("clips", Clip) if c.clip_id == track.clip_id)
    key = mask_key(clip.video.sha256, track.mask.sha256)
    review = Review.made("mask", key, "reject", "bench", reason="drift", name=track.track_id)
    ReviewLog(folder / "verdicts", "bench").append(review)
    return track.track_id


def timed(recipe: Path, folder: Path, workers: int) -> str:
    """How long a build on the command line takes: on the clock, and of processors in all of its processes."""
    begun, used = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [
        sys.executable, "-m", "pvtt_data.cli", "build", str(recipe), "--work", str(folder / "work"),
        "--out", str(folder / "shards"), "--workers", str(workers),
    ]  # fmt: skip
    if (folder / "verdicts").is_dir():
        command += ["--verdicts", str(folder / "verdicts")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stdout + done.stderr)
    now = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = now.ru_utime + now.ru_stime - used.ru_utime - used.ru_stime
    return f"{time.monotonic() - begun:.1f} s ({cpu_s:.1f} CPU s)"


def versions(folder: Path) -> list[Path]:
    """Folders of the versions, the oldest first."""
    return sorted((folder / "shards").glob("v*"), key=lambda path: int(path.name[1:]))


if __name__ == "__main__":
    main()
