"""Triples that were built and judged, from a dataset version or from a work directory."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from pvtt_data.calibration.triple_file import read_triple_calibrations
from pvtt_data.embedders.choose import ChosenEmbedder
from pvtt_data.errors import PvttError
from pvtt_data.images import read_rgba
from pvtt_data.media import decode_masks, decode_video
from pvtt_data.records import Clip, Pair, Rejection, Source, Triple
from pvtt_data.shards import Sample, ShardDataset
from pvtt_data.stages.triple_qc import NAME, TripleQcConfig
from pvtt_data.triple_report.sheet import triple_tiles
from pvtt_data.workspace import Workspace

Picture = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class BuiltTriple:
    """A triple that was judged.

    Attributes:
        key: of the sample, or of the pair where it was rejected.
        category: of B.
        verdict, reasons: what the build said.
        tiles: pictures for a contact sheet, ``(H, W, 3) uint8`` RGB, made when asked for; None where nothing is kept.
    """

    key: str
    engine: str
    kind: str
    product_a: str
    product_b: str
    category: str
    verdict: str
    reasons: tuple[str, ...]
    numbers: Mapping[str, float]
    tiles: Callable[[], list[Picture]] | None = None


@dataclass(frozen=True, slots=True)
class BuiltVersion:
    """All triples of a dataset version or of a build, and the settings that judged them.

    Attributes:
        name: for people.
        config: the settings of `TripleQcConfig` that it was built with.
        embedder: that measured likenesses.
        note: what a person should know about the thresholds; empty if nothing.
    """

    name: str
    triples: tuple[BuiltTriple, ...]
    config: TripleQcConfig
    embedder: ChosenEmbedder
    note: str = ""


def read_version(folder: Path) -> BuiltVersion:
    """The triples of a dataset version.

    Raises:
        DatasetError: it cannot be read.
    """
    dataset = ShardDataset(folder)
    triples = tuple(_of_sample(sample) for sample in dataset)
    settings = dataset.manifest.recipe.get(NAME)
    embedder = embedder_of(dataset.manifest.weights)
    return BuiltVersion(str(folder), triples, config_of(settings), embedder, _note(settings))


def _note(settings: Any) -> str:
    """A manifest names its calibration by digest alone; another one may be at hand."""
    built_with = settings.get("calibration") if isinstance(settings, Mapping) else None
    if built_with is None:
        return "the version does not say which calibration it was built with; the package's is used"
    if built_with != read_triple_calibrations().digest:
        return f"built with another calibration ({str(built_with)[:12]}) than the package's: name it with --thresholds"
    return ""


def _of_sample(sample: Sample) -> BuiltTriple:
    meta = sample.meta
    count = meta.reference_count

    def tiles() -> list[Picture]:
        return triple_tiles(
            sample.source, sample.target, sample.source_mask, sample.target_mask, sample.references[:count]
        )

    return BuiltTriple(
        sample.key,
        meta.engine,
        meta.kind,
        meta.product_a,
        meta.product_b,
        meta.category_b,
        meta.verdict,
        tuple(meta.reasons),
        meta.measured,
        tiles,
    )


def read_build(work: Path, config: TripleQcConfig) -> BuiltVersion:
    """The triples of the latest build in a work directory, those that triple QC rejected too.

    Raises:
        PvttError: there was no build.
        PreflightError: the embedder that the recipe names cannot be had.
    """
    if not (work / "tables" / "triples.parquet").is_file():
        raise PvttError(f"{work} holds no build yet; run pvtt-data build first, or name its folder with --work")
    workspace = Workspace(work)
    category = {source.source_id: source.category for source in workspace.read_table("sources", Source)}
    clips = {clip.clip_id: clip for clip in workspace.read_table("clips", Clip)}
    pairs = {pair.pair_id: pair for pair in workspace.read_table("pairs", Pair)}
    found = [
        _of_row(row, category.get(row.source_id, ""), workspace) for row in workspace.read_table("triples", Triple)
    ]
    for row in workspace.read_table("rejections", Rejection):
        pair = pairs.get(row.subject_id)
        if row.stage == NAME and pair is not None:
            b = category.get(clips[pair.clip_id].source_id, "")
            found.append(
                BuiltTriple(
                    row.subject_id, pair.engine, pair.kind, pair.product_a, pair.product_b, b, "reject", (row.reason,),
                    row.numbers,
                )
            )  # fmt: skip
    return BuiltVersion(str(work), tuple(found), config, config.chosen_embedder()[0])


def _of_row(row: Triple, category: str, workspace: Workspace) -> BuiltTriple:
    def tiles() -> list[Picture]:
        store = workspace.store
        source, target = (decode_video(store.path(blob)) for blob in (row.source, row.target))
        masks = [decode_masks(store.path(blob)) for blob in (row.source_mask, row.target_mask)]
        return triple_tiles(
            source, target, masks[0], masks[1], [read_rgba(store.read(blob)) for blob in row.references]
        )

    return BuiltTriple(
        row.triple_id[:16], row.engine, row.kind, row.product_a, row.product_b, category, row.verdict, row.reasons,
        row.numbers, tiles,
    )  # fmt: skip


def config_of(plain: Any) -> TripleQcConfig:
    """The settings that a manifest holds; what it does not know stays as it is by default."""
    if not isinstance(plain, Mapping):
        return TripleQcConfig()
    known = set(TripleQcConfig.model_fields) - {"calibration", "embedder_weights"}
    try:
        return TripleQcConfig.model_validate({name: value for name, value in plain.items() if name in known})
    except ValidationError as error:
        raise PvttError(f"the manifest's settings of {NAME} cannot be read: {error}") from error


def embedder_of(weights: Mapping[str, str]) -> ChosenEmbedder:
    """The embedder among the weights that took part; one without a name where none did."""
    calibrated = read_triple_calibrations().embedders
    for name in (*calibrated, *(name for name in weights if "@" in name)):
        if name in weights:
            return ChosenEmbedder("", name, weights[name])
    return ChosenEmbedder("", "none", "0" * 64)
