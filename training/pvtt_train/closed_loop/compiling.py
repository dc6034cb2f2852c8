"""torch.compile for parts of a step: half a minute once, and then a step takes half of the time."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import torch


@contextlib.contextmanager
def compiled(*parts: tuple[Any, str]) -> Iterator[None]:
    """Let functions be compiled for the time being; what cannot be compiled runs as it is.

    Args:
        parts: what holds a function (a module or a class), and the function's name there.
    """
    plain = [getattr(owner, name) for owner, name in parts]
    with torch._dynamo.config.patch(suppress_errors=True):
        for (owner, name), function in zip(parts, plain, strict=True):
            setattr(owner, name, torch.compile(function, dynamic=False))
        try:
            yield
        finally:
            for (owner, name), function in zip(parts, plain, strict=True):
                setattr(owner, name, function)
            torch.compiler.reset()
