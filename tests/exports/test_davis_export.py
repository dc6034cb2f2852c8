"""DAVIS folders: SAM 2's own reader takes the frames, and the annotations are the masks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from export_samples import drawn, sample_of, write_version
from PIL import Image

from pvtt_data.errors import DatasetError
from pvtt_data.exports import FORMATS, export_dataset
from pvtt_data.exports.davis import voc_palette
from pvtt_data.shards import ShardDataset


@pytest.fixture(scope="module", name="davis")
def _davis(version: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("davis") / "out"
    export_dataset(version, out, FORMATS["davis"]())
    return out


def sequences(davis: Path, name: str) -> list[str]:
    return (davis / f"ImageSets/2017/{name}.txt").read_text().split()


def test_lists_name_both_videos_of_every_triple_and_one_of_a_reconstruction(version: Path, davis: Path) -> None:
    for split, name, count in (("train", "train", 7), ("validation", "val", 2), ("test", "test-dev", 2)):
        names = sequences(davis, name)
        assert len(names) == len(set(names)) == count
        keys = set(ShardDataset(version, split).keys())  # type: ignore[arg-type]
        assert {sequence.split("-")[0] for sequence in names} == keys
        for kind in ("JPEGImages", "Annotations"):
            assert all((davis / kind / "480p" / sequence).is_dir() for sequence in names)


def test_annotations_are_palette_pngs_whose_indices_are_the_masks(version: Path, davis: Path) -> None:
    for sample in ShardDataset(version):
        for part in ("source", "target"):
            folder = davis / "Annotations/480p" / f"{sample.key}-{part}"
            if not folder.exists():
                assert (sample.meta.kind, part) == ("reconstruct", "source")
                continue
            pictures = [Image.open(path) for path in sorted(folder.iterdir())]
            assert {picture.mode for picture in pictures} == {"P"}
            assert pictures[0].getpalette()[:9] == [0, 0, 0, 128, 0, 0, 0, 128, 0]
            masks = getattr(sample, f"{part}_mask")
            assert np.array_equal(np.stack([np.asarray(p) for p in pictures]), masks.astype(np.uint8))


def test_sam2_reads_the_frames(version: Path, davis: Path) -> None:
    pytest.importorskip("torch", reason="torch is not installed")
    misc = pytest.importorskip("sam2.utils.misc", reason="sam2 is not installed: docs/segmentation.md")
    sample = ShardDataset(version, "validation")[0]
    folder = davis / "JPEGImages/480p" / f"{sample.key}-target"
    frames, height, width = misc.load_video_frames(
        str(folder), 64, offload_video_to_cpu=True, img_mean=(0, 0, 0), img_std=(1, 1, 1)
    )
    assert (len(frames), height, width) == sample.target.shape[:3]
    for number, frame in enumerate(frames):
        seen = np.asarray(Image.fromarray(sample.target[number]).resize((64, 64)), np.float32) / 255
        assert np.abs(frame.permute(1, 2, 0).numpy() - seen).mean() < 0.01, "not these frames, in this order"


def test_palette_is_that_of_pascal_voc() -> None:
    colours = np.asarray(voc_palette()).reshape(256, 3).tolist()
    assert colours[:4] == [[0, 0, 0], [128, 0, 0], [0, 128, 0], [128, 128, 0]]
    assert colours[15] == [192, 128, 128]  # person
    assert len({tuple(colour) for colour in colours}) == 256


def test_a_sequence_without_its_object_in_the_first_frame_is_left_out_and_counted(tmp_path: Path) -> None:
    late = drawn(7)
    late.target_mask[0] = False
    version = write_version(tmp_path / "v1", tmp_path / "media", [sample_of(7, tmp_path / "m", late)])
    done = export_dataset(version, tmp_path / "out", FORMATS["davis"]())
    assert done.left_out == {"object-not-in-first-frame": 1}
    assert [name.split("-")[1] for name in sequences(tmp_path / "out", "train")] == ["source"]
    late.source_mask[0] = False
    version = write_version(tmp_path / "v2", tmp_path / "media2", [sample_of(9, tmp_path / "m2", late)])
    with pytest.raises(DatasetError, match="none of the 1 samples"):
        export_dataset(version, tmp_path / "out2", FORMATS["davis"]())
    assert not list((tmp_path / "out2").rglob("*.jpg")), "what was written of the sample is left"
