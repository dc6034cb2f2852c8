"""`pvtt-data verdicts`: what people said, who disagrees, and verdicts in and out."""

from __future__ import annotations

import getpass
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from pvtt_data.cli.options import verdicts_folder
from pvtt_data.cli.rows import print_rows
from pvtt_data.errors import InputError, PreflightError
from pvtt_data.records import to_plain
from pvtt_data.reviews.agreement import agreements
from pvtt_data.reviews.effective import Standing, conflicts, idle_undos, standings, taken_back, word_text
from pvtt_data.reviews.exchange import export_table, import_file
from pvtt_data.reviews.log import FolderContent, ReviewLog, scan
from pvtt_data.reviews.records import ACTIONS, KINDS, Review, check_reviewer
from pvtt_data.words import printable

_SHOWN_LINES = 20

_folder = click.option(
    "--verdicts",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("verdicts"),
    show_default=True,
    callback=verdicts_folder,
    help="Folder of people's verdicts.",
)
_json = click.option("--json", "as_json", is_flag=True, help="For machines.")
_arbiter = click.option("--arbiter", metavar="NAME", help="Whose word decides, as review.arbiter of a recipe does.")


@click.group("verdicts", invoke_without_command=True)
@click.pass_context
def verdicts_command(context: click.Context) -> None:
    """List, compare, import and export people's verdicts.

    Each reviewer has a file in the folder; copying a colleague's file into it merges the two.
    """
    if context.invoked_subcommand is None:
        context.invoke(list_command)


@verdicts_command.command("list")
@_folder
@click.option("--reviewer", metavar="NAME", help="Of one reviewer.")
@click.option("--kind", type=click.Choice(KINDS), help="About one kind of subject.")
@click.option("--action", type=click.Choice(ACTIONS), help="That say one thing.")
@_json
def list_command(folder: Path, reviewer: str | None, kind: str | None, action: str | None, as_json: bool) -> None:
    """List verdicts, the latest last; those that do not hold any more are marked."""
    content = _read(folder)
    back = taken_back(content.reviews)
    holding = {
        word.review_id
        for standing in standings(content.reviews).values()
        for words in standing.words.values()
        for word in words
    }
    shown = [
        review
        for review in content.reviews
        if reviewer in (None, review.reviewer) and kind in (None, review.kind) and action in (None, review.action)
    ]
    states = {
        review.review_id: "taken back"
        if review.review_id in back
        else ""
        if review.review_id in holding or review.action == "undo"
        else "said anew"
        for review in shown
    }
    if as_json:
        for review in shown:
            row = {**to_plain(review), "holds": review.review_id in holding}
            click.echo(json.dumps(row, ensure_ascii=False))
        return
    rows = [
        (r.at, r.reviewer, r.kind, r.name or r.key[:16], _what(r), r.comment, r.review_id, states[r.review_id])
        for r in shown
    ]
    if rows:
        print_rows(("when", "who", "what", "subject", "says", "comment", "id", ""), rows)
    click.echo(f"{len(shown)} verdict{'' if len(shown) == 1 else 's'} in {folder}")


@verdicts_command.command("conflicts")
@_folder
@_arbiter
@_json
def conflicts_command(folder: Path, arbiter: str | None, as_json: bool) -> None:
    """List what reviewers disagree on, and what holds."""
    found = conflicts(standings(_read(folder).reviews, arbiter))
    if as_json:
        click.echo(json.dumps([_conflict(standing) for standing in found], indent=2, ensure_ascii=False))
        return
    for standing in found:
        click.echo(printable(f"{standing.kind} {standing.name}  {standing.key[:16]}"))
        for matter in standing.disagreements:
            holds = {review.review_id for review in standing.decisive[matter]}
            for review in standing.words[matter]:
                mark = "→" if review.review_id in holds else " "
                comment = f"  {review.comment}" if review.comment else ""
                click.echo(printable(f"  {mark} {review.reviewer}: {word_text(matter, review)}{comment}"))
    click.echo(
        f"{len(found)} subjects in conflict"
        + (": → holds; the strictest verdict does, or the latest label or prompt" if found else "")
    )


@verdicts_command.command("agreement")
@_folder
@_json
def agreement_command(folder: Path, as_json: bool) -> None:
    """Say how far each two reviewers agree on what both looked at (Cohen's kappa)."""
    found = agreements(standings(_read(folder).reviews))
    if as_json:
        click.echo(json.dumps([to_plain(row) for row in found], indent=2, ensure_ascii=False))
        return
    rows = [
        (
            f"{row.one} and {row.other}",
            row.kind,
            str(row.subjects),
            str(row.same),
            "–" if row.kappa is None else f"{row.kappa:.2f}",
        )
        for row in found
    ]
    if rows:
        print_rows(("reviewers", "kind", "both looked at", "same verdict", "kappa"), rows)
    if not found:
        click.echo("no two reviewers looked at the same thing yet")


@verdicts_command.command("import")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--verdicts",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("verdicts"),
    show_default=True,
    help="Folder that they go to; made if it is not there.",
)
def import_command(files: tuple[Path, ...], folder: Path) -> None:
    """Add verdicts from files, such as the static page downloads; what is there already is left alone."""
    bad = []
    for path in files:
        result = import_file(path, folder)
        who = ", ".join(f"{count} of {reviewer}" for reviewer, count in sorted(result.added.items())) or "none"
        click.echo(printable(f"{path}: {who} added, {result.known} known already"))
        bad += result.bad
    if bad:
        raise PreflightError(_lines(f"{len(bad)} lines hold no verdict and were left out", [b.text() for b in bad]))


@verdicts_command.command("export")
@_folder
def export_command(folder: Path) -> None:
    """Write all verdicts to verdicts.parquet beside their files, for DuckDB and pandas."""
    _existing(folder)
    click.echo(f"wrote {export_table(folder)}")


@verdicts_command.command("undo")
@click.argument("review_ids", nargs=-1, required=True, metavar="ID...")
@_folder
@click.option("--reviewer", metavar="NAME", help="Whose verdicts they are; the login name by default.")
@click.option("--comment", default="", help="Why.")
def undo_command(review_ids: tuple[str, ...], folder: Path, reviewer: str | None, comment: str) -> None:
    """Take back verdicts of your own, by the ids that `list` shows; what you said before them holds again."""
    _existing(folder)
    try:
        reviewer = check_reviewer(reviewer or getpass.getuser())
    except InputError as error:
        raise PreflightError(error.message) from error
    reviews = _read(folder).reviews
    back = taken_back(reviews)
    undos = []
    for name in review_ids:
        matches = [review for review in reviews if review.review_id.startswith(name)]
        if len(matches) != 1:
            raise PreflightError(f"{name}: {'several verdicts begin so' if matches else 'there is no such verdict'}")
        undos.append(_undo(matches[0], back, reviewer, comment))
    for review in ReviewLog(folder, reviewer).append_all(undos):
        click.echo(printable(f"taken back: {review.undoes}  {review.kind} {review.name or review.key[:16]}"))


def _undo(review: Review, back: frozenset[str], reviewer: str, comment: str) -> Review:
    if review.reviewer != reviewer:
        raise PreflightError(
            f"{review.review_id} is a verdict of {review.reviewer}: only they can take it back (--reviewer); say "
            "otherwise with a verdict of your own"
        )
    if review.action == "undo" or review.review_id in back:
        raise PreflightError(f"{review.review_id} was taken back already, or is an undo: give the verdict again")
    return Review.made(
        review.kind, review.key, "undo", reviewer, undoes=review.review_id, comment=comment, name=review.name
    )


def _read(folder: Path) -> FolderContent:
    """What a folder holds; damage is told and hides nothing else."""
    content = scan(folder)
    idle = [f"{review.review_id} of {review.reviewer} names {review.undoes}" for review in idle_undos(content.reviews)]
    if content.damaged:
        _warn("lines hold no verdict; a build refuses them", [bad.text() for bad in content.damaged])
    torn = [bad.text() for bad in content.bad if bad.torn]
    if torn:
        _warn("last lines were never finished; they were not acknowledged", torn)
    if idle:
        _warn("undos take nothing back", idle)
    return content


def _existing(folder: Path) -> None:
    if not folder.is_dir():
        raise PreflightError(f"there is no folder {folder}: name the verdicts with --verdicts")


def _warn(title: str, lines: Sequence[str]) -> None:
    click.secho(printable(_lines(f"{len(lines)} {title}", lines), newlines=True), fg="yellow", err=True)


def _lines(title: str, lines: Sequence[str]) -> str:
    shown = [*lines[:_SHOWN_LINES], *([f"and {len(lines) - _SHOWN_LINES} more"] if len(lines) > _SHOWN_LINES else [])]
    return "\n  ".join([f"{title}:", *shown])


def _what(review: Review) -> str:
    if review.action == "undo":
        return f"takes back {review.undoes}"
    if review.action == "relabel":
        labels = (("category", review.category), ("product", review.product_id))
        return ", ".join(f"{name} {value}" for name, value in labels if value)
    return word_text("segment" if review.action == "resegment" else "verdict", review)


def _conflict(standing: Standing) -> dict[str, Any]:
    return {
        "kind": standing.kind,
        "key": standing.key,
        "name": standing.name,
        "words": {matter: [to_plain(review) for review in standing.words[matter]] for matter in standing.disagreements},
        "holds": {matter: [r.review_id for r in standing.decisive[matter]] for matter in standing.disagreements},
    }
