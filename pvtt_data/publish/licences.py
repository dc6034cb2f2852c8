"""What the licences of a dataset's parts allow together: known or not, publishable or not, and which is the strictest.

A sample is made from several works: a clip, a cut-out, pictures. That makes it an adaptation of each, and whoever
shares it keeps the conditions of all of them. The conditions form a small order, each line keeping those above it:

    public domain  <  attribution  <  share-alike
                                   <  non-commercial  <  non-commercial share-alike
    no derivatives, no redistribution: an adaptation may be made and may not be shared

- Conditions add up: attribution and non-commercial material together are non-commercial.
  https://creativecommons.org/faq/#can-i-combine-material-under-different-creative-commons-licenses-in-my-work
- Share-alike binds the adaptation to the same licence (CC BY-SA 4.0, section 3(b)). Two share-alike licences of
  different families, or share-alike that allows commerce beside non-commercial material, cannot both be kept.
  https://wiki.creativecommons.org/wiki/Wiki/cc_license_compatibility
- From version 2.0 on, the same licence in a later version will do (CC BY-SA 2.0 and 3.0, section 4(b)).
- CC licences with ND allow adaptations to be made, not to be shared (CC BY-ND 4.0, section 2(a)(1)(B)).
- MIT, BSD, ISC, zlib and Apache-2.0 want their notices kept: attribution, and nothing more.
- ODbL 1.0, section 4.4, is share-alike for databases; GNU licences are share-alike. Neither is mixed with another
  family here, not even where a one-way path exists (CC BY-SA 4.0 to GPL-3.0).
- A permissive licence of a model's weights is about copies of the weights and asks nothing of masks and texts that the
  model made; GNU licences say so themselves (GPL-3.0, section 2). Non-commercial and share-alike ones are taken to bind
  what was made, since their owners often mean it so.
- A dataset is a collection of samples. A collection does not have to have one licence, so samples under different ones
  may lie side by side; where no one licence covers all, the card says ``other`` and each sample's JSON its own.

This is bookkeeping and no legal advice: it knows what a licence says, not whether the feed stated the right one, nor
trade marks, personality rights, database rights or the terms of the shop that a video came from.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Literal

from pvtt_data.render.imported.licences import known_licences

Kind = Literal[
    "public-domain", "attribution", "share-alike", "non-commercial", "non-commercial-share-alike", "no-redistribution"
]
_ORDER: tuple[Kind, ...] = (
    "public-domain", "attribution", "share-alike", "non-commercial", "non-commercial-share-alike", "no-redistribution",
)  # fmt: skip
OWN_KINDS = ("public-domain", "attribution", "non-commercial", "no-redistribution")
"""What a person may say about a licence that has no SPDX identifier; share-alike needs one, since it names itself."""
MODEL_PREFIX = "model:"


class UnknownLicenceError(ValueError):
    """A licence is not known, so nobody can say what it allows."""


class IncompatibleError(ValueError):
    """Licences whose conditions cannot all be kept."""


@dataclass(frozen=True, slots=True)
class Licence:
    """What one licence says about sharing an adaptation.

    Attributes:
        spdx: SPDX identifier, or the name that a person gave.
        family: of share-alike licences, those that an adaptation may be under; else empty.
        version: within the family of the same conditions, to name the latest.
        hub: identifier of a dataset card's ``license``; empty if the Hub has none.
        source: where that is said.
    """

    spdx: str
    kind: Kind
    family: str = ""
    version: tuple[int, ...] = ()
    hub: str = ""
    source: str = ""


def _creative_commons() -> Iterable[Licence]:
    kinds: Mapping[str, Kind] = {
        "BY": "attribution",
        "BY-SA": "share-alike",
        "BY-NC": "non-commercial",
        "BY-NC-SA": "non-commercial-share-alike",
        "BY-ND": "no-redistribution",
        "BY-NC-ND": "no-redistribution",
    }
    on_hub = {
        "BY": ("2.0", "2.5", "3.0", "4.0"), "BY-SA": ("3.0", "4.0"), "BY-NC": ("2.0", "3.0", "4.0"),
        "BY-NC-SA": ("2.0", "3.0", "4.0"), "BY-ND": ("4.0",), "BY-NC-ND": ("3.0", "4.0"),
    }  # fmt: skip
    for terms, kind in kinds.items():
        for version in ("1.0", "2.0", "2.5", "3.0", "4.0"):
            own = f"CC-{terms}" + ("-1.0" if version == "1.0" else "")  # 1.0 knows no later version
            yield Licence(
                f"CC-{terms}-{version}",
                kind,
                own if "share-alike" in kind else "",
                tuple(int(part) for part in version.split(".")),
                f"cc-{terms.lower()}-{version}" if version in on_hub[terms] else "",
                f"https://creativecommons.org/licenses/{terms.lower()}/{version}/legalcode",
            )


def _others() -> Iterable[Licence]:
    spdx = "https://spdx.org/licenses/{}.html"
    for name, hub in (
        ("CC0-1.0", "cc0-1.0"), ("PDDL-1.0", "pddl"), ("Unlicense", "unlicense"), ("0BSD", "0bsd"), ("MIT-0", ""),
    ):  # fmt: skip
        yield Licence(name, "public-domain", hub=hub, source=spdx.format(name))
    for name, hub in (
        ("MIT", "mit"), ("Apache-2.0", "apache-2.0"), ("BSD-2-Clause", "bsd-2-clause"),
        ("BSD-3-Clause", "bsd-3-clause"), ("ISC", "isc"), ("Zlib", "zlib"), ("BSL-1.0", "bsl-1.0"),
        ("ODC-By-1.0", "odc-by"), ("OFL-1.1", "ofl-1.1"),
    ):  # fmt: skip
        yield Licence(name, "attribution", hub=hub, source=spdx.format(name))
    yield Licence("ODbL-1.0", "share-alike", "ODbL", (1, 0), "odbl", spdx.format("ODbL-1.0"))
    for name in ("GPL-2.0", "GPL-3.0", "LGPL-2.1", "LGPL-3.0", "AGPL-3.0"):
        for suffix in ("-only", "-or-later"):
            source = spdx.format(name + suffix)
            yield Licence(name + suffix, "share-alike", name, hub=name.lower(), source=source)


LICENCES: Mapping[str, Licence] = {one.spdx: one for one in (*_creative_commons(), *_others())}
"""The licences that are known, by SPDX identifier."""
_BY_LOWER = {name.lower(): name for name in LICENCES}
_NO_SHARING = re.compile(r"(?:licenseref-)?(?:all[-_ ]rights[-_ ]reserved|proprietary)\.?", re.IGNORECASE)
_WORDS = re.compile(r"\(|\)|[^\s()]+")
_DEEPEST = 50
"""Brackets of an expression; each takes a call."""


@dataclass(frozen=True, slots=True)
class Terms:
    """The conditions of several licences together.

    Attributes:
        family: the share-alike family that an adaptation is bound to; else empty.
        licences: the licences that ask for the most, sorted.
    """

    kind: Kind = "public-domain"
    family: str = ""
    licences: tuple[Licence, ...] = ()

    @property
    def shareable(self) -> bool:
        """Whether an adaptation may be shared."""
        return self.kind != "no-redistribution"

    @property
    def spdx(self) -> str:
        """The strictest licences as an SPDX expression."""
        return " AND ".join(one.spdx for one in self._latest())

    @property
    def hub(self) -> str:
        """What a card's ``license`` says: the Hub's identifier, or ``other``."""
        latest = self._latest()
        return latest[0].hub or "other" if len(latest) == 1 else "other"

    def _latest(self) -> list[Licence]:
        """Of licences that differ in version alone, the latest."""
        latest: dict[str, Licence] = {}
        for one in self.licences:
            stem = one.spdx.rpartition("-")[0] if one.version else one.spdx
            if stem not in latest or latest[stem].version < one.version:
                latest[stem] = one
        return [latest[stem] for stem in sorted(latest)]

    def joined(self, other: Terms) -> Terms:
        """The conditions of both.

        Raises:
            IncompatibleError: both cannot be kept.
        """
        first, second = self, other
        if not (first.shareable and second.shareable):
            kept = [terms for terms in (first, second) if not terms.shareable]
            return Terms("no-redistribution", "", _merged(kept))
        families = {terms.family for terms in (first, second)} - {""}
        commercial = any(terms.kind == "share-alike" for terms in (first, second))
        restricted = any(terms.kind.startswith("non-commercial") for terms in (first, second))
        if len(families) > 1 or (commercial and restricted):
            raise IncompatibleError(f"{first.spdx} and {second.spdx} cannot both be kept")
        kind = max(first.kind, second.kind, key=_ORDER.index)
        return Terms(
            kind,
            families.pop() if families else "",
            _merged([terms for terms in (first, second) if terms.kind == kind]),
        )


def _merged(several: Iterable[Terms]) -> tuple[Licence, ...]:
    found = {one.spdx: one for terms in several for one in terms.licences}
    return tuple(found[name] for name in sorted(found))


def terms_of(licence: Licence) -> Terms:
    """The conditions of one licence."""
    return Terms(licence.kind, licence.family, (licence,))


class LicenceBook:
    """Reads what feeds and models state as their licence.

    Args:
        own: licence without an SPDX identifier, or ``model:NAME`` → an SPDX expression or one of `OWN_KINDS`.

    Raises:
        UnknownLicenceError: what ``own`` says is itself unknown.
    """

    def __init__(self, own: Mapping[str, str] | None = None) -> None:
        self._own: dict[str, Terms] = {}
        for name, said in (own or {}).items():
            if said in OWN_KINDS:
                kind: Kind = said  # type: ignore[assignment]
                self._own[name] = terms_of(Licence(name.removeprefix(MODEL_PREFIX), kind, source="the recipe"))
            else:
                self._own[name] = _expression(said)

    def terms(self, text: str) -> Terms:
        """What a feed's licence text asks for: an SPDX expression, the usual name of a licence, or an own name.

        Raises:
            UnknownLicenceError: nobody knows it.
            IncompatibleError: an expression asks for conditions that cannot all be kept.
        """
        return self._own[text] if text in self._own else _expression(text)

    def model_terms(self, model: str, licence: str | None) -> Terms:
        """What a model's licence asks of what it made: nothing where it is permissive, or a GNU licence.

        Args:
            model: its name.
            licence: what the list of models says; None where it is not listed.

        Raises:
            UnknownLicenceError: nobody knows it.
        """
        if MODEL_PREFIX + model in self._own:
            terms = self._own[MODEL_PREFIX + model]
        elif licence is None:
            raise UnknownLicenceError(f"the licence of the model {model} is not known")
        else:
            terms = _expression(licence)
        free = terms.kind in ("public-domain", "attribution") or terms.family.lstrip("AL").startswith("GPL")
        return Terms() if free else terms


@cache
def _expression(text: str) -> Terms:
    """The terms of an SPDX expression (AND, OR, WITH, parentheses) or of a licence's usual name."""
    if not text.strip() or text.strip().lower() in ("unknown", "noassertion", "none", "other"):
        raise UnknownLicenceError("no licence is stated")
    if _NO_SHARING.fullmatch(text.strip()):
        return terms_of(Licence(text.strip(), "no-redistribution", source="its own words"))
    words = _WORDS.findall(text)
    try:
        terms, rest = _alternatives(words if words.count("(") <= _DEEPEST else [])
        if not rest:
            return terms
    except UnknownLicenceError:
        pass
    named = {name for name in known_licences(text) if name in LICENCES}
    if len(named) == 1:
        return terms_of(LICENCES[named.pop()])
    raise UnknownLicenceError(f"the licence {text!r} is not known")


def _alternatives(words: list[str]) -> tuple[Terms, list[str]]:
    terms, rest = _together(words)
    while rest and rest[0].upper() == "OR":
        other, rest = _together(rest[1:])
        terms = min(terms, other, key=lambda one: _ORDER.index(one.kind))
    return terms, rest


def _together(words: list[str]) -> tuple[Terms, list[str]]:
    terms, rest = _one(words)
    while rest and rest[0].upper() == "AND":
        other, rest = _one(rest[1:])
        terms = terms.joined(other)
    return terms, rest


def _one(words: list[str]) -> tuple[Terms, list[str]]:
    if not words:
        raise UnknownLicenceError("the expression ends too early")
    if words[0] == "(":
        terms, rest = _alternatives(words[1:])
        if not rest or rest[0] != ")":
            raise UnknownLicenceError("a parenthesis is not closed")
        return terms, rest[1:]
    name = _BY_LOWER.get(words[0].lower().removesuffix("+"))
    if name is None:
        raise UnknownLicenceError(f"{words[0]} is no licence that is known")
    rest = words[1:]
    if rest and rest[0].upper() == "WITH":  # an exception only ever permits more
        rest = rest[2:]
    return terms_of(LICENCES[name]), rest


@dataclass
class LicenceSurvey:
    """What the licences of all samples of a version come to.

    Attributes:
        strictest: the conditions of all samples that may be shared; None where they cannot all be kept at once.
        unknown: what is stated and not known → keys of the samples.
        incompatible: what cannot be kept together, in words → keys of the samples.
        unshareable: sample → the licences that forbid to share it.
        counts: strictest licence of a sample → samples.
    """

    strictest: Terms | None = field(default_factory=Terms)
    unknown: dict[str, list[str]] = field(default_factory=dict)
    incompatible: dict[str, list[str]] = field(default_factory=dict)
    unshareable: dict[str, str] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)

    @property
    def hub(self) -> str:
        """What the card's ``license`` says."""
        return "other" if self.strictest is None or not self.strictest.licences else self.strictest.hub


def survey_licences(
    samples: Iterable[tuple[str, Iterable[str], Iterable[str]]],
    book: LicenceBook,
    licence_of_model: Callable[[str], tuple[str, str | None]] | None = None,
) -> LicenceSurvey:
    """Go through the licences of all samples.

    Args:
        samples: key, licences, models (``name@`` and 12 hex digits).
        licence_of_model: its name without digits, and its licence if that is known; default `known_model`.
    """
    survey = LicenceSurvey()
    name_model = licence_of_model or known_model
    for key, licences, models in samples:
        terms: Terms | None = Terms()
        forbidding = Terms()
        for what, text in [*(("", text) for text in licences), *(("model", text) for text in models)]:
            try:
                found = book.model_terms(*name_model(text)) if what else book.terms(text)
                forbidding = forbidding if found.shareable else forbidding.joined(found)
                terms = terms.joined(found) if terms is not None else None
            except UnknownLicenceError:
                survey.unknown.setdefault(f"{MODEL_PREFIX}{name_model(text)[0]}" if what else text, []).append(key)
                terms = None
            except IncompatibleError as error:
                survey.incompatible.setdefault(str(error), []).append(key)
                terms = None
        if not forbidding.shareable:
            survey.unshareable[key] = forbidding.spdx
        if terms is None:
            continue
        survey.counts[terms.spdx] = survey.counts.get(terms.spdx, 0) + 1
        if not terms.shareable:
            continue
        if survey.strictest is not None:
            try:
                survey.strictest = survey.strictest.joined(terms)
            except IncompatibleError:
                survey.strictest = None  # a collection may hold both
    return survey


_OWN_MODELS = {
    "colour-shape": "Apache-2.0",
    "hue-histogram": "Apache-2.0",
    "open-image-denoise": "Apache-2.0",
    "mobilenet-v2": "MIT",
}
"""Models that the list does not have: formulas of this project, and what comes inside a library."""


def known_model(label: str) -> tuple[str, str | None]:
    """Name and licence of a model as samples state it, ``name@`` and 12 hex digits; None if nobody knows the licence.

    Files of the list of models are known by their digest, whatever they are called.
    """
    from pvtt_data.model_list import MODELS

    name, _, digest = label.rpartition("@")
    listed = next((one for one in MODELS if digest and one.sha256.startswith(digest)), None)
    if listed is not None:
        return name, listed.licence
    stems = {part.partition("@")[0] for part in name.split("+")}
    if not stems <= set(_OWN_MODELS):
        return name, None
    return name, " AND ".join(sorted({_OWN_MODELS[stem] for stem in stems}))
