"""Trials of triple QC: right triples, as built and with imprecise masks, and triples with faults, all measured."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np

from pvtt_data.calibration.mask_trials import GOOD, Half, Role, Trial, half_of
from pvtt_data.calibration.triple_faults import TRIPLE_FAULTS, KnownTriple, TripleFault
from pvtt_data.embedders.base import Embedder, Remembering
from pvtt_data.media import decode_video
from pvtt_data.shards import Sample
from pvtt_data.triple_quality.measure import TripleMedia, measured, seen_by

AS_BUILT = "as built"
"""Variant of good trials to which nothing was done."""

MASKS_OFF = "masks off by a pixel"


def media_of(sample: Sample) -> TripleMedia:
    """What a dataset's sample consists of; repeated references once."""
    return TripleMedia(
        sample.source,
        sample.source_mask,
        sample.target,
        sample.target_mask,
        sample.effect_mask,
        tuple(sample.references[: sample.meta.reference_count]),
        bool(sample.meta.clip_id_a),
    )


def halves_of(pairs: Sequence[tuple[str, str]]) -> list[Half]:
    """The half of each (A, B): products that share a triple, or triples that share a product, are in one half."""
    root: dict[str, str] = {}

    def find(name: str) -> str:
        root.setdefault(name, name)
        while root[name] != name:
            root[name] = root[root[name]]
            name = root[name]
        return name

    for a, b in pairs:
        one, other = sorted((find(a), find(b)))
        root[other] = one
    return [half_of(find(b)) for _, b in pairs]


def stranger_of(samples: Sequence[Sample], number: int) -> int:
    """Number of a sample whose B is neither product of this one: of the same category every second time, if it can be.

    Raises:
        ValueError: all other samples show the same products.
    """
    own = samples[number].meta
    order = [(number + step) % len(samples) for step in range(1, len(samples))]
    others = [n for n in order if samples[n].meta.product_b not in (own.product_a, own.product_b)]
    if not others:
        raise ValueError("all samples show the same two products; trials need strangers")
    alike = [n for n in others if samples[n].meta.category_b == own.category_b]
    return alike[0] if alike and _random(samples[number].key, "stranger").random() < 0.5 else others[0]


def known_triple(samples: Sequence[Sample], number: int, shadowless: Path | None = None) -> KnownTriple:
    """A sample with another one beside it, both decoded.

    Args:
        shadowless: video of the target without B's shadow, if there is one.
    """
    sample, other = samples[number], samples[stranger_of(samples, number)]
    height, width = sample.target.shape[1:3]
    elsewhere = other.source
    if elsewhere.shape[1:3] != (height, width):
        elsewhere = np.stack([cv2.resize(frame, (width, height), interpolation=cv2.INTER_AREA) for frame in elsewhere])
    meta = sample.meta
    return KnownTriple(
        sample.key,
        meta.product_a,
        meta.product_b,
        meta.category_b,
        media_of(sample),
        tuple(other.references[: other.meta.reference_count]),
        elsewhere,
        None if shadowless is None else decode_video(shadowless),
    )


def good_triples(media: TripleMedia) -> Iterator[tuple[str, TripleMedia]]:
    """The triple as it is, and with masks as imprecise as a good segmenter's, A's a pixel too large and B's a pixel too
    small; name of each."""
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (3, 3))
    yield AS_BUILT, media
    grown = np.stack([cv2.dilate(mask.astype(np.uint8), disc) > 0 for mask in media.source_mask])
    shrunk = np.stack([cv2.erode(mask.astype(np.uint8), disc) > 0 for mask in media.target_mask])
    if (shrunk.any(axis=(1, 2)) == media.target_mask.any(axis=(1, 2))).all():
        yield MASKS_OFF, dataclasses.replace(media, source_mask=grown, target_mask=shrunk)


def measure_triple(known: KnownTriple, half: Half, embedders: Sequence[Embedder]) -> dict[str, list[Trial]]:
    """Trials of one triple by each embedder: good ones, then faults; the setting half has no unseen strengths.

    Args:
        embedders: one at least; all numbers but those of looks are measured once.
    """
    remembering = [Remembering(embedder) for embedder in embedders]
    cases: list[tuple[str, str, float, Role, TripleMedia]] = [
        (GOOD, name, 0.0, "good", media) for name, media in good_triples(known.media)
    ]
    for kind, fault in TRIPLE_FAULTS.items():
        for strength, role in _wanted(fault, half):
            faulty = fault.inject(known, strength, _random(known.name, kind, f"{strength:g}"))
            if faulty is not None:
                cases.append((kind, "", strength, role, faulty))
    found: dict[str, list[Trial]] = {embedder.name: [] for embedder in embedders}
    right: dict[str, tuple[TripleMedia, Mapping[str, float]]] = {}
    for kind, variant, strength, role, media in cases:
        first = remembering[0]
        numbers = measured(media, first, right.get(first.name))
        for embedder in remembering:
            own = numbers if embedder is first else seen_by(media, numbers, embedder, right.get(embedder.name))
            if variant == AS_BUILT:
                right[embedder.name] = media, own
            found[embedder.name].append(
                Trial(known.name, known.product_b, half, kind, variant, strength, role, own, known.category)
            )
    return found


def _wanted(fault: TripleFault, half: Half) -> Iterator[tuple[float, Role]]:
    yield from ((strength, "setting") for strength in fault.setting)
    if half == "reporting":
        yield from ((strength, "unseen") for strength in fault.unseen)
        yield from ((strength, "weak") for strength in fault.weak)


def _random(*parts: str) -> np.random.Generator:
    digest = hashlib.sha256("\0".join(parts).encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:8], "big"))
