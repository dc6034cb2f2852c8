"""Running blocks: compiled or not, and with as much kept for the gradient as is asked for."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import CheckpointPolicy, checkpoint, create_selective_checkpoint_contexts

from pvtt_train.speed.attention import attention_operators
from pvtt_train.speed.config import Checkpointing, SpeedConfig

Function = Callable[..., Any]
RECOMPILE_LIMIT = 64
"""Versions of one compiled function: with and without gradient, with and without adapters, each bucket."""


def _is_news(record: logging.LogRecord) -> bool:
    return "context_fn is passed to torch.utils.checkpoint under torch.compile" not in record.getMessage()


class Runner:
    """Runs one function for many blocks.

    Args:
        function: takes a block and tensors.
        config: whether to compile, and what to keep.
        random: whether the function draws random numbers, which a second run must draw again.
    """

    def __init__(self, function: Function, config: SpeedConfig, *, random: bool) -> None:
        mode: Checkpointing = config.checkpointing
        options = {"coordinate_descent_tuning": True, "max_autotune_pointwise": True} if config.tuned else None
        compiled = partial(torch.compile, dynamic=False, fullgraph=True, options=options)
        self._plain: Function = compiled(function) if config.compile else function
        if mode == "none":
            self._saving = self._plain
        elif mode == "offload":
            self._saving = partial(_offloaded, self._plain, random)
        else:
            saving = _saving(function, mode, random)
            # A reminder, at every start, that nothing may be changed in place there; in these functions nothing is.
            logging.getLogger("torch._higher_order_ops.wrap").addFilter(_is_news)
            self._saving = compiled(saving) if config.compile else saving

    def __call__(self, block: nn.Module, keep: bool, *inputs: Tensor | None) -> Any:
        """What the function gives.

        Args:
            block: first argument.
            keep: let it keep everything for the gradient.
            inputs: further arguments.
        """
        if keep or not _wants_gradient(block, inputs):
            return self._plain(block, *inputs)
        return self._saving(block, *inputs)


def _wants_gradient(block: nn.Module, inputs: tuple[Tensor | None, ...]) -> bool:
    if not torch.is_grad_enabled():
        return False
    arriving = any(x is not None and x.requires_grad for x in inputs)
    return arriving or any(parameter.requires_grad for parameter in block.parameters())


def _saving(function: Function, mode: Checkpointing, random: bool) -> Function:
    """The function with its intermediate results dropped and computed again; may be compiled as a whole, so that the
    compiler sees what is computed twice."""
    if mode == "full":

        def saving(block: nn.Module, *inputs: Any) -> Any:
            return checkpoint(function, block, *inputs, use_reentrant=False, preserve_rng_state=random)

    else:

        def saving(block: nn.Module, *inputs: Any) -> Any:
            context = partial(create_selective_checkpoint_contexts, _keep_self_attention)
            return checkpoint(
                function, block, *inputs, use_reentrant=False, preserve_rng_state=random, context_fn=context
            )

    return saving


def _offloaded(function: Function, random: bool, block: nn.Module, *inputs: Any) -> Any:
    with torch.autograd.graph.save_on_cpu():
        return checkpoint(function, block, *inputs, use_reentrant=False, preserve_rng_state=random)


def _keep_self_attention(_context: Any, operator: Any, *arguments: Any, **_: Any) -> CheckpointPolicy:
    """Keep what attention of tokens over the same tokens gave; that over text costs little to make again."""
    if operator in attention_operators() and arguments[0].shape[-2] == arguments[1].shape[-2]:
        return CheckpointPolicy.MUST_SAVE
    return CheckpointPolicy.PREFER_RECOMPUTE
