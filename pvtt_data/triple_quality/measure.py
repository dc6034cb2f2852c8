"""All quality numbers of a triple."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pvtt_data.embedders.base import Embedder
from pvtt_data.embedders.colour_shape import ColourShape
from pvtt_data.triple_quality.background import background_numbers
from pvtt_data.triple_quality.colours import colour_histogram, intersection, reference_histogram
from pvtt_data.triple_quality.leaks import leak_numbers
from pvtt_data.triple_quality.looks import look_numbers
from pvtt_data.triple_quality.outlines import outline_numbers
from pvtt_data.triple_quality.paths import path_concordance
from pvtt_data.triple_quality.residue import found_elsewhere, residue
from pvtt_data.triple_quality.shadows import shadow_numbers
from pvtt_data.triple_quality.timing import timing_numbers

Frames = npt.NDArray[np.uint8]
Masks = npt.NDArray[np.bool_]
Picture = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class TripleMedia:
    """What a triple consists of.

    Attributes:
        source: ``(T, H, W, 3) uint8`` RGB, shows A.
        source_mask: ``(T, H, W) bool``, A.
        target: ``(T, H, W, 3) uint8`` RGB, shows B.
        target_mask: ``(T, H, W) bool``, B.
        effect_mask: ``(T, H, W) bool``, where source and target may differ.
        references: pictures of B, ``(h, w, 3)`` RGB or ``(h, w, 4)`` RGBA ``uint8``; may be empty.
        moving_a: whether A was cut out of a clip and turns by itself.
    """

    source: Frames
    source_mask: Masks
    target: Frames
    target_mask: Masks
    effect_mask: Masks
    references: tuple[Picture, ...]
    moving_a: bool = False


def triple_quality(
    source: Frames,
    source_mask: Masks,
    target: Frames,
    target_mask: Masks,
    effect_mask: Masks,
    references: Sequence[Picture],
    embedder: Embedder | None = None,
    moving_a: bool = False,
) -> dict[str, float]:
    """Measure a triple before or after encoding.

    Args:
        source: ``(T, H, W, 3) uint8`` RGB, shows A.
        source_mask: ``(T, H, W) bool``, A.
        target: ``(T, H, W, 3) uint8`` RGB, shows B.
        target_mask: ``(T, H, W) bool``, B.
        effect_mask: ``(T, H, W) bool``, where source and target may differ.
        references: pictures of B, ``(h, w, 3)`` RGB or ``(h, w, 4)`` RGBA ``uint8``; may be empty.
        embedder: what the numbers of `look_numbers` are measured with; `ColourShape` if not given.
        moving_a: whether A was cut out of a clip and turns by itself.

    Returns:
        Finite numbers: those of `background_numbers`, `look_numbers`, `leak_numbers`, `timing_numbers`,
        `outline_numbers`, `shadow_numbers`, and

        - ``centroid_agreement``, ``scale_agreement``: how alike A and B move; see `path_concordance`.
        - ``area_ratio``: median over the frames of A's area over B's.
        - ``ab_similarity``: histogram intersection of A's and B's HSV colours (see `colour_histogram`), 0..1.
        - ``reference_similarity``: largest histogram intersection of a reference's product with B in the target, 0..1;
          1 without references.
        - ``residue``: what is left of B in the source beside A; see `residue`.
        - ``residue_a``: the same of A in the target beside B.
        - ``a_in_target``, ``b_in_source``: see `found_elsewhere`.

    Raises:
        ValueError: the arrays do not belong together, or no frame shows both products.
    """
    media = TripleMedia(source, source_mask, target, target_mask, effect_mask, tuple(references), moving_a)
    return measured(media, embedder or ColourShape())


def measured(
    media: TripleMedia, embedder: Embedder, known: tuple[TripleMedia, Mapping[str, float]] | None = None
) -> dict[str, float]:
    """`triple_quality` of what a triple consists of.

    Args:
        known: another triple and its numbers by the same embedder; what depends only on arrays that are the very same
            is not measured again.
    """
    _check(media)
    numbers: dict[str, float] = {}
    for names, fields, measure in _GROUPS:
        if known is not None and all(getattr(media, field) is getattr(known[0], field) for field in fields):
            numbers |= {name: value for name, value in known[1].items() if name in names}
        else:
            numbers |= measure(media, embedder)
    return numbers


def _check(media: TripleMedia) -> None:
    source, target = media.source, media.target
    if source.shape != target.shape or source.ndim != 4 or source.shape[3] != 3:
        raise ValueError(f"source {source.shape} and target {target.shape} do not belong together")
    for mask in (media.source_mask, media.target_mask, media.effect_mask):
        if mask.shape != source.shape[:3] or mask.dtype != np.bool_:
            raise ValueError(f"a mask is {source.shape[:3]} bool, not {mask.shape} {mask.dtype}")
    if not _present(media):
        raise ValueError("no frame shows both products")


def _present(media: TripleMedia) -> list[int]:
    """Frames that show both products."""
    return [t for t in range(len(media.source)) if media.source_mask[t].any() and media.target_mask[t].any()]


def _background(media: TripleMedia, embedder: Embedder) -> dict[str, float]:
    return background_numbers(media.source, media.target, media.effect_mask)


def _paths(media: TripleMedia, embedder: Embedder) -> dict[str, float]:
    present = _present(media)
    own, other = media.source_mask[present], media.target_mask[present]
    centroid, scale = path_concordance(own, other, media.moving_a)
    ratio = float(np.median(own.sum(axis=(1, 2)) / other.sum(axis=(1, 2))))
    return {"centroid_agreement": centroid, "scale_agreement": scale, "area_ratio": ratio}


def _colours(media: TripleMedia, embedder: Embedder) -> dict[str, float]:
    own = colour_histogram(media.source, media.source_mask)
    other = colour_histogram(media.target, media.target_mask)
    similarities = [intersection(reference_histogram(picture), other) for picture in media.references]
    return {"ab_similarity": intersection(own, other), "reference_similarity": max(similarities, default=1.0)}


def _looks(media: TripleMedia, embedder: Embedder) -> dict[str, float]:
    return look_numbers(media.source, media.source_mask, media.target, media.target_mask, media.references, embedder)


def _leaks(media: TripleMedia, embedder: Embedder) -> dict[str, float]:
    return leak_numbers(media.references, media.target, media.target_mask)


def _timing(media: TripleMedia, embedder: Embedder) -> dict[str, float]:
    return timing_numbers(media.source, media.source_mask, media.target, media.target_mask, media.effect_mask)


def _outlines(media: TripleMedia, embedder: Embedder) -> dict[str, float]:
    return outline_numbers(media.source, media.source_mask, media.target, media.target_mask, media.effect_mask)


def _residue(media: TripleMedia, embedder: Embedder) -> dict[str, float]:
    return {
        "residue": residue(media.source, media.source_mask, media.target, media.target_mask),
        "residue_a": residue(media.target, media.target_mask, media.source, media.source_mask),
        "a_in_target": found_elsewhere(media.source, media.source_mask, media.target),
        "b_in_source": found_elsewhere(media.target, media.target_mask, media.source),
    }


def _shadows(media: TripleMedia, embedder: Embedder) -> dict[str, float]:
    return shadow_numbers(media.source, media.source_mask, media.target, media.target_mask)


_VIDEOS = ("source", "source_mask", "target", "target_mask")
_ALL_VIDEOS = (*_VIDEOS, "effect_mask")
_OUTLINES = (
    "mask_outside_effect",
    *(
        f"{side}_{name}"
        for side in ("source", "target")
        for name in (
            "unchanged", "edge_support_median", "edge_support_min", "separation_median", "separation_min",
        )
    ),
)  # fmt: skip
LOOKS = (
    "ab_likeness", "reference_likeness", "reference_likeness_min", "reference_margin", "reference_margin_min",
    "reference_leak_likeness",
)  # fmt: skip
"""Numbers that an embedder makes."""

_Measure = Callable[[TripleMedia, Embedder], dict[str, float]]
_GROUPS: tuple[tuple[tuple[str, ...], tuple[str, ...], _Measure], ...] = (
    (
        ("background_psnr_db", "background_tile_db", "background_frame_db", "changed_share"),
        ("source", "target", "effect_mask"),
        _background,
    ),
    (("centroid_agreement", "scale_agreement", "area_ratio"), ("source_mask", "target_mask", "moving_a"), _paths),
    (("ab_similarity", "reference_similarity"), (*_VIDEOS, "references"), _colours),
    (LOOKS, (*_VIDEOS, "references"), _looks),
    (
        ("reference_leak_bits", "reference_leak_inliers", "reference_leak_match"),
        ("target", "target_mask", "references"),
        _leaks,
    ),
    (("change_ratio_min", "product_change_ratio_min", "lag_gain_db"), _ALL_VIDEOS, _timing),
    (_OUTLINES, _ALL_VIDEOS, _outlines),
    (("residue", "residue_a", "a_in_target", "b_in_source"), _VIDEOS, _residue),
    (("shadow_a", "shadow_b", "shadow_lack", "shadow_lighter"), _VIDEOS, _shadows),
)
"""Names of numbers, the arrays that they depend on, and what measures them."""


def seen_by(
    media: TripleMedia,
    numbers: Mapping[str, float],
    embedder: Embedder,
    known: tuple[TripleMedia, Mapping[str, float]] | None = None,
) -> dict[str, float]:
    """Numbers of a triple with those of looks measured anew by another embedder.

    Args:
        known: as in `measured`.
    """
    rest = {name: value for name, value in numbers.items() if name not in LOOKS}
    fields = (*_VIDEOS, "references")
    if known is not None and all(getattr(media, field) is getattr(known[0], field) for field in fields):
        return rest | {name: value for name, value in known[1].items() if name in LOOKS}
    return rest | _looks(media, embedder)
