"""Numbers of each step: a line of JSON, and the same for TensorBoard."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pvtt_train.run_folder import METRICS, RunFolder

_TAGS = {
    "loss": "train/loss",
    "norm": "train/gradient_norm",
    "rate": "train/rate",
    "step_s": "time/step_s",
    "wait_s": "time/loader_wait_s",
    "memory_bytes": "memory/peak_bytes",
}


class Metrics:
    """Writes numbers into a run's folder.

    Args:
        run: the folder.
        step: steps that are done; what was told of later ones is forgotten.
        board: tell TensorBoard, too.

    Attributes:
        board: TensorBoard's writer, or None.
    """

    def __init__(self, run: RunFolder, step: int, *, board: bool = True) -> None:
        run.forget_after(step)
        self._file = (run.path / METRICS).open("a", encoding="utf-8")
        self.board: Any = None
        if board:
            from torch.utils.tensorboard import SummaryWriter

            self.board = SummaryWriter(str(run.tensorboard), purge_step=step + 1)

    def tell(self, step: int, numbers: Mapping[str, Any]) -> None:
        """Numbers of a step, counted from 1."""
        self._file.write(json.dumps({"step": step, **numbers}) + "\n")
        self._file.flush()
        for name, tag in _TAGS.items() if self.board is not None else ():
            if isinstance(numbers.get(name), int | float):
                self.board.add_scalar(tag, numbers[name], step)

    def close(self) -> None:
        """Close the files."""
        self._file.close()
        if self.board is not None:
            self.board.close()
