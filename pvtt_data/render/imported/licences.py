"""Under which licence a model may be used: found beside it, recognised, and named by its SPDX identifier."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

from pvtt_data.errors import InputError
from pvtt_data.render.imported.resources import read_bounded

_MAX_BYTES = 1 << 20
_MAX_ATTRIBUTION_CHARS = 500
_LICENCE_FILE = re.compile(r"licen[cs]e(?:[-_][\w-]+(?:\.\d+)?)?(?:\.txt|\.md)?", re.IGNORECASE | re.ASCII)
_TABLE = "licences.json"
_SPDX_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+-]{0,63}", re.ASCII)

_TAG = re.compile(r"SPDX-License-Identifier:[ \t]*([^\s*/]+(?:[ \t]+(?:AND|OR|WITH)[ \t]+[^\s*/]+)*)")
_DEDICATED_TEXT = re.compile(r"licenses is dedicated to the public domain under the CC0 Public Domain Dedication", re.I)
_CC_TERMS = r"(by(?:-nc)?(?:-sa|-nd)?)"
_CC_WORDS = {
    "attribution": "BY",
    "noncommercial": "NC",
    "sharealike": "SA",
    "noderivatives": "ND",
    "noderivs": "ND",
}
_CC_ZERO = re.compile(r"\bcc0\b|\bcc[- ]?zero\b|creative commons zero|creativecommons\.org/publicdomain/zero", re.I)
_CC_LINK = re.compile(rf"creativecommons\.org/licenses/{_CC_TERMS}/(\d\.\d)", re.I)
_CC_SHORT = re.compile(rf"\bcc[- ]{_CC_TERMS}[- ]v?(\d\.\d)\b", re.I)
_CC_NAME = re.compile(
    r"\b(attribution(?:[- ](?:noncommercial|sharealike|noderivatives|noderivs))*)[ ]+v?(\d\.\d)\b", re.I
)
_APACHE = re.compile(
    r"\bapache[- ]licen[cs]e,?[ ]*(?:version[ ])?v?2\.0|\bapache-2\.0\b|apache\.org/licenses/LICENSE-2", re.I
)
_MIT = re.compile(
    r"\bmit licen[cs]e\b|permission is hereby granted, free of charge, to any person obtaining a copy of this software",
    re.I,
)
_CREDIT = re.compile(
    r"^[ \t>*#-]*((?:SPDX-FileCopyrightText|attribution|credits?|authors?|creator|source|title|copyright)[ \t]*:.*"
    r"|(?:copyright|©|\(c\))[ \t]*(?:©|\(c\))?[ \t]*\d{4}.*|(?:created|made|modelled|modeled|model|scanned) by\b.*)$",
    re.I | re.M,
)


@dataclass(frozen=True, slots=True)
class Licence:
    """What may be done with a model.

    Attributes:
        spdx: SPDX identifier, ``LicenseRef-`` and a name where the text is not a known one.
        attribution: whom to name, in the words of the licence file; may be empty.
    """

    spdx: str
    attribution: str = ""


def find_licence(model: Path, root: Path) -> Licence:
    """The licence of a model: its own file, else the nearest one between its folder and the library's.

    In each folder ``licences.json`` comes before a licence file.

    Args:
        model: the model's file or folder, below ``root``.
        root: the library's folder.

    Raises:
        InputError: ``no-licence`` or ``bad-licence``.
    """
    for own in (model.with_name(f"{model.name}.license"), model.with_suffix(".license")):
        if own.is_file():
            return recognise(_read(own, root), model.stem)
    folder = model.parent
    while True:
        listed = _listed(folder, model, root)
        if listed is not None:
            return listed
        for path in sorted(folder.iterdir()):
            if _LICENCE_FILE.fullmatch(path.name) and path.is_file():
                return recognise(_read(path, root), folder.name)
        if folder == root or root not in folder.parents:
            break
        folder = folder.parent
    raise InputError("no-licence", f"{model.name} has no licence: put a LICENSE file beside it or above it")


def recognise(text: str, name: str) -> Licence:
    """The licence that a text is or names.

    Args:
        text: a licence's text, its name or a tag ``SPDX-License-Identifier``.
        name: names the licence if it is not a known one.

    Raises:
        InputError: ``no-licence``: the text is empty.
    """
    if not text.strip():
        raise InputError("no-licence", f"the licence file of {name} is empty")
    return Licence(_spdx(text, name), attribution_in(text))


def attribution_in(text: str) -> str:
    """The lines of a text that name authors, sources and owners, joined; may be empty."""
    lines = dict.fromkeys(match.strip() for match in _CREDIT.findall(text))
    return "; ".join(lines)[:_MAX_ATTRIBUTION_CHARS]


def known_licences(text: str) -> set[str]:
    """SPDX identifiers of all licences that a text is or names."""
    text = " ".join(_DEDICATED_TEXT.sub("", " ".join(text.split())).split())
    found = {f"CC-{terms.upper()}-{version}" for rule in (_CC_LINK, _CC_SHORT) for terms, version in rule.findall(text)}
    for words, version in _CC_NAME.findall(text):
        terms = [_CC_WORDS[word] for word in re.split(r"[- ]", words.lower())]
        found.add(f"CC-{'-'.join(terms)}-{version}")
    rules = ((_CC_ZERO, "CC0-1.0"), (_APACHE, "Apache-2.0"), (_MIT, "MIT"))
    return found | {spdx for rule, spdx in rules if rule.search(text)}


def _spdx(text: str, name: str) -> str:
    tag = _TAG.search(text)
    if tag is not None:
        return " ".join(tag[1].split())
    found = known_licences(text)
    # A text that names several licences says which part is under which: not for us to guess.
    return next(iter(found)) if len(found) == 1 else _own_name(name)


def _own_name(name: str) -> str:
    return "LicenseRef-" + (re.sub(r"[^A-Za-z0-9.]+", "-", name).strip("-") or "unnamed")


def _read(path: Path, root: Path) -> str:
    if not path.resolve().is_relative_to(root):
        raise InputError("bad-licence", f"{path.name} is a link that leads out of the library")
    return read_bounded(path, _MAX_BYTES).decode("utf-8", errors="replace")


def _listed(folder: Path, model: Path, root: Path) -> Licence | None:
    """What ``licences.json`` says about a model, by its path below that folder, its file name or its stem."""
    path = folder / _TABLE
    if not path.is_file():
        return None
    try:
        table = json.loads(_read(path, root))
    except (ValueError, RecursionError) as error:
        raise InputError("bad-licence", f"{_TABLE} of {folder.name} is not JSON") from error
    if not isinstance(table, dict):
        raise InputError("bad-licence", f"{_TABLE} of {folder.name} does not map names to licences")
    names = (model.relative_to(folder).as_posix(), model.name, model.stem)
    spdx = next((table[name] for name in names if name in table), None)
    if spdx is None:
        return None
    if not isinstance(spdx, str) or not _SPDX_ID.fullmatch(spdx):
        raise InputError("bad-licence", f"{_TABLE} of {folder.name} names no SPDX identifier for {model.name}")
    return Licence(spdx)
