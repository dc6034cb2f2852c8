"""How models are run: without gradients, with matrix products in the wanted precision."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def inference(device: torch.device, precision: torch.dtype) -> Iterator[None]:
    """No gradients; below float32, autocast to ``precision``."""
    with (
        torch.inference_mode(),
        torch.autocast(device.type, dtype=torch.bfloat16, enabled=precision == torch.bfloat16),
    ):
        yield
