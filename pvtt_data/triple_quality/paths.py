"""Do A and B move alike?"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Masks = npt.NDArray[np.bool_]
Mask = npt.NDArray[np.bool_]

_STEADY = (0.03, 0.05)
"""Changes of place, in product sizes, and of log size, below which correlation says nothing."""


def path_concordance(first: Masks, second: Masks, turning: bool = False) -> tuple[float, float]:
    """How alike two regions move, in place and in size; 1 is equal, 0 or less is unrelated.

    With centred paths p, q: agreement = 1 - sum |p - q|² / (sum |p|² / 2 + sum |q|² / 2 + T s²). This is Lin's
    concordance (1989) but for s: it falls for unlike direction *and* for unlike amplitude, and s keeps it defined for
    products at rest, where it becomes one minus the mean squared error in units of s². Place: the middle of the
    bounding box's lower edge over the root of the second region's median area, s = 0.03; products of unlike shape
    share the ground contact and not the centre. Size: log(sqrt(area)), s = 0.05. Frames in which the frame's border
    cuts a region are left out if at least five others remain, because what is seen there is not the product's size.

    Args:
        first: ``(T, H, W) bool``, no empty mask.
        second: ``(T, H, W) bool``, no empty mask.
        turning: whether the first turns by itself. Then its outline's lowest row comes from now this and now that part
            of it, while its middle keeps its way, or the other way round; place is the better of the two, the middle
            being the mean of all pixels. A product that goes another way has neither.
    """
    whole = [i for i in range(len(first)) if not _cut(first[i]) and not _cut(second[i])]
    if len(whole) >= 5:
        first, second = first[whole], second[whole]
    size = float(np.sqrt(np.median(second.sum(axis=(1, 2)))))
    places = []
    for point in (_contact, _middle) if turning else (_contact,):
        own, other = (np.array([point(mask) for mask in masks]) / size for masks in (first, second))
        places.append(_concordance(own, other, _STEADY[0]))
    sizes = [np.log(np.sqrt(masks.sum(axis=(1, 2)).astype(np.float64)))[:, None] for masks in (first, second)]
    return max(places), _concordance(sizes[0], sizes[1], _STEADY[1])


def _cut(mask: Mask) -> bool:
    return bool(mask[0].any() or mask[-1].any() or mask[:, 0].any() or mask[:, -1].any())


def _contact(mask: Mask) -> tuple[float, float]:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return float(columns[0] + columns[-1]) / 2.0, float(rows[-1])


def _middle(mask: Mask) -> tuple[float, float]:
    rows, columns = np.nonzero(mask)
    return float(columns.mean()), float(rows.mean())


def _concordance(first: npt.NDArray[np.float64], second: npt.NDArray[np.float64], steady: float) -> float:
    first, second = first - first.mean(axis=0), second - second.mean(axis=0)
    scale = 0.5 * float((first**2).sum() + (second**2).sum()) + len(first) * steady**2
    return float(1.0 - ((first - second) ** 2).sum() / scale)
