"""Forward and backward as one CUDA graph, for steps so short that launching them takes longer than computing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

_WARM_UPS = 3
"""Runs before a capture, as torch asks for: libraries set themselves up in them."""


@dataclass(frozen=True, slots=True)
class _Capture:
    graph: torch.cuda.CUDAGraph
    inputs: tuple[Tensor, ...]
    loss: Tensor
    gradients: tuple[Tensor | None, ...]


class Gradients:
    """Computes a loss and adds its gradient to parameters, as ``loss(*inputs).backward()`` does.

    On a GPU each shape of inputs is captured once and replayed from then on; random numbers of torch's own generator
    are new at each replay. Nothing in the loss may wait for the GPU or depend on values on the processor; no graph
    of another loss of these parameters may be alive during a capture (autograd would wait for its stream); and each
    captured shape keeps its memory. Elsewhere, or if not ``captured``, it just runs.

    Args:
        loss: of tensors that need no gradient, all on one device; gives a scalar.
        parameters: that are trained.
        captured: use graphs.
    """

    def __init__(self, loss: Callable[..., Tensor], parameters: Sequence[nn.Parameter], *, captured: bool) -> None:
        self._loss = loss
        self._parameters = tuple(parameters)
        self._captured = captured
        self._captures: dict[tuple[object, ...], _Capture] = {}

    def __call__(self, *inputs: Tensor) -> Tensor:
        """The loss, detached; the gradient is added to ``grad`` of the parameters."""
        if not self._captured or inputs[0].device.type != "cuda":
            return self._run(inputs)
        shapes = tuple((x.shape, x.dtype, x.device) for x in inputs)
        if shapes not in self._captures:
            self._captures[shapes] = self._capture(inputs)
        capture = self._captures[shapes]
        for kept, given in zip(capture.inputs, inputs, strict=True):
            kept.copy_(given)
        capture.graph.replay()
        for parameter, gradient in zip(self._parameters, capture.gradients, strict=True):
            if gradient is not None:
                parameter.grad = gradient.clone() if parameter.grad is None else parameter.grad.add_(gradient)
        return capture.loss.clone()

    def _run(self, inputs: Sequence[Tensor]) -> Tensor:
        value = self._loss(*inputs)
        value.backward()
        return value.detach()

    def _capture(self, inputs: Sequence[Tensor]) -> _Capture:
        """Record a graph; gradients that are there already stay as they are."""
        before = [parameter.grad for parameter in self._parameters]
        fixed = tuple(x.detach().clone() for x in inputs)
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(_WARM_UPS):
                self._clear()
                self._run(fixed)
        torch.cuda.current_stream().wait_stream(stream)
        self._clear()
        torch.cuda.empty_cache()  # a graph has memory of its own
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            loss = self._run(fixed)
        made = tuple(parameter.grad for parameter in self._parameters)
        for parameter, gradient in zip(self._parameters, before, strict=True):
            parameter.grad = gradient
        return _Capture(graph, fixed, loss, made)

    def _clear(self) -> None:
        for parameter in self._parameters:
            parameter.grad = None
