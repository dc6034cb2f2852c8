"""Does B in the target look like its references, and unlike A? An embedder is asked.

What the numbers are worth depends on the embedder and on the size of what it sees: thresholds for them are measured for
each embedder, against products that are other ones; see docs/triple_quality.md.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from pvtt_data.embedders.base import Embedder, embed_groups
from pvtt_data.embedders.crops import crop_references, crop_video
from pvtt_data.embedders.likeness import likeness
from pvtt_data.triple_quality.colours import as_cutout

Frames = npt.NDArray[np.uint8]
Masks = npt.NDArray[np.bool_]
Picture = npt.NDArray[np.uint8]

_FRAMES = 6


def look_numbers(
    source: Frames,
    source_mask: Masks,
    target: Frames,
    target_mask: Masks,
    references: Sequence[Picture],
    embedder: Embedder,
) -> dict[str, float]:
    """Likenesses of A, B and the references, cosines of an embedder's vectors of up to six frames of each video.

    s(X, Y) is the mean over x of the best cosine with a y.

    Returns:
        ``ab_likeness``: s(A in the source, B in the target).
        With references, also
        ``reference_likeness``: s(B in the target, references);
        ``reference_likeness_min``: the least, over the references, of a reference's best cosine with B in the target:
        one wrong picture among right ones shows here;
        ``reference_margin``: ``reference_likeness`` - s(A in the source, references): A is an impostor that stands in
        the same light;
        ``reference_margin_min``: the least, over the references, of a reference's best cosine with B minus its best
        with A: a picture of some other product is as far from both;
        ``reference_leak_likeness``: the largest cosine of a reference with a frame.
        A product too small to be cropped everywhere has none of these numbers.
    """
    chosen = sorted({round(share * (len(source) - 1)) for share in np.linspace(0, 1, _FRAMES)})
    crops = [
        crop_video(source[chosen], source_mask[chosen]).pictures,
        crop_video(target[chosen], target_mask[chosen]).pictures,
        crop_references([as_cutout(picture) for picture in references]).pictures,
    ]
    a, b, shown = embed_groups(embedder, crops)
    if not len(a) or not len(b):
        return {}
    numbers = {"ab_likeness": likeness(a, b)}
    if len(shown):
        own = likeness(b, shown)
        cosines = shown.astype(np.float64) @ b.T.astype(np.float64)
        with_a = shown.astype(np.float64) @ a.T.astype(np.float64)
        numbers |= {
            "reference_likeness": own,
            "reference_likeness_min": float(cosines.max(axis=1).min()),
            "reference_margin": own - likeness(a, shown),
            "reference_margin_min": float((cosines.max(axis=1) - with_a.max(axis=1)).min()),
            "reference_leak_likeness": float(cosines.max()),
        }
    return numbers
