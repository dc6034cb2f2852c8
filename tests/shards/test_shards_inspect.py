from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image
from shard_samples import MakeSample, key_of

from pvtt_data.shards import DatasetSettings, ShardDataset, contact_sheet, describe, write_dataset


def test_contact_sheet_has_a_row_for_every_member_and_shows_the_masks(dataset: Path) -> None:
    ds = ShardDataset(dataset)
    train, test = (contact_sheet(ds[key_of(n)], columns=20, cell_width_px=64) for n in (2, 30))
    assert train.width == test.width
    assert test.height == train.height + 48 + 6
    pixels = np.asarray(train).astype(int)
    source_mask_row = pixels[6 + 54 : 6 + 54 + 48, 120:]
    source_row = pixels[6 : 6 + 48, 120:]
    assert (source_mask_row[..., 0] - source_mask_row[..., 1]).max() > 60
    assert (source_row[..., 0] - source_row[..., 1]).max() < 30


def test_contact_sheet_of_the_same_sample_is_the_same_picture(dataset: Path) -> None:
    first, second = (contact_sheet(ShardDataset(dataset)[0]) for _ in range(2))
    assert isinstance(first, Image.Image)
    assert first.tobytes() == second.tobytes()


def test_more_columns_than_frames_shows_every_frame_once(dataset: Path) -> None:
    assert contact_sheet(ShardDataset(dataset)[0], columns=40, cell_width_px=32).width > 40 * 32


def test_describe_counts_samples_reasons_and_numbers(
    tmp_path: Path, make_sample: MakeSample, settings: DatasetSettings
) -> None:
    flagged = make_sample(2, meta={"verdict": "flag", "reasons": ["residue"]})
    write_dataset(tmp_path / "d", [make_sample(1), flagged], settings)
    text = describe(tmp_path / "d")
    assert "verdict: accept 1, flag 1" in text
    assert "reason: residue 1" in text
    assert "iou_median" in text
    assert "no version before: 2 added" in text
