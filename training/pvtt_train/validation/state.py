"""Looking at a model without a trace: dice, modes and gradients are afterwards as they were."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterator

import numpy as np
import torch
from torch import nn


@contextlib.contextmanager
def untouched(*modules: nn.Module) -> Iterator[None]:
    """Evaluate modules: no gradients, no dropout. Python's, NumPy's and torch's dice on every device, and whether each
    module trains, are put back at the end, also after an error.
    """
    modes = [(module, module.training) for whole in modules for module in whole.modules()]
    python, numpy, torch_state = random.getstate(), np.random.get_state(), torch.get_rng_state()
    cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else []
    try:
        for module, _ in modes:
            module.training = False
        with torch.no_grad():
            yield
    finally:
        for module, training in modes:
            module.training = training
        random.setstate(python)
        np.random.set_state(numpy)
        torch.set_rng_state(torch_state)
        if cuda:
            torch.cuda.set_rng_state_all(cuda)
