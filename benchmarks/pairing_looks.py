"""What tells one product from another when clips and pictures are paired: embedders, and a histogram of colours.

    python benchmarks/pairing_looks.py DATASET... [--work WORK] [--vectors FILE.npz] [--every N]

A DATASET is a version of rendered triples, where every product is known. As in a build, a clip is looked at in up to
five frames, and its pictures are references and held-out views, all from elsewhere. Two questions are asked, which are
those of pairing:

- *too alike*: is the largest cosine of a clip's frames with a product's pictures above ``pair.max_likeness``? Wrong: a
  product passes for another one than itself, or another product is barred.
- *reference*: is the largest cosine of a clip's frames with one picture at least ``pair.min_reference_likeness``?
  Wrong: a picture of the product is refused, or one of another product is taken.

Products are dealt into halves by hash, those that share a triple together: one sets thresholds, the other is reported.
Clips are asked about products of their own half. Triples whose A is a variant of B are counted
apart.

The target, written down before the first run: an embedder takes the place of the histogram if, on the reporting half,
at 5 % of errors about the product itself it makes fewer errors about others of the same category in both questions.

With --work the clips and pictures of a build, such as one of the sample catalogue, are asked the same by the limits
found: balanced errors for *too alike*, the share of 5 % for *reference*.
"""

from __future__ import annotations

import argparse
import itertools
import json
import platform
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from pvtt_data.calibration.triple_trials import halves_of
from pvtt_data.embedders.base import Embedder, Vectors
from pvtt_data.embedders.choose import EmbedderKind, choose_embedder, open_for_stage
from pvtt_data.embedders.crops import Pictures, crop_references, crop_video
from pvtt_data.embedders.hue_histogram import HueHistogram
from pvtt_data.images import read_rgba
from pvtt_data.media import decode_masks, decode_video
from pvtt_data.records import Clip, MaskTrack, Picture, Source
from pvtt_data.shards import Sample, ShardDataset
from pvtt_data.stage import library_version
from pvtt_data.triple_quality.colours import as_cutout
from pvtt_data.workspace import Workspace

MISSED = 0.05
"""Errors about the product itself that thresholds are set at."""
KINDS = ("same", "category", "other", "variant")
Likenesses = dict[str, list[float]]
_FRAMES = 5
_BATCH = 1024


@dataclass
class Subjects:
    """What is compared.

    Attributes:
        crops: of all subjects.
        clips: (product, rows of its frames) of each clip.
        pictures: product → a row for each picture.
        half, category: of each product.
        variants: pairs of products that are variants of each other.
    """

    crops: list[NDArray[np.uint8]] = field(default_factory=list)
    clips: list[tuple[str, list[int]]] = field(default_factory=list)
    pictures: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    half: dict[str, str] = field(default_factory=dict)
    category: dict[str, str] = field(default_factory=dict)
    variants: set[frozenset[str]] = field(default_factory=set)

    def add(self, crops: Pictures) -> list[int]:
        """Rows of new crops."""
        first = len(self.crops)
        self.crops.extend(crops)
        return list(range(first, len(self.crops)))


@dataclass
class Found:
    """Likenesses, by whether they are of one product, of two of a category, of variants, or of any others."""

    too_alike: Likenesses = field(default_factory=lambda: defaultdict(list))
    reference: Likenesses = field(default_factory=lambda: defaultdict(list))


def main() -> None:
    """Print the tables as Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("datasets", nargs="+", type=Path)
    parser.add_argument("--vectors", type=Path, help="file that keeps vectors between runs")
    parser.add_argument("--work", type=Path, help="work folder of a build whose product identifiers are right")
    parser.add_argument("--every", type=int, default=1, help="take only every so many triples")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    subjects = read(options.datasets, options.every)
    pictures = sum(map(len, subjects.pictures.values()))
    print(f"{len(subjects.clips)} clips, {pictures} pictures of {len(subjects.pictures)} products")
    vectors = vectors_of(subjects, options.vectors)
    report(vectors, subjects)
    if options.work:
        limits = {}
        for name, seen in vectors.items():
            sets = compare(subjects, seen, "setting")
            limits[name] = (at_balance(sets.too_alike), at_share(sets.reference))
        print(f"\n| build | limit | product itself | of its category | other | variant |\n|{' --- |' * 6}")
        report_build(options.work, limits)
    print(f"\n{platform.machine()}, one thread; Python {platform.python_version()}, numpy {library_version('numpy')}")


def embedders() -> list[Embedder]:
    """All that are compared; those that need weights find them as a build does."""
    names: tuple[EmbedderKind, ...] = ("colour-shape", "mobilenet")
    joint: tuple[EmbedderKind, ...] = ("mobilenet-colour", "colour-histogram", "mobilenet-histogram")
    return [HueHistogram(), *(open_for_stage(choose_embedder(name)[0]) for name in (*names, *joint))]


def read(datasets: Sequence[Path], every: int) -> Subjects:
    """Crops of all clips and pictures."""
    subjects = Subjects()

    def samples() -> Iterator[Sample]:
        return itertools.islice(itertools.chain.from_iterable(map(ShardDataset, datasets)), 0, None, every)

    # As plain JSON, so that datasets of earlier versions can be read.
    metas = [json.loads(sample.read("json")) for sample in samples()]
    halves = halves_of([(meta["product_a"], meta["product_b"]) for meta in metas])
    for sample, meta, half in zip(samples(), metas, halves, strict=True):
        for product, category in ((meta["product_a"], meta["category_a"]), (meta["product_b"], meta["category_b"])):
            subjects.half[product], subjects.category[product] = half, category
        if meta["numbers"]["near_identity"]:
            subjects.variants.add(frozenset((meta["product_a"], meta["product_b"])))
        for product, frames, masks in (
            (meta["product_a"], sample.source, sample.source_mask),
            (meta["product_b"], sample.target, sample.target_mask),
        ):
            rows = subjects.add(seen_in(frames, masks))
            if rows:
                subjects.clips.append((product, rows))
        views = [*sample.references[: meta["reference_count"]], *sample.heldout[: meta["heldout_count"]]]
        crops = crop_references([as_cutout(view) for view in views]).pictures
        subjects.pictures[meta["product_b"]] += subjects.add(crops)
    return subjects


def seen_in(frames: NDArray[np.uint8], masks: NDArray[np.bool_]) -> Pictures:
    """Crops of up to five frames, evenly spaced over those that show the product."""
    shown = np.flatnonzero(masks.any(axis=(1, 2)))
    chosen = sorted({int(shown[round(share * (len(shown) - 1))]) for share in np.linspace(0.0, 1.0, _FRAMES)})
    sure = np.stack([cv2.erode(masks[i].astype(np.uint8), np.ones((3, 3), np.uint8)) > 0 for i in chosen])
    kept = np.where(sure.any(axis=(1, 2), keepdims=True), sure, masks[chosen])
    return crop_video(frames[chosen], kept).pictures


def vectors_of(subjects: Subjects, kept: Path | None) -> dict[str, Vectors]:
    """Embedder → vectors of all crops; joint ones are put together from their parts."""
    if kept and kept.is_file():
        with np.load(kept) as file:
            found = {name: file[name] for name in file}
    else:
        found = {}
        crops = np.stack(subjects.crops)
        for embedder in embedders()[:3]:
            begun = time.process_time()
            parts = []
            for first in range(0, len(crops), _BATCH):
                parts.append(embedder.embed(crops[first : first + _BATCH]))
                print(f"<!-- {embedder.name}: {first + len(parts[-1])} of {len(crops)} -->", flush=True)
            found[embedder.name] = np.concatenate(parts)
            print(f"{embedder.name}: {(time.process_time() - begun) / len(crops) * 1000:.1f} CPU ms a crop", flush=True)
        if kept:
            np.savez(kept, **found)
    for embedder in embedders()[3:]:
        parts = [found[name] for name in embedder.name.split("+")]
        found[embedder.name] = np.asarray(np.concatenate(parts, axis=1) / np.sqrt(len(parts)), np.float32)
    return found


def compare(subjects: Subjects, vectors: Vectors, half: str) -> Found:
    """Likenesses of the clips of one half with the pictures of all products of that half."""
    found = Found()
    products = [p for p in subjects.pictures if subjects.half[p] == half and subjects.pictures[p]]
    rows = np.concatenate([subjects.pictures[p] for p in products])
    starts = np.cumsum([0, *(len(subjects.pictures[p]) for p in products)])[:-1]
    owners = np.repeat(np.arange(len(products)), [len(subjects.pictures[p]) for p in products])
    pictures = vectors[rows]
    for product, frames in subjects.clips:
        if subjects.half[product] != half:
            continue
        best = (pictures @ vectors[frames].T).max(axis=1)
        kinds = [kind_of(subjects, product, other) for other in products]
        for kind, value in zip(kinds, np.maximum.reduceat(best, starts).tolist(), strict=True):
            found.too_alike[kind].append(value)
        for owner, value in zip(owners.tolist(), best.tolist(), strict=True):
            found.reference[kinds[owner]].append(value)
    return found


def kind_of(subjects: Subjects, one: str, other: str) -> str:
    """One of `KINDS`."""
    if one == other:
        return "same"
    if frozenset((one, other)) in subjects.variants:
        return "variant"
    return "category" if subjects.category[one] == subjects.category[other] else "other"


def report(vectors: Mapping[str, Vectors], subjects: Subjects) -> None:
    """Both questions of each embedder: limits from one half, errors of the other."""
    errors = "| product itself | of its category | other | variant |"
    for question, title in (("too_alike", "too alike"), ("reference", "reference")):
        for rule, words in ((at_share, f"{MISSED:.0%} of the product itself wrong"), (at_balance, "errors balanced")):
            print(f"\n{title}; limit: {words} in the setting half\n\n| embedder | limit {errors}\n|{' --- |' * 6}")
            for name, seen in vectors.items():
                sets, tells = (getattr(compare(subjects, seen, half), question) for half in ("setting", "reporting"))
                print(_row(name, rule(sets), tells))
            if (question, rule) == ("too_alike", at_share):
                print(
                    _row(
                        "histogram, limit until now",
                        0.9,
                        compare(subjects, vectors[HueHistogram.name], "reporting").too_alike,
                    )
                )


def at_share(found: Likenesses) -> float:
    """The limit that a share of `MISSED` of the likenesses of one product are below."""
    return float(np.quantile(found["same"], MISSED))


def at_balance(found: Likenesses) -> float:
    """The limit at which a product is as often wrong as one of its category."""
    same, other = (np.sort(found[kind]) for kind in ("same", "category"))
    limits = np.concatenate([same, other])
    missed = np.searchsorted(same, limits, side="right") / len(same)
    taken = 1 - np.searchsorted(other, limits, side="right") / len(other)
    return float(limits[np.abs(missed - taken).argmin()])


def _row(name: str, limit: float, found: Likenesses) -> str:
    cells = [name, f"{limit:.3f}"]
    for kind in KINDS:
        values = np.array(found[kind])
        wrong = values <= limit if kind == "same" else values > limit
        cells.append(f"{wrong.mean():.1%} of {len(values)}" if len(values) else "–")
    return f"| {' | '.join(cells)} |"


def report_build(work: Path, limits: Mapping[str, tuple[float, float]]) -> None:
    """The same questions asked of a build's clips and pictures, whose product identifiers are right."""
    workspace = Workspace(work)
    store = workspace.store
    clips = {row.clip_id: row for row in workspace.read_table("clips", Clip)}
    product_of = {row.source_id: row.product_id for row in workspace.read_table("sources", Source)}
    pictures = workspace.read_table("pictures", Picture)
    tracks = workspace.read_table("tracks", MaskTrack)
    cutouts = np.concatenate([crop_references([read_rgba(store.path(row.cutout))]).pictures for row in pictures])
    frames = [
        seen_in(decode_video(store.path(clips[row.clip_id].video)), decode_masks(store.path(row.mask)))
        for row in tracks
    ]
    for embedder in embedders():
        shown, seen = embedder.embed(cutouts), [embedder.embed(each) for each in frames]
        found = Found()
        for row, vectors in zip(tracks, seen, strict=True):
            clip = clips[row.clip_id]
            best = (shown @ vectors.T).max(axis=1)
            of_product: dict[str, float] = {}
            for picture, value in zip(pictures, best.tolist(), strict=True):
                if picture.origin != "listing" and picture.image_sha256 == clip.media_sha256:
                    continue  # of this very footage
                kind = "same" if picture.product_id == product_of[clip.source_id] else "other"
                found.reference[kind].append(value)
                of_product[picture.product_id] = max(value, of_product.get(picture.product_id, -1.0))
            for product, value in of_product.items():
                found.too_alike["same" if product == product_of[clip.source_id] else "other"].append(value)
        for title, likenesses, limit in zip(
            ("too alike", "reference"), (found.too_alike, found.reference), limits[embedder.name], strict=True
        ):
            low, high = (np.quantile(likenesses[kind], [0.05, 0.5, 0.95]) for kind in ("same", "other"))
            spread = f"same {low[0]:.2f} {low[1]:.2f} {low[2]:.2f}, other {high[0]:.2f} {high[1]:.2f} {high[2]:.2f}"
            print(f"{_row(f'{embedder.name}, {title}', limit, likenesses)} {spread}; 5, 50, 95 %")


if __name__ == "__main__":
    main()
