"""Validation during training: sample, show, score, measure the loss, tell; and leave no trace."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from pvtt_eval.case import RenderedCase, Row
from torch import nn

from pvtt_data.images import write_png
from pvtt_data.media import encode_clip
from pvtt_data.shards import ShardDataset
from pvtt_data.vace.context import from_unit
from pvtt_train.flow import Flow, FlowConfig
from pvtt_train.validation.cases import PreparedCase, VideoCodec, shown_cases
from pvtt_train.validation.config import ValidationConfig
from pvtt_train.validation.pictures import contact_sheet, side_by_side, write_gif
from pvtt_train.validation.sampling import Forward, level_errors, sample
from pvtt_train.validation.scoring import Scorer, means
from pvtt_train.validation.state import untouched
from pvtt_train.validation.trackers import Findings, Shown, Tracker, open_trackers, require_libraries


class HasBoard(Protocol):
    """What a training loop has of TensorBoard."""

    board: Any


class Validator:
    """Looks at a model every so many steps. The adapters are used as they are: put an average in place before.

    Args:
        config: settings.
        cases: of `pvtt_train.validation.cases.prepare`.
        forward: velocity; what trains, or what computes the same.
        module: the model, whose mode is put back.
        codec: decodes.
        folder: of the samples; a folder ``step-000500`` for each validation.
        device, dtype: of the model.
        training: samples to fit the gate of the RSD on; without them, alike pairs are scored, too.
        flow: the training's noise levels, for the loss.
        step: steps that are done when a run goes on.
        end: steps of the whole run, after which it is validated in any case.
        run: name of the run, for W&B and SwanLab.
        settings: to show there.

    Raises:
        PreflightError: a tracker's library is not installed.
    """

    def __init__(
        self,
        config: ValidationConfig,
        cases: Sequence[PreparedCase],
        forward: Forward,
        module: nn.Module,
        codec: VideoCodec,
        folder: Path,
        *,
        device: torch.device,
        dtype: torch.dtype,
        training: ShardDataset | None = None,
        flow: FlowConfig | None = None,
        step: int = 0,
        end: int | None = None,
        run: str = "",
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        require_libraries(config.trackers)
        self.config, self.cases, self.forward, self.module, self.codec = config, list(cases), forward, module, codec
        self.folder, self.device, self.dtype, self.flow = folder, device, dtype, Flow(device, flow)
        self._step, self._end, self._run, self._settings = step, end, run or folder.parent.name, settings or {}
        self._scorer = Scorer(config.workers, training, config.gate_samples)
        self._trackers: list[Tracker] | None = None

    def due(self, step: int) -> bool:
        """Whether to validate when so many steps are done."""
        if not self.config.every or not self.cases:
            return False
        return self.config.at_start if step == 0 else step % self.config.every == 0 or step == self._end

    def __call__(self, step: int, metrics: HasBoard | None = None) -> Mapping[str, float]:
        """Validate, tell the trackers, and return the scalars that are finite numbers.

        Args:
            step: steps that are done.
            metrics: of the loop, whose TensorBoard is used.
        """
        with untouched(self.module):
            found = self.look(step)
        if self._trackers is None:
            self._trackers = open_trackers(
                self.config.trackers,
                self.folder,
                step=self._step,
                board=getattr(metrics, "board", None),
                project=self.config.project,
                run=self._run,
                config=self._settings,
            )
        for tracker in self._trackers:
            tracker.tell(found)
        return {name: value for name, value in found.scalars.items() if math.isfinite(value)}

    def look(self, step: int) -> Findings:
        """Sample, score and measure the loss."""
        begun = time.perf_counter()
        if self.device.type == "cuda":
            # The autoencoder needs room that training's blocks of memory may be too many to give.
            torch.cuda.empty_cache()
        chosen = shown_cases(self.cases)
        if chosen:
            self._scorer.fit_gate()
        waiting: list[tuple[PreparedCase, Future[Row]]] = []
        shown = []
        for prepared in chosen:
            assert prepared.case is not None
            result = self._sampled(prepared)
            waiting.append((prepared, self._scorer.score(prepared.case, result, prepared.ceiling_db)))
            shown.append(self._show(self.folder / f"step-{step:06}", prepared.case, result))
        losses = [
            level_errors(
                self.forward,
                prepared,
                flow=self.flow,
                levels=self.config.loss_levels,
                seed=self.config.seed,
                device=self.device,
                dtype=self.dtype,
            )
            for prepared in self.cases[: self.config.loss_samples]
        ]
        rows = [{"key": prepared.key, "prompt": prepared.prompt, **scored.result()} for prepared, scored in waiting]
        scalars = {**_loss_scalars(losses), **(means(rows) if rows else {})}
        gate = self._scorer.gate if chosen else None
        return Findings(step, scalars, rows, shown, time.perf_counter() - begun, gate.most_alike if gate else None)

    def close(self) -> None:
        """End processes and trackers."""
        self._scorer.close()
        for tracker in self._trackers or ():
            tracker.close()

    def _sampled(self, prepared: PreparedCase) -> NDArray[np.uint8]:
        """``(T, H, W, 3) uint8`` RGB."""
        latents = sample(
            self.forward,
            prepared,
            steps=self.config.steps,
            shift=self.config.shift,
            cfg=self.config.cfg,
            seed=self.config.seed,
            device=self.device,
            dtype=self.dtype,
        )
        return from_unit(self.codec.decode(latents, tiled=self.config.tiled))[0].cpu().numpy()

    def _show(self, folder: Path, case: RenderedCase, result: NDArray[np.uint8]) -> Shown:
        folder.mkdir(parents=True, exist_ok=True)
        files = Shown(
            case.case_id,
            folder / f"{case.case_id}.mp4",
            folder / f"{case.case_id}-panels.mp4",
            folder / f"{case.case_id}-panels.gif",
            folder / f"{case.case_id}-sheet.png",
        )
        panels = side_by_side(case, result)
        encode_clip(result, case.fps, files.result)
        encode_clip(panels, case.fps, files.panels, crf=20)
        write_gif(panels, case.fps, files.animation)
        files.sheet.write_bytes(write_png(contact_sheet(panels, self.config.shown_frames)))
        return files


def _loss_scalars(losses: Sequence[Sequence[tuple[float, float]]]) -> dict[str, float]:
    """Mean over cases at each noise level, and over all."""
    if not losses:
        return {}
    found = {"loss": float(np.mean([[error for _, error in case] for case in losses]))}
    for place, (sigma, _) in enumerate(losses[0]):
        found[f"loss_at_{sigma:.2f}"] = float(np.mean([case[place][1] for case in losses]))
    return found
