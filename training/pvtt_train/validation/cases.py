"""Held-out cases: which ones, and what the model is given of them, all from what a user has."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from pvtt_eval.background import background
from pvtt_eval.case import RenderedCase
from pvtt_eval.regions import case_regions
from torch import Tensor

from pvtt_data.errors import InputError
from pvtt_data.shards import Sample, ShardDataset
from pvtt_data.vace.conditioning import ConditioningConfig, condition_for_evaluation
from pvtt_data.vace.context import from_unit, to_unit
from pvtt_data.vace.loss_weights import loss_weights
from pvtt_data.vace.reactive import UNSHOWN_ENGINES
from pvtt_train.validation.config import ValidationConfig
from pvtt_train.wan.text import padded


class VideoCodec(Protocol):
    """Encodes and decodes; `pvtt_train.wan.vae.WanVae` does."""

    channels: int

    def encode(self, video: Tensor) -> Tensor:
        """Latents ``(B, C, T', h, w)`` of videos ``(B, 3, T, H, W)`` in [−1, 1]."""
        ...

    def decode(self, latents: Tensor, *, tiled: bool = False) -> Tensor:
        """The reverse."""
        ...


class Words(Protocol):
    """Embeds prompts; `pvtt_train.wan.text.TextEncoder` does."""

    def embed(self, prompts: list[str]) -> Sequence[Tensor]:
        """``(L, D)`` for each prompt, without padding."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class PreparedCase:
    """A held-out case as the model takes it, on the processor.

    Attributes:
        key: of the sample.
        prompt: with the trigger.
        context: VACE context ``(1, 2C + 64, R + T', h, w)`` float32.
        clean: latents of references and target, ``(1, C, R + T', h, w)`` float32; only the loss looks at it.
        weights: ``(1, 1, R + T', h, w)``, of each place in the loss; 0 for references.
        text, negative: embeddings ``(1, L, D)``, padded.
        references: R.
        case: pixels and masks, for scores and pictures; None where only the loss is measured.
        ceiling_db: PSNR of the background after the autoencoder's round trip of the source: nothing can keep it
            better. NaN without ``case``.
    """

    key: str
    prompt: str
    context: Tensor
    clean: Tensor
    weights: Tensor
    text: Tensor
    negative: Tensor
    references: int
    case: RenderedCase | None
    ceiling_db: float


def choose(dataset: ShardDataset, most: int, seed: int) -> list[str]:
    """Keys of swapped pairs in an order that follows from the seed, one of each product B before a second of any.

    Pairs whose source is the answer, or that show nothing of it, are left out: they ask something else.

    Args:
        dataset: of the split.
        most: at most so many.
        seed: of the order.
    """
    order = sorted(dataset.keys(), key=lambda key: hashlib.sha256(f"{seed}:{key}".encode()).digest())
    first: list[str] = []
    later: list[str] = []
    seen: set[str] = set()
    for key in order if most else ():
        meta = dataset[key].meta
        if meta.kind != "swap" or meta.engine in UNSHOWN_ENGINES:
            continue
        (later if meta.product_b in seen else first).append(key)
        seen.add(meta.product_b)
        if len(first) == most:
            break
    return (first + later)[:most]


@torch.no_grad()
def prepare(
    config: ValidationConfig,
    conditioning: ConditioningConfig,
    dataset: ShardDataset,
    codec: VideoCodec,
    text: Words,
    text_tokens: int,
    *,
    trigger: str = "",
    device: torch.device | str = "cpu",
) -> Iterator[PreparedCase]:
    """Encode the cases, the ones to be shown first; after that the text encoder is not needed any more.

    Args:
        config, conditioning: settings.
        dataset: of the split that is held out.
        codec, text: encoders.
        text_tokens: to which embeddings are padded.
        trigger: put before each prompt, with a space.
        device: where pixels are prepared.

    Raises:
        InputError: ``no-cases``, the split has no swapped pair; or a sample cannot be used.
    """
    keys = choose(dataset, max(config.samples, config.loss_samples), config.seed)
    if not keys and (config.samples or config.loss_samples):
        raise InputError(
            "no-cases", f"{dataset.path.name} has no swapped pair in its {config.split} split; set validation.every: 0"
        )
    try:
        [negative] = text.embed([config.negative_prompt])
    except InputError as error:
        raise InputError(error.reason, f"validation.negative_prompt: {error.message}", error.numbers) from error
    for place, key in enumerate(keys):
        sample = dataset[key]
        prompt = f"{trigger} {sample.meta.prompt}".strip()
        try:
            [words] = text.embed([prompt])
        except InputError as error:
            raise InputError(error.reason, f"held-out sample {key}: {error.message}", error.numbers) from error
        yield _prepared(
            config,
            conditioning,
            sample,
            codec,
            (padded([words], text_tokens), padded([negative], text_tokens)),
            prompt,
            device,
            shown=place < config.samples,
        )


def _prepared(
    config: ValidationConfig,
    conditioning: ConditioningConfig,
    sample: Sample,
    codec: VideoCodec,
    words: tuple[Tensor, Tensor],
    prompt: str,
    device: torch.device | str,
    *,
    shown: bool,
) -> PreparedCase:
    count = sample.meta.reference_count
    given = condition_for_evaluation(
        sample.source,
        sample.source_mask,
        sample.references[:count],
        conditioning,
        policy=config.policy,
        content=config.content,
        device=device,
    )
    encoded = [codec.encode(reference[None]).cpu() for reference in given.references]
    target = to_unit(torch.from_numpy(np.ascontiguousarray(sample.target)).to(device))[None]
    effect = torch.from_numpy(np.ascontiguousarray(sample.effect_mask)).to(device)[None, None]
    case = RenderedCase.of(sample, given.mask[0].bool().cpu().numpy()) if shown else None
    return PreparedCase(
        key=sample.key,
        prompt=prompt,
        context=given.context(codec).cpu()[None],
        clean=torch.cat([*encoded, codec.encode(target).cpu()], dim=2),
        weights=loss_weights(given.mask[None], effect, conditioning.loss, len(encoded)).cpu(),
        text=words[0].cpu(),
        negative=words[1].cpu(),
        references=len(encoded),
        case=case,
        ceiling_db=_ceiling_db(case, codec, config.tiled, device) if case else float("nan"),
    )


def _ceiling_db(case: RenderedCase, codec: VideoCodec, tiled: bool, device: torch.device | str) -> float:
    source = to_unit(torch.from_numpy(np.ascontiguousarray(case.source)).to(device))[None]
    again = from_unit(codec.decode(codec.encode(source), tiled=tiled).cpu())[0].numpy()
    try:
        where = case_regions(case.source_mask, case.conditioning_mask).background
    except ValueError:
        return float("nan")
    return background(again, case.source, where).psnr_db


def shown_cases(cases: Sequence[PreparedCase]) -> list[PreparedCase]:
    """Those that videos are made of."""
    return [case for case in cases if case.case is not None]
