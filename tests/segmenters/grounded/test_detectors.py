"""Grounding DINO and OWLv2 by the real classes: captions, boxes, and weights that must fit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("torch", reason="needs the extra gpu: pip install 'pvtt[gpu]'")
pytest.importorskip("transformers", reason="needs the extra gpu: pip install 'pvtt[gpu]'")

import torch
from tiny_models import bert_vocabulary, clip_vocabulary, small_grounding_dino, small_owlv2

from pvtt_data.model_list import MODELS
from pvtt_data.segmenters.grounded.grounding_dino import (
    GroundingDino,
    caption_of,
    corners_of,
    grounding_dino_config,
    tokens_of,
)
from pvtt_data.segmenters.grounded.loading import load_exactly
from pvtt_data.segmenters.grounded.owlv2 import Owlv2, owlv2_config

PHRASES = ("red disc", "teapot", "mug")


@pytest.fixture(scope="module")
def pictures() -> list[np.ndarray]:
    rng = np.random.default_rng(3)
    return [rng.integers(0, 255, (60, 100, 3), dtype=np.uint8) for _ in range(3)]


@pytest.fixture(scope="module")
def dino(tmp_path_factory: pytest.TempPathFactory) -> GroundingDino:
    vocabulary = bert_vocabulary(tmp_path_factory.mktemp("bert"))
    return GroundingDino("small", small_grounding_dino(), vocabulary, batch=2, shortest_px=64, longest_px=96)


@pytest.fixture(scope="module")
def owl(tmp_path_factory: pytest.TempPathFactory) -> Owlv2:
    vocabulary, merges = clip_vocabulary(tmp_path_factory.mktemp("clip"))
    return Owlv2("small", small_owlv2(), vocabulary, merges, batch=2)


@pytest.mark.parametrize("kind", ["dino", "owl"])
def test_boxes_lie_in_the_picture_and_are_sorted_and_named(kind, pictures, request) -> None:
    detector = request.getfixturevalue(kind)
    found = detector.detect(pictures, PHRASES, 0.0)
    assert len(found) == 3
    for boxes in found:
        assert boxes
        assert [d.score for d in boxes] == sorted((d.score for d in boxes), reverse=True)
        for d in boxes:
            left, top, right, bottom = d.box
            assert 0 <= left < right <= 100 and 0 <= top < bottom <= 60
            assert d.phrase in PHRASES
            assert 0 <= d.score <= 1


@pytest.mark.parametrize("kind", ["dino", "owl"])
def test_a_picture_gets_the_same_boxes_in_any_batch(kind, pictures, request) -> None:
    detector = request.getfixturevalue(kind)
    together = detector.detect(pictures, PHRASES, 0.0)
    for picture, boxes in zip(pictures, together, strict=True):
        (alone,) = detector.detect([picture], PHRASES, 0.0)
        np.testing.assert_allclose([d.box for d in alone][:5], [d.box for d in boxes][:5], atol=0.05)


@pytest.mark.parametrize("kind", ["dino", "owl"])
def test_nothing_scores_above_a_limit_that_nothing_reaches(kind, pictures, request) -> None:
    detector = request.getfixturevalue(kind)
    best = max(boxes[0].score for boxes in detector.detect(pictures, PHRASES, 0.0))
    assert detector.detect(pictures, PHRASES, best + 1e-6) == [[], [], []]


def test_grounding_dino_agrees_with_the_librarys_own_post_processing(dino, pictures) -> None:
    from transformers import GroundingDinoImageProcessor, GroundingDinoProcessor

    processor = GroundingDinoProcessor(
        GroundingDinoImageProcessor(size={"shortest_edge": 64, "longest_edge": 96}), dino._tokenizer
    )
    caption, _ = caption_of(PHRASES)
    inputs = processor(images=pictures[0], text=caption, return_tensors="pt")
    with torch.inference_mode():
        out = dino._model(**inputs)
    (theirs,) = processor.post_process_grounded_object_detection(
        out, inputs.input_ids, threshold=0.0, text_threshold=0.0, target_sizes=[(60, 100)]
    )
    # Theirs takes full stops and special tokens into the score; boxes are the same, whatever they score.
    expected = {tuple(np.round(box.clip(min=0).numpy(), 1)) for box in theirs["boxes"]}
    (mine,) = dino.detect([pictures[0]], PHRASES, 0.0)
    assert {d.box[:2] for d in mine}
    assert all(any(np.allclose(np.minimum(e, [100, 60, 100, 60]), d.box, atol=0.11) for e in expected) for d in mine)


def test_owlv2_boxes_of_a_wide_picture_are_scaled_by_its_longer_side(owl, pictures) -> None:
    seen = owl._pictures(images=[pictures[0]], return_tensors="pt")
    text = owl._tokenizer(["a photo of a mug"], padding="max_length", max_length=16, return_tensors="pt")
    with torch.inference_mode():
        out = owl._model(**seen, **text)
    (theirs,) = owl._pictures.post_process_object_detection(out, threshold=0.0, target_sizes=[(60, 100)])
    (mine,) = owl.detect([pictures[0]], ("mug",), 0.0)
    expected = np.clip(theirs["boxes"].numpy(), 0, [100, 60, 100, 60])
    for d in mine:
        assert np.abs(expected - np.array(d.box)).max(axis=1).min() < 0.05


WORD = st.text("abcdefghijklmnop", min_size=1, max_size=8)


@given(st.lists(st.lists(WORD, min_size=1, max_size=3).map(" ".join), min_size=1, max_size=5))
def test_each_phrase_stands_in_the_caption_where_it_is_said_to(phrases: list[str]) -> None:
    caption, places = caption_of(phrases)
    assert [caption[a:b] for a, b in places] == phrases
    assert caption.endswith(".")
    assert caption.count(".") == len(phrases)


def test_tokens_belong_to_their_phrase_and_special_ones_to_none() -> None:
    _, places = caption_of(("tea pot", "mug"))
    offsets = [(0, 0), (0, 3), (4, 7), (7, 8), (9, 12), (12, 13), (0, 0)]
    assert tokens_of(places, offsets) == [[1, 2], [4]]
    with pytest.raises(ValueError, match="no token"):
        tokens_of(places, offsets[:4])


def test_corners() -> None:
    assert corners_of(np.array([[0.5, 0.5, 0.2, 0.4]])).round(6).tolist() == [[0.4, 0.3, 0.6, 0.7]]


def test_weights_must_fit_exactly_but_for_what_the_library_computes(tmp_path: Path) -> None:
    from safetensors.torch import load_file
    from transformers import GroundingDinoForObjectDetection

    model = small_grounding_dino()
    model.save_pretrained(tmp_path)
    state = load_file(tmp_path / "model.safetensors")
    again = load_exactly(GroundingDinoForObjectDetection, model.config, state, "the file")
    assert all(torch.equal(a, b) for a, b in zip(again.state_dict().values(), model.state_dict().values(), strict=True))
    older = {**state, "model.backbone.conv_encoder.model.encoder.relative_position_index": torch.zeros(2)}
    load_exactly(GroundingDinoForObjectDetection, model.config, older, "the file")
    first = next(name for name in state if "word_embeddings" in name)
    with pytest.raises(ValueError, match="1 missing"):
        load_exactly(GroundingDinoForObjectDetection, model.config, {k: state[k] for k in state if k != first}, "it")
    with pytest.raises(ValueError, match="1 left over"):
        load_exactly(GroundingDinoForObjectDetection, model.config, {**state, "extra": torch.zeros(1)}, "it")


@pytest.mark.parametrize(
    ("name", "tied", "computed"),
    [("grounding-dino-tiny", 11 * 530_448, 12 * 49 * 49 * 8), ("grounding-dino-base", 11 * 530_448, 24 * 144**2 * 8)],
)
def test_published_configurations_give_files_of_the_published_size(name: str, tied: int, computed: int) -> None:
    """Tensors as published: tied ones once, and with the index buffers of that time; the rest is the header."""
    from transformers import GroundingDinoForObjectDetection

    with torch.device("meta"):
        state = GroundingDinoForObjectDetection(grounding_dino_config(name)).state_dict()
    size = sum(tensor.numel() * tensor.element_size() for tensor in state.values()) - tied + computed
    published = next(model.size_bytes for model in MODELS if model.name == name)
    assert 100 * len(state) < published - size < 160 * len(state)


def test_the_published_owlv2_has_the_published_size() -> None:
    from transformers import Owlv2ForObjectDetection

    with torch.device("meta"):
        state = Owlv2ForObjectDetection(owlv2_config()).state_dict()
    size = sum(tensor.numel() * tensor.element_size() for tensor in state.values())
    published = next(model.size_bytes for model in MODELS if model.name == "owlv2-base")
    assert 80 * len(state) < published - size < 160 * len(state)
