"""The verdicts that a build is given, and the books about what came of them.

Stages ask what is said of a row by the row's content. Whatever is asked about is met; what is never met is about
nothing in this build, and the build says so.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pvtt_data.records import Blob, Clip, MaskTrack, Triple, Verdict, content_id, sort_records
from pvtt_data.reviews.agreement import agreements
from pvtt_data.reviews.applied import AgreementRow, AppliedVerdict, Effect, applied_verdict
from pvtt_data.reviews.effective import Standing, Standings, idle_undos, standings
from pvtt_data.reviews.log import read_folder
from pvtt_data.reviews.records import VIDEO_MEMBERS, Review, SubjectKind, clip_key, mask_key, triple_key

PREFIX = "review-"
"""How reasons begin that come from people."""
_NAMED = 3


@dataclass(frozen=True, slots=True)
class Ruling:
    """What becomes of a row when thresholds and people have spoken.

    Attributes:
        reasons: of a flag all of them, of a reject the first; slugs.
        message: for a person, about a reject.
    """

    verdict: Verdict
    reasons: tuple[str, ...]
    message: str


class ReviewBook:
    """Verdicts that stand, and what a build made of them.

    Args:
        found: what stands; nothing by default.
        folder: where it was read from, for messages.
        idle: undos that take nothing back.
    """

    def __init__(self, found: Standings | None = None, folder: Path | None = None, idle: Sequence[Review] = ()) -> None:
        self.found: Standings = found or {}
        self.folder = folder
        self.idle = list(idle)
        self.taken: set[str] = set()
        """Rows that nothing but people's word dropped."""
        self._effects: dict[tuple[SubjectKind, str], dict[str, set[Effect]]] = {}

    @classmethod
    def read(cls, folder: Path | None, arbiter: str | None = None) -> ReviewBook:
        """The verdicts of a folder as they stand now; a build reads them once, when it begins.

        Raises:
            PreflightError: a line is damaged.
        """
        if folder is None:
            return cls()
        reviews = read_folder(folder)
        return cls(standings(reviews, arbiter), folder, idle_undos(reviews))

    def of_source(self, sha256: str, source_id: str) -> Standing | None:
        """What is said of a mined file."""
        return self._meet("source", sha256, source_id)

    def of_clip(self, clip: Clip) -> Standing | None:
        """What is said of a clip's video."""
        return self._meet("clip", clip_key(clip.video.sha256), clip.clip_id)

    def of_mask(self, clip: Clip, track: MaskTrack) -> Standing | None:
        """What is said of a mask over its clip."""
        return self._meet("mask", mask_key(clip.video.sha256, track.mask.sha256), track.track_id)

    def of_triple(self, key: str, pair_id: str) -> Standing | None:
        """What is said of a triple, by its key (`key_of_triple`)."""
        return self._meet("triple", key, pair_id)

    def accepts(self, key: str) -> Standing | None:
        """What stands of a triple, by its key, if that is an accept; the triple counts as met before."""
        standing = self.found.get(("triple", key))
        return standing if standing is not None and standing.verdict == "accept" else None

    def note(self, standing: Standing, subject_id: str, effect: Effect) -> None:
        """Book what came of a verdict."""
        self._effects.setdefault((standing.kind, standing.key), {}).setdefault(subject_id, set()).add(effect)

    def note_rows(self, standing: Standing, effect: Effect) -> None:
        """Book what came of a verdict, for all rows for which it was met."""
        for effects in self._effects.get((standing.kind, standing.key), {}).values():
            effects.add(effect)

    def rule(
        self,
        standing: Standing | None,
        subject_id: str,
        ruling: Ruling,
        structural: bool = False,
        lasting: Sequence[str] = (),
    ) -> Ruling:
        """What thresholds and people come to together, booked.

        Args:
            standing: what people say of the row.
            ruling: what thresholds say.
            structural: whether the row is wrong in a way that nobody can accept.
            lasting: reasons that the row keeps when it is accepted.
        """
        if standing is None or standing.verdict is None:
            return ruling
        if standing.verdict == "reject":
            self.note(standing, subject_id, "dropped")
            if ruling.verdict != "reject":
                self.taken.add(subject_id)
            return Ruling("reject", review_reasons(standing)[:1], rejection_text(standing))
        if ruling.verdict == "reject" and (standing.verdict == "flag" or structural):
            if standing.verdict == "accept":
                self.note(standing, subject_id, "kept-out")
            return ruling
        if standing.verdict == "flag":
            self.note(standing, subject_id, "flagged")
            return Ruling("flag", tuple(dict.fromkeys((*ruling.reasons, *review_reasons(standing)))), "")
        if ruling.verdict == "reject":
            self.note(standing, subject_id, "passed")
        elif set(ruling.reasons) - set(lasting):
            self.note(standing, subject_id, "cleared")
        return Ruling("accept", tuple(lasting), "")

    def applied(self, names: Mapping[str, str]) -> list[AppliedVerdict]:
        """All verdicts that were met, sorted.

        Args:
            names: row → what a person knows it by.
        """
        return sort_records(
            applied_verdict(self.found[subject], row, names.get(row, ""), effects)
            for subject, rows in self._effects.items()
            for row, effects in rows.items()
        )

    def agreement(self) -> list[AgreementRow]:
        """How far each two reviewers agree on what was met, by kind of subject and pair."""
        found = agreements({subject: self.found[subject] for subject in self._effects})
        pairs = sorted({(one.one, one.other) for one in found})
        return sort_records(
            AgreementRow(
                content_id("agreement", one.kind, pairs.index((one.one, one.other)) + 1),
                one.kind,
                pairs.index((one.one, one.other)) + 1,
                one.subjects,
                one.same,
                one.kappa,
            )
            for one in found
        )

    def unmet(self) -> list[Standing]:
        """What stands about nothing in this build."""
        return [standing for subject, standing in self.found.items() if subject not in self._effects]

    def notes(self, complete: bool = True) -> list[str]:
        """What a person should know after a build, or a plan.

        Args:
            complete: whether all stages saw all of their rows; else it is not known what is about nothing.
        """
        texts = []
        if self.found:
            came = Counter(effect for rows in self._effects.values() for of in rows.values() for effect in of)
            effects = ", ".join(f"{came[effect]} {effect}" for effect in sorted(came)) or "nothing changes by them"
            people = len({name for standing in self.found.values() for name in standing.reviewers})
            texts.append(
                f"verdicts of {_counted(people, 'reviewer')} about {_counted(len(self.found), 'subject')}, "
                f"{len(self._effects)} of them in this build: {effects}"
            )
        conflicts = [standing for standing in self.found.values() if standing.is_conflict]
        if conflicts:
            texts.append(
                f"reviewers disagree on {_counted(len(conflicts), 'subject')}, of verdicts the strictest holds: "
                f"pvtt-data verdicts conflicts ({_some(conflicts)})"
            )
        unmet = self.unmet() if complete else []
        if unmet:
            kinds = Counter(standing.kind for standing in unmet)
            counts = ", ".join(_counted(count, kind) for kind, count in sorted(kinds.items()))
            texts.append(
                f"{_counted(len(unmet), 'verdict')} about nothing in this build ({counts}: {_some(unmet)}): what was "
                "looked at is not made any more, or was made anew"
            )
        if self.idle:
            texts.append(
                f"{_counted(len(self.idle), 'undo')} take nothing back, because the verdict is not here or is "
                f"another reviewer's: {', '.join(review.undoes for review in self.idle[:_NAMED])}"
            )
        return texts

    def _meet(self, kind: SubjectKind, key: str, subject_id: str) -> Standing | None:
        standing = self.found.get((kind, key))
        if standing is not None:
            self._effects.setdefault((kind, key), {}).setdefault(subject_id, set())
        return standing


def review_reasons(standing: Standing) -> tuple[str, ...]:
    """Reasons of a flag or reject of people, as rows state them."""
    return tuple(PREFIX + reason for reason in standing.reasons)


def rejection_text(standing: Standing) -> str:
    """The message of a rejection by people; without their names and comments, which stay in the verdicts folder."""
    count = len(standing.decisive["verdict"])
    return f"rejected by {_counted(count, 'reviewer')}: {', '.join(standing.reasons)}"


def key_of_triple(triple: Triple) -> str:
    """`triple_key` of a triple."""
    return key_of_blobs(
        triple.source, triple.source_mask, triple.target, triple.target_mask, triple.effect_mask, triple.references
    )


def key_of_blobs(
    source: Blob, source_mask: Blob, target: Blob, target_mask: Blob, effect_mask: Blob, references: Sequence[Blob]
) -> str:
    """`triple_key` of what a triple is made of."""
    members = dict(zip(VIDEO_MEMBERS, (source, source_mask, target, target_mask, effect_mask), strict=True))
    members |= {f"reference_{number}.png": blob for number, blob in enumerate(references)}
    return triple_key({name: blob.sha256 for name, blob in members.items()})


def _counted(count: int, word: str) -> str:
    return f"{count} {word}" if count == 1 else f"{count} {word}s"


def _some(found: Sequence[Standing]) -> str:
    shown = ", ".join(standing.name for standing in found[:_NAMED])
    return shown if len(found) <= _NAMED else f"{shown}, …"
