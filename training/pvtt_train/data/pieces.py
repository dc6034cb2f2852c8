"""What a sample is made of once it is encoded: pieces that are kept apart, since each depends on something else.

| piece | holds | depends on |
| --- | --- | --- |
| target | latents ``(C, T', h, w)`` | target video, VAE |
| reference | latents ``(C, 1, h, w)`` | picture, size of the clip, margin, VAE |
| variant | latents of both streams, mask | source, masks of A and B, what was drawn, settings of masks, VAE |
| effect | positions where source and target may differ | effect mask |
| text | embedding ``(L, D)`` | prompt, text encoder |

A piece's digest is the SHA-256 of all that it depends on. Loss weights are made from the masks when a lesson is, so
other weights change no piece.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from pvtt_data.errors import InputError
from pvtt_data.records import canonical_json
from pvtt_data.shards import Sample
from pvtt_data.shards.format import reference_member
from pvtt_data.stage import library_version
from pvtt_data.vace.conditioning import SIZE_STEP_PX, Choice, ConditioningConfig, condition, draw
from pvtt_data.vace.context import Codec, assemble, pack_mask, to_unit
from pvtt_data.vace.dice import dice
from pvtt_data.vace.latents import SPATIAL, latent_count
from pvtt_data.vace.loss_weights import LossWeights, touched, weigh
from pvtt_data.vace.references import prepare_reference
from pvtt_train.data.config import Precision
from pvtt_train.diffsynth_source import encoders_identity
from pvtt_train.lesson import Lesson
from pvtt_train.wan.text import check_length

Kind = Literal["target", "reference", "variant", "effect", "text"]
KINDS: tuple[Kind, ...] = ("target", "reference", "variant", "effect", "text")
PIECE_VERSIONS: Mapping[Kind, int] = {"target": 1, "reference": 1, "variant": 1, "effect": 1, "text": 2}
"""Bump one when the code changes what such a piece holds: older ones become stale.

Text 2: tokens are those that `tokenizer.json` says, and no prompt is cut.
"""
DTYPES: Mapping[Precision, torch.dtype] = {"fp16": torch.float16, "bf16": torch.bfloat16, "fp32": torch.float32}

_PIXEL_LIBRARIES = ("av", "diffsynth", "numpy", "opencv-python-headless", "torch")
_TEXT_LIBRARIES = ("diffsynth", "tokenizers", "torch", "transformers")


@dataclass(frozen=True, slots=True)
class Facts:
    """What of a sample decides how it is shown and what its pieces depend on.

    Attributes:
        key, engine, kind, prompt: of its metadata.
        frames, height, width: of its videos.
        available: different references.
        digests: SHA-256 of its members, by name.
    """

    key: str
    engine: str
    kind: str
    prompt: str
    frames: int
    height: int
    width: int
    available: int
    digests: Mapping[str, str]

    @classmethod
    def of(cls, sample: Sample, *, members: bool = True) -> Facts:
        """Of a sample; no media are read.

        Args:
            members: keep their digests, too.

        Raises:
            DatasetError: its JSON cannot be read.
        """
        meta = sample.meta
        return cls(
            key=sample.key,
            engine=meta.engine,
            kind=meta.kind,
            prompt=meta.prompt,
            frames=meta.frames,
            height=meta.height,
            width=meta.width,
            available=meta.reference_count,
            digests={member: span.sha256 for member, span in sample.spans.items()} if members else {},
        )

    def check_size(self) -> None:
        """Whether a VAE can encode videos of this size.

        Raises:
            InputError: ``frames-not-4n+1``, ``size-not-16n``.
        """
        latent_count(self.frames)
        if self.height % SIZE_STEP_PX or self.width % SIZE_STEP_PX:
            raise InputError(
                "size-not-16n",
                f"the clip is {self.width}×{self.height} pixels; both must be divisible by {SIZE_STEP_PX}",
            )

    def choice(self, config: ConditioningConfig, step: int) -> Choice:
        """How the sample is shown at a step; see `pvtt_data.vace.conditioning.draw`."""
        return draw(config, self.engine, self.key, step, kind=self.kind, available=self.available)


def check_contents(config: ConditioningConfig) -> None:
    """Whether samples of shards can be shown so.

    Raises:
        InputError: ``no-depth``, the settings show depth, which shards do not hold.
    """
    for engine, contents in config.contents.items():
        if contents.get("depth", 0) > 0:
            raise InputError(
                "no-depth", f"conditioning.contents.{engine}.depth: shards hold no depth maps; set it to 0"
            )


def libraries() -> dict[str, str]:
    """What shapes pieces: versions of libraries, and which DiffSynth it is that is really used."""
    names = sorted({*_PIXEL_LIBRARIES, *_TEXT_LIBRARIES})
    return {name: encoders_identity() if name == "diffsynth" else library_version(name) for name in names}


@dataclass(frozen=True, slots=True)
class Makers:
    """Who makes pieces, as their digests tell.

    Attributes:
        codec, text: digests of VAE and text encoder.
        precision: of what is kept.
        numeric_class: kind of processor.
        libraries: see the function.
    """

    codec: str
    text: str
    precision: Precision
    numeric_class: str
    libraries: Mapping[str, str] = field(default_factory=libraries)

    def target(self, facts: Facts) -> str:
        """Digest of the target's latents."""
        return self._encoded("target", target=facts.digests["target.mp4"])

    def reference(self, facts: Facts, number: int, config: ConditioningConfig) -> str:
        """Digest of the latents of a reference: of the picture as the clip's size shows it."""
        size = {"height": facts.height, "width": facts.width, "margin": config.references.margin}
        return self._encoded("reference", picture=facts.digests[reference_member(number)], **size)

    def variant(self, facts: Facts, choice: Choice, config: ConditioningConfig) -> str:
        """Digest of both streams and the mask; the references that a variant shows are pieces of their own."""
        members = ("source.mp4", "source_mask.mp4", "target_mask.mp4")
        return self._encoded(
            "variant",
            members=[facts.digests[member] for member in members],
            policies=list(choice.policies),
            content=choice.content,
            seed=choice.seed,
            masks=config.masks.model_dump(mode="json"),
        )

    def effect(self, facts: Facts) -> str:
        """Digest of the effect mask at latent positions."""
        return _digest("effect", mask=facts.digests["effect_mask.mp4"], libraries=self._of(("av",)))

    def embedding(self, prompt: str) -> str:
        """Digest of a prompt's embedding."""
        return _digest(
            "text",
            prompt=prompt,
            encoder=self.text,
            precision=self.precision,
            numeric_class=self.numeric_class,
            libraries=self._of(_TEXT_LIBRARIES),
        )

    def _encoded(self, kind: Kind, **inputs: Any) -> str:
        return _digest(
            kind,
            **inputs,
            codec=self.codec,
            precision=self.precision,
            numeric_class=self.numeric_class,
            libraries=self._of(_PIXEL_LIBRARIES),
        )

    def _of(self, names: Sequence[str]) -> dict[str, str]:
        return {name: self.libraries[name] for name in names}


def _digest(kind: Kind, **inputs: Any) -> str:
    return hashlib.sha256(
        canonical_json({"piece": kind, "version": PIECE_VERSIONS[kind], **inputs}).encode()
    ).hexdigest()


@dataclass(frozen=True, slots=True, eq=False)
class Made:
    """A piece, on the CPU.

    Attributes:
        tensors: by name.
        rounding: root mean square of what rounding to the precision changed, over that of the values.
        note: facts for the log.
    """

    tensors: dict[str, Tensor]
    rounding: float = 0.0
    note: Mapping[str, str | int] | None = None


def rounded(values: Tensor, precision: Precision) -> tuple[Tensor, float]:
    """Values in a precision, on the CPU, and the relative error of that; see `Made`.

    Raises:
        InputError: ``latents-not-finite``; ``latents-overflow``, a value is beyond fp16's range.
    """
    values = values.detach()
    kept = values.to(DTYPES[precision])
    if not bool(kept.isfinite().all()):
        if not bool(values.isfinite().all()):
            raise InputError("latents-not-finite", "the encoder gave values that are no numbers")
        most = float(values.abs().max())
        raise InputError(
            "latents-overflow", f"a value of {most:.3g} is beyond the range of {precision}; store bf16", {"value": most}
        )
    exact = values.double()
    size = float(exact.square().mean().sqrt())
    wrong = float((kept.double() - exact).square().mean().sqrt())
    return kept.cpu().contiguous(), wrong / size if size else 0.0


@torch.no_grad()
def encoded(video: Tensor, codec: Codec) -> Tensor:
    """Latents ``(C, T', h, w)`` of one video ``(3, T, H, W)`` float32 in [−1, 1], encoded by itself."""
    return codec.encode(video.unsqueeze(0)).squeeze(0)


@dataclass(frozen=True, slots=True, eq=False)
class Streams:
    """Pixels of a variant, before they are encoded; see `pvtt_data.vace.conditioning.TrainingConditioning`.

    Attributes:
        inactive, reactive: ``(3, T, H, W)`` float32.
        mask: ``(1, T, H, W)`` float32.
        note: which mask policy was drawn and which made the mask, by how many steps it grew.
    """

    inactive: Tensor
    reactive: Tensor
    mask: Tensor
    note: Mapping[str, str | int]


def _check_stated(sample: Sample, video: NDArray[Any]) -> None:
    """A video that is not of the size that its sample states would be kept under a false one.

    Raises:
        InputError: ``shapes-differ``.
    """
    meta = sample.meta
    stated = (meta.frames, meta.height, meta.width)
    if video.shape[:3] != stated:
        raise InputError("shapes-differ", f"a video is {video.shape[:3]} (T, H, W), the metadata says {stated}")


def target_pixels(sample: Sample, device: torch.device) -> Tensor:
    """``(3, T, H, W)`` float32 in [−1, 1].

    Raises:
        InputError: as `_check_stated`.
    """
    _check_stated(sample, sample.target)
    return to_unit(torch.from_numpy(np.ascontiguousarray(sample.target)).to(device))


def reference_pixels(sample: Sample, number: int, config: ConditioningConfig, device: torch.device) -> Tensor:
    """``(3, 1, H, W)`` float32 in [−1, 1].

    Raises:
        InputError: as `pvtt_data.vace.references.prepare_reference`.
    """
    meta, margin = sample.meta, config.references.margin
    picture = prepare_reference(sample.references[number], meta.height, meta.width, margin)
    return to_unit(torch.from_numpy(picture[None]).to(device))


def streams(sample: Sample, choice: Choice, config: ConditioningConfig, device: torch.device) -> Streams:
    """The pixels that a variant shows, without its references.

    Raises:
        InputError: as `pvtt_data.vace.conditioning.condition`.
    """
    _check_stated(sample, sample.source)
    made = condition(sample, replace(choice, references=()), config, device=device)
    note = {"policy": made.policy, "drawn": made.drawn, "growth": made.growth, "content": made.content}
    return Streams(made.inactive, made.reactive, made.mask, note)


def effect_piece(sample: Sample) -> Made:
    """Where source and target may differ: ``effect (1, T', h, w)`` bool.

    Raises:
        InputError: as `_check_stated`.
    """
    _check_stated(sample, sample.effect_mask)
    return Made({"effect": touched(torch.from_numpy(sample.effect_mask).unsqueeze(0))})


def latents_piece(video: Tensor, codec: Codec, precision: Precision) -> Made:
    """Of the target or a reference: ``latents (C, T', h, w)``.

    Raises:
        InputError: as `rounded`.
    """
    latents, wrong = rounded(encoded(video, codec), precision)
    return Made({"latents": latents}, wrong)


def variant_piece(shown: Streams, codec: Codec, precision: Precision) -> Made:
    """``inactive`` and ``reactive (C, T', h, w)``; ``mask``, 64 channels of it in bits; ``inside (1, T', h, w)`` bool.

    Raises:
        InputError: as `rounded`.
    """
    inactive, first = rounded(encoded(shown.inactive, codec), precision)
    reactive, second = rounded(encoded(shown.reactive, codec), precision)
    bits = np.packbits(pack_mask(shown.mask.unsqueeze(0)).squeeze(0).bool().cpu().numpy().reshape(-1))
    tensors = {
        "inactive": inactive,
        "reactive": reactive,
        "mask": torch.from_numpy(bits),
        "inside": touched(shown.mask).cpu(),
    }
    return Made(tensors, max(first, second), shown.note)


def text_piece(embedding: Tensor, precision: Precision) -> Made:
    """``text (L, D)``.

    Raises:
        InputError: as `rounded`.
    """
    kept, wrong = rounded(embedding, precision)
    return Made({"text": kept}, wrong)


def is_dropped(seed: int, key: str, epoch: int, share: float) -> bool:
    """Whether an epoch shows a sample without its prompt."""
    return share > 0 and bool(dice(seed, f"prompt:{key}:{epoch}").random() < share)


def lesson(
    key: str,
    content: str,
    *,
    target: Mapping[str, Tensor],
    references: Sequence[Mapping[str, Tensor]],
    variant: Mapping[str, Tensor],
    effect: Mapping[str, Tensor],
    text: Mapping[str, Tensor],
    loss: LossWeights,
    text_tokens: int,
) -> Lesson:
    """Put pieces together.

    Args:
        key: of the sample.
        content: of the reactive stream.
        target, references, variant, effect, text: tensors of the pieces.
        loss: weights.
        text_tokens: to which the embedding is padded.

    Returns:
        A lesson with B = 1 on the CPU, in the precision of the pieces.

    Raises:
        InputError: ``text-long``, the embedding has more tokens than the model takes; ``pieces-differ``, pieces of
            another size.
    """
    embedding = text["text"]
    check_length(len(embedding), text_tokens)
    inactive = variant["inactive"]
    positions = (SPATIAL * SPATIAL, *inactive.shape[1:])
    bits = variant["mask"].numpy()
    pictures = [reference["latents"].unsqueeze(0) for reference in references]
    if (
        len({target["latents"].shape, variant["reactive"].shape, inactive.shape}) > 1
        or any(picture.shape[3:] != inactive.shape[2:] for picture in pictures)
        or bits.size * 8 != int(np.prod(positions))
        or not effect["effect"].shape == variant["inside"].shape == (1, *inactive.shape[1:])
    ):
        raise InputError("pieces-differ", "target, references, streams and masks are not of one size")
    mask = torch.from_numpy(np.unpackbits(bits).reshape(positions))
    return Lesson(
        keys=(key,),
        clean=torch.cat([*pictures, target["latents"].unsqueeze(0)], dim=2),
        context=assemble(inactive.unsqueeze(0), variant["reactive"].unsqueeze(0), mask.unsqueeze(0), pictures),
        weights=weigh(variant["inside"], effect["effect"], loss, len(pictures)).unsqueeze(0),
        text=functional.pad(embedding, (0, 0, 0, text_tokens - len(embedding))).unsqueeze(0),
        contents=(content,),
    )
