"""What the panel says: of one subject its numbers and who said what, and of the review how far it is."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pvtt_curation.app.standing import VerdictFolder
from pvtt_curation.operators.plain_text import plain
from pvtt_curation.operators.targets import keys_of, part_label
from pvtt_curation.operators.words import in_words, when
from pvtt_curation.subjects import Subject

if TYPE_CHECKING:
    from pvtt_curation.app.context import ReviewContext
    from pvtt_data.reviews.effective import Standings
    from pvtt_data.reviews.log import BadLine
    from pvtt_data.reviews.records import SubjectKind
    from pvtt_data.thresholds import Rule

_reading = threading.Lock()


def board(context: ReviewContext, subject: Subject | None) -> dict[str, Any]:
    """All that the panel shows: Markdown of ``about`` and ``progress``, rows of ``numbers`` and ``words``."""
    with _reading:
        said, bad = _folder(context.verdicts, context.arbiter).read()
    return {
        "about": about(subject) if subject else "Open a sample, or select one, to see its numbers and verdicts.",
        "numbers": number_rows(subject) if subject else [],
        "words": word_rows(subject, said) if subject else [],
        "progress": progress(context, said, bad),
    }


def about(subject: Subject) -> str:
    """What it is, and what the build came to, as Markdown."""
    facts = [
        ("product", subject.product_b or subject.product),
        ("put in", subject.product_a),
        ("category", subject.category),
        ("engine", subject.engine),
        ("split", subject.split),
        ("difficulty", subject.difficulty),
        ("prompt", subject.prompt),
    ]
    judged = {"accept": "accepted", "flag": "flagged", "reject": "rejected"}[subject.verdict]
    why = ", ".join(subject.reasons)
    lines = [f"**{plain(subject.name)}**", ""]
    lines.append(f"{subject.kind}, {judged} by the build" + (f": **{plain(why)}**" if why else ""))
    if subject.message:
        lines.append(f"({plain(subject.message)})")
    lines += ["", " · ".join(f"{name} {plain(value)}" for name, value in facts if value)]
    if subject.nearest:
        alike = ", ".join(f"{plain(n.row_id[:8])} ({n.likeness:.2f}, {n.why})" for n in subject.nearest)
        lines += ["", f"most alike: {alike}"]
    return "\n".join(lines)


def number_rows(subject: Subject) -> list[dict[str, str]]:
    """Numbers with their thresholds: broken ones first, then those that have any."""
    rules: dict[str, list[Rule]] = {}
    for rule in subject.rules:
        rules.setdefault(rule.number, []).append(rule)

    def row(name: str, value: float) -> tuple[int, dict[str, str]]:
        mine = rules.get(name, [])
        broken = [rule for rule in mine if rule.is_broken(subject.numbers)]
        limits = "; ".join(f"{_limit(rule)}, else {rule.verdict} ({rule.reason})" for rule in mine)
        says = "; ".join(sorted({f"{rule.verdict}s" for rule in broken}))
        order = 0 if broken else 1 if mine else 2
        return order, {"number": name, "value": f"{value:.4g}", "limit": limits, "says": says}

    rows = [row(name, value) for name, value in subject.numbers.items()]
    return [found for _, found in sorted(rows, key=lambda pair: (pair[0], pair[1]["number"]))]


def word_rows(subject: Subject, said: Standings) -> list[dict[str, str]]:
    """Every word that stands on a subject and its parts, its own first."""
    own = (subject.kind, subject.key)
    rows = []
    for key in sorted(keys_of(subject), key=lambda key: (key != own, key)):
        standing = said.get(key)
        if standing is None:
            continue
        for matter, words in standing.words.items():
            decisive = {word.review_id for word in standing.decisive[matter]}
            disputed = matter in standing.disagreements
            for word in words:
                holds = "" if not disputed else "holds" if word.review_id in decisive else "overruled"
                if disputed and matter not in standing.arbitrated:
                    holds = f"conflict, {holds}"
                rows.append(
                    {
                        "who": word.reviewer,
                        "says": in_words(word),
                        "of": part_label(subject, *key),
                        "comment": word.comment,
                        "when": f"{when(word)} UTC",
                        "holds": holds,
                    }
                )
    return rows


def progress(context: ReviewContext, said: Standings, bad: Sequence[BadLine]) -> str:
    """How far the review is, as Markdown."""
    subjects = context.subjects
    lines = []
    for verdict, name in (("flag", "flagged"), ("reject", "rejected"), ("accept", "accepted")):
        group = [subject for subject in subjects if subject.verdict == verdict]
        if group:
            done = sum(any(key in said for key in keys_of(subject) if key[0] != "source") for subject in group)
            lines.append(f"- {name} by the build: {done:,} of {len(group):,} have a verdict")
    shown = [said[key] for key in sorted(_all_keys(subjects)) if key in said]
    reviewers = sorted({name for standing in shown for name in standing.reviewers})
    if reviewers:
        lines.append(f"- by {', '.join(plain(name) for name in reviewers)}")
    disputed = sum(standing.is_conflict for standing in shown)
    if disputed:
        lines.append(f"- **conflicts: {disputed:,}**, the strictest word holds")
    damaged = [line for line in bad if not line.torn]
    if damaged:
        lines.append(f"- **{len(damaged):,} lines of verdicts cannot be read**, the first: {plain(damaged[0].text())}")
    return "\n".join([f"You are **{plain(context.reviewer)}**.", "", *lines])


def _all_keys(subjects: Iterable[Subject]) -> set[tuple[SubjectKind, str]]:
    return {key for subject in subjects for key in keys_of(subject)}


def _limit(rule: Rule) -> str:
    return f"{'≥' if rule.broken == 'below' else '≤'} {rule.limit:g}"


@lru_cache(maxsize=2)
def _folder(folder: Path, arbiter: str | None) -> VerdictFolder:
    return VerdictFolder(folder, arbiter)
