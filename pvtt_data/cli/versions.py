"""`pvtt-data log` and `diff`: what versions there are, and what changed between two."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from pvtt_data.records import Rejection, to_plain
from pvtt_data.shards.diff import ChangedTriple, Count, Setting, TripleLine, VersionDiff, diff_versions
from pvtt_data.shards.history import VersionLine, find_version, history, parent_of
from pvtt_data.shards.sharing import distinct_bytes
from pvtt_data.words import printable

_SHOWN = 10
_VALUE_LETTERS = 60
_TABLE_LETTERS = 200
_out = click.option(
    "--out", type=click.Path(path_type=Path), default=Path("shards"), show_default=True, help="Folder of the versions."
)
_json = click.option("--json", "as_json", is_flag=True, help="For machines; always complete.")


@click.command("log")
@_out
@_json
def log_command(out: Path, as_json: bool) -> None:
    """List the versions of a dataset, the latest first.

    "Shared" is what a version has in common on disk with the one it grew from. "Written" is the time of the file, which
    no version holds inside.
    """
    lines = history(out)
    if as_json:
        plain = [{**to_plain(line), "path": str(line.path)} for line in lines]
        click.echo(json.dumps(plain, indent=2, ensure_ascii=False))
        return
    console = Console(soft_wrap=True)
    if not lines:
        console.print(f"no version in {out} yet: pvtt-data build makes one", highlight=False, markup=False)
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("version", "recipe", "train", "val", "test", "size", "shared", "parent", "root", "changes", "written"):
        right = name in ("train", "val", "test", "size", "shared")
        table.add_column(name, justify="right" if right else "left", no_wrap=True)
    for line in lines:
        table.add_row(*(Text(cell, "" if line.state == "whole" else "red") for cell in _log_cells(line)))
    # On a narrow screen lines wrap; cells are never cut.
    console.width = max(console.width, _TABLE_LETTERS)
    console.print(table)
    for line in lines:
        if line.state != "whole":
            console.print(Text(printable(f"v{line.version} is {line.state}: {line.problem}"), "red"))
    console.print(f"{_size(distinct_bytes([line.path for line in lines]))} on disk together", highlight=False)


def _log_cells(line: VersionLine) -> list[str]:
    whole = line.state == "whole"
    return [
        f"v{line.version}",
        printable(line.name) if whole else line.state,
        *(str(line.samples.get(split, 0)) for split in ("train", "validation", "test")),
        _size(line.total_bytes),
        _size(line.shared_bytes) if line.parent else "",
        line.parent,
        line.root[:12],
        f"+{line.added} −{line.removed} ~{line.changed}" if line.root else "",
        time.strftime("%Y-%m-%d %H:%M", time.localtime(line.written_s)) if line.written_s else "",
    ]


@click.command("diff")
@click.argument("before", required=False)
@click.argument("after", required=False)
@_out
@click.option("--all", "show_all", is_flag=True, help=f"List everything, not the first {_SHOWN} of each kind.")
@_json
def diff_command(before: str | None, after: str | None, out: Path, show_all: bool, as_json: bool) -> None:
    """Say what changed between two versions: names such as v1, or folders.

    Without AFTER the latest version is taken, without BEFORE the one that it grew from.
    """
    new = find_version(after or "latest", out)
    old = find_version(before, out) if before else parent_of(new)
    diff = diff_versions(old, new)
    if as_json:
        click.echo(json.dumps(diff.to_plain(), indent=2, ensure_ascii=False))
    else:
        _Page(Console(soft_wrap=True), None if show_all else _SHOWN).show(diff)


class _Page:
    """A diff for a terminal.

    Args:
        limit: lines of each kind; None for all.
    """

    def __init__(self, console: Console, limit: int | None) -> None:
        self.console = console
        self.limit = limit

    def show(self, diff: VersionDiff) -> None:
        """Print all parts that differ."""
        self._say(f"{diff.before} → {diff.after}", "bold")
        if diff.same:
            self._say("the same content")
            return
        self._counts("samples", diff.splits)
        self._counts("samples by category", [c for c in diff.categories if c.before != c.after])
        self._triples("added", diff.added, "+")
        self._triples("removed", diff.removed, "-")
        self._lines("triples changed", [_changed(change) for change in diff.changed])
        self._lines(
            "sources in another split",
            [f"{m.product_id}: {m.before} → {m.after}  {m.path or m.source_id}" for m in diff.moved],
        )
        self._rejections("rejections that are new", diff.rejections_new)
        self._rejections("rejections that are gone", diff.rejections_gone)
        self._settings("recipe settings", diff.settings)
        self._settings("tools", diff.tools)
        self._settings("weights", diff.weights)
        rewritten, new, gone = len(diff.shards_rewritten), len(diff.shards_new), len(diff.shards_gone)
        self._lines(
            f"shards: {diff.shards_same} the same, {rewritten} rewritten, {new} new, {gone} gone",
            [*(f"~ {p}" for p in diff.shards_rewritten), *(f"+ {p}" for p in diff.shards_new)]
            + [f"- {p}" for p in diff.shards_gone],
            counted=True,
        )
        if diff.presentation:
            self._say(f"presentation: {', '.join(diff.presentation)}")
        for note in diff.notes:
            self._say(note)

    def _say(self, text: str, style: str = "") -> None:
        self.console.print(Text(printable(text), style))

    def _lines(self, title: str, lines: Sequence[str], counted: bool = False) -> None:
        if not lines and not counted:
            return
        self._say(title if counted else f"{title}: {len(lines)}", "bold")
        shown = lines if self.limit is None else lines[: self.limit]
        for line in shown:
            self._say(f"  {line}")
        if len(shown) < len(lines):
            self._say(f"  and {len(lines) - len(shown)} more (--all)")

    def _counts(self, title: str, counts: Sequence[Count]) -> None:
        if counts:
            self._say(title, "bold")
            width = max(len(c.name or "none") for c in counts)
            for c in counts:
                change = f"  {c.after - c.before:+d}" if c.after != c.before else ""
                self._say(f"  {c.name or 'none':<{width}}  {c.before} → {c.after}{change}")

    def _triples(self, title: str, triples: Sequence[TripleLine], sign: str) -> None:
        why = Counter(line.why for line in triples)
        reasons = ", ".join(f"{count} {reason}" for reason, count in sorted(why.items()))
        lines = [
            f"{sign} {t.key}  {t.split}  {t.product_a} into {t.product_b} [{t.first_frame}:{t.last_frame})  "
            f"{t.review or _dropped(t.rejection, sign) or t.why}"
            for t in triples
        ]
        if lines:
            self._lines(f"triples {title}: {len(lines)} ({reasons})", lines, counted=True)

    def _rejections(self, title: str, rejections: Sequence[Rejection]) -> None:
        self._lines(title, [f"{r.stage}: {r.reason}  {r.subject or r.subject_id}  {r.message}" for r in rejections])

    def _settings(self, title: str, settings: Sequence[Setting]) -> None:
        self._lines(title, [f"{s.name}: {_value(s.before)} → {_value(s.after)}" for s in settings])


def _changed(change: ChangedTriple) -> str:
    key = change.key if change.key == change.key_before else f"{change.key_before} → {change.key}"
    what = ", ".join((*change.members, *change.fields))
    review = f"  {change.review}" if change.review else ""
    return f"~ {key}  {change.product_a} into {change.product_b}: {what}{review}"


def _dropped(rejection: str, sign: str) -> str:
    return rejection and f"{'no longer ' if sign == '+' else ''}rejected by {rejection}"


def _value(value: Any) -> str:
    text = "not set" if value is None else value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _VALUE_LETTERS else f"{text[: _VALUE_LETTERS - 1]}…"


def _size(size_bytes: int) -> str:
    return f"{size_bytes / 1e9:.2f} GB" if size_bytes >= 1e9 else f"{size_bytes / 1e6:.1f} MB"
