"""What blocks keep for the gradient, in the processor's memory: copied there and back while other blocks compute.

Page-locked memory and a stream of its own make that possible; `torch.autograd.graph.save_on_cpu`, which DiffSynth uses,
waits for each copy. Memory of the GPU is given back only behind a wait for the copy, so that a slow link slows the step
down and never takes more memory than two blocks' worth.
"""

from __future__ import annotations

import weakref
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor

_LEAST = 2**20
"""Bytes under which a tensor is left where it is."""
Pool = dict[int, list[Tensor]]
"""Memory by its size, as of `page_locked_bytes`; smaller clips use what larger ones needed."""


def page_locked_bytes(count: int) -> int:
    """What torch takes for so many bytes that are page-locked: the next power of two (`CachingHostAllocator.h`)."""
    return 1 << (count - 1).bit_length()


class _Parcel:
    """One tensor, away from the GPU.

    Args:
        memory: bytes for it, as many or more.
        like: the tensor.
        pool: takes ``memory`` back when nobody needs the tensor any more.

    Attributes:
        host: where its values go.
    """

    def __init__(self, memory: Tensor, like: Tensor, pool: Pool) -> None:
        self.host = memory[: like.nbytes].view(like.dtype).as_strided(like.shape, like.stride())
        self.back: Tensor | None = None
        self._memory, self._pool = memory, pool

    def __del__(self) -> None:
        self._pool[self._memory.nbytes].append(self._memory)


class _Load:
    """What one block sends away; known by weak references, since autograd drops what it has used.

    Args:
        before: that of the block that ran before.
    """

    def __init__(self, before: _Load | None) -> None:
        self.before = before
        self.parcels: list[weakref.ref[_Parcel]] = []
        self.sources: list[Tensor] = []
        self.sent: torch.cuda.Event | None = None
        self.arrived: torch.cuda.Event | None = None
        self.fetched = False


class Host:
    """Memory of the processor for one model.

    Args:
        device: of the model. On anything but a GPU tensors are copied on the spot.
    """

    def __init__(self, device: torch.device) -> None:
        if device.type == "cuda" and device.index is None:  # tensors always name theirs
            device = torch.device("cuda", torch.cuda.current_device())
        self._device = device
        self._stream = torch.cuda.Stream(device) if device.type == "cuda" else None
        self._pool: Pool = defaultdict(list)
        self._last: _Load | None = None

    @property
    def spare_bytes(self) -> int:
        """Memory that waits to be used again."""
        return sum(part.untyped_storage().nbytes() for parts in self._pool.values() for part in parts)

    def begin(self) -> None:
        """Begin a forward; what an earlier one sent away can still be had."""
        self._release(self._last)
        self._last = None

    @contextmanager
    def block(self, shared: Sequence[Tensor]) -> Iterator[None]:
        """Send away what is saved for the gradient meanwhile.

        Args:
            shared: what is better left where it is: weights, and tensors that all blocks use.
        """
        load = _Load(self._last)
        self._release(load.before and load.before.before)
        self._last = load
        stay = {part.untyped_storage().data_ptr() for part in shared}
        # With the tensors themselves: memory that was given back may hold another one at the same place.
        known: dict[tuple[object, ...], tuple[Tensor, _Parcel]] = {}

        def pack(x: Tensor) -> Tensor | _Parcel:
            dense = x.is_contiguous() or _is_dense(x)
            stays = x.untyped_storage().data_ptr() in stay
            if stays or not dense or x.device != self._device or x.numel() * x.element_size() < _LEAST:
                return x
            identity = (x.data_ptr(), x.shape, x.stride(), x.dtype)
            if identity not in known:
                known[identity] = x.detach(), self._send(x, load)
            return known[identity][1]

        def unpack(packed: Tensor | _Parcel) -> Tensor:
            return packed if isinstance(packed, Tensor) else self._receive(load, packed)

        try:
            with torch.autograd.graph.saved_tensors_hooks(pack, unpack):
                yield
        finally:
            known.clear()  # autograd keeps `pack` for as long as what it packed, and with it would keep the tensors
        if self._stream is not None:
            load.sent = self._stream.record_event()

    def watch(self, velocity: Tensor) -> Tensor:
        """Begin to fetch when the gradient of what the model said is there."""
        if velocity.requires_grad and self._last is not None:
            last = self._last

            def start(_: Tensor) -> None:
                self._release(last)
                self._fetch(last)

            velocity.register_hook(start)
        return velocity

    def _send(self, x: Tensor, load: _Load) -> _Parcel:
        size = page_locked_bytes(x.nbytes)
        spare = min((found for found, parts in self._pool.items() if parts and found >= size), default=None)
        if spare is None:
            memory = torch.empty(size, dtype=torch.uint8, pin_memory=self._stream is not None)
        else:
            memory = self._pool[spare].pop()
        parcel = _Parcel(memory, x, self._pool)
        if self._stream is None:
            parcel.host.copy_(x)
        else:
            self._stream.wait_stream(torch.cuda.current_stream(self._device))
            with torch.cuda.stream(self._stream):
                parcel.host.copy_(x.detach(), non_blocking=True)
            load.sources.append(x.detach())
        load.parcels.append(weakref.ref(parcel))
        return parcel

    def _release(self, load: _Load | None) -> None:
        """Give back the GPU's memory of a load and of those before it, once they are away."""
        while load is not None and load.sources:
            if load.sent is not None:
                torch.cuda.current_stream(self._device).wait_event(load.sent)
            load.sources.clear()
            load = load.before

    def _fetch(self, load: _Load | None) -> None:
        """Begin to bring a load back."""
        if load is None or load.fetched:
            return
        load.fetched = True
        parcels = [parcel for reference in load.parcels if (parcel := reference()) is not None]
        for parcel in parcels:
            # Made in the stream that computes, so that the allocator knows who uses it.
            parcel.back = torch.empty_strided(
                parcel.host.shape, parcel.host.stride(), dtype=parcel.host.dtype, device=self._device
            )
        if self._stream is None:
            for parcel in parcels:
                _arrived(parcel).copy_(parcel.host)
            return
        self._stream.wait_stream(torch.cuda.current_stream(self._device))
        with torch.cuda.stream(self._stream):
            for parcel in parcels:
                _arrived(parcel).copy_(parcel.host, non_blocking=True)
            load.arrived = self._stream.record_event()

    def _receive(self, load: _Load, parcel: _Parcel) -> Tensor:
        self._fetch(load)
        if load.arrived is not None:
            torch.cuda.current_stream(self._device).wait_event(load.arrived)
        self._fetch(load.before)
        return _arrived(parcel)


def _arrived(parcel: _Parcel) -> Tensor:
    assert parcel.back is not None
    return parcel.back


def _is_dense(x: Tensor) -> bool:
    """Whether a tensor's values fill its memory once each."""
    wanted = 1
    for length, stride in sorted(zip(x.shape, x.stride(), strict=True), key=lambda pair: pair[1]):
        if length != 1:
            if stride != wanted:
                return False
            wanted *= length
    return True
