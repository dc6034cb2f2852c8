"""Several processes that train one model: what they tell each other.

`accelerate launch` starts them and accelerate joins them. Gradients of adapters are small, so they are added up in one
go at the end of a step, and the model needs no wrapper.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from pvtt_data.errors import PreflightError
from pvtt_data.gpu import find_gpu

_PATIENCE = timedelta(hours=4)
"""The others wait while the first one makes samples."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class World:
    """This process among those of the run.

    Attributes:
        device: that it works on.
        rank: its number.
        size: how many there are.
    """

    device: torch.device
    rank: int = 0
    size: int = 1

    @classmethod
    def join(cls, device: str = "auto") -> World:
        """Join the processes that were started together; alone, nothing is set up.

        Args:
            device: ``cuda``, ``cpu`` or ``auto``: a GPU where there is one.

        Raises:
            PreflightError: ``cuda`` was asked for, and no GPU works here.
        """
        on_cpu = device == "cpu" or not torch.cuda.is_available()
        if on_cpu and device == "cuda":
            raise PreflightError(
                f"run.device is cuda, but no GPU works here ({find_gpu().trouble}); with run.device=auto the processor "
                "would be taken"
            )
        if int(os.environ.get("WORLD_SIZE", "1")) == 1:
            return cls(torch.device("cpu") if on_cpu else torch.device("cuda", torch.cuda.current_device()))
        from accelerate import PartialState

        state: Any = PartialState(cpu=on_cpu, timeout=_PATIENCE)
        return cls(state.device, state.process_index, state.num_processes)

    @property
    def device_name(self) -> str:
        """Name of the GPU, or of the processor's architecture."""
        return torch.cuda.get_device_name(self.device) if self.device.type == "cuda" else platform.machine()

    @property
    def is_first(self) -> bool:
        """Whether this process keeps files and talks to people."""
        return self.rank == 0

    def limit_memory(self, gb: float | None) -> None:
        """Let torch's allocator take no more of the GPU than so many 10⁹ bytes, if any number is given."""
        if gb is not None and self.device.type == "cuda":
            total = torch.cuda.get_device_properties(self.device).total_memory
            torch.cuda.set_per_process_memory_fraction(min(1.0, gb * 1e9 / total), self.device)

    def leave(self) -> None:
        """End the connection, if there is one."""
        if self.size > 1:
            torch.distributed.destroy_process_group()

    def wait(self) -> None:
        """Until all are here."""
        self.gather(None)

    def add_up(self, tensors: Sequence[Tensor]) -> None:
        """Replace tensors, of one precision, by their sums over all processes."""
        if self.size == 1 or not tensors:
            return
        flat = torch.cat([value.flatten() for value in tensors])
        torch.distributed.all_reduce(flat)
        for value, total in zip(tensors, flat.split([value.numel() for value in tensors]), strict=True):
            value.copy_(total.view_as(value))

    def add_up_gradients(self, parameters: Sequence[nn.Parameter]) -> None:
        """As `add_up`; a parameter without a gradient counts as 0."""
        if self.size == 1:
            return
        for parameter in parameters:
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
        self.add_up([parameter.grad for parameter in parameters if parameter.grad is not None])

    def gather(self, thing: T) -> list[T]:
        """What each process has, in the order of their numbers, for all of them. Small plain values."""
        if self.size == 1:
            return [thing]
        found: list[Any] = [None] * self.size
        torch.distributed.all_gather_object(found, thing)
        return found

    def same(self, thing: T) -> T:
        """What the first process has, for all of them."""
        if self.size == 1:
            return thing
        box: list[Any] = [thing]
        torch.distributed.broadcast_object_list(box)
        shared: T = box[0]
        return shared

    @torch.no_grad()
    def share(self, parameters: Sequence[nn.Parameter]) -> None:
        """Give all processes the first one's values."""
        if self.size == 1:
            return
        for parameter in parameters:
            torch.distributed.broadcast(parameter.data, 0)
