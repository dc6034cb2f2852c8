"""Small drawn cases: two toy products that slide and turn in one scene, with exact masks and pictures of B."""

from __future__ import annotations

import cv2
import numpy as np
from drawn_products import Picture, drawn, scene
from pvtt_eval.case import RenderedCase
from pvtt_eval.regions import dilated


def drawn_case(a: str = "bottle", b: str = "carton", *, turns: bool = True, slides: bool = True) -> RenderedCase:
    """A case whose references are turned by up to 30° and lit a little brighter than the scene."""
    source, source_mask = scene(a, turns=turns, slides=slides)
    target, target_mask = scene(b, turns=turns, slides=slides)
    views = tuple(drawn(b, 96, turn, 80, light=1.12) for turn in (-22.0, 14.0))
    return RenderedCase(
        f"{a}-{b}",
        a,
        b,
        source,
        target,
        source_mask,
        target_mask,
        dilated(source_mask, 6),
        views,
        (drawn(b, 96, 2.0, 80, light=1.12),),
        8.0,
    )


def paste_reference(case: RenderedCase) -> Picture:
    """The first reference, as it is, pasted over A: the right product that does not turn with it."""
    result = scene(None)[0]
    reference = case.references[0]
    rows, columns = np.nonzero(reference[..., 3] > 127)
    cut = reference[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    for t, mask in enumerate(case.source_mask):
        ys, xs = np.nonzero(mask)
        scale = np.sqrt(mask.sum() / (cut[..., 3] > 127).sum())
        small = cv2.resize(cut, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA).astype(np.float64)
        top, left = round(ys.mean() - small.shape[0] / 2), round(xs.mean() - small.shape[1] / 2)
        place = result[t, top : top + small.shape[0], left : left + small.shape[1]]
        alpha = small[..., 3:] / 255
        place[:] = np.round(alpha * small[..., :3] + (1 - alpha) * place)
    return result
