"""Which licences the samples of a version carry, what they come to, and what the models that took part allow."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pvtt_data.publish.licences import (
    IncompatibleError,
    LicenceBook,
    UnknownLicenceError,
    known_model,
    survey_licences,
)
from pvtt_data.shards.card.facts import CardFacts


@dataclass(frozen=True, slots=True)
class LicenceLine:
    """One licence as the feed states it.

    Attributes:
        spdx: its identifier; empty where nobody knows it.
        kind: what it asks for; empty where nobody knows it.
        address: of its text; empty where it is not known.
        samples: how many samples carry it; one sample may carry several.
    """

    stated: str
    spdx: str
    kind: str
    address: str
    samples: int


@dataclass(frozen=True, slots=True)
class ModelLine:
    """A model that made, judged or worded something.

    Attributes:
        digest: first 12 hex digits of its weights' SHA-256; empty for a model behind a service.
        licence: empty where nobody knows it.
        samples: that name it; None for one that no sample names, because it helped to choose and made nothing.
    """

    name: str
    digest: str
    licence: str
    samples: int | None


@dataclass(frozen=True, slots=True)
class TermsFacts:
    """What the licences of a version come to.

    Attributes:
        unshareable: samples that must not be shared, because a licence forbids it or two cannot both be kept.
        unknown: samples with a licence, or a model's licence, that nobody knows.
        strictest: SPDX expression; empty where no one licence covers all samples.
    """

    licences: tuple[LicenceLine, ...]
    models: tuple[ModelLine, ...]
    unshareable: int
    unknown: int
    strictest: str
    kind: str

    @classmethod
    def of(cls, facts: CardFacts, recipe: Mapping[str, Any], weights: Mapping[str, str]) -> TermsFacts:
        """Look at all samples' licences and models.

        Args:
            weights: role → SHA-256 of every model file that took part in the build.
            recipe: the version's, whose ``publish.licences`` says what licences without an identifier allow.
        """
        book = _book(recipe)
        combinations = sorted(facts.terms)
        survey = survey_licences(((str(n), *terms) for n, terms in enumerate(combinations)), book)
        covered = survey.strictest if not (survey.unknown or survey.incompatible or survey.unshareable) else None
        spdx = covered.spdx if covered is not None else ""
        kind = covered.kind if covered is not None else ""
        lines = sorted(facts.licences.items(), key=lambda item: (-item[1], item[0]))
        forbidden = {*survey.unshareable, *(key for keys in survey.incompatible.values() for key in keys)}
        unknown = {key for keys in survey.unknown.values() for key in keys}
        return cls(
            tuple(_licence(book, text, count) for text, count in lines),
            _models(facts, weights),
            sum(facts.terms[combinations[int(key)]] for key in forbidden),
            sum(facts.terms[combinations[int(key)]] for key in unknown),
            spdx,
            kind,
        )


def _book(recipe: Mapping[str, Any]) -> LicenceBook:
    own = recipe.get("publish", {}).get("licences", {}) if isinstance(recipe.get("publish", {}), Mapping) else {}
    try:
        return LicenceBook(own)
    except (UnknownLicenceError, AttributeError):  # what may be published is for the preflight to say
        return LicenceBook()


def _licence(book: LicenceBook, text: str, count: int) -> LicenceLine:
    try:
        terms = book.terms(text)
    except (UnknownLicenceError, IncompatibleError):
        return LicenceLine(text, "", "", "", count)
    one = terms.licences[0] if len(terms.licences) == 1 else None
    address = one.source if one is not None and one.source.startswith("https://") else ""
    return LicenceLine(text, terms.spdx, terms.kind, address, count)


def _models(facts: CardFacts, weights: Mapping[str, str]) -> tuple[ModelLine, ...]:
    counts: Counter[str] = Counter(facts.models)
    for names in (facts.captioners, facts.judges):
        for name, count in names.items():
            if name not in ("", "template"):
                counts[f"{name}@"] += count
    lines = []
    for label, count in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
        name, licence = known_model(label)
        lines.append(ModelLine(name or label, label.rpartition("@")[2], licence or "", count))
    told = {line.digest for line in lines}
    for role, sha256 in sorted(weights.items()):
        if sha256[:12] not in told:
            lines.append(ModelLine(role, sha256[:12], known_model(f"{role}@{sha256[:12]}")[1] or "", None))
    return tuple(lines)
