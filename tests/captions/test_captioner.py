"""A model's words for a scene: used only where they hold the product's place open and name neither product."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pvtt_data.captions.captioner import names_product, read_scene, scene_prompt
from pvtt_data.captions.compose import SLOT


@pytest.mark.parametrize(
    ("text", "scene"),
    [
        ("A hand turns PRODUCT on marble in soft light.", "A hand turns {product} on marble in soft light."),
        ('"PRODUCT stands on moss while the camera moves"\n', "{product} stands on moss while the camera moves."),
        ("the PRODUCT rests on wood", "{product} rests on wood."),
        ("a video of the product on a table", "A video of {product} on a table."),
        ("a product video of the product on a table", "A product video of {product} on a table."),
    ],
)  # fmt: skip
def test_words_with_the_products_place_are_taken(text: str, scene: str) -> None:
    assert read_scene(text) == {"scene": scene}


@pytest.mark.parametrize(
    "text",
    [
        "", "PRODUCT", "A mug on a table.", "PRODUCT beside PRODUCT on a table.", "Sure!\nA hand turns PRODUCT.",
        "PRODUCT {product} on a table", "Buy PRODUCT for $5 <b>now</b>", "PRODUCT " + "very " * 61 + "long",
        "PRODUCT and the product", "PRODUCT \u202egnirts", "🔥 PRODUCT 🔥",
    ],
)  # fmt: skip
def test_other_words_are_no_answer(text: str) -> None:
    assert read_scene(text) is None


@given(st.text(max_size=120), st.text(max_size=120))
def test_whatever_is_taken_has_one_place_and_no_other_braces(before: str, after: str) -> None:
    found = read_scene(f"{before} PRODUCT {after}")
    if found is not None:
        assert found["scene"].count(SLOT) == 1
        assert not set(found["scene"].replace(SLOT, "")) & set('{}<>`"\n')


def test_words_that_name_a_product_of_the_triple_are_not_for_it() -> None:
    scene = "A hand pours tea from {product} beside two cups."
    assert names_product(scene, "Blue Stoneware Cup 30 cl")
    assert names_product(scene, "", "hand creams")
    assert not names_product(scene, "Gold Ring with Onyx", "rings")
    assert not names_product("{product} on the white table", "The White Lamp")


def test_each_way_of_asking_has_a_prompt_of_its_own() -> None:
    asked, continued = scene_prompt(False), scene_prompt(True)
    assert asked.name != continued.name
    assert "PRODUCT" in asked.question and continued.question == "a video of PRODUCT"
