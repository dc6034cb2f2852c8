"""Composites over exact targets: what is pasted comes from the same half, and the rest of the triple stays exact."""

from __future__ import annotations

import numpy as np
import pytest
from drawn_triples import write_drawn_version

from pvtt_data.calibration.composites import known_composite, partner_of
from pvtt_data.calibration.triple_trials import halves_of, known_triple, stranger_of
from pvtt_data.shards import Sample, ShardDataset


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> list[Sample]:
    folder = tmp_path_factory.mktemp("composites")
    (folder / "media").mkdir()
    return list(ShardDataset(write_drawn_version(folder / "v1", folder / "media", unrelated=True)))


def test_what_is_pasted_is_another_product_of_the_same_half(samples: list[Sample]) -> None:
    halves = halves_of([(sample.meta.product_a, sample.meta.product_b) for sample in samples])
    for number, sample in enumerate(samples):
        partner = partner_of(samples, halves, number)
        assert partner is not None and halves[partner] == halves[number]
        pasted = samples[partner].meta.product_b
        assert pasted not in (sample.meta.product_a, sample.meta.product_b)
        assert pasted != samples[stranger_of(samples, number)].meta.product_b
    assert partner_of(samples[:2], halves[:2], 0) is None


def test_a_composite_keeps_the_exact_target_and_shows_the_other_product(samples: list[Sample]) -> None:
    halves = halves_of([(sample.meta.product_a, sample.meta.product_b) for sample in samples])
    partner = partner_of(samples, halves, 0)
    assert partner is not None
    made, render = known_composite(samples, 0, partner), known_triple(samples, 0)
    assert made is not None
    assert (made.product_a, made.product_b) == (samples[partner].meta.product_b, render.product_b)
    for name in ("target", "target_mask"):
        assert np.array_equal(getattr(made.media, name), getattr(render.media, name)), name
    assert made.media.source.shape == made.media.target.shape
    outside = ~made.media.effect_mask
    apart = np.abs(made.media.source.astype(int) - made.media.target)
    assert apart[outside].mean() < 3 < 20 < apart[made.media.source_mask].mean()
    assert (made.media.source_mask != render.media.source_mask).any() and made.shadowless is None
    again = known_composite(samples, 0, partner)
    assert again is not None and np.array_equal(again.media.source, made.media.source)
