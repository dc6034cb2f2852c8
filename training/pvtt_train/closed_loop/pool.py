"""Triples of a dataset version as tensors, and *items*: which of them an arm of the experiment learns from, and how.

A pool holds videos, masks and references once; arms differ in nothing but the items that they draw.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pvtt_data.engines.composite import CompositeEngine, CompositeRequest
from pvtt_data.errors import InputError
from pvtt_data.records import Split
from pvtt_data.shards import Sample, ShardDataset
from pvtt_data.vace.latents import widen
from pvtt_data.vace.mask_policies import MaskSettings, PolicyWeights, policy_order, training_mask
from pvtt_data.vace.reactive import Content, Contents
from pvtt_data.vace.references import prepare_reference

UInt8 = NDArray[np.uint8]
Bool = NDArray[np.bool_]

CONTENTS: tuple[Content, ...] = ("source", "grey", "blurred", "edges")
"""What the reactive stream can show here, in the order of `Items.contents`."""
_WHITE = 250
"""Pixels of a reference that are at least so bright in all channels are its ground."""
MASKS = MaskSettings(block_px=16, margin=(0.05, 0.75))
"""Blocks of 32 px, made for 480 px, would be a third of these frames. B is up to 1.4 times as large as A, and a model
is to leave alone what lies outside a mask: A's box with 17 % around, the middle of the usual margins, holds 88 % of B,
and the truth itself, shown inside it only, scores 0.72 of what it scores whole; with 40 %, 0.86 (24 held-out cases)."""


class Triple(Protocol):
    """What is read of a sample: see `pvtt_data.shards.Sample`."""

    @property
    def source(self) -> UInt8: ...
    @property
    def target(self) -> UInt8: ...
    @property
    def source_mask(self) -> Bool: ...
    @property
    def target_mask(self) -> Bool: ...
    @property
    def effect_mask(self) -> Bool: ...
    @property
    def references(self) -> Sequence[UInt8]: ...


@dataclass(frozen=True, slots=True, eq=False)
class Pool:
    """Tensors on one device; V videos, M sets of masks, R rows of references.

    Attributes:
        videos: ``(V, 3, T, H, W) uint8`` RGB.
        products: ``(V, T, H, W) bool``, the product in each video.
        masks: ``(M, K, T, H, W) bool``, K widened conditioning masks drawn for the same product.
        effects: ``(M, T, H, W) bool``, where source and target may differ.
        references: ``(R, P, 3, H, W) uint8``, P prepared pictures of a product.
        grounds: ``(R, P, H, W) bool``, white around the product in each.
    """

    videos: Tensor
    products: Tensor
    masks: Tensor
    effects: Tensor
    references: Tensor
    grounds: Tensor

    def to(self, device: torch.device) -> Pool:
        """The same on another device."""
        return Pool(*(getattr(self, field.name).to(device) for field in fields(self)))


@dataclass(frozen=True, slots=True, eq=False)
class Items:
    """What is learnt from: row i says that ``sources[i]`` with ``masks[i]`` and ``references[i]`` gives ``targets[i]``.

    Attributes:
        sources, targets: ``(N,) int64``, videos of the pool.
        masks, references: ``(N,) int64``, rows of the pool; a negative reference is a blank one.
        contents: share of each of `CONTENTS` in the reactive stream.
        rebuilt: whether each source is its target.
    """

    sources: Tensor
    targets: Tensor
    masks: Tensor
    references: Tensor
    contents: tuple[float, ...]
    rebuilt: bool

    def __len__(self) -> int:
        return len(self.sources)

    def to(self, device: torch.device) -> Items:
        """The same on another device."""
        return replace(self, **{name: getattr(self, name).to(device) for name in _COLUMNS})

    def rows(self, chosen: Tensor) -> Items:
        """Some rows, ``(M,) int64``."""
        return replace(self, **{name: getattr(self, name)[chosen] for name in _COLUMNS})

    def __add__(self, other: Items) -> Items:
        """The rows of both, which must show the same contents."""
        if (self.contents, self.rebuilt) != (other.contents, other.rebuilt):
            raise ValueError("items of different contents do not go into one table")
        joined = {name: torch.cat([getattr(self, name), getattr(other, name)]) for name in _COLUMNS}
        return replace(self, **joined)


_COLUMNS = ("sources", "targets", "masks", "references")


def items(
    sources: Sequence[int],
    targets: Sequence[int],
    masks: Sequence[int],
    references: Sequence[int],
    contents: Contents,
) -> Items:
    """Items from lists of numbers, and the shares of the contents that are shown."""
    shares = tuple(contents.get(name, 0.0) / sum(contents.values()) for name in CONTENTS)
    columns = dict(zip(_COLUMNS, (sources, targets, masks, references), strict=True))
    tensors = {name: torch.tensor(list(column), dtype=torch.int64) for name, column in columns.items()}
    return Items(**tensors, contents=shares, rebuilt=list(sources) == list(targets))


def read_samples(folders: Sequence[Path], splits: Sequence[Split]) -> list[Sample]:
    """All swapped triples of some splits, in the order of their keys; no stills under a moving window.

    Raises:
        DatasetError: a folder is no dataset version, or broken.
        InputError: there are none.
    """
    found: dict[str, Sample] = {}
    for folder in folders:
        dataset = ShardDataset(folder)
        found |= {sample.key: sample for sample in (dataset[number] for number in range(len(dataset)))}
    wanted = [found[key] for key in sorted(found) if found[key].split in splits]
    kept = [sample for sample in wanted if sample.meta.kind == "swap" and not sample.meta.is_pseudo_video]
    if not kept:
        raise InputError("no-triples", f"no swapped triples of {', '.join(splits)} in {', '.join(map(str, folders))}")
    return kept


@dataclass(frozen=True, slots=True)
class Shown:
    """How triples are shown to the model.

    Attributes:
        variants: K, masks drawn for each product.
        pictures: P, references of each; where a product has fewer, they are repeated.
        shrink: take every so many pixels' mean, for processors.
        frames: the first so many frames only; all if None.
    """

    variants: int
    pictures: int = 2
    shrink: int = 1
    frames: int | None = None

    def video(self, video: UInt8) -> UInt8:
        """A video as it is shown."""
        return smaller(video, self.shrink)[: self.frames]

    def mask(self, mask: Bool) -> Bool:
        """A mask as it is shown."""
        return smaller_mask(mask, self.shrink)[: self.frames]


@dataclass(frozen=True, slots=True, eq=False)
class Entry:
    """What one triple adds to a pool: arrays as in `Pool`, and a composited source or why there is none."""

    videos: list[UInt8]
    products: list[Bool]
    masks: list[Bool]
    effects: list[Bool]
    references: UInt8
    composite: tuple[UInt8, Bool, Bool, Bool] | str


def prepared(references: Sequence[UInt8], count: int, size_px: tuple[int, ...]) -> UInt8:
    """``(count, H, W, 3) uint8``: references as the model sees them; where there are fewer, they are repeated."""
    own = [prepare_reference(picture, *size_px) for picture in references]
    return np.stack([own[number % len(own)] for number in range(count)])


def make_entry(key: str, triple: Triple, product: UInt8 | None, shown: Shown) -> Entry:
    """Prepare one triple.

    Args:
        key: of the sample, 16 hex digits.
        triple: the sample.
        product: RGBA cut-out of another product, to be composited over B; None for none.
        shown: how.

    Raises:
        InputError: the triple has no references.
    """
    if not triple.references:
        raise InputError("no-references", f"sample {key} has no references; build with pair.references: 2")
    source, target = shown.video(triple.source), shown.video(triple.target)
    mask_a, mask_b = shown.mask(triple.source_mask), shown.mask(triple.target_mask)
    effect = shown.mask(triple.effect_mask)
    masks = [_masks(key, mask_a, mask_b, shown.variants), _masks(key, mask_b, mask_b, shown.variants)]
    composite: tuple[UInt8, Bool, Bool, Bool] | str = "not-asked-for"
    if product is not None:
        try:
            made = CompositeEngine().make(
                CompositeRequest(triple.target, triple.target_mask, product, seed=int(key[:8], 16))
            )
        except InputError as error:
            composite = error.reason
        else:
            mask = shown.mask(made.source_mask)
            drawn = _masks(key, mask, mask_b, shown.variants)
            composite = shown.video(made.source), mask, drawn, shown.mask(made.effect_mask)
    pictures = prepared(triple.references, shown.pictures, source.shape[1:3])
    return Entry([source, target], [mask_a, mask_b], masks, [effect, effect], pictures, composite)


def make_pool(entries: Sequence[Entry]) -> tuple[Pool, list[int], Counter[str]]:
    """Pool of triples: of the i-th, video 2i shows A and 2i + 1 shows B, set of masks 2i is for A and 2i + 1 for B
    alone (of which B's own video is rebuilt), row of references i is B's. Composited sources come after all these.

    Returns:
        The pool; of each composited source, the place of its triple; why the others have none.

    Raises:
        InputError: sizes differ.
    """
    videos, products, masks, effects = (
        [array for entry in entries for array in getattr(entry, name)]
        for name in ("videos", "products", "masks", "effects")
    )
    places: list[int] = []
    reasons: Counter[str] = Counter()
    for place, entry in enumerate(entries):
        if isinstance(entry.composite, str):
            reasons[entry.composite] += 1
            continue
        for rows, array in zip((videos, products, masks, effects), entry.composite, strict=True):
            rows.append(array)
        places.append(place)
    references = [np.moveaxis(entry.references, -1, 1) for entry in entries]
    grounds = [np.asarray((pictures >= _WHITE).all(axis=1)) for pictures in references]
    videos = [np.moveaxis(video, -1, 0) for video in videos]
    pool = Pool(
        videos=_stacked(videos),
        products=_stacked(products),
        masks=_stacked(masks),
        effects=_stacked(effects),
        references=_stacked(references),
        grounds=_stacked(grounds),
    )
    return pool, places, reasons


def partner(key: str, keys: Sequence[str]) -> str:
    """The other triple whose product is composited over this one's: the one with the highest hash."""
    others = (other for other in keys if other != key)
    return max(others, key=lambda other: hashlib.sha256(f"{key}:{other}".encode()).digest())


def _stacked(rows: Sequence[NDArray[Any]]) -> Tensor:
    if len({row.shape for row in rows}) > 1:
        raise InputError(
            "sizes-differ", "all triples of a closed loop must have one size: give the recipe one of normalise.sizes"
        )
    return torch.from_numpy(np.stack(rows))


def _masks(key: str, mask_a: Bool, mask_b: Bool, variants: int) -> Bool:
    """``(K, T, H, W)``: conditioning masks as training draws them."""
    drawn = []
    for number in range(variants):
        seed = int.from_bytes(bytes.fromhex(key)[:6], "big") * 64 + number
        made = training_mask(mask_a, mask_b, policy_order(PolicyWeights(), seed), seed, MASKS)
        drawn.append(widen(made.mask))
    return np.stack(drawn)


def smaller(video: UInt8, shrink: int) -> UInt8:
    """Means of ``shrink`` × ``shrink`` pixels; sides become divisible by 16, cut off at the right and below."""
    if shrink == 1:
        return video
    return np.asarray(np.round(_cells(video, shrink)), np.uint8)


def smaller_mask(mask: Bool, shrink: int) -> Bool:
    """As `smaller`, by majority."""
    return mask if shrink == 1 else np.asarray(_cells(mask[..., None], shrink)[..., 0] >= 0.5, np.bool_)


def _cells(array: UInt8 | Bool, shrink: int) -> NDArray[np.float32]:
    frames, height, width = array.shape[0], array.shape[1] // shrink, array.shape[2] // shrink
    height, width = height - height % 16, width - width % 16
    cells = array[:, : height * shrink, : width * shrink].reshape(frames, height, shrink, width, shrink, -1)
    return np.asarray(cells.mean(axis=(2, 4), dtype=np.float32))
