"""From rows of items to what the tiny model is given and what it has to say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import torch
from torch import Tensor

from pvtt_data.vace.context import assemble, pack_mask, split
from pvtt_data.vace.loss_weights import LossWeights, loss_weights
from pvtt_data.vace.reactive import reactive_content
from pvtt_train.closed_loop.augment import Colours, Framing, mirrored, moved, recolour
from pvtt_train.closed_loop.codec import TinyCodec
from pvtt_train.closed_loop.pool import CONTENTS, Items, Pool

WEIGHTS = LossWeights(inside=4.0, effect=2.0, elsewhere=1.0)
"""Products are small here: without weight inside the mask, most of the loss is background."""

_STRIDE = 7


@dataclass(frozen=True, slots=True, eq=False)
class Scenes:
    """Pixels of a batch, before they are encoded; videos in [-1, 1].

    Attributes:
        source, target: ``(N, 3, T, H, W)``.
        mask, effect: ``(N, 1, T, H, W)``, 0 or 1.
        content: ``(N, 3, T, H, W)``, what the reactive stream shows.
        references: ``(N, P, 3, 1, H, W)``.
    """

    source: Tensor
    target: Tensor
    mask: Tensor
    effect: Tensor
    content: Tensor
    references: Tensor


@dataclass(frozen=True, slots=True, eq=False)
class Lesson:
    """What the model is given and has to say.

    Attributes:
        clean: latents ``(N, C, P + T', h, w)``, references first.
        context: the VACE context ``(N, 2C + 64, P + T', h, w)``.
        weights: of the error at each place, ``(N, 1, P + T', h, w)``.
    """

    clean: Tensor
    context: Tensor
    weights: Tensor


def draw(pool: Pool, table: Items, count: int, dropout: float = 0.0, hiding: float = 0.0) -> Scenes:
    """A batch of random items in other colours and framings, some mirrored, some backwards.

    Args:
        dropout: share that is shown without references, so that the model can be guided later.
        hiding: share whose mask is, in every frame, that of all frames together.
    """
    device = table.sources.device
    rows = table.rows(torch.randint(0, len(table), (count,), device=device))
    framing = Framing.draw(count, device)
    variant = torch.randint(0, pool.masks.shape[1], (count,), device=device)
    colours = Colours.draw(count, device)

    def video(number: Tensor, changed: Colours) -> Tensor:
        light = moved(pool.videos[number]).float().div_(255)
        shown = recolour(light, moved(pool.products[number].unsqueeze(1)).float(), changed)
        return framing.of(shown).mul_(2).sub_(1)

    def area(masks: Tensor) -> Tensor:
        return framing.of(moved(masks.unsqueeze(1)).float(), binary=True)

    target = video(rows.targets, colours)
    source = target if table.rebuilt else video(rows.sources, Colours.draw(count, device))

    number = rows.references.clamp(min=0)
    count_each = pool.references.shape[1]
    light = mirrored(pool.references[number]).unsqueeze(3).float().div_(255).flatten(0, 1)
    product = ~mirrored(pool.grounds[number]).flatten(0, 1)[:, None, None]
    pictures = recolour(light, product.float(), colours.each(count_each))
    pictures = framing.stretch().each(count_each).of(pictures).mul_(2).sub_(1)
    blank = ((rows.references < 0) | (torch.rand(count, device=device) < dropout)).view(-1, 1, 1, 1, 1, 1)
    mask = area(pool.masks[rows.masks, variant])
    if hiding:
        hidden = torch.rand(count, device=device).lt(hiding).view(-1, 1, 1, 1, 1)
        mask = torch.where(hidden, mask.amax(dim=2, keepdim=True), mask)
    return Scenes(
        source=source,
        target=target,
        mask=mask,
        effect=area(pool.effects[rows.masks]),
        content=_content(source, table.contents),
        references=torch.where(blank, 1.0, pictures.unflatten(0, (count, -1))),
    )


def join(first: Scenes, second: Scenes) -> Scenes:
    """One batch of two."""
    return Scenes(*(torch.cat([getattr(first, field.name), getattr(second, field.name)]) for field in fields(Scenes)))


def give(
    source: Tensor, mask: Tensor, content: Tensor, references: Tensor, codec: TinyCodec
) -> tuple[list[Tensor], Tensor]:
    """Latents of the references, ``(N, C, 1, h, w)`` each, and the VACE context of pixels as `Scenes` has them."""
    inactive, reactive = split(source, mask, content, check=False)
    count, pictures = references.shape[:2]
    encoded = codec.encode(references.flatten(0, 1)).unflatten(0, (count, pictures))
    shown = [encoded[:, number] for number in range(pictures)]
    return shown, assemble(codec.encode(inactive), codec.encode(reactive), pack_mask(mask), shown)


def teach(scenes: Scenes, codec: TinyCodec, reference_weight: float) -> Lesson:
    """Encode a batch.

    Args:
        reference_weight: of the reference frames in the loss: 0 for adapters; a model that is trained from nothing has
            to learn to say them too, since they are sampled along.
    """
    references, context = give(scenes.source, scenes.mask, scenes.content, scenes.references, codec)
    weights = loss_weights(scenes.mask, scenes.effect, WEIGHTS, len(references))
    weights[:, :, : len(references)].fill_(reference_weight)
    return Lesson(torch.cat([*references, codec.encode(scenes.target)], dim=2), context, weights)


def _content(source: Tensor, shares: Sequence[float]) -> Tensor:
    """What the reactive stream shows, ``(N, 3, T, H, W)``: each content in its share of the batch.

    Rows of a batch are drawn at random, and mirrored by their place, so contents go to every so manyth row.
    """
    count = len(source)
    shown = torch.zeros_like(source)
    order = torch.cat(
        [torch.arange(offset, count, _STRIDE, device=source.device) for offset in range(min(_STRIDE, count))]
    )
    start = 0.0
    for name, share in zip(CONTENTS, shares, strict=True):
        chosen = order[round(start * count) : round((start + share) * count)]
        start += share
        if len(chosen) and name != "grey":
            if len(chosen) == count:
                return reactive_content(name, source)
            shown[chosen] = reactive_content(name, source[chosen])
    return shown
