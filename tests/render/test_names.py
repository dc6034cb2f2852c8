"""Invented brands and the words on packages."""

from __future__ import annotations

import numpy as np
import pytest

from pvtt_data.render.products import names
from pvtt_data.render.products.kinds import KINDS
from pvtt_data.render.products.motifs import MOTIFS


def test_brands_are_pronounceable_ascii_words_that_rarely_repeat() -> None:
    brands = [names.brand_name(np.random.default_rng(seed)) for seed in range(400)]
    assert all(brand.isascii() and brand[0].isupper() and 4 <= len(brand) <= 30 for brand in brands)
    assert all(any(vowel in brand.lower() for vowel in "aeiou") for brand in brands)
    assert len(set(brands)) > 380


def test_brand_words_avoid_well_known_names() -> None:
    words = {names.brand_word(np.random.default_rng((seed, 1))).lower() for seed in range(2000)}
    assert not words & {"nivea", "fanta", "prada", "fila", "sony", "olay"}


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_wording_is_complete_and_ascii(kind: str) -> None:
    for seed in range(20):
        wording = names.draw_wording(np.random.default_rng(seed), kind)
        assert wording.title.isascii()
        for part in (wording.brand, wording.line, wording.variant.name, wording.quantity):
            assert part and part in wording.title
        assert wording.variant.motif in MOTIFS
        assert len(set(wording.claims)) == 2


def test_same_dice_same_words() -> None:
    first, second = (names.draw_wording(np.random.default_rng(9), "hair") for _ in range(2))
    assert first == second
