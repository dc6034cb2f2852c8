"""How near products are by their words."""

from __future__ import annotations

import pytest

from pvtt_data.pairing.kinship import Kinship, kinship, words_of
from pvtt_data.vocabulary import load_vocabulary

VOCABULARY = load_vocabulary()


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (("teapots", ""), ("Teapots", ""), "same"),
        (("", "a red teapot"), ("Kitchen > Teapots", "Oolong"), "same"),
        (("", "a red teapot"), ("", "coffee mug"), "related"),
        (("Outdoor > Tents", ""), ("Outdoor > Stoves", ""), "related"),
        (("jewellery", ""), ("", "gold ring"), "related"),
        (("teapots", ""), ("sneakers", ""), "other"),
        (("All products > Tents", ""), ("All products > Kayaks", ""), "other"),
        (("", ""), ("teapots", ""), "unknown"),
        (("other", "Xyzzy 3000"), ("teapots", ""), "unknown"),
    ],
)
def test_category_title_and_vocabulary_tell(one: tuple[str, str], other: tuple[str, str], expected: Kinship) -> None:
    words = [words_of(category, title, VOCABULARY) for category, title in (one, other)]
    assert kinship(words[0], words[1]) == kinship(words[1], words[0]) == expected


def test_every_department_of_the_vocabulary_has_kinds_that_are_related() -> None:
    departments: dict[str, list[str]] = {}
    for name, kind in VOCABULARY.kinds.items():
        departments.setdefault(kind.department, []).append(name)
    assert {"jewellery", "clothing", "beauty", "groceries", "kitchen", "home", "electronics"} <= departments.keys()
    assert all(len(kinds) > 1 for kinds in departments.values())
