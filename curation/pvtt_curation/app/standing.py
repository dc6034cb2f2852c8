"""What people have said, as fields of samples: of the sample itself, and of the parts that it is made of."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pvtt_curation.subjects import Subject, part_kind
from pvtt_data.reviews.effective import Standing, Standings, standings, word_text
from pvtt_data.reviews.log import BadLine, log_files, read_log
from pvtt_data.reviews.records import Review

_STRICTER = {"accept": 0, "flag": 1, "reject": 2}
_NOTHING: Mapping[str, Any] = {
    "review": None,
    "review_reasons": [],
    "review_of": [],
    "reviewers": [],
    "conflict": False,
    "resegment": None,
    "relabel": None,
}


class VerdictFolder:
    """The verdicts of a folder; only files that changed are read again.

    Args:
        folder: that may not be there yet.
        arbiter: see `standings`.
    """

    def __init__(self, folder: Path, arbiter: str | None) -> None:
        self._folder, self._arbiter = folder, arbiter
        self._files: dict[Path, tuple[tuple[int, int, int], list[Review], list[BadLine]]] = {}

    def read(self) -> tuple[Standings, list[BadLine]]:
        """What is said of each subject now, and lines that hold no verdict."""
        files = {}
        for path in log_files(self._folder):
            stat = path.stat()
            state = (stat.st_ino, stat.st_size, stat.st_mtime_ns)
            known = self._files.get(path)
            files[path] = known if known and known[0] == state else (state, *read_log(path))
        self._files = files
        reviews = {review.review_id: review for _, found, _ in files.values() for review in found}
        bad = [line for _, _, lines in files.values() for line in lines]
        return standings(reviews.values(), self._arbiter), bad


def standing_fields(subject: Subject, said: Standings) -> dict[str, Any]:
    """The fields of a subject's samples that tell what people said.

    ``review`` is what follows for the subject: its own verdict, and the stricter one of a part that it is made of; a
    flag of a part does not outweigh its own acceptance, and nothing is accepted because a part is. ``review_of``
    names the parts that have a say in it, ``triple``, ``mask``, ``mask_a``, ``clip``, ``clip_a``.

    Args:
        said: by kind and key.
    """
    own = said.get((subject.kind, subject.key))
    decisive = own.verdict if own else None
    level = _STRICTER[decisive] if decisive else -1
    words = {part: found for part in subject.parts if (found := said.get((part_kind(part), subject.parts[part])))}
    if own:
        words.setdefault(subject.kind, own)
    outweighing = {"reject"} if decisive == "accept" else {"reject", "flag"}
    for part, found in words.items():
        if part != subject.kind and found.verdict in outweighing:
            level = max(level, _STRICTER[found.verdict])
    verdict = next((name for name, strictness in _STRICTER.items() if strictness == level), None)
    deciding = {
        part: found
        for part, found in words.items()
        if verdict and found.verdict == verdict and (part == subject.kind or verdict != "accept")
    }
    return {
        **_NOTHING,
        "review": verdict,
        "review_of": list(deciding),
        "review_reasons": sorted({reason for found in deciding.values() for reason in found.reasons}),
        "reviewers": sorted({name for found in words.values() for name in found.reviewers}),
        "conflict": any(found.is_conflict for found in words.values()),
        "resegment": next((word_text("segment", w) for f in words.values() if (w := f.resegment)), None),
        "relabel": next((text for f in words.values() if (text := _label(f))), None),
    }


def _label(standing: Standing) -> str:
    return ", ".join(filter(None, [standing.category, standing.product_id]))
