"""A product's category and title say what the detector is told; the vocabulary behind it is data that people edit."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pvtt_data.errors import RecipeError
from pvtt_data.render.products.library import FAMILIES
from pvtt_data.segmenters.base import Target
from pvtt_data.vocabulary import RULES, Kind, Vocabulary, load_vocabulary, target_for

packaged = cache(load_vocabulary)


def named(category: str = "", title: str = "") -> tuple[str, str]:
    """(best phrase, rule)."""
    found = target_for(category, title, packaged())
    return found.target.phrases[0], found.rule


@pytest.mark.parametrize(
    ("category", "title", "phrase", "rule"),
    [
        ("bracelets", "", "bracelet", "category"),
        ("Watches", "Gold bracelet watch", "watch", "category"),
        ("Home & Kitchen > Kettles & Teapots", "Cast iron teapot 800 ml", "teapot", "category"),
        ("Home & Kitchen > Kettles & Teapots", "Electric, 1.7 l", "teapot", "category"),
        ("", "Ceramic coffee mug with wooden lid for tea", "mug", "title"),
        ("", "Set of 2 wine glasses", "wine glass", "title"),
        ("", "Men's reading glasses", "glasses", "title"),
        ("", "Glass", "product", "none"),
        ("", "Women’s HOODIES", "hoodie", "title"),
        ("", "Pocket knives", "knife", "title"),
        ("jewellery", "Hoop earrings, silver", "earring", "title"),
        ("jewellery", "Moonlight", "jewelry", "category-department"),
        ("Summer", "Jewelry in silver", "jewelry", "title-department"),
        ("手链", "925纯银", "bracelet", "category"),
        ("其他", "夏季新款女士耳钉", "earring", "title"),
        ("", "纯棉短袖Ｔ恤", "t-shirt", "title"),
        ("", "手机壳", "phone case", "title"),
        ("Fidget Spinners", "Spin it", "fidget spinners", "category-words"),
        ("其他", "新款", "product", "none"),
        ("uncategorised", "P1001", "product", "none"),
        ("", "", "product", "none"),
    ],
)
def test_category_and_title_name_the_target(category: str, title: str, phrase: str, rule: str) -> None:
    assert named(category, title) == (phrase, rule)


def test_the_kind_brings_what_a_segmenter_must_know() -> None:
    target = target_for("earrings", "", packaged()).target
    assert (target.instances, target.holed, target.worn_on) == (2, True, ("ear",))
    assert target.area_share[0] < 0.001 < target.area_share[1]
    assert target_for("cameras", "", packaged()).target.worn_on == ("hand",)


@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
def test_every_family_of_rendered_products_is_known(family: object) -> None:
    name, category = family.name, family.category  # type: ignore[attr-defined]
    assert named("", name)[1] == "title"
    assert named(category)[1] in ("category", "category-department")


def every_word() -> list[tuple[str, str]]:
    return [(name, word) for name, kind in packaged().kinds.items() for word in (name, *kind.words)]


def misread(spelt: Callable[[str], str]) -> list[str]:
    """Words that, spelt in a way, do not name their kind, alone in a category or last in a title."""
    wrong = []
    for name, word in every_word():
        target = packaged().kinds[name].target()
        found = [target_for(spelt(word), "", packaged()), target_for("", f"Velmora {spelt(word)}", packaged())]
        wrong += [spelt(word)] * any(each.target != target for each in found)
    return wrong


@pytest.mark.parametrize("spelt", [str, str.upper, str.title, lambda word: word.replace("-", " ")])
def test_every_word_names_its_kind_in_any_spelling(spelt: Callable[[str], str]) -> None:
    assert misread(spelt) == []


def test_plurals_name_the_same_kind() -> None:
    def plural(word: str) -> str:
        if not re.fullmatch("[a-z -]*[a-rt-xz]", word):  # Chinese words, plurals, and words in -y
            return word
        return word + ("es" if re.search("(x|ch|sh)$", word) else "s")

    assert misread(plural) == []


@given(st.text(max_size=80), st.text(max_size=120))
def test_any_category_and_title_give_words_that_a_detector_takes(category: str, title: str) -> None:
    found = target_for(category, title, packaged())
    assert found.rule in RULES
    assert found.target.phrases
    assert Target.of_prompt(found.prompt).phrases == found.target.phrases
    assert 0 < found.target.area_share[0] <= found.target.area_share[1] <= 1


@given(st.text(alphabet="abcdefgh ", max_size=30))
def test_words_that_a_word_is_part_of_are_other_words(text: str) -> None:
    vocabulary = Vocabulary({"ring": Kind(phrases=("ring",))})
    assert target_for("", f"{text}earring{text}", vocabulary).rule == "none"


def test_a_file_of_ones_own_adds_kinds_and_replaces_those_of_the_same_name(tmp_path: Path) -> None:
    own = tmp_path / "own.yaml"
    own.write_text(
        "kinds:\n"
        "  spinner:\n    phrases: [fidget toy]\n    words: [fidget spinner, watch]\n"
        "  ring:\n    phrases: [gymnastic ring]\n    instances: 2\n"
    )
    vocabulary = load_vocabulary(own)
    assert target_for("Fidget Spinners", "", vocabulary).target.phrases == ("fidget toy",)
    assert target_for("rings", "", vocabulary).target == Target(("gymnastic ring",), instances=2)
    assert target_for("戒指", "", vocabulary).rule == "none"
    assert target_for("watches", "", vocabulary).target.phrases == ("fidget toy",)
    assert target_for("bracelets", "", vocabulary) == target_for("bracelets", "", packaged())


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("kinds:\n  mug:\n    phrase: [mug]\n", r"own\.yaml:3:5 .*kinds\.mug\.phrase .*did you mean 'phrases'"),
        ("kinds:\n  mug:\n    phrases: []\n", r"own\.yaml:3:5 .*kinds\.mug\.phrases"),
        ("kinds:\n  mug:\n    phrases: [Tasse.]\n", r"own\.yaml:3:15 .*kinds\.mug\.phrases\[0\]"),
        ("kinds:\n  mug:\n    phrases: [mug]\n    area_share: [0.5, 0.1]\n", "the smallest share comes first"),
        ("kinds:\n  mug:\n    phrases: [mug]\n    words: ['!']\n", "neither letters nor digits"),
        ("kinds:\n  My Mug:\n    phrases: [mug]\n", r"own\.yaml:2:3"),
        (
            "kinds:\n  a:\n    phrases: [x]\n    words: [cup]\n  b:\n    phrases: [x]\n    words: [CUP]\n",
            "both a and b",
        ),
        ("mugs: 1\n", "unknown key"),
    ],
)
def test_mistakes_name_file_line_and_key(tmp_path: Path, text: str, complaint: str) -> None:
    own = tmp_path / "own.yaml"
    own.write_text(text)
    with pytest.raises(RecipeError, match=complaint):
        load_vocabulary(own)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"own\.yaml.*no such file"):
        load_vocabulary(tmp_path / "own.yaml")
