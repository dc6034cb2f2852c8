"""Composites made over rendered targets, whose masks and backgrounds are exact, for calibrating triple QC on them."""

from __future__ import annotations

import dataclasses
import hashlib
import tempfile
from collections.abc import Sequence
from pathlib import Path

from pvtt_data.calibration.mask_trials import Half
from pvtt_data.calibration.triple_faults import KnownTriple
from pvtt_data.calibration.triple_trials import known_triple, stranger_of
from pvtt_data.engines.composite import CompositeEngine, CompositeRequest
from pvtt_data.errors import InputError
from pvtt_data.media import decode_masks, decode_video, encode_clip, encode_masks
from pvtt_data.shards import Sample
from pvtt_data.stages.normalise import NormaliseConfig
from pvtt_data.triple_quality.measure import TripleMedia


def partner_of(samples: Sequence[Sample], halves: Sequence[Half], number: int) -> int | None:
    """Number of the sample whose B is pasted over this one's: of the same half, so that no product is in both; neither
    of this one's products nor the stranger's; None if there is none."""
    own = samples[number].meta
    taken = {own.product_a, own.product_b, samples[stranger_of(samples, number)].meta.product_b}
    others = [
        n
        for n, sample in enumerate(samples)
        if halves[n] == halves[number] and sample.meta.product_b not in taken and sample.meta.reference_count
    ]
    key = samples[number].key
    return max(others, key=lambda n: hashlib.sha256(f"{key}:{samples[n].key}".encode()).digest(), default=None)


def known_composite(samples: Sequence[Sample], number: int, partner: int) -> KnownTriple | None:
    """The target of a sample with the first reference of another pasted over its product; None where it cannot be.

    The source is encoded as builds encode it. What is under B's shadow is not told: a composite's effect mask need not
    reach as far.
    """
    known = known_triple(samples, number)
    product = samples[partner].references[0]
    if product.ndim != 3 or product.shape[2] != 4:
        return None
    own = known.media
    seed = int(samples[number].key[:8], 16)
    try:
        made = CompositeEngine().make(CompositeRequest(own.target, own.target_mask, product, seed=seed))
    except InputError:
        return None
    fps = samples[number].meta.fps
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        encode_clip(made.source, fps, folder / "source.mp4", crf=NormaliseConfig().crf)
        encode_masks(made.source_mask, fps, folder / "mask.mp4")
        source, mask = decode_video(folder / "source.mp4"), decode_masks(folder / "mask.mp4")
    media = TripleMedia(source, mask, own.target, own.target_mask, made.effect_mask, own.references)
    return dataclasses.replace(known, product_a=samples[partner].meta.product_b, media=media)
