"""Prompts: source and target differ in the product's phrase alone, stay short, and stay what they are."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from pvtt_data.captions.compose import MAX_PROMPT_BYTES, SLOT, TEMPLATES, Wording, prompts
from pvtt_data.captions.config import CaptionsConfig
from pvtt_data.captions.product_phrase import FORMS, ProductWords, with_article, words_for
from pvtt_data.captions.scene import SceneFacts, known_words
from pvtt_data.captions.titles import clean_title
from pvtt_data.render.camera import MOVES
from pvtt_data.render.motion import MOTIONS
from pvtt_data.render.sets.library import STYLES
from pvtt_data.vocabulary import load_vocabulary

RING = ProductWords("Hubum Gold Ring", "a ring")
MUG = ProductWords("Blue Stoneware Mug 30 cl", "a mug")
PODIUM = SceneFacts((("setting", ("on a podium",)), ("camera", ("the camera orbits", "orbiting camera"))))

products = st.builds(
    ProductWords, st.text(max_size=300).map(clean_title), st.sampled_from(["", "a ring", "a mug", "sunglasses"])
)
wordings = st.builds(
    Wording,
    templates=st.lists(
        st.sampled_from([*TEMPLATES, "{product} on a table.", "Look: {product}!"]), min_size=1, max_size=4
    ),
    form=st.sampled_from(["mixed", *FORMS]),
    facts=st.booleans(),
    trigger=st.sampled_from(["", "pvtt-swap,", "触发"]),
    seed=st.integers(0, 9),
)  # fmt: skip
scenes = st.sampled_from([SceneFacts(), PODIUM, SceneFacts(tuple((f"f{n}", ("x" * 90,)) for n in range(6)))])
ids = st.text("0123456789abcdef", min_size=16, max_size=16)
told = st.sampled_from(
    [None, "A hand turns {product} on a table.", "{product} rests on moss.", "x" * 490 + " {product}"]
)


@given(ids, products, products, scenes, wordings, told)
def test_source_and_target_differ_in_the_product_phrase_alone(
    name: str, a: ProductWords, b: ProductWords, scene: SceneFacts, wording: Wording, words: str | None
) -> None:
    made = prompts(name, a, b, scene, wording, words)
    assert made.target and made.source
    assert max(len(made.target.encode()), len(made.source.encode())) <= MAX_PROMPT_BYTES
    assert made.target.startswith(wording.trigger) and made.source.startswith(wording.trigger)

    def frames(text: str, phrase: str) -> set[str]:
        """What is left of a prompt where the phrase stands, at whichever place it may be."""
        places = [n for n in range(len(text)) if text[n : n + len(phrase)].casefold() == phrase.casefold()]
        return {text[:n] + "\0" + text[n + len(phrase) :] for n in places}

    assert frames(made.target, made.phrase_b) & frames(made.source, made.phrase_a)
    assert made == prompts(name, a, b, scene, wording, words)


def test_phrasings_differ_from_triple_to_triple_and_follow_nothing_but_the_id() -> None:
    made = [prompts(f"{number:016x}", RING, MUG, PODIUM, Wording()) for number in range(200)]
    assert len({one.target for one in made}) > 60
    assert {one.phrase_b for one in made} == {"a mug", "Blue Stoneware Mug 30 cl", "a mug, Blue Stoneware Mug 30 cl"}
    assert sum("podium" in one.target for one in made) > 100
    assert sum("podium" not in one.target for one in made) > 20
    alone = prompts(f"{7:016x}", RING, MUG, PODIUM, Wording())
    assert alone == made[7]
    assert prompts(f"{7:016x}", RING, MUG, PODIUM, Wording(seed=1)) != alone


def test_two_products_of_one_kind_are_called_by_what_parts_them() -> None:
    other = ProductWords("Red Enamel Mug", "a mug")
    for number in range(50):
        made = prompts(f"{number:016x}", other, MUG, SceneFacts(), Wording())
        assert made.source != made.target


def test_a_product_of_which_nothing_is_known_is_a_product() -> None:
    nothing = ProductWords("", "")
    assert prompts("0" * 16, nothing, nothing, SceneFacts(), Wording(("A clip of {product}",))).target == (
        "A clip of a product."
    )


def test_a_trigger_comes_first_and_a_sentence_that_begins_with_the_product_has_a_capital() -> None:
    made = prompts("0" * 16, RING, MUG, SceneFacts(), Wording(("{product} in a short film",), "kind", trigger="pvtt,"))
    assert (made.target, made.source) == ("pvtt, a mug in a short film.", "pvtt, a ring in a short film.")
    made = prompts("0" * 16, RING, MUG, SceneFacts(), Wording(("{product} in a short film",), "kind"))
    assert made.target == "A mug in a short film."


def test_a_kind_is_said_only_where_the_shop_says_it() -> None:
    words = words_for(load_vocabulary(), 80)
    assert words("Dovadari Spiced Nuts 200 g", "groceries").kind == ""
    assert words("Howlite Tassel Earrings", "earrings").kind == "earrings"
    assert words("Hubum on Olive Rubber", "Accessories > Watches") == ProductWords("Hubum on Olive Rubber", "a watch")
    assert words("TEAPOT!!! -50%", "").kind == "a teapot"
    assert words("", "jewellery").kind == ""


@given(st.text(min_size=1, max_size=120))
def test_a_text_has_no_more_tokens_than_bytes_and_two(text: str) -> None:
    """With the worst vocabulary that UMT5's could be: a piece for a space, and one for each byte."""
    tokenizers = pytest.importorskip("tokenizers")
    pieces = [("<unk>", 0.0), ("▁", -1.0), *((f"<0x{byte:02X}>", -2.0) for byte in range(256))]
    worst = tokenizers.Tokenizer(tokenizers.models.Unigram(pieces, 0, byte_fallback=True))
    worst.pre_tokenizer = tokenizers.pre_tokenizers.Metaspace(prepend_scheme="always")
    prompt = " ".join(unicodedata.normalize("NFKC", text).split())
    assert len(worst.encode(prompt).ids) + 1 <= len(prompt.encode()) + 2


@pytest.mark.parametrize(
    ("noun", "phrase"), [("mug", "a mug"), ("umbrella", "an umbrella"), ("headphones", "headphones"),
                         ("wine glass", "a wine glass"), ("jewelry", "jewelry"), ("", "")]
)  # fmt: skip
def test_nouns_get_the_article_that_they_need(noun: str, phrase: str) -> None:
    assert with_article(noun) == phrase


def test_there_are_words_for_all_that_the_render_engine_draws() -> None:
    assert known_words() == {"setting": set(STYLES), "camera": set(MOVES), "motion": set(MOTIONS)}


@pytest.mark.parametrize(
    "template", ["A video.", "{product} and {product}", "{title}", "{product} {x}", "a {product}\x07", "x" * 200 + SLOT]
)
def test_a_template_holds_the_products_place_once(template: str) -> None:
    with pytest.raises(ValidationError):
        CaptionsConfig.model_validate({"templates": [template]})


def test_the_longest_words_that_a_recipe_may_set_still_fit() -> None:
    config = CaptionsConfig.model_validate(
        {"templates": ["é" * 75 + SLOT], "trigger": "é" * 32, "max_title_chars": 160, "product": "kind-and-title"}
    )
    long = ProductWords(clean_title("长" * 300, 160), "a supplement bottle")
    made = prompts("0" * 16, long, long, PODIUM, config.wording())
    assert len(made.target.encode()) <= MAX_PROMPT_BYTES
