"""The columns of the samples, as a card's YAML head states them.

The head states the features instead of leaving them to be guessed: a guess looks at the first few samples only, and
then a list that is empty there, or a column that comes later, is read wrongly.
"""

from __future__ import annotations

import typing
from collections.abc import Sequence
from typing import Any

from pvtt_data.records import Split
from pvtt_data.shards.format import JSON_MEMBER, SampleMeta, member_names


def card_features(
    splits: Sequence[Split], reference_count: int, heldout_count: int, number_names: Sequence[str]
) -> list[dict[str, Any]]:
    """The features of the whole dataset.

    Media are declared undecoded, so that loading needs no decoder; cast a column to decode it.
    """
    features: list[dict[str, Any]] = []
    for member in all_members(splits, reference_count, heldout_count):
        if member == JSON_MEMBER:
            continue
        medium = "video" if member.endswith(".mp4") else "image"
        features.append({"name": member, "dtype": {medium: {"decode": False}}})
    features.append({"name": JSON_MEMBER, "struct": json_features(number_names)})
    features += [{"name": "__key__", "dtype": "string"}, {"name": "__url__", "dtype": "string"}]
    return features


def all_members(splits: Sequence[Split], reference_count: int, heldout_count: int) -> list[str]:
    """Members that samples of any split have, in their order."""
    members: dict[str, None] = {}
    for split in splits:
        members.update(dict.fromkeys(member_names(split, reference_count, heldout_count)))
    return list(members)


def json_types() -> dict[str, str]:
    """Field of the JSON → its type: string, int64, float64, ``list`` of strings, ``struct`` of float64. Sorted."""
    hints = typing.get_type_hints(SampleMeta)
    return {name: _type(name, hints[name]) for name in sorted(SampleMeta.model_fields)}


def _type(name: str, hint: Any) -> str:
    if name == "numbers":
        return "struct"
    if typing.get_origin(hint) is list:
        return "list"
    if typing.get_origin(hint) is typing.Literal:
        return "string"
    return {str: "string", int: "int64", float: "float64"}[hint]


def json_features(number_names: Sequence[str]) -> list[dict[str, Any]]:
    """The fields of the JSON, sorted."""
    features: list[dict[str, Any]] = []
    for name, kind in json_types().items():
        if kind == "struct":
            numbers = [{"name": number, "dtype": "float64"} for number in sorted(number_names)]
            features.append({"name": name, "struct": numbers})
        elif kind == "list":
            features.append({"name": name, "list": "string"})
        else:
            features.append({"name": name, "dtype": kind})
    return features
