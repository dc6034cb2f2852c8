"""Samples of one size go together, in an order that follows from a seed and from nothing else."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from pvtt_data.errors import InputError

T = TypeVar("T")


@dataclass(frozen=True, slots=True, order=True)
class Bucket:
    """What lessons must have in common to be one batch.

    Attributes:
        frames: of the video, in pixel time.
        height, width: in pixels.
        references: that are shown.
    """

    frames: int
    height: int
    width: int
    references: int = 1

    def __str__(self) -> str:
        shown = "1 reference" if self.references == 1 else f"{self.references} references"
        return f"{self.frames} frames of {self.width}×{self.height}, {shown}"


@dataclass(frozen=True, slots=True)
class Turn:
    """A sample's turn: its number, and the epoch that it belongs to."""

    number: int
    epoch: int


def epoch_order(keys: Sequence[str], seed: int, epoch: int) -> list[int]:
    """The numbers of samples in the order of an epoch: by SHA-256 of ``seed:epoch:key``, as `ShardDataset.order`."""
    hashes = [hashlib.sha256(f"{seed}:{epoch}:{key}".encode()).digest() for key in keys]
    return sorted(range(len(hashes)), key=hashes.__getitem__)


def rank_share(batch: Sequence[T], size: int, rank: int, world: int) -> list[list[T]]:
    """What one of several GPUs takes of a global batch, in its order: every ``world``-th run of ``size``.

    Args:
        batch: of a length that ``size · world`` divides.
        size: samples that go through the model together.
        rank: of the GPU, from 0.
        world: how many GPUs there are.
    """
    return [list(batch[start : start + size]) for start in range(rank * size, len(batch), size * world)]


class Order:
    """Global batches without end, each of one bucket.

    Epochs follow each other; each deals every sample once, in an order of its own (see `epoch_order`). A sample waits
    in its bucket until that holds a global batch, if need be over the end of the epoch, with the epoch that it was
    dealt in: none is dropped, and rare sizes are trained as often as they occur.

    Args:
        keys: of the samples.
        bucket: of a sample's number in an epoch.
        seed: of the order.
        size: samples of a global batch.
    """

    def __init__(self, keys: Sequence[str], bucket: Callable[[int, int], Bucket], seed: int, size: int) -> None:
        if not keys:
            raise InputError("no-samples", "there is no sample to train on")
        self._keys, self._bucket, self._seed, self._size = keys, bucket, seed, size
        self._epoch = self._at = 0
        self._dealt = epoch_order(keys, seed, 0)
        self._waiting: list[Turn] = []

    @property
    def epochs(self) -> float:
        """How often the samples have been dealt."""
        return self._epoch + self._at / len(self._keys)

    def __iter__(self) -> Order:
        return self

    def __next__(self) -> list[Turn]:
        """The next global batch."""
        queues: dict[Bucket, list[Turn]] = {}
        for turn in self._waiting:
            queues.setdefault(self._bucket(turn.number, turn.epoch), []).append(turn)
        while True:
            if self._at == len(self._dealt):
                self._epoch, self._at = self._epoch + 1, 0
                self._dealt = epoch_order(self._keys, self._seed, self._epoch)
            turn = Turn(self._dealt[self._at], self._epoch)
            self._at += 1
            queue = queues.setdefault(self._bucket(turn.number, turn.epoch), [])
            queue.append(turn)
            if len(queue) == self._size:
                batch = list(queue)
                queue.clear()
                self._waiting = [turn for waiting in queues.values() for turn in waiting]
                return batch

    def state_dict(self) -> dict[str, Any]:
        """Where the order stands, as plain JSON values."""
        waiting = [[turn.number, turn.epoch] for turn in self._waiting]
        return {"seed": self._seed, "size": self._size, "epoch": self._epoch, "at": self._at, "waiting": waiting}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from there.

        Raises:
            InputError: ``another-order``, it is the state of an order with another seed or size.
        """
        for name, own in (("seed", self._seed), ("size", self._size)):
            if state[name] != own:
                raise InputError(
                    "another-order", f"the order of samples was begun with {name} {state[name]}, now it is {own}"
                )
        self._epoch, self._at = int(state["epoch"]), int(state["at"])
        self._dealt = epoch_order(self._keys, self._seed, self._epoch)
        self._waiting = [Turn(int(number), int(epoch)) for number, epoch in state["waiting"]]
