"""Fixtures: tiny samples and a small correct dataset."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from shard_samples import H, MakeSample, R, encode, key_of, luma, mask, meta_of, png

from pvtt_data.shards import DatasetSettings, ShardSample, write_dataset


@pytest.fixture(scope="session")
def clips() -> dict[str, bytes]:
    """Members that every tiny sample shares."""
    return {
        "source.mp4": encode(luma(1)),
        "source_mask.mp4": encode(mask(0).astype(np.uint8) * 255),
        "target.mp4": encode(luma(9)),
        "target_mask.mp4": encode(mask(1).astype(np.uint8) * 255),
        "effect_mask.mp4": encode(mask(2).astype(np.uint8) * 255),
    }


@pytest.fixture
def make_sample(clips: dict[str, bytes]) -> MakeSample:
    """A sample by number; ``meta`` and ``members`` replace fields (None removes one)."""

    def make(
        number: int,
        split: str = "train",
        *,
        references: int = 2,
        heldout: int | None = None,
        meta: dict[str, Any] | None = None,
        members: dict[str, Any] | None = None,
    ) -> ShardSample:
        if heldout is None:
            heldout = 0 if split == "train" else 1
        contents: dict[str, Any] = {
            **clips,
            **{f"reference_{i}.png": png(10 * number + i, "RGBA" if i else "RGB") for i in range(references)},
            **{f"heldout_{i}.png": png(1000 + 10 * number + i) for i in range(heldout)},
            **(members or {}),
        }
        fields = {**meta_of(number, split, references), **(meta or {})}
        return ShardSample(
            key=key_of(number),
            split=split,  # type: ignore[arg-type]
            members={name: content for name, content in contents.items() if content is not None},
            meta={name: value for name, value in fields.items() if value is not None},
        )

    return make


@pytest.fixture
def settings() -> DatasetSettings:
    return DatasetSettings(
        name="tiny",
        recipe={"seed": 7, "clip": {"fps": 16.0}, "card": {"preview_samples": 0}},
        shard_count={"train": 3, "validation": 1, "test": 2},
        reference_count=R,
        heldout_count=H,
        tools={"av": "18.1"},
        weights={"u2net": "ab" * 32},
    )


@pytest.fixture
def samples(make_sample: MakeSample) -> list[ShardSample]:
    """Six training samples, two for validation, one test sample (so that one of its two shards is empty)."""
    return [
        *(make_sample(n, references=1 + n % 3) for n in range(6)),
        *(make_sample(n, "validation") for n in (20, 21)),
        make_sample(30, "test", heldout=2),
    ]


@pytest.fixture
def dataset(tmp_path: Path, samples: list[ShardSample], settings: DatasetSettings) -> Iterator[Path]:
    """A small correct version."""
    path = tmp_path / "dataset"
    write_dataset(path, samples, settings)
    yield path
