"""Shard: write the accepted triples as a dataset version, check it, and give it its number."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from pvtt_data.errors import BuildError
from pvtt_data.publish.licences import LicenceBook, survey_licences
from pvtt_data.records import Clip, Source, Split, Triple
from pvtt_data.shards import (
    DatasetSettings,
    Publication,
    ShardSample,
    latest_version,
    publish,
    read_manifest,
    shard_count_for,
    verify,
    write_dataset,
)
from pvtt_data.shards.building import building_folder
from pvtt_data.shards.format import NOT_MEASURED, SPLITS
from pvtt_data.stage import StageConfig
from pvtt_data.stages.triple_qc import Shelf
from pvtt_data.store import BlobStore

NAME = "shard"


class ShardConfig(StageConfig):
    """How samples are laid out in tars."""

    count: Annotated[int | None, Field(ge=1, le=65536)] = None
    """Shards of each split; default from the estimated size, rounded to a power of two. Fix it once it is large."""
    target_mb: Annotated[float, Field(gt=0)] = 700.0
    """Size of a shard that the default count aims at."""
    include_flagged: bool = True
    """Whether flagged triples are written (with their verdict) or left out until a person has seen them."""
    card_licence: str = "auto"
    """Licence of the dataset as a whole, as the Hub writes it; each sample lists the licences of its parts. auto: what
    all of them come to (docs/publish.md), and "other" where that is no single licence."""


def write_version(
    triples: list[Triple],
    shelf: Shelf,
    store: BlobStore,
    config: ShardConfig,
    settings: Mapping[str, Any],
    tables: Mapping[str, Path],
    out: Path,
    workers: int = 1,
    parent: int | None = None,
    number_names: Collection[str] = (),
    third_products: Mapping[str, str] | None = None,
) -> Publication:
    """Write, verify and publish one dataset version.

    Args:
        settings: further fields of `DatasetSettings`: name, recipe, reference_count, heldout_count, tools, weights.
        out: folder of the versions.
        workers: processes that check what was written.
        parent: version that the splits were taken from (0: none); by default the latest one.
        number_names: numbers that every sample shall have besides those that some triple has, so that an engine's last
            triple takes no name out of all samples when it goes.
        third_products: triple → a product that it shows beside A and B; its licence counts, too.

    Raises:
        BuildError: there is nothing to write, what was written does not verify, or another build published a version
            since ``parent``.
    """
    kept = [t for t in triples if config.include_flagged or t.verdict == "accept"]
    if not kept:
        raise BuildError("no triple is left to write; the rejections say why (pvtt-data show rejections)")
    latest = latest_version(out)
    parent = latest if parent is None else parent
    facts = _product_facts(shelf)
    third = third_products or {}
    licences = {t.triple_id: _licences(t, shelf, facts, third.get(t.triple_id)) for t in kept}
    with building_folder(out) as building:
        write_dataset(
            building,
            _samples(kept, shelf, facts, licences, store, number_names),
            DatasetSettings(
                shard_count=_shard_counts(kept, config, out),
                card_licence=_card_licence(kept, licences) if config.card_licence == "auto" else config.card_licence,
                **dict(settings),
            ),
            tables,
            out / f"v{latest}" if latest else None,
        )
        report = verify(building, workers=workers, decoded_in=out / f"v{latest}" if latest else None)
        if not report.ok:
            raise BuildError(f"the written dataset does not verify, which is a defect:\n{report.text()}")
        return publish(building, out, parent=parent or 0)


def _shard_counts(triples: list[Triple], config: ShardConfig, out: Path) -> int | dict[Split, int]:
    """Shards of each split: the recipe's, else the latest version's, so that samples stay where they are."""
    if config.count is not None:
        return config.count
    sizes: dict[Split, int] = dict.fromkeys(SPLITS, 0)
    for triple in triples:
        blobs = (triple.source, triple.source_mask, triple.target, triple.target_mask, triple.effect_mask)
        sizes[triple.split] += sum(blob.size_bytes for blob in (*blobs, *triple.references))
    counts = {split: shard_count_for(size, round(config.target_mb * 1e6)) for split, size in sizes.items()}
    version = latest_version(out)
    if version is not None:
        counts |= {split: known.shards for split, known in read_manifest(out / f"v{version}").counts.items()}
    return counts


def _product_facts(shelf: Shelf) -> dict[str, tuple[str, str, str]]:
    """Product → title, category and licence."""
    facts: dict[str, tuple[str, str, str]] = {}
    for source in sorted(shelf.sources.values(), key=lambda s: s.source_id, reverse=True):
        facts[source.product_id] = (source.title, source.category, source.licence)
    return facts


def _source_a(triple: Triple, shelf: Shelf) -> tuple[Clip | None, Source | None]:
    """The clip that A was cut out of, and its source, where there is one."""
    if not triple.track_id_a:
        return None, None
    clip = shelf.clips[shelf.tracks[triple.track_id_a].clip_id]
    return clip, shelf.sources[clip.source_id]


def _licences(
    triple: Triple, shelf: Shelf, facts: Mapping[str, tuple[str, str, str]], third_product: str | None
) -> list[str]:
    """The licences of all that went into a triple."""
    products = (triple.product_a, triple.product_b, third_product)
    found = {facts[product][2] for product in products if product is not None}
    found.add(shelf.sources[triple.source_id].licence)
    _, source_a = _source_a(triple, shelf)
    if source_a is not None:
        found.add(source_a.licence)
    return sorted({licence or "unknown" for licence in found})


def _card_licence(triples: list[Triple], licences: Mapping[str, list[str]]) -> str:
    """What the licences of all triples and their models come to, as the Hub writes it."""
    survey = survey_licences(((t.triple_id, licences[t.triple_id], t.models) for t in triples), LicenceBook())
    return "other" if survey.unknown or survey.incompatible or survey.unshareable else survey.hub


def _samples(
    triples: list[Triple],
    shelf: Shelf,
    facts: Mapping[str, tuple[str, str, str]],
    licences: Mapping[str, list[str]],
    store: BlobStore,
    number_names: Collection[str],
) -> Iterator[ShardSample]:
    unmeasured = dict.fromkeys(
        sorted({*number_names, *(name for triple in triples for name in triple.numbers)}), NOT_MEASURED
    )
    for triple in triples:
        source = shelf.sources[triple.source_id]
        cut = shelf.clips[triple.clip_id].cut
        title_a, category_a, _ = facts[triple.product_a]
        title_b, category_b, _ = facts[triple.product_b]
        clip_a, source_a = _source_a(triple, shelf)
        blobs = {
            "source.mp4": triple.source,
            "source_mask.mp4": triple.source_mask,
            "target.mp4": triple.target,
            "target_mask.mp4": triple.target_mask,
            "effect_mask.mp4": triple.effect_mask,
        }
        blobs |= {f"reference_{i}.png": blob for i, blob in enumerate(triple.references)}
        blobs |= {f"heldout_{i}.png": blob for i, blob in enumerate(triple.heldout)}
        yield ShardSample(
            key=triple.triple_id[:16],
            split=triple.split,
            members={name: store.path(blob) for name, blob in blobs.items()},
            digests={name: blob.sha256 for name, blob in blobs.items()},
            meta={
                "triple_id": triple.triple_id,
                "engine": triple.engine,
                "kind": triple.kind,
                "split": triple.split,
                "difficulty": triple.difficulty,
                "product_a": triple.product_a,
                "product_b": triple.product_b,
                "category_a": category_a,
                "category_b": category_b,
                "title_a": title_a,
                "title_b": title_b,
                "prompt": triple.prompt,
                "source_prompt": triple.source_prompt,
                "captioner": triple.captioner,
                "judge": triple.judge,
                "fps": triple.fps,
                "frames": triple.frames,
                "height": triple.height_px,
                "width": triple.width_px,
                "reference_source": list(triple.reference_source),
                "segmenter": triple.segmenter,
                "verdict": triple.verdict,
                "reasons": list(triple.reasons),
                "numbers": unmeasured | dict(triple.numbers),
                "source_id": triple.source_id,
                "clip_id": triple.clip_id,
                "first_frame": cut.first_frame,
                "last_frame": cut.last_frame,
                "source_url": source.url,
                "source_id_a": source_a.source_id if source_a else "",
                "clip_id_a": clip_a.clip_id if clip_a else "",
                "source_url_a": source_a.url if source_a else "",
                "licences": licences[triple.triple_id],
                "models": list(triple.models),
            },
        )
