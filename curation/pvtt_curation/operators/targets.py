"""What a verdict is meant for: the triple, mask or clip that a person looks at, or something that it is made of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass

from pvtt_curation.subjects import PART_NAMES, Subject, part_kind
from pvtt_data.errors import InputError
from pvtt_data.reviews.records import ACTIONS_OF, Action, Review, SubjectKind

ITSELF = "itself"
"""The part of a subject that is the subject."""

Known = Callable[[str, str], Subject | None]
"""The subject that has a kind and a key, if it is shown."""

_OF_ONE = {"triple": "triple", "mask": "mask", "clip": "clip", "source": "mined video"}


@dataclass(frozen=True, slots=True)
class Target:
    """What one verdict is about."""

    kind: SubjectKind
    key: str
    name: str
    """What a person knows it by."""


@dataclass(frozen=True, slots=True)
class Part:
    """Something that may be meant.

    Attributes:
        name: `ITSELF`, or of `PART_NAMES`.
        label: for a person.
        count: subjects that have it.
    """

    name: str
    label: str
    count: int


def parts_for(subjects: Sequence[Subject], action: Action) -> list[Part]:
    """What may be meant by an action on these subjects, themselves first."""
    moving = any(name.endswith("_a") for subject in subjects for name in subject.parts)
    kinds = Counter(subject.kind for subject in subjects)
    found = []
    fitting = sum(count for kind, count in kinds.items() if action in ACTIONS_OF[kind])
    if fitting:
        itself = f"the {next(iter(kinds))} itself" if len(kinds) == 1 else f"each itself: {counted(subjects)}"
        found.append(Part(ITSELF, itself, fitting))
    for name in PART_NAMES:
        count = sum(name in subject.parts and name != subject.kind for subject in subjects)
        if count and action in ACTIONS_OF[part_kind(name)]:
            found.append(Part(name, _label(name, moving), count))
    return found


def targets(subjects: Iterable[Subject], part: str, action: Action, known: Known) -> list[Target]:
    """What an action on a part of these subjects is about, each once.

    Subjects that have no such part, or of which one cannot say such a thing, are left out.

    Args:
        part: `ITSELF`, or of `PART_NAMES`.
        known: finds the subject that a part is, for its name.

    Raises:
        InputError: there is no such part.
    """
    if part != ITSELF and part not in PART_NAMES:
        raise InputError("review-part", f"there is no part {part!r}")
    found: dict[tuple[str, str], Target] = {}
    for subject in subjects:
        kind: SubjectKind = subject.kind if part == ITSELF else part_kind(part)
        key = subject.key if part == ITSELF else subject.parts.get(part)
        if key is not None and action in ACTIONS_OF[kind]:
            it = subject if part == ITSELF else known(kind, key)
            name = it.name if it else f"{_label(part, part.endswith('_a'))} of {subject.name}"
            found.setdefault((kind, key), Target(kind, key, name))
    return list(found.values())


def keys_of(subject: Subject) -> set[tuple[SubjectKind, str]]:
    """Kind and key of a subject and of all its parts."""
    return {(subject.kind, subject.key), *((part_kind(name), key) for name, key in subject.parts.items())}


def counted(things: Collection[Subject] | Collection[Target] | Collection[Review]) -> str:
    """How many of which kind: ``3 triples, 1 mask``."""
    kinds = Counter(thing.kind for thing in things)
    return ", ".join(f"{count:,} {_OF_ONE[kind]}{'s' * (count != 1)}" for kind, count in sorted(kinds.items()))


def part_label(subject: Subject, kind: str, key: str) -> str:
    """What of a subject has a kind and a key, for a person."""
    if (subject.kind, subject.key) == (kind, key):
        return f"the {_OF_ONE[kind]}"
    moving = any(name.endswith("_a") for name in subject.parts)
    names = [name for name, other in subject.parts.items() if part_kind(name) == kind and other == key]
    return _label(names[0], moving) if names else _OF_ONE[kind]


def _label(part: str, moving: bool) -> str:
    kind = _OF_ONE[part_kind(part)]
    if part.endswith("_a"):
        return f"the {kind} of A, the product put in"
    return f"the {kind} of B" if moving else f"the {kind}"
