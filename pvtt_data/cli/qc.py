"""`pvtt-data qc`: the quality numbers of built triples, thresholds tried on them, and thresholds measured."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from rich.text import Text

from pvtt_data.cli.options import set_option, work_option
from pvtt_data.errors import PvttError
from pvtt_data.files import write_whole
from pvtt_data.words import printable

if TYPE_CHECKING:
    from pvtt_data.stages.triple_qc import TripleQcConfig
    from pvtt_data.triple_report.judged import JudgedAgain, QcReport

_BARS = " ▁▂▃▄▅▆▇█"
_EMBEDDERS = (
    "auto", "colour-shape", "colour-histogram", "mobilenet", "mobilenet-colour", "mobilenet-histogram", "dinov2", "clip"
)  # fmt: skip


@click.command("qc")
@click.argument("what", type=click.Path(path_type=Path, exists=True))
@work_option
@set_option
@click.option("--thresholds", type=click.Path(path_type=Path, dir_okay=False), help="Judge by this calibration file.")
@click.option("--flag", "flags", multiple=True, metavar="NUMBER=VALUE", help="Flag beyond this threshold.")
@click.option("--reject", "rejects", multiple=True, metavar="NUMBER=VALUE", help="Reject beyond this threshold.")
@click.option("--worst", type=click.IntRange(min=0), default=8, show_default=True, help="How many bad ones to name.")
@click.option("--sheet", type=click.Path(path_type=Path, dir_okay=False), help="A contact sheet (JPEG) of these.")
@click.option("--json", "as_json", is_flag=True, help="For machines.")
@click.option(
    "--calibrate",
    "target",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Measure thresholds on the accepted swaps of dataset version WHAT by injected faults, into this file.",
)
@click.option("--name", default="", help="Name of the calibration; the file's by default.")
@click.option("--embedder", type=click.Choice(_EMBEDDERS), default="auto", show_default=True, help="For --calibrate.")
@click.option("--embedder-weights", default="", help="Its weights: a file, a folder or a repository.")
@click.option("--keep", type=click.Path(path_type=Path, file_okay=False), help="Keep measured trials, to go on later.")
@click.option("--limit", type=click.IntRange(min=2), help="For --calibrate: only so many triples.")
@click.option("--workers", type=click.IntRange(min=1), help="Processes; one per processor by default.")
def qc_command(
    what: Path,
    work: Path,
    overrides: tuple[str, ...],
    thresholds: Path | None,
    flags: tuple[str, ...],
    rejects: tuple[str, ...],
    worst: int,
    sheet: Path | None,
    as_json: bool,
    target: Path | None,
    name: str,
    embedder: str,
    embedder_weights: str,
    keep: Path | None,
    limit: int | None,
    workers: int | None,
) -> None:
    """Report the quality numbers of triples, and what other thresholds would make of them.

    WHAT is a dataset version (shards/v1), or a recipe, whose latest build in --work is reported with the triples that
    were rejected. Nothing is changed.

    With --calibrate thresholds are measured instead: half of the products set them, the other half reports what they
    catch and how often they are wrong. Use the file as triple_qc.calibration in a recipe. Renders that were built in
    --work with render.shadowless lose exactly their shadow for it, others by an estimate. See docs/triple_quality.md.
    """
    if target is not None:
        chosen = (embedder, embedder_weights)
        _calibrate(what, target, name or target.stem, chosen, work, keep, limit, workers, as_json)
        return
    from pvtt_data.triple_report.built import read_build, read_version
    from pvtt_data.triple_report.judged import report
    from pvtt_data.triple_report.sheet import SheetLine
    from pvtt_data.triple_report.sheet import sheet as draw_sheet

    if what.is_dir():
        version = read_version(what)
    else:
        from pvtt_data.recipe import read_recipe

        version = read_build(work, read_recipe(what, overrides).triple_qc)
    if not version.triples:
        raise PvttError(f"{what} has no triples to report")
    config = _with(version.config, thresholds, flags, rejects)
    found = report(version, config)
    if version.note and thresholds is None:
        click.echo(version.note, err=True)
    if as_json:
        click.echo(found.to_json(worst))
    else:
        _print(found, worst)
    if sheet is not None:
        lines = [
            SheetLine(_title(row), "; ".join(row.says), row.triple.tiles() if row.triple.tiles is not None else ())
            for row in found.worst(worst)
        ]
        write_whole(sheet, draw_sheet(lines))
        click.echo(f"{sheet}: {len(lines)} triples", err=as_json)


def _with(
    config: TripleQcConfig, thresholds: Path | None, flags: Sequence[str], rejects: Sequence[str]
) -> TripleQcConfig:
    """Settings with other thresholds.

    Raises:
        PvttError: a threshold is none.
    """
    from pydantic import ValidationError

    plain = config.model_dump()
    if thresholds is not None:
        plain["calibration"] = thresholds
    for key, given in (("flag", flags), ("reject", rejects)):
        plain[key] = {**plain[key], **dict(_threshold(text) for text in given)}
    try:
        return type(config).model_validate(plain)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise PvttError(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from error


def _threshold(text: str) -> tuple[str, float]:
    number, _, value = text.partition("=")
    try:
        return number.strip(), float(value)
    except ValueError as error:
        raise PvttError(f"{text!r} is no threshold; write NUMBER=VALUE, such as a_in_target=0.6") from error


def _print(found: QcReport, worst: int) -> None:
    console = Console(soft_wrap=True)
    console.print(Text(f"{found.name}: {sum(found.as_built.values())} triples, likeness by {found.embedder}", "bold"))
    console.print(Text(f"as built: {_told(found.as_built)}"))
    console.print(Text(f"under these thresholds: {_told(found.verdicts)}"))
    if found.reasons:
        console.print(Text(f"because of: {_told(found.reasons)}"))
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("number", "triples", "5 %", "25 %", "50 %", "75 %", "95 %"):
        table.add_column(title, justify="left" if title == "number" else "right", no_wrap=True)
    table.add_column("1 to 99 %", no_wrap=True)
    table.add_column("thresholds, and how many break them", no_wrap=True)
    for number in found.numbers:
        limits = ", ".join(f"{verdict} {side} {limit:g}: {n}" for verdict, side, limit, n in number.limits)
        cells = [number.number, str(number.count), *(f"{value:.3g}" for value in number.quantiles)]
        table.add_row(*cells, _bars(number.histogram), limits)
    # On a narrow screen lines wrap; cells are never cut.
    console.width = max(console.width, 200)
    console.print(table)
    rows = found.worst(worst)
    if rows:
        console.print(Text(f"the worst {len(rows)}", "bold"))
    for row in rows:
        colour = "red" if row.verdict == "reject" else "yellow"
        console.print(Text(printable(_title(row)), colour))
        console.print(Text(f"    {'; '.join(row.says)}"))


def _title(row: JudgedAgain) -> str:
    return f"{row.triple.key}  {row.triple.product_a} into {row.triple.product_b}: {row.verdict}"


def _told(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.items()) or "nothing"


def _bars(counts: Sequence[int]) -> str:
    tallest = max(max(counts, default=0), 1)
    return "".join(_BARS[0 if not count else max(1, round(count / tallest * 8))] for count in counts)


def _calibrate(
    what: Path,
    target: Path,
    name: str,
    embedder: tuple[str, str],
    work: Path,
    keep: Path | None,
    limit: int | None,
    workers: int | None,
    as_json: bool,
) -> None:
    from pvtt_data.calibration.make_triples import (
        calibrate_triples,
        engines_of,
        known_shadows,
        measure_versions,
        shadowless_targets,
        size_of,
    )
    from pvtt_data.calibration.triple_file import TripleCalibration
    from pvtt_data.embedders.choose import choose_embedder

    if not what.is_dir():
        raise PvttError(f"{what} is no dataset version; --calibrate measures the triples of one, such as shards/v1")
    chosen, why = choose_embedder(*embedder)  # type: ignore[arg-type]
    click.echo(f"likeness by {why}", err=True)
    console = Console(stderr=True)
    shadowless = shadowless_targets([work])
    try:
        with tempfile.TemporaryDirectory() as scratch, Progress(console=console, transient=True) as progress:
            task = progress.add_task("triples", total=None)
            trials = measure_versions(
                [what],
                [chosen],
                keep or Path(scratch),
                workers or os.cpu_count() or 1,
                lambda done, total: progress.update(task, completed=done, total=total),
                limit,
                shadowless=shadowless,
            )[chosen.name]
        data = {
            "name": name,
            "sizes": size_of([what]),
            "triples": len({trial.clip for trial in trials}),
            "known_shadows": known_shadows([what], shadowless),
        }
        part = calibrate_triples(trials, chosen.weights_sha256, data)
    except ValueError as error:
        raise PvttError(f"{what} cannot be calibrated on: {error}") from error
    made = TripleCalibration(name=name, engines=engines_of([what]), embedders={chosen.name: part})
    write_whole(target, made.to_text().encode())
    if as_json:
        click.echo(made.to_text(), nl=False)
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("on products that set nothing", "caught", "of", "share", "95 % interval"):
        table.add_column(title, justify="left" if title.startswith("on") else "right", no_wrap=True)
    rates = {"right triples flagged": part.results["false_alarms"]["reporting"]}
    for kind, roles in part.results["detection"].items():
        rates |= {f"{kind}, {role} strengths": rate for role, rate in roles.items() if rate["of"]}
    for title, rate in rates.items():
        share = f"{rate['caught'] / rate['of']:.1%}" if rate["of"] else ""
        interval = f"{rate['low']:.1%} to {rate['high']:.1%}"
        table.add_row(title, f"{rate['caught']:.0f}", f"{rate['of']:.0f}", share, interval)
    Console(soft_wrap=True).print(table)
    own = part.made["categories_with_own_thresholds"]
    click.echo(f"thresholds by category: {', '.join(own) if own else 'none, too few products of any: all are global'}")
    click.echo(f"{target}: {len(part.thresholds)} numbers have thresholds, from {data['triples']} triples")
