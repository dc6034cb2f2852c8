"""Puts the page together and writes it as one file."""

from __future__ import annotations

import base64
import hashlib
import json
import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from jinja2 import Environment, StrictUndefined, Template

from pvtt_data import __version__
from pvtt_data.captions.counts import count_prompts
from pvtt_data.engines.mix import MixLine
from pvtt_data.files import write_whole
from pvtt_data.line import engine_mix
from pvtt_data.records import MaskTrack, Pair, Source, Triple
from pvtt_data.report import drops
from pvtt_data.report.costs import stage_costs
from pvtt_data.report.distributions import distributions
from pvtt_data.report.funnel import funnel
from pvtt_data.report.products import category_lines, product_lines
from pvtt_data.report.rows import Rows
from pvtt_data.report.sheets import track_sheets, triple_sheets
from pvtt_data.report.thumbnails import OUTLINE_A, OUTLINE_B, Thumbnails
from pvtt_data.report.verdicts import disputed_lines, verdict_lines
from pvtt_data.stage import library_version
from pvtt_data.words import bytes_text

if TYPE_CHECKING:
    from pvtt_data.build import BuildOutcome
    from pvtt_data.recipe import Recipe
    from pvtt_data.shards import Publication
    from pvtt_data.workspace import Workspace

_LIBRARIES = ("av", "numpy", "onnxruntime", "opencv-python-headless", "pillow", "pyarrow", "scenedetect-headless")
_RUN_FOLDER = re.compile(r"(\d{4})(\d\d)(\d\d)-(\d\d)(\d\d)(\d\d)(?:-\d+)?")
# Control characters, and marks that turn the direction of what follows: they would garble the text around them.
_UNPRINTABLE = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]"
)
_LONGEST_TEXT = 600
_LONGEST_LISTING = 20_000


def write_report(
    outcome: BuildOutcome, workspace: Workspace, recipe: Recipe, machine: Mapping[str, str], path: Path
) -> None:
    """Write the page about a build to ``path``, whole or not at all.

    The page is one file: pictures are data URIs, the style is inline, there is no script, and its security policy
    refuses scripts and requests. Apart from ``machine`` and the times in ``outcome`` it depends on the data alone.

    Args:
        workspace: where the blobs of the build are; one that is missing or damaged is shown as not available.
        machine: facts about the machine, in the order in which they are shown.
    """
    rows = Rows(outcome.results, outcome.tables)
    thumbnails = Thumbnails(workspace.store)
    style = _style()
    fault_count, fault_lines = drops.faults(outcome.results)
    source_count, source_lines = drops.source_lines(rows)
    disputed_count, disputed = disputed_lines(outcome.tables.verdicts)
    product_count, lines_of_products = product_lines(rows)
    html = _template().render(
        style=style,
        style_hash=base64.b64encode(hashlib.sha256(style.encode()).digest()).decode("ascii"),
        name=recipe.name,
        status=_status(outcome),
        changes=_changes(outcome.publication),
        publication=outcome.publication,
        begun=_begun(outcome.run_folder),
        seconds=outcome.seconds,
        backend=outcome.backend.label if outcome.backend else "",
        tiles=_tiles(rows),
        splits=_splits(rows),
        prompts=count_prompts(triple.prompt for triple in rows.triples()),
        captioners=dict(sorted(Counter(triple.captioner for triple in rows.triples()).items())),
        engines=_engines(rows, recipe),
        stages=funnel(outcome.results),
        triple_sheets=triple_sheets(rows, thumbnails),
        track_sheets=track_sheets(rows, thumbnails),
        drop_groups=drops.drop_groups(outcome.results, rows, thumbnails),
        distributions=distributions(rows, recipe),
        verdicts=verdict_lines(outcome.tables.verdicts),
        disputed=disputed,
        disputed_count=disputed_count,
        faults=fault_lines,
        fault_count=fault_count,
        products=lines_of_products,
        product_count=product_count,
        categories=category_lines(rows),
        costs=stage_costs(outcome.results),
        sources=source_lines,
        source_count=source_count,
        notes=outcome.notes,
        machine=machine,
        versions={"pvtt": __version__, **{name: library_version(name) for name in _LIBRARIES}},
        weights=outcome.weights,
        recipe=json.dumps(recipe.model_dump(mode="json"), indent=2, ensure_ascii=False),
    )
    write_whole(path, html.encode("utf-8", "backslashreplace"))


@cache
def _template() -> Template:
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters |= {
        "text": _text,
        "long_text": _long_text,
        "number": _number,
        "duration": _duration,
        "count": _count,
        "size": bytes_text,
    }
    return environment.from_string(_packaged("page.html"))


@cache
def _style() -> str:
    style = _packaged("style.css").strip()
    return style.replace("OUTLINE_A", _css_colour(OUTLINE_A)).replace("OUTLINE_B", _css_colour(OUTLINE_B))


def _packaged(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")


def _text(text: str, longest: int = _LONGEST_TEXT) -> str:
    """Text from outside, printable and not endless; the template escapes it."""
    short = text if len(text) <= longest else text[:longest] + "…"
    return _UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", short)


def _long_text(text: str) -> str:
    return _text(text, _LONGEST_LISTING)


def _number(value: float) -> str:
    if math.isfinite(value) and value == round(value) and abs(value) < 1e6:
        return str(round(value))
    return f"{value:.4g}"


def _count(value: int) -> str:
    return f"{value:,}".replace(",", "\N{NARROW NO-BREAK SPACE}")


def _duration(seconds: float) -> str:
    if seconds < 0.95:
        return f"{seconds:.2f} s"
    if seconds < 59.5:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def _css_colour(rgb: tuple[int, int, int]) -> str:
    return "#" + "".join(f"{part:02x}" for part in rgb)


def _status(outcome: BuildOutcome) -> tuple[str, str]:
    """Tone and words of what the build came to."""
    publication = outcome.publication
    if publication is None:
        last = outcome.results[-1].stage if outcome.results else "nothing"
        return "flag", f"stopped early, after {last}: no version was written"
    if publication.status == "up-to-date":
        return "none", f"v{publication.version} is up to date: nothing changed"
    return "good", f"v{publication.version} published"


def _changes(publication: Publication | None) -> str:
    if publication is None or publication.lineage is None:
        return ""
    lineage = publication.lineage
    since = f"since {lineage.parent.version}" if lineage.parent else "the first version"
    return f"{len(lineage.added)} added, {len(lineage.removed)} removed, {len(lineage.changed)} changed, {since}"


def _begun(run_folder: Path) -> str:
    """Time of the run from the name of its folder, or that name."""
    parts = _RUN_FOLDER.fullmatch(run_folder.name)
    return "{}-{}-{} {}:{}:{}".format(*parts.groups()) if parts else run_folder.name


def _tiles(rows: Rows) -> list[tuple[str, int, str]]:
    """(what, how many, a remark) at the top of the page, from sources to triples."""
    triples = rows.triples()
    tracks: list[MaskTrack] = rows.made_by("mask_qc")
    sources = [source for source in rows.of(Source).values() if source.kind != "photo"]
    products = {source.product_id for source in sources}
    tiles = [
        ("sources", len(sources), _counted(len(products), "product")),
        ("clips", len(rows.made_by("normalise")), f"{len(rows.dropped_by('normalise'))} dropped"),
        ("mask tracks", len(tracks), _verdicts(tracks, len(rows.dropped_by("mask_qc")))),
        ("triples", len(triples), _verdicts(triples, len(rows.dropped_by("triple_qc") + rows.dropped_by("judge")))),
    ]
    stages = ("mine", "normalise", "mask_qc", "triple_qc")
    return [tile for tile, stage in zip(tiles, stages, strict=True) if rows.ran(stage)]


def _counted(number: int, word: str) -> str:
    return f"{number} {word}" + ("" if number == 1 else "s")


def _verdicts(judged: Sequence[Triple | MaskTrack], rejected: int) -> str:
    counts = Counter(row.verdict for row in judged)
    return f"{counts['accept']} accepted, {counts['flag']} flagged, {rejected} rejected"


def _engines(rows: Rows, recipe: Recipe) -> list[MixLine]:
    """Wanted and found shares of the engines; nothing before triples are judged."""
    if not rows.ran("triple_qc"):
        return []
    return engine_mix(recipe, rows.of(Pair).values(), rows.triples())


def _splits(rows: Rows) -> dict[str, int]:
    """Triples in each split."""
    counts = Counter(triple.split for triple in rows.triples())
    return {split: counts[split] for split in ("train", "validation", "test") if counts[split]}
