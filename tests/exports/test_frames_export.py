"""Frames and masks as PNG: every value is the one in the shards."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from PIL import Image

from pvtt_data.exports import FORMATS, export_dataset
from pvtt_data.shards import ShardDataset
from pvtt_data.shards.format import JSON_MEMBER, reference_member


def stacked(folder: Path) -> tuple[np.ndarray, set[str]]:
    """Numbered pictures of a folder in order, and their modes."""
    paths = sorted(folder.iterdir())
    assert [path.name for path in paths] == [f"{number:05d}.png" for number in range(len(paths))]
    pictures = [Image.open(path) for path in paths]
    return np.stack([np.asarray(picture) for picture in pictures]), {picture.mode for picture in pictures}


def test_every_frame_mask_and_picture_is_the_one_in_the_shards(version: Path, tmp_path: Path) -> None:
    done = export_dataset(version, tmp_path / "out", FORMATS["frames"]())
    assert done.samples == {"train": 4, "validation": 1, "test": 1}
    assert not done.skipped
    assert done.flagged == 1
    for sample in ShardDataset(version):
        home = tmp_path / "out" / sample.split / sample.key
        for kind in ("source", "target"):
            pixels, modes = stacked(home / kind)
            assert modes == {"RGB"}
            assert np.array_equal(pixels, getattr(sample, kind))
        for kind in ("source_mask", "target_mask", "effect_mask"):
            pixels, modes = stacked(home / kind)
            assert modes == {"L"}
            assert np.array_equal(pixels, getattr(sample, kind) * 255)
        for number in range(sample.meta.reference_count):
            assert (home / f"references/{number}.png").read_bytes() == sample.read(reference_member(number))
        assert (home / "heldout").is_dir() == (sample.split != "train")
        assert (home / "sample.json").read_bytes() == sample.read(JSON_MEMBER)


def test_a_list_says_of_every_sample_what_it_is_and_how_it_may_be_used(version: Path, tmp_path: Path) -> None:
    done = export_dataset(version, tmp_path / "out", FORMATS["frames"](), split="validation")
    (line,) = (tmp_path / "out/samples.jsonl").read_text().splitlines()
    entry = json.loads(line)
    (sample,) = ShardDataset(version, "validation")
    assert entry["meta"] == sample.meta.model_dump(mode="json")
    assert entry["export"]["folder"] == f"validation/{sample.key}"
    assert done.licences == {"CC0-1.0": 1, "MIT": 1}
