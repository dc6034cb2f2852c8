"""Which embedder is used: the named one, or the best that is here and has thresholds; and it is the one it says."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from drawn_products import drawn

from pvtt_data.embedders import choose
from pvtt_data.embedders.base import Remembering
from pvtt_data.embedders.choose import ChosenEmbedder, choose_embedder, open_embedder
from pvtt_data.embedders.colour_shape import ColourShape
from pvtt_data.embedders.crops import GREY, Pictures, crop_references
from pvtt_data.embedders.hue_histogram import HueHistogram
from pvtt_data.embedders.joint import Joint
from pvtt_data.errors import PreflightError


def pictures() -> Pictures:
    return crop_references([drawn("tin", 96, turn, 70) for turn in (-20.0, 0.0, 25.0)]).pictures


class Told:
    """Vectors that the test gives, and how often they were asked for."""

    name, weights_sha256 = "told@1", "0" * 64

    def __init__(self) -> None:
        self.asked = 0

    def embed(self, crops: Pictures) -> np.ndarray:
        self.asked += len(crops)
        angle = crops.mean(axis=(1, 2, 3)) / 255
        return np.stack([np.cos(angle), np.sin(angle)], axis=1).astype(np.float32)


def test_auto_without_weights_takes_the_one_that_needs_none_and_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(choose.MOBILENET_VARIABLE, raising=False)
    monkeypatch.setattr(choose, "packaged_mobilenet", lambda: Path("nowhere"))
    chosen, why = choose_embedder()
    assert chosen.name == ColourShape.name and "mobilenet" in why and chosen.libraries == ()
    with pytest.raises(PreflightError):
        choose_embedder("mobilenet")


def test_auto_passes_over_what_has_no_thresholds(monkeypatch: pytest.MonkeyPatch) -> None:
    better = ChosenEmbedder("mobilenet", "better@1", "1" * 64)
    monkeypatch.setattr(choose, "_mobilenet", lambda source: better)
    assert choose_embedder()[0].name == f"better@1+{ColourShape.name}"
    chosen, why = choose_embedder(is_calibrated=lambda name, digest: name == ColourShape.name)
    assert chosen.name == ColourShape.name and "no thresholds" in why


def test_auto_tries_what_it_is_told_best_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(choose.MOBILENET_VARIABLE, raising=False)
    monkeypatch.setattr(choose, "packaged_mobilenet", lambda: Path("nowhere"))
    chosen, why = choose_embedder(best_first=("mobilenet-histogram", "colour-histogram"))
    assert chosen.kind == "colour-histogram" and "mobilenet" in why
    assert open_embedder(chosen).name == f"{ColourShape.name}+{HueHistogram.name}" == chosen.name


def test_a_histogram_sees_colours_and_no_forms() -> None:
    crops = np.full((3, 32, 32, 3), GREY, np.uint8)
    crops[0, 4:28, 4:28] = crops[1, 14:18, 2:30] = (200, 40, 30)
    crops[2, 4:28, 4:28] = (30, 60, 200)
    found = HueHistogram().embed(crops)
    cosines = found @ found.T
    assert cosines[0, 1] > 0.99 and cosines[0, 2] < 0.3
    assert HueHistogram().embed(crops[:0]).shape == (0, found.shape[1])


def test_weights_that_changed_since_they_were_chosen_are_refused() -> None:
    chosen = choose_embedder("colour-shape")[0]
    assert open_embedder(chosen).weights_sha256 == chosen.weights_sha256
    with pytest.raises(PreflightError, match="are not those"):
        open_embedder(ChosenEmbedder("colour-shape", chosen.name, "2" * 64))


def test_a_folder_must_be_named_where_nothing_is_known() -> None:
    with pytest.raises(PreflightError, match="needs a folder"):
        choose_embedder("dinov2")


def test_joint_cosines_are_the_mean_of_the_parts() -> None:
    shown = pictures()
    parts = ColourShape(), Told()
    vectors = Joint(parts).embed(shown)
    wanted = np.mean([(found := part.embed(shown)) @ found.T for part in parts], axis=0)
    assert vectors @ vectors.T == pytest.approx(wanted, abs=1e-5)
    assert Joint(parts).name == "colour-shape@1+told@1"
    assert Joint(parts).weights_sha256 != Joint(parts[::-1]).weights_sha256
    with pytest.raises(ValueError, match="nothing to join"):
        Joint(parts[:1])


def test_what_was_seen_is_not_embedded_again() -> None:
    told = Told()
    remembering, shown = Remembering(told), pictures()
    first = remembering.embed(shown)
    assert np.array_equal(remembering.embed(shown[::-1]), first[::-1]) and told.asked == len(shown)
    assert remembering.embed(shown[:0]).shape == (0, 2)
    remembering.forget()
    remembering.embed(shown[:1])
    assert told.asked == len(shown) + 1


def test_mobilenet_with_colours_opens_as_it_was_chosen() -> None:
    if not os.environ.get(choose.MOBILENET_VARIABLE):
        pytest.skip(f"{choose.MOBILENET_VARIABLE} names no weights")
    chosen = choose_embedder("mobilenet-colour")[0]
    opened = open_embedder(chosen)
    assert (opened.name, opened.weights_sha256) == (chosen.name, chosen.weights_sha256)
    assert np.linalg.norm(opened.embed(pictures()), axis=1) == pytest.approx(1, abs=1e-4)
