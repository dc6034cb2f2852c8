"""`datasets` reads the folder: the videos byte for byte, and the facts as they are in the shards."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pvtt_data.exports import FORMATS, export_dataset
from pvtt_data.shards import ShardDataset
from pvtt_data.shards.format import NOT_MEASURED, reference_member

datasets = pytest.importorskip("datasets", reason="datasets is not installed")

VIDEOS = {
    "video": "target.mp4",
    "source": "source.mp4",
    "source_mask": "source_mask.mp4",
    "target_mask": "target_mask.mp4",
    "effect_mask": "effect_mask.mp4",
}


@pytest.fixture(scope="module", name="folder")
def _folder(version: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("videofolder") / "out"
    export_dataset(version, out, FORMATS["videofolder"]())
    return out


@pytest.mark.parametrize("streaming", [False, True])
@pytest.mark.parametrize("by_name", [False, True])
def test_datasets_gives_back_every_video_and_fact(
    version: Path, folder: Path, tmp_path: Path, streaming: bool, by_name: bool
) -> None:
    where: dict[str, Any] = {"path": "videofolder", "data_dir": str(folder)} if by_name else {"path": str(folder)}
    for split in ("train", "validation", "test"):
        rows = datasets.load_dataset(**where, split=split, streaming=streaming, cache_dir=str(tmp_path))
        assert [name for name, kind in rows.features.items() if isinstance(kind, datasets.Video)] == list(VIDEOS)
        for name in VIDEOS:
            rows = rows.cast_column(name, datasets.Video(decode=False))
        by_key = {row["key"]: row for row in rows}
        samples = ShardDataset(version, split)  # type: ignore[arg-type]
        assert sorted(by_key) == sorted(samples.keys())
        for sample in samples:
            row = by_key[sample.key]
            for name, member in VIDEOS.items():
                assert Path(row[name]["path"]).read_bytes() == sample.read(member)
            assert len(row["references"]) == sample.meta.reference_count
            for number, path in enumerate(row["references"]):
                assert (folder / split / path).read_bytes() == sample.read(reference_member(number))
            assert len(row["heldout"]) == sample.meta.heldout_count
            facts = sample.meta.model_dump(mode="json")
            numbers = facts.pop("numbers")
            assert {name: row[name] for name in facts} == facts
            assert row["numbers"] == {name: None if n == NOT_MEASURED else n for name, n in numbers.items()}
