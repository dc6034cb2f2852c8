"""DiffSynth's own dataset class loads the export, and what it loads is what `pvtt-train` would be shown."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from export_samples import FRAMES, HEIGHT, WIDTH, drawn, key_of, sample_of, write_version
from PIL import Image

torch = pytest.importorskip("torch", reason="torch is not installed")

from pvtt_data.exports import FORMATS, export_dataset  # noqa: E402
from pvtt_data.exports.diffsynth import FILE_COLUMNS  # noqa: E402
from pvtt_data.media import decode_masks, decode_video_planes  # noqa: E402
from pvtt_data.shards import ShardDataset  # noqa: E402
from pvtt_data.vace.conditioning import ConditioningConfig, condition, draw  # noqa: E402
from pvtt_data.vace.references import prepare_reference  # noqa: E402

SEED, VARIANTS = 2, 4


@pytest.fixture(scope="module", name="out")
def _out(version: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("diffsynth") / "out"
    done = export_dataset(version, out, FORMATS["diffsynth"](seed=SEED, variants=VARIANTS))
    assert done.samples == {"train": 4, "validation": 1, "test": 1}
    return out


def rows_of(folder: Path) -> list[dict[str, str]]:
    with (folder / "metadata.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def drawn_for(sample: Any, step: int) -> Any:
    meta = sample.meta
    return draw(
        ConditioningConfig(seed=SEED), meta.engine, sample.key, step, kind=meta.kind, available=meta.reference_count
    )


def stock(folder: Path, columns: Sequence[str] = FILE_COLUMNS) -> Any:
    """The dataset as DiffSynth's Wan training example makes it, without a size of its own."""
    data = pytest.importorskip(
        "diffsynth.core.data", reason="diffsynth is not installed: pip install diffsynth==2.1.12"
    )
    return data.UnifiedDataset(
        base_path=str(folder),
        metadata_path=str(folder / "metadata.csv"),
        data_file_keys=columns,
        main_data_operator=data.UnifiedDataset.default_video_operator(base_path=str(folder)),
    )


def pixels(frames: list[Any]) -> np.ndarray:
    return np.stack([np.asarray(frame) for frame in frames]).astype(int)


def test_the_stock_class_loads_what_training_would_be_shown(version: Path, out: Path) -> None:
    loaded = stock(out / "train")
    samples = ShardDataset(version, "train")
    assert len(loaded) == VARIANTS * len(samples)
    contents = [row["content"] for row in rows_of(out / "train")]
    # One row of each: stock code starts ten processes a row. The files of all are looked at below.
    for number in (contents.index("source"), contents.index("grey")):
        sample, step = samples[number // VARIANTS], number % VARIANTS
        row, choice = loaded[number], drawn_for(sample, step)
        wanted = condition(sample, choice, ConditioningConfig(seed=SEED))
        assert row["prompt"] == sample.meta.prompt
        mask = pixels(row["vace_video_mask"])
        assert set(np.unique(mask)) <= {0, 255}, "a mask that is not binary after decoding"
        assert np.array_equal(mask[..., 0] == 255, wanted.mask[0].numpy() == 1), "white is where the model works"
        assert (mask[..., 0] == 255)[sample.source_mask].all()
        assert np.abs(pixels(row["video"]) - sample.target).mean() < 3
        shown = pixels(row["vace_video"])
        assert shown.shape == mask.shape == (FRAMES, HEIGHT, WIDTH, 3)
        if contents[number] == "grey":
            assert np.abs(shown[mask == 255] - 127.5).mean() < 3
        else:
            assert np.abs(shown - sample.source).mean() < 3
        (reference,) = row["vace_reference_image"]
        picture = prepare_reference(sample.references[choice.references[0]], HEIGHT, WIDTH)
        assert np.array_equal(np.asarray(reference), picture)


def test_the_stock_class_loads_videos_that_begin_with_their_collage(version: Path, tmp_path: Path) -> None:
    form = FORMATS["ffgo"](width=WIDTH, height=HEIGHT, frames=9)
    export_dataset(version, tmp_path / "out", form, split="validation")
    rows = stock(tmp_path / "out/validation", columns=("video",))
    assert len(rows) == 1
    row = rows[0]
    assert len(row["video"]) == 9
    collage = np.asarray(Image.open(tmp_path / "out/validation" / row["collage"]))
    assert np.abs(pixels(row["video"])[0] - collage).mean() < 5
    assert row["prompt"].endswith(ShardDataset(version, "validation")[0].meta.prompt)


def test_the_background_is_kept_to_the_bit_and_no_answer_is_shown(version: Path, out: Path) -> None:
    contents = set()
    samples = {sample.key: sample for sample in ShardDataset(version, "train")}
    for row in rows_of(out / "train"):
        key, step = row["vace_video"].removeprefix("vace_videos/").removesuffix(".mp4").split("-")
        sample, data = samples[key], (out / "train" / row["vace_video"]).read_bytes()
        contents.add(row["content"])
        assert row["content"] == drawn_for(sample, int(step)).content.replace("noise", "grey")
        assert (out / "train" / row["video"]).read_bytes() == sample.read("target.mp4")
        if row["content"] == "source":
            assert data == sample.read("source.mp4"), "encoded once more"
            continue
        mask = decode_masks(out / "train" / row["vace_video_mask"])
        half = mask.reshape(FRAMES, HEIGHT // 2, 2, WIDTH // 2, 2).any(axis=(2, 4))
        for made, kept, where in zip(
            decode_video_planes(data), sample.source_planes(), (mask, half, half), strict=True
        ):
            assert np.array_equal(made[~where], kept[~where])
            if row["content"] == "grey":
                assert len(np.unique(made[where])) == 1, "something of the source is left inside the mask"
        if sample.meta.kind == "reconstruct" or sample.meta.engine == "panzoom":
            assert row["content"] == "grey"
    assert {"source", "grey"} < contents, "the version is too small for this test"


def test_prompts_that_pandas_takes_for_something_else_are_left_out_and_counted(tmp_path: Path) -> None:
    made = drawn(1)
    prompts = {10: "NA", 11: "", 12: "1.5", 13: " true ", 14: "2 boxes", 15: "None of these"}
    samples = [
        sample_of(n, tmp_path / "m", made, prompt=prompt, product_b=f"b{n}", product_a=f"a{n}")
        for n, prompt in prompts.items()
    ]
    version = write_version(tmp_path / "v1", tmp_path / "media", samples)
    done = export_dataset(version, tmp_path / "out", FORMATS["diffsynth"]())
    assert {reason: count for reason, (count, _) in done.skipped.items()} == {"no-prompt": 1, "not-csv-text": 3}
    rows = rows_of(tmp_path / "out/train")
    assert {row["prompt"] for row in rows} == {"2 boxes", "None of these"}
    assert not list((tmp_path / "out").rglob(f"*{key_of(10)}*"))


def test_clips_that_diffsynth_would_cut_are_left_out(tmp_path: Path) -> None:
    samples = [
        sample_of(20, tmp_path / "m", drawn(1, width=88)),
        sample_of(21, tmp_path / "m", drawn(1, frames=8), product_a="c", product_b="d"),
        sample_of(22, tmp_path / "m", drawn(1), product_a="e", product_b="f"),
    ]
    version = write_version(tmp_path / "v1", tmp_path / "media", samples)
    done = export_dataset(version, tmp_path / "out", FORMATS["diffsynth"]())
    assert done.samples == {"train": 1}
    assert set(done.skipped) == {"size-not-16n", "frames-not-4n+1"}
    assert "--data_file_keys video,vace_video,vace_video_mask,vace_reference_image" in done.advice
