"""From a triple to a model's inputs: what is drawn for a sample and step, and what is made of it.

`draw` decides, from seed, key and step alone; `condition` makes the tensors. `condition_for_evaluation` takes no
target, no mask of B and no chance: it is what a user can do, too.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field, field_validator

from pvtt_data.errors import InputError
from pvtt_data.stage import StageConfig
from pvtt_data.vace.context import Codec, split, to_unit, vace_context
from pvtt_data.vace.dice import dice
from pvtt_data.vace.latents import latent_count, widen
from pvtt_data.vace.loss_weights import LossWeights, loss_weights
from pvtt_data.vace.mask_policies import (
    Deployable,
    MaskSettings,
    Policy,
    PolicyWeights,
    evaluation_mask,
    policy_order,
    training_mask,
)
from pvtt_data.vace.reactive import (
    CONTENTS,
    CONTENTS_BY_ENGINE,
    NOOP_CONTENTS,
    RECONSTRUCTED_CONTENTS,
    UNSHOWN_ENGINES,
    Content,
    Contents,
    reactive_content,
)
from pvtt_data.vace.references import choose_references, prepare_reference

SIZE_STEP_PX = 16
"""Heights and widths must be divisible by it: 8 pixels a latent, 2 latents a token."""

_NOTHING_SHOWN = ("grey", "noise", "black")

UInt8 = NDArray[np.uint8]
Masks = NDArray[np.bool_]


class ReferenceSettings(StageConfig):
    """Which references the model sees, and how."""

    most: int = Field(default=3, ge=0)
    """At most so many at a time."""
    dropout: float = Field(default=0.4, ge=0, le=1)
    """Probability of leaving out each after the first. Training only."""
    margin: float = Field(default=0.05, ge=0, le=0.45)
    """Share of the frame's height and width that stays white on each side."""


class ConditioningConfig(StageConfig):
    """Everything that decides how triples become inputs."""

    seed: int = 0
    """Of all that is drawn."""
    policies: PolicyWeights = PolicyWeights()
    masks: MaskSettings = MaskSettings()
    contents: dict[str, dict[Content, float]] = Field(
        default_factory=lambda: {engine: dict(contents) for engine, contents in CONTENTS_BY_ENGINE.items()}
    )
    """How often each reactive content is drawn, by engine; engines that are not named keep their defaults, which
    docs/conditioning.md has."""
    references: ReferenceSettings = ReferenceSettings()
    loss: LossWeights = LossWeights()

    @field_validator("contents", mode="after")
    @classmethod
    def _gives_nothing_away(cls, contents: dict[str, dict[Content, float]]) -> dict[str, dict[Content, float]]:
        for engine, shares in contents.items():
            if any(share < 0 for share in shares.values()) or sum(shares.values()) <= 0:
                raise ValueError(f"contents.{engine}: shares must not be negative, and one must be above 0")
            shown = [name for name, share in shares.items() if share > 0 and name not in _NOTHING_SHOWN]
            if engine in UNSHOWN_ENGINES and shown:
                raise ValueError(f"contents.{engine}: {', '.join(shown)} would show the model the answer")
        return {**{engine: dict(shares) for engine, shares in CONTENTS_BY_ENGINE.items()}, **contents}


@dataclass(frozen=True, slots=True)
class Choice:
    """What was drawn for a sample and step.

    Attributes:
        policies: the order in which mask policies are tried; the first is the one that was drawn.
        content: of the reactive stream.
        references: numbers of the references to show, in that order.
        seed: of margins, dilations and noise.
    """

    policies: tuple[Policy, ...]
    content: Content
    references: tuple[int, ...]
    seed: int


class Triple(Protocol):
    """What a sample must have; `pvtt_data.shards.Sample` does. Videos ``(T, H, W, 3)`` uint8 RGB, masks ``(T, H, W)``
    bool, references ``(h, w, 3)`` RGB or ``(h, w, 4)`` RGBA uint8."""

    @property
    def source(self) -> UInt8: ...
    @property
    def source_mask(self) -> Masks: ...
    @property
    def target(self) -> UInt8: ...
    @property
    def target_mask(self) -> Masks: ...
    @property
    def effect_mask(self) -> Masks: ...
    @property
    def references(self) -> Sequence[UInt8]: ...


@dataclass(frozen=True, kw_only=True, eq=False)
class Conditioning:
    """A model's inputs. All tensors are float32 on one device.

    Attributes:
        inactive: ``(3, T, H, W)`` in [−1, 1], 0 inside the mask.
        reactive: ``(3, T, H, W)`` in [−1, 1], 0 outside the mask.
        mask: ``(1, T, H, W)``, 0 or 1, widened: 1 is where the model works.
        references: R pictures ``(3, 1, H, W)`` in [−1, 1].
        policy: that made the mask.
        content: inside the mask.
    """

    inactive: torch.Tensor
    reactive: torch.Tensor
    mask: torch.Tensor
    references: tuple[torch.Tensor, ...]
    policy: Policy
    content: Content

    @property
    def video(self) -> torch.Tensor:
        """Both streams in one, ``(3, T, H, W)`` in [−1, 1]: what stock code takes as ``vace_video``."""
        return self.inactive + self.reactive

    def context(self, codec: Codec) -> torch.Tensor:
        """The VACE blocks' input, ``(2C + 64, R + T', H/8, W/8)``; see `pvtt_data.vace.context.vace_context`."""
        references = [reference.unsqueeze(0) for reference in self.references]
        batch = (self.inactive.unsqueeze(0), self.reactive.unsqueeze(0), self.mask.unsqueeze(0))
        return vace_context(*batch, references, codec).squeeze(0)


@dataclass(frozen=True, kw_only=True, eq=False)
class TrainingConditioning(Conditioning):
    """A model's inputs with what it has to learn from them.

    Attributes:
        target: ``(3, T, H, W)`` in [−1, 1].
        weights: ``(1, R + T', H/8, W/8)``, of each latent position in the loss; 0 for references, mean 1 over the rest.
        drawn: the policy that was drawn; ``policy`` is another one where that could not hold B.
        growth: steps by which the mask had to grow to hold B.
    """

    target: torch.Tensor
    weights: torch.Tensor
    drawn: Policy
    growth: int


def draw(
    config: ConditioningConfig, engine: str, key: str, step: int, *, kind: str = "swap", available: int = 1
) -> Choice:
    """Decide how a sample is shown at a step. Equal arguments give equal choices on every machine.

    Args:
        config: settings.
        engine, kind: of the sample's metadata.
        key: of the sample.
        step: or epoch, or number of a precomputed variant: whatever tells one showing from another.
        available: how many different references the sample has (``meta.reference_count``).

    Raises:
        InputError: ``unknown-engine``, the settings have no contents for it.
    """
    if engine not in config.contents:
        raise InputError(
            "unknown-engine",
            f"no reactive contents are set for engine {engine!r}; set contents.{engine}, or use one of "
            f"{', '.join(config.contents)}",
        )
    contents: Contents = NOOP_CONTENTS if kind == "noop" else config.contents[engine]
    if kind == "reconstruct" and any(contents.get(name, 0) > 0 for name in CONTENTS if name not in _NOTHING_SHOWN):
        contents = RECONSTRUCTED_CONTENTS
    seed = _seed(config.seed, key, step)
    return Choice(
        policies=policy_order(config.policies, seed),
        content=_drawn_content(contents, seed),
        references=choose_references(available, config.references.most, config.references.dropout, seed),
        seed=seed,
    )


def condition(
    triple: Triple,
    choice: Choice,
    config: ConditioningConfig,
    *,
    depth: NDArray[np.float32] | None = None,
    device: torch.device | str = "cpu",
) -> TrainingConditioning:
    """Make the inputs for training.

    No pixel of the target enters the inputs, and of B's mask only whether a mask holds it (see `training_mask`), except
    for the oracle, whose mask is A ∪ B.

    Args:
        triple: the sample.
        choice: of `draw`.
        config: settings.
        depth: ``(T, H, W)`` float in [0, 1], 1 is near, of the source; for the content ``depth``.
        device: where the tensors are made.

    Raises:
        InputError: ``frames-not-4n+1``, ``size-not-16n``, ``shapes-differ``, or what a reference or content lacks.
    """
    _check_shapes(triple.source, triple.source_mask, triple.target, triple.target_mask, triple.effect_mask)
    made = training_mask(triple.source_mask, triple.target_mask, choice.policies, choice.seed, config.masks)
    mask = _mask_tensor(widen(made.mask), device)
    effect = _mask_tensor(triple.effect_mask, device)
    inactive, reactive = _streams(triple.source, mask, choice.content, choice.seed, depth)
    return TrainingConditioning(
        inactive=inactive,
        reactive=reactive,
        mask=mask,
        references=_references([triple.references[number] for number in choice.references], mask, config.references),
        policy=made.policy,
        content=choice.content,
        target=_video_tensor(triple.target, device),
        weights=loss_weights(mask, effect, config.loss, len(choice.references)),
        drawn=made.drawn,
        growth=made.growth,
    )


def condition_for_evaluation(
    source: UInt8,
    source_mask: Masks,
    references: Sequence[UInt8],
    config: ConditioningConfig,
    *,
    policy: Deployable = "bbox_margin",
    content: Content = "source",
    depth: NDArray[np.float32] | None = None,
    device: torch.device | str = "cpu",
) -> Conditioning:
    """Make the inputs for generation and evaluation, from what a user has. Nothing is random but noise, if asked for.

    Args:
        source: ``(T, H, W, 3)`` uint8 RGB.
        source_mask: ``(T, H, W)`` bool, where A is.
        references: pictures of B; the first ``config.references.most`` are used.
        config: settings.
        policy: of the mask.
        content: inside the mask.
        depth, device: as `condition`.

    Raises:
        InputError: as `condition`; ``mask-policy``, no deployable policy.
    """
    _check_shapes(source, source_mask)
    mask = _mask_tensor(widen(evaluation_mask(policy, source_mask, config.masks)), device)
    inactive, reactive = _streams(source, mask, content, config.seed, depth)
    return Conditioning(
        inactive=inactive,
        reactive=reactive,
        mask=mask,
        references=_references(references[: config.references.most], mask, config.references),
        policy=policy,
        content=content,
    )


def _seed(seed: int, key: str, step: int) -> int:
    return int.from_bytes(hashlib.sha256(f"{seed}:{key}:{step}".encode()).digest()[:8], "big")


def _drawn_content(contents: Contents, seed: int) -> Content:
    names: list[Content] = [name for name in CONTENTS if contents.get(name, 0) > 0]
    shares = np.asarray([contents[name] for name in names])
    return names[int(dice(seed, "content").choice(len(names), p=shares / shares.sum()))]


def _check_shapes(video: UInt8, *others: UInt8 | Masks) -> None:
    frames, height, width = video.shape[:3]
    latent_count(frames)
    if height % SIZE_STEP_PX or width % SIZE_STEP_PX:
        raise InputError(
            "size-not-16n", f"the clip is {width}×{height} pixels; both must be divisible by {SIZE_STEP_PX}"
        )
    for other in others:
        if other.shape[:3] != (frames, height, width):
            raise InputError(
                "shapes-differ", f"the source is {video.shape[:3]}, another member {other.shape[:3]} (T, H, W)"
            )


def _video_tensor(frames: UInt8, device: torch.device | str) -> torch.Tensor:
    return to_unit(torch.from_numpy(np.ascontiguousarray(frames)).to(device))


def _mask_tensor(masks: Masks, device: torch.device | str) -> torch.Tensor:
    """``(1, T, H, W)`` float32."""
    return torch.from_numpy(np.ascontiguousarray(masks)).to(device).float().unsqueeze(0)


def _streams(
    source: UInt8, mask: torch.Tensor, content: Content, seed: int, depth: NDArray[np.float32] | None
) -> tuple[torch.Tensor, torch.Tensor]:
    video = _video_tensor(source, mask.device)
    near = None if depth is None else torch.from_numpy(np.ascontiguousarray(depth)).to(mask.device).unsqueeze(0)
    return split(video, mask, reactive_content(content, video, depth=near, seed=seed))


def _references(pictures: Sequence[UInt8], mask: torch.Tensor, settings: ReferenceSettings) -> tuple[torch.Tensor, ...]:
    height, width = mask.shape[-2:]
    prepared = (prepare_reference(picture, height, width, settings.margin) for picture in pictures)
    return tuple(_video_tensor(picture[None], mask.device) for picture in prepared)
