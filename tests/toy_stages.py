"""A stage whose rows do as they are told, importable by worker processes."""

from __future__ import annotations

import dataclasses
import errno
import os
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pvtt_data.errors import InputError
from pvtt_data.executor import LocalExecutor, run_row
from pvtt_data.journal import StageCache
from pvtt_data.records import MaskTrack, Quality
from pvtt_data.stage import MapStage, Named, Outcome, Resources, StageConfig
from pvtt_data.store import BlobStore


@dataclass(frozen=True, slots=True)
class Toy:
    """What a row does: compute, write, double, refuse, fail, nan, exit, exit-once, hang, hog, hog-opencv or fill."""

    name: str
    does: str = "compute"
    value: int = 0


class ToyConfig(StageConfig):
    factor: int = 1


class ToyStage(MapStage[Toy]):
    name = "toy"
    version = 1
    kind = "clip"
    resources = Resources(memory_bytes=600 * 2**20, timeout_s=60.0)
    config: ToyConfig

    def run(self, item: Toy, store: BlobStore) -> Sequence[Any]:
        note(store, f"{self.name} {item.name}")
        match item.does:
            case "write":
                mask = store.put(f"{item.name} {item.value * self.config.factor}".encode(), "mp4")
                return [MaskTrack(item.name, item.name, "toy", {}, mask, "accept", (), {})]
            case "double":
                return [self.row(f"{item.name}{letter}", item.value) for letter in "ba"]
            case "refuse":
                raise InputError("too-dark", f"{item.name} is dark", {"luma": 3.0})
            case "refuse-odd-name":
                raise InputError("too-dark", "caf\udce9.mp4 is dark")
            case "fail":
                raise RuntimeError(f"a defect in {item.name}")
            case "nan":
                return [Quality(item.name, {"value": float("nan")})]
            case "exit":
                os._exit(3)
            case "exit-once":
                marker = store.local / f"{item.name} ran"
                if not marker.exists():
                    marker.touch()
                    os._exit(3)
            case "hang":
                time.sleep(600)
            case "hog":
                return [self.row(item.name, len(bytearray(8 * 2**30)))]
            case "hog-opencv":
                import cv2

                return [self.row(item.name, cv2.resize(np.zeros((8, 8), np.uint8), (60000, 60000)).shape[0])]
            case "fill":
                try:
                    raise OSError(errno.ENOSPC, "No space left on device", "/disk/blob.tmp")
                except OSError as error:
                    raise RuntimeError("the encoder failed") from error
        return [self.row(item.name, item.value)]

    def row(self, name: str, value: int) -> Quality:
        return Quality(name, {"value": float(value * self.config.factor)})


class ImpatientStage(ToyStage):
    name = "impatient"
    resources = Resources(memory_bytes=600 * 2**20, timeout_s=1.0)


class BrokenStage(ToyStage):
    """Its model cannot be loaded."""

    name = "broken"

    def setup(self) -> None:
        raise FileNotFoundError("weights.onnx")


class DyingStage(ToyStage):
    """Its set-up kills the process."""

    name = "dying"

    def setup(self) -> None:
        os._exit(9)


class InlineExecutor:
    """Runs rows in this process, last first: the order of outcomes is nobody's promise."""

    def __init__(self, store: BlobStore) -> None:
        self.store = store

    def map(self, stage: MapStage[Any], items: Sequence[Named[Any]]) -> Iterator[tuple[Named[Any], Outcome]]:
        stage.setup()
        for named in reversed(items):
            yield named, run_row(stage, named, self.store)

    def close(self) -> None:
        """Nothing to end."""


class ToyBatches(ToyStage):
    """The same, given three rows at a time."""

    name = "toy-batches"
    resources = dataclasses.replace(ToyStage.resources, batch=3)

    def run_many(self, items: Sequence[Toy], store: BlobStore) -> Sequence[Sequence[Any] | InputError]:
        note(store, f"{self.name} together {len(items)}")
        return super().run_many(items, store)


def named(name: str, does: str = "compute", value: int = 0) -> Named[Toy]:
    return Named(Toy(name, does, value), name, f"{name}.mp4 [0:77)")


def note(store: BlobStore, text: str) -> None:
    """Append a line to the calls that `calls` reads; short appends are atomic."""
    store.local.mkdir(parents=True, exist_ok=True)
    with (store.local / "calls.txt").open("a") as file:
        file.write(f"{text}\n")


def calls(store: BlobStore) -> list[str]:
    """Stage and row of every call so far, in order."""
    path = store.local / "calls.txt"
    return path.read_text().splitlines() if path.exists() else []


def add_rows_until_killed(folder: str) -> None:
    """Add rows to a cache and say so after each; a test kills this process at some moment."""
    cache = StageCache(Path(folder))
    for number in range(10**6):
        cache.add(f"{number:064x}", Outcome(rows=(Quality(f"row {number}", {"value": float(number)}),)))
        sys.stdout.write(f"{number}\n")
        sys.stdout.flush()


def hang_until_killed(folder: str) -> None:
    """Let two workers hang, and say their process ids."""
    store = BlobStore(f"{folder}/blobs", Path(folder) / "local")
    executor = LocalExecutor(2, store)
    rows = executor.map(ToyStage(ToyConfig()), [named("a"), named("b"), named("c", "hang"), named("d", "hang")])
    next(rows)
    next(rows)
    sys.stdout.write(" ".join(str(worker.process.pid) for worker in executor._pool) + "\n")
    sys.stdout.flush()
    next(rows)
