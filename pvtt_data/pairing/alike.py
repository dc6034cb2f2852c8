"""From which likeness on two products count as one, and below which a picture is of another: as measured.

A cosine means something else for every embedder, so limits belong to a name and a digest. How they were measured, and
how often they are wrong, is in docs/pairing.md; `benchmarks/pairing_looks.py` measures them anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class AlikeLimits:
    """Limits for the cosines of one embedder.

    Attributes:
        max_likeness: of a picture of A with B in a clip, above which A and B may be one product under two names.
        min_reference_likeness: of a picture of B with B in a clip, below which it shows another thing.
    """

    max_likeness: float
    min_reference_likeness: float


_MEASURED: Mapping[tuple[str, str], AlikeLimits] = {
    (
        "colour-shape@1",
        "3cb22463c9d7cbc97118cef289d1ae8ebf9404447158c5267bb5636c2e1aff6e",
    ): AlikeLimits(0.788, 0.567),
    (
        "colour-shape@1+hue-histogram@1",
        "32796a7b84b522dd9ad37f84ee3280b662fec072e100f5d1c4b6a3ba0bd4452c",
    ): AlikeLimits(0.649, 0.5),
    (
        "mobilenet-v2@1",
        "2f518e773d4402dde55f981ae3078a72ba95c3adccae1d55051a4be844d50197",
    ): AlikeLimits(0.778, 0.635),
    (
        "mobilenet-v2@1+colour-shape@1",
        "ecdff376cf4382fece64c45c3b92361db192a164ffaf86fe41a942743bbcacce",
    ): AlikeLimits(0.769, 0.619),
    (
        "mobilenet-v2@1+colour-shape@1+hue-histogram@1",
        "985e40f091e6f3b9aff34a2fbc52507e003e359a1f2459bde7fe496423c244f1",
    ): AlikeLimits(0.684, 0.557),
}
"""(name, digest) → the likeness at which a product is as often taken for another one as one of its category for it, and
the one that 5 % of a product's own pictures are below."""


def measured_limits(embedder: str, weights_sha256: str) -> AlikeLimits | None:
    """The measured limits for an embedder, by name and digest; None where nothing was measured."""
    return _MEASURED.get((embedder, weights_sha256))
