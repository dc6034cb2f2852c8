"""From settings to what the loop needs: model, adapters, samples, batches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from pvtt_data.errors import DatasetError, InputError
from pvtt_data.shards import ShardDataset, read_manifest
from pvtt_data.stage import library_version
from pvtt_train.adapters import AdapterInfo, write_adapters
from pvtt_train.config import TrainConfig, precision_of
from pvtt_train.data.encoders import TextEncoder, digest_of, training_text
from pvtt_train.data.examples import Examples
from pvtt_train.data.latents import LatentExamples
from pvtt_train.data.loader import Loader
from pvtt_train.data.pixels import PixelExamples
from pvtt_train.distributed import World
from pvtt_train.flow import Flow
from pvtt_train.guards import FiniteGuard
from pvtt_train.loop import Course, Parts
from pvtt_train.run_folder import RunFolder
from pvtt_train.speed.apply import apply
from pvtt_train.speed.config import SpeedConfig
from pvtt_train.step import Step
from pvtt_train.validation.make import make_validator
from pvtt_train.wan.architecture import SIZES
from pvtt_train.wan.lora import add_lora, lora_parameters, lora_state
from pvtt_train.wan.names import encoder_names
from pvtt_train.wan.vae import WanVae
from pvtt_train.wan.weights import identity, load_model, load_text_encoder, load_vae

Tell = Callable[[str], None]
LIBRARIES = ("torch", "diffsynth", "peft", "accelerate", "safetensors")
_LOCAL: dict[str, Any] = {
    "data": {"shards", "latents"},
    "model": {"folder"},
    "run": {"folder", "experiments"},
}
"""Settings that say where things lie on one machine: they are nobody else's business."""


def assemble(
    config: TrainConfig,
    speed: SpeedConfig,
    world: World,
    run: RunFolder,
    advice: Sequence[str] = (),
    tell: Tell = lambda line: None,
) -> tuple[Parts, Course]:
    """Load and connect everything that the loop needs.

    Args:
        config: settings.
        speed: how a step is computed; nothing in it is left to be decided.
        world: the processes.
        run: the folder; samples of validation go there.
        advice: lines to tell when memory is not enough.
        tell: is given lines for a person.

    Raises:
        InputError, PreflightError, DatasetError: weights or data cannot be had, or do not fit together.
    """
    device, dtype = world.device, precision_of(config, world.device)
    examples, vae = make_examples(config, device, dtype)
    # Float8 leaves the exact weights where they were loaded: a GPU may have no room for them.
    place = torch.device("cpu") if speed.fp8 else device
    model = load_model(config.model, place, dtype)
    add_lora(model, config.lora, seed=config.run.seed)
    model.train()
    applied = apply(model, speed, device)
    for note in applied.notes:
        tell(f"speed      {note}")
    # Latents stay float32 until noise is added to them; what the model is given is in its own precision.
    loader = Loader(examples, config.data, device=device, dtype=torch.float32, rank=world.rank, world=world.size)
    validate = None
    if world.is_first:
        validate = make_validator(
            config.validation,
            config.conditioning,
            config.data.shards,
            config.model,
            applied.forward,
            model,
            run.samples,
            device=device,
            dtype=dtype,
            codec=vae,
            trigger=config.data.text.trigger,
            flow=config.flow,
            step=run.step,
            end=config.run.steps,
            run=run.path.name,
            settings=config.model_dump(mode="json", exclude=_LOCAL),
        )

    def write_adapter(path: Path, step: int) -> None:
        write_adapters(path, lora_state(model), adapter_info(config, step))

    parameters = lora_parameters(model)
    step = Step(
        applied.forward,
        list(parameters.values()),
        Flow(device, config.flow),
        config.optimiser,
        steps=config.run.steps,
        samples=config.data.global_batch,
        seed=config.run.seed,
        dtype=dtype,
        world=world,
        guard=FiniteGuard(config.guards.skip_not_finite),
        captured=speed.graph and device.type == "cuda",
    )
    parts = Parts(step, list(parameters), loader, write_adapter, validate, advice)
    course = Course(config.run.steps, config.checkpoint)
    return parts, course


def make_examples(config: TrainConfig, device: torch.device, dtype: torch.dtype) -> tuple[Examples, WanVae | None]:
    """The samples: from latents, or from pixels with a VAE on the device; and that VAE.

    Raises:
        DatasetError: the data are damaged, or were precomputed with other settings or weights.
    """
    tokens = SIZES[config.model.size].text_tokens
    if config.data.from_latents:
        weights = encoder_names(config.model)
        return LatentExamples(config.data, config.conditioning, text_tokens=tokens, weights=weights), None
    prompts = _prompts(config)
    text = Embedded.of(load_text_encoder(config.model, device, dtype), prompts)
    vae = load_vae(config.model, device, dtype)
    return PixelExamples(config.data, config.conditioning, vae, text, device, text_tokens=tokens), vae


class Embedded:
    """Embeddings of known prompts, so that the text encoder, 11 GB of it, need not stay.

    Args:
        known: embedding of each prompt, or why it has none.
        digest: see the attribute.

    Attributes:
        digest: of the encoder that made them.
    """

    def __init__(self, known: dict[str, Tensor | InputError], digest: str) -> None:
        self._known = known
        self.digest = digest

    @classmethod
    def of(cls, encoder: TextEncoder, prompts: Sequence[str]) -> Embedded:
        """Embed prompts, each once."""
        wanted = list(dict.fromkeys(prompts))
        known: dict[str, Tensor | InputError] = {}
        for prompt in wanted:
            try:
                known[prompt] = encoder.embed([prompt])[0].cpu()
            except InputError as error:
                known[prompt] = error
        return cls(known, digest_of(encoder))

    def embed(self, prompts: Sequence[str]) -> list[Tensor]:
        """See `pvtt_train.data.encoders.TextEncoder`; prompts that were not tried are a KeyError."""
        made = []
        for prompt in prompts:
            found = self._known[prompt]
            if isinstance(found, InputError):
                raise InputError(found.reason, found.message, found.numbers)
            made.append(found)
        return made


def _prompts(config: TrainConfig) -> list[str]:
    """All that training may show, the empty one among them; samples without readable metadata show none."""
    found = [""]
    for sample in ShardDataset(config.data.shards, config.data.split):
        try:
            found.append(training_text(sample.meta.prompt, config.data.text.trigger))
        except DatasetError:
            continue  # PixelExamples counts it
    return found


def adapter_info(config: TrainConfig, step: int) -> AdapterInfo:
    """What the adapter's file tells of where it comes from; nothing of the machine."""
    manifest = read_manifest(config.data.shards)
    info = AdapterInfo.of(
        config.lora,
        config.model.size,
        identity(config.model, "model"),
        step=step,
        average=bool(config.optimiser.ema.keep),
        trigger=config.data.text.trigger,
        dataset=f"{manifest.name} {config.data.shards.name}",
        dataset_root=manifest.root,
        versions={name: library_version(name) for name in LIBRARIES},
    )
    return replace(info, config=config.model_dump(mode="json", exclude=_LOCAL))
