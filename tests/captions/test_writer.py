"""Prompts of triples: from the shop's words, the scene of the clip, and a captioner's words where they may be used."""

from __future__ import annotations

import dataclasses
from typing import Any

from record_samples import blob, clip, source, track

from pvtt_data.captions.captioner import TASK, caption_inputs, read_scene, scene_prompt
from pvtt_data.captions.config import CaptionsConfig
from pvtt_data.captions.scene import SceneFacts, render_facts
from pvtt_data.captions.writer import Captioner, Captions
from pvtt_data.records import Answer, Clip, Rendered, Triple
from pvtt_data.stages.triple_qc import Shelf
from pvtt_data.vlm.answers import made_answer

MUG = source("mug", "p-mug", title="BLUE STONEWARE MUG!!! -20%", category="mugs")
RING = source("ring", "p-ring", title="Hubum Gold Ring", category="rings")
SHOWN = clip("clip", MUG)
SHELF = Shelf.of([MUG, RING], [SHOWN], [track(SHOWN)], [], [])
MODEL = {"endpoint": {"base_url": "http://127.0.0.1:1/v1", "model": "eye"}}


def triple(name: str = "0" * 16) -> Triple:
    return Triple(
        triple_id=name, engine="composite", kind="swap", split="train", difficulty="easy", product_a="p-ring",
        product_b="p-mug", source_id=MUG.source_id, clip_id=SHOWN.clip_id, track_id=track(SHOWN).track_id,
        source=blob("s"), source_mask=blob("sm"), target=SHOWN.video, target_mask=blob("tm"), effect_mask=blob("e"),
        references=(blob("r", "png"),), reference_source=("listing",), heldout=(), prompt="", source_prompt="",
        captioner="", judge="", frames=9, fps=8.0, width_px=64, height_px=48, segmenter="u2net",
        models=("u2net@0123456789ab",), verdict="accept", reasons=(), numbers={"n": 1.0},
    )  # fmt: skip


def config(**settings: Any) -> CaptionsConfig:
    return CaptionsConfig.model_validate({"templates": ["A clip of {product}"], "product": "title", **settings})


def said(text: str, settings: CaptionsConfig, of: Clip = SHOWN) -> dict[str, Answer]:
    assert settings.captioner is not None
    inputs = caption_inputs(of, settings.captioner, False)
    row = made_answer(TASK, scene_prompt(False).name, "local:m@ab", of.clip_id, inputs, text, read_scene(text))
    return {row.answer_id: row}


def captioned(text: str, weights: str = "") -> tuple[Triple, int]:
    settings = config(captioner=MODEL)
    writer = Captions(settings, {}, Captioner("local:m@ab", said(text, settings), weights))
    return writer.captioned(triple(), SHELF), writer.uncaptioned


def test_the_shops_words_are_cleaned_and_stand_in_the_place_of_each_other() -> None:
    made = Captions(config()).captioned(triple(), SHELF)
    assert (made.prompt, made.source_prompt) == ("A clip of Blue Stoneware Mug.", "A clip of Hubum Gold Ring.")
    assert made.captioner == "template"
    assert dataclasses.replace(made, prompt="", source_prompt="", captioner="") == triple()


def test_what_was_drawn_for_a_render_is_said_of_it() -> None:
    render = Rendered(
        "s", "A", "B", *(blob(name) for name in "abcde"), (), (), "podium", "orbit", "rest", None, {}
    )  # fmt: skip
    facts = render_facts(render)
    assert [name for name, _ in facts.facts] == ["setting", "camera"]
    writer = Captions(config(), {SHOWN.clip_id: facts})
    prompts = {writer.captioned(triple(f"{number:016x}"), SHELF).prompt for number in range(40)}
    assert "A clip of Blue Stoneware Mug, on a podium in a studio, orbiting camera." in prompts
    assert "A clip of Blue Stoneware Mug." in prompts
    silent = Captions(config(scene=False), {SHOWN.clip_id: facts})
    assert {silent.captioned(triple(f"{n:016x}"), SHELF).prompt for n in range(40)} == {"A clip of Blue Stoneware Mug."}


def test_a_render_of_which_nothing_can_be_said_has_a_plain_prompt() -> None:
    assert Captions(config(), {SHOWN.clip_id: SceneFacts()}).captioned(triple(), SHELF).prompt.startswith("A clip of")


def test_a_captioners_words_hold_for_both_and_a_local_one_is_named_among_the_models() -> None:
    made, uncaptioned = captioned("A hand turns PRODUCT on moss.", weights="ab" * 32)
    assert made.prompt == "A hand turns Blue Stoneware Mug on moss."
    assert made.source_prompt == "A hand turns Hubum Gold Ring on moss."
    assert (made.captioner, uncaptioned) == ("local:m@ab", 0)
    assert made.models == ("captioner@abababababab", "u2net@0123456789ab")


def test_words_that_name_a_product_or_are_no_answer_are_not_used_and_counted() -> None:
    for text in ("A hand lifts PRODUCT, a stoneware cup.", "PRODUCT beside two rings.", "I see a mug."):
        made, uncaptioned = captioned(text, weights="ab" * 32)
        assert (made.captioner, uncaptioned) == ("template", 1)
        assert made.prompt == "A clip of Blue Stoneware Mug."
        assert made.models == ("u2net@0123456789ab",)
