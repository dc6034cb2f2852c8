"""The stages of the experiment: codec, pretraining, adapters. Each is kept when it is done, and once a minute on
its way, so that a run can go on.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from pvtt_data.errors import InputError
from pvtt_data.files import write_whole
from pvtt_data.vace.context import split
from pvtt_train.closed_loop import batch as batches
from pvtt_train.closed_loop.batch import Scenes, draw, join, teach
from pvtt_train.closed_loop.codec import TinyCodec, codec_loss
from pvtt_train.closed_loop.compiling import compiled
from pvtt_train.closed_loop.fit import Course, fit
from pvtt_train.closed_loop.model import TinyVace, add_lora, dit_block
from pvtt_train.closed_loop.pool import Pool
from pvtt_train.closed_loop.setup import (
    FLOW,
    TEACHING,
    USUAL,
    Arm,
    Setup,
    arm_items,
    following_items,
    rebuilding_items,
)
from pvtt_train.flow import Flow

VERSION = 4
"""Raised whenever the same settings would train something else."""

Told = Callable[[str, int, int, float], None]
"""Stage, steps done, steps in all, mean loss of late."""


@dataclass(frozen=True, slots=True)
class Stage:
    """What a stage left behind.

    Attributes:
        name: of the stage.
        losses: mean over each tenth of its steps.
        seconds: that it took; of the run that did it.
        kept: whether it was read from an earlier run.
    """

    name: str
    losses: tuple[float, ...]
    seconds: float
    kept: bool


class Loop:
    """Trains what the experiment needs, or takes it from a folder where it was trained before.

    Args:
        setup: sizes.
        pool: of the training triples, on the device.
        triples: how many there are.
        composite_of: of each composited source in the pool, the place of its triple.
        identity: names the data (roots of the dataset versions and keys): part of the names of files.
        folder: where weights are kept.
        seed: of initial weights, batches and noise.
        told: called with progress.
    """

    def __init__(
        self,
        setup: Setup,
        pool: Pool,
        triples: int,
        composite_of: Sequence[int],
        identity: str,
        folder: Path,
        seed: int = 0,
        told: Told = lambda stage, done, steps, loss: None,
    ) -> None:
        self.setup, self.pool, self.triples, self.composite_of = setup, pool, triples, composite_of
        self.folder, self.seed, self.told = folder, seed, told
        self.device = pool.videos.device
        self.flow = Flow(self.device, FLOW)
        self.stages: list[Stage] = []
        trained = dataclasses.asdict(setup) | {"guidances": None, "sample_steps": None, "cases": None}
        settings = json.dumps([VERSION, trained, identity, seed], sort_keys=True)
        self._digest = hashlib.sha256(settings.encode()).hexdigest()[:12]
        folder.mkdir(parents=True, exist_ok=True)

    def codec(self) -> TinyCodec:
        """The autoencoder, in evaluation mode."""
        setup, following = self.setup, following_items(self.triples).to(self.device)
        torch.manual_seed(self.seed)
        codec = TinyCodec(setup.channels, setup.codec_width).to(self.device)

        def batch() -> tuple[Tensor, ...]:
            """Targets, both streams and references, as they will be encoded."""
            scenes = draw(self.pool, following, setup.codec_batch)
            inactive, reactive = split(scenes.source, scenes.mask, check=False)
            pictures = scenes.references[:, 0].expand(-1, -1, scenes.target.shape[2], -1, -1)
            share = setup.codec_batch // 4 or 1
            return (torch.cat([scenes.target, inactive[:share], reactive[:share], pictures[:share]]),)

        def loss(video: Tensor) -> Tensor:
            with self._autocast():
                return codec_loss(codec, video, setup.latent_noise)

        def finish() -> None:
            codec.calibrate(batch()[0])

        self._train("codec", codec, list(codec.parameters()), batch, loss, setup.codec, finish)
        return codec.eval().requires_grad_(False)

    def pretrained(self, codec: TinyCodec) -> TinyVace:
        """The model that has learnt to rebuild its reactive stream, and to follow references where there is none."""
        torch.manual_seed(self.seed + 1)
        model = TinyVace(self.setup.channels, self.setup.model).to(self.device)
        count = self.setup.batch
        rebuilt = round(count * self.setup.rebuild_share)
        rebuilding, following = (made(self.triples).to(self.device) for made in (rebuilding_items, following_items))

        def scenes() -> Scenes:
            followed = draw(self.pool, following, count - rebuilt, self.setup.dropout)
            return join(draw(self.pool, rebuilding, rebuilt), followed)

        self._teach("pretrained", model, list(model.parameters()), codec, scenes, self.setup.pretraining, 1.0)
        return model.eval().requires_grad_(False)

    def adapted(self, arm: Arm, codec: TinyCodec, base: TinyVace) -> TinyVace:
        """The pretrained model with the adapters of an arm."""
        torch.manual_seed(self.seed + 2)
        model = TinyVace(self.setup.channels, self.setup.model).to(self.device)
        model.load_state_dict(base.state_dict())
        teaching = TEACHING.get(arm, USUAL)
        trained = add_lora(model, self.setup.rank, self.setup.on_dit or teaching.on_dit)
        model.to(self.device)
        table = arm_items(arm, self.triples, self.composite_of, self._shuffled()).to(self.device)

        def scenes() -> Scenes:
            return draw(self.pool, table, self.setup.adapting_batch, self.setup.dropout, teaching.hiding)

        course = dataclasses.replace(self.setup.adapting, steps=self.setup.adapting.steps * teaching.longer)
        self._teach(f"arm-{arm}", model, trained, codec, scenes, course, 0.0)
        return model.eval().requires_grad_(False)

    def velocity(self, model: TinyVace) -> Callable[[Tensor, Tensor, Tensor], Tensor]:
        """The model, in the precision that it was trained in."""

        def say(latents: Tensor, timestep: Tensor, context: Tensor) -> Tensor:
            with self._autocast():
                said: Tensor = model(latents, timestep, context)
            return said.float()

        return say

    def _shuffled(self) -> list[int]:
        """Each triple gets another's references: one step further along a random circle."""
        order = torch.randperm(self.triples, generator=torch.Generator().manual_seed(self.seed)).tolist()
        following = dict(zip(order, order[1:] + order[:1], strict=True))
        return [following[place] for place in range(self.triples)]

    def _worth_compiling(self, module: nn.Module) -> list[tuple[Any, str]]:
        """What a step spends its time on, where the setup wants it compiled."""
        if not self.setup.compiled:
            return []
        parts = [(TinyCodec, "encode"), (TinyCodec, "decode"), (batches, "recolour")]
        return [*parts, (dit_block(), "forward")] if isinstance(module, TinyVace) else parts

    def _autocast(self) -> torch.autocast:
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.device.type == "cuda")

    def _teach(
        self,
        name: str,
        model: TinyVace,
        trained: list[nn.Parameter],
        codec: TinyCodec,
        scenes: Callable[[], Scenes],
        course: Course,
        reference_weight: float,
    ) -> None:
        def batch() -> tuple[Tensor, ...]:
            with torch.no_grad():
                shown = scenes()
                with self._autocast():
                    lesson = teach(shown, codec, reference_weight)
            return lesson.clean.float(), lesson.context.float(), lesson.weights

        def loss(clean: Tensor, context: Tensor, weights: Tensor) -> Tensor:
            return self.flow.loss(self.velocity(model), clean, context, weights)

        self._train(name, model, trained, batch, loss, course)

    def _train(
        self,
        name: str,
        module: nn.Module,
        parameters: list[nn.Parameter],
        batch: Callable[[], tuple[Tensor, ...]],
        loss: Callable[..., Tensor],
        course: Course,
        finish: Callable[[], None] = lambda: None,
    ) -> None:
        """Train a module, or take over what an earlier run kept of it."""
        weights, record = (self.folder / f"{self._digest}-{name}.{ending}" for ending in ("safetensors", "json"))
        ids = {id(parameter) for parameter in parameters}
        state = {key: value for key, value in module.named_parameters() if id(value) in ids}
        state |= dict(module.named_buffers())
        if weights.exists() and record.exists():
            told: dict[str, Any] = json.loads(record.read_text(encoding="utf-8"))
            found = load_file(weights, device=str(self.device))
            if found.keys() != state.keys():
                raise InputError("other-weights", f"{weights} holds other weights than this program trains; delete it")
            module.load_state_dict(found, strict=False)
            self.stages.append(Stage(name, tuple(told["losses"]), told["seconds"], kept=True))
            return
        torch.manual_seed(self.seed + 3)
        going = self.folder / f"{self._digest}-{name}.run"
        with compiled(*self._worth_compiling(module)):
            made = fit(
                batch, loss, parameters, course, lambda done, value: self.told(name, done, course.steps, value), going
            )
        finish()
        part = weights.with_suffix(".part")
        save_file({key: value.detach().contiguous() for key, value in state.items()}, part)
        part.replace(weights)
        write_whole(record, json.dumps({"losses": made.losses, "seconds": made.seconds}).encode())
        shutil.rmtree(going)
        self.stages.append(Stage(name, made.losses, made.seconds, kept=False))
