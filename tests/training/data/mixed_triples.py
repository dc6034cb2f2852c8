"""Toy triples of two sizes with up to three references and words of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from pvtt_train.data.config import DataConfig
from sample_meta import sample_meta
from toy_triples import ToyTriple, toy_triple

from pvtt_data.images import write_png
from pvtt_data.media import encode_clip, encode_masks
from pvtt_data.records import Split
from pvtt_data.shards import DatasetSettings, ShardDataset, ShardSample, write_dataset
from pvtt_data.vace.conditioning import ConditioningConfig, ReferenceSettings

CONDITIONING = ConditioningConfig(references=ReferenceSettings(most=2, dropout=0.5))
VIDEOS = ("source", "target")
MASKS = ("source_mask", "target_mask", "effect_mask")


def key_of(number: int) -> str:
    return f"{number * 7919 + 11:016x}"


def pictures(number: int) -> list[np.ndarray]:
    """One to three references; the first is the same for every three triples."""
    shared = toy_triple(100 + number // 3).references[0]
    return [shared, *(toy_triple(200 + 10 * number + other).references[0] for other in range(number % 3))]


def shaped(number: int) -> ToyTriple:
    """Every fourth triple is narrower."""
    triple = toy_triple(number)
    if number % 4 == 3:
        for name in (*VIDEOS, *MASKS):
            object.__setattr__(triple, name, getattr(triple, name)[:, :, 16:])
    return triple


def write_mixed_dataset(
    folder: Path,
    media: Path,
    numbers: list[int],
    change: Callable[[int, ToyTriple], ToyTriple] = lambda number, triple: triple,
    prompt: Callable[[int], str] = lambda number: f"a box on ground {number // 2}",
) -> Path:
    """A dataset version of these triples; the last one is the only one of the test split."""
    made = []
    for place_of, number in enumerate(numbers):
        triple, place = change(number, shaped(number)), media / str(number)
        place.mkdir(parents=True)
        members: dict[str, Path | bytes] = {}
        for name in (*VIDEOS, *MASKS):
            path = members[f"{name}.mp4"] = place / f"{name}.mp4"
            if name in VIDEOS:
                encode_clip(getattr(triple, name), 8, path, crf=10)
            else:
                encode_masks(getattr(triple, name), 8, path)
        shown = pictures(number)
        members |= {f"reference_{place}.png": write_png(picture) for place, picture in enumerate(shown)}
        split: Split = "test" if place_of == len(numbers) - 1 else "train"
        if split == "test":
            members["heldout_0.png"] = write_png(shown[0])
        frames, height, width = triple.source.shape[:3]
        meta = sample_meta(
            key_of(number),
            frames,
            height,
            width,
            split=split,
            product_a=f"disc-{number}",
            product_b=f"box-{number}",
            prompt=prompt(number),
            reference_source=["listing"] * len(shown),
        )
        made.append(ShardSample(key=key_of(number), split=split, members=members, meta=meta))
    settings = DatasetSettings("toys", {"seed": 1}, 1, reference_count=3, heldout_count=1)
    write_dataset(folder, made, settings)
    return folder


def data_of(dataset: Path, **changes: object) -> DataConfig:
    return DataConfig.model_validate({"shards": dataset, **changes})


@contextmanager
def damaged(dataset: Path, member: str, *numbers: int) -> Iterator[None]:
    """These samples of the train split have a changed byte in a member; afterwards they are whole again."""
    split = ShardDataset(dataset, "train")
    spans = [split[number].spans[member] for number in numbers]
    whole = {span.path: span.path.read_bytes() for span in spans}
    for span in spans:
        data = bytearray(span.path.read_bytes())
        data[span.offset + span.length // 2] ^= 255
        span.path.write_bytes(data)
    try:
        yield
    finally:
        for path, data in whole.items():
            path.write_bytes(data)
