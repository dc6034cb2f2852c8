"""What a measured series says about a video, and that it is the same wherever it is measured."""

from __future__ import annotations

import os
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from made_videos import numbered_pictures, write_video

from pvtt_data.images import write_png
from pvtt_data.media import open_media
from pvtt_data.series import (
    SCHEMA,
    Series,
    black_bars,
    from_parquet,
    from_table,
    measure,
    same_series,
    to_parquet,
    to_table,
)

WIDTH, HEIGHT, COUNT = 320, 240, 45
PAN_PX = 4

MEASURE_SCRIPT = """
import sys
from pathlib import Path
from pvtt_data.media import open_media
from pvtt_data.series import measure, to_parquet
Path(sys.argv[2]).write_bytes(to_parquet(measure(open_media(Path(sys.argv[1])))))
"""


def texture(seed: int, height: int = HEIGHT, width: int = WIDTH) -> npt.NDArray[np.uint8]:
    grain = np.random.default_rng(seed).integers(0, 256, (height // 4, width // 4, 3))
    return np.kron(grain, np.ones((4, 4, 1))).astype(np.uint8)


def panning() -> list[npt.NDArray[np.uint8]]:
    """A texture that moves to the right, cut to another at frame 30, with black bars of 30 px above and below."""
    pictures = []
    for number in range(COUNT):
        picture = np.roll(texture(0 if number < 30 else 1), PAN_PX * number, axis=1)
        picture[:30] = picture[-30:] = 0
        pictures.append(picture)
    return pictures


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_video(tmp_path_factory.mktemp("series") / "panning.mp4", panning(), options={"crf": "12"})


@pytest.fixture(scope="module")
def series(path: Path) -> Series:
    return measure(open_media(path))


def test_each_frame_has_a_row(series: Series) -> None:
    assert series.frame.tolist() == list(range(COUNT))
    assert series.time_s == pytest.approx(np.arange(COUNT) / 30)
    assert (series.width_px, series.height_px, series.fps) == (WIDTH, HEIGHT, Fraction(30))
    assert series.end_s == pytest.approx(1.5)
    assert series.decode_errors == 0


def test_the_score_peaks_at_the_cut(series: Series) -> None:
    assert series.content_score[0] == 0
    assert int(np.argmax(series.content_score)) == 30


def test_pan_is_measured_in_pixels_of_the_small_picture(series: Series) -> None:
    measured = np.flatnonzero(series.flow_from >= 0)
    before_cut = measured[series.frame[measured] < 30]
    assert np.median(series.pan_x_px_per_s[before_cut]) == pytest.approx(PAN_PX * 30, rel=0.1)
    assert np.median(np.abs(series.pan_y_px_per_s[before_cut])) < 2
    assert np.median(series.residual_px_per_s[before_cut]) < np.median(series.motion_px_per_s[before_cut]) / 2
    assert np.isnan(series.pan_x_px_per_s[series.flow_from < 0]).all()
    assert 1.5 * 16 - 2 <= len(measured) <= 1.5 * 16


def test_bars_are_found_where_they_are(series: Series) -> None:
    sampled = series.bars_px[series.bars_px[:, 0] >= 0]
    assert len(sampled) == 3
    assert np.abs(sampled - [30, 30, 0, 0]).max() <= 1
    assert np.abs(series.edges_px[series.edges_px[:, 0] >= 0] - sampled).max() <= 4


def test_thumbnails_come_four_times_a_second(series: Series) -> None:
    assert series.thumbnails.shape == (6, 64, 64)
    assert series.thumbnail_row.tolist() == [0, 8, 15, 23, 30, 38]
    assert series.thumbnails[0, :7].max() < 20 < series.thumbnails[0, 10:-10].std()


@pytest.mark.parametrize("level", [0, 90, 255])
@pytest.mark.parametrize("conversion", ["out_range=tv", "out_range=pc"])
def test_luma_has_full_range_whatever_the_video_has(tmp_path: Path, level: int, conversion: str) -> None:
    flat = np.full((64, 64, 3), level, np.uint8)
    tags = {"color_range": 2 if "pc" in conversion else 1, "colorspace": 6}
    made = write_video(tmp_path / "flat.mp4", [flat] * 3, tags=tags, conversion=f"{conversion}:out_color_matrix=bt601")
    measured = measure(open_media(made))
    assert measured.luma_mean == pytest.approx(level, abs=1.5)
    assert measured.luma_std.max() < 1


def test_blur_lowers_sharpness(tmp_path: Path) -> None:
    sharp = texture(0)
    blurred = np.asarray(
        np.mean([np.roll(sharp, (dy, dx), (0, 1)) for dy in range(-4, 5) for dx in range(-4, 5)], axis=0), np.uint8
    )
    made = write_video(tmp_path / "blur.mp4", [sharp] * 3 + [blurred] * 3, options={"crf": "12"})
    sharpness = measure(open_media(made)).sharpness
    assert sharpness[:3].min() > 10 * sharpness[3:].max()


def test_a_turned_video_is_measured_upright(tmp_path: Path) -> None:
    coded = texture(0, 240, 320)
    coded[:, :40] = 0
    matrix = [0, 65536, 0, -65536, 0, 0, 0, 0, 1 << 30]
    made = write_video(tmp_path / "turned.mp4", [coded] * 2, matrix=matrix, options={"crf": "12"})
    measured = measure(open_media(made))
    assert (measured.width_px, measured.height_px) == (240, 320)
    assert np.abs(measured.bars_px[0] - [40, 0, 0, 0]).max() <= 1
    assert measured.thumbnails[0, :6].max() < 30


def test_a_folder_of_pictures_measures_like_a_video(tmp_path: Path) -> None:
    for number, picture in enumerate(panning()[:10]):
        (tmp_path / f"{number}.png").write_bytes(write_png(picture))
    measured = measure(open_media(tmp_path, declared_fps=30))
    assert len(measured) == 10
    assert measured.bars_px[0].tolist() == [30, 30, 0, 0]


def test_frames_that_cannot_be_decoded_are_counted(tmp_path: Path) -> None:
    folder = tmp_path / "frames"
    folder.mkdir()
    for number, picture in enumerate(numbered_pictures(8)):
        (folder / f"{number}.png").write_bytes(write_png(picture) if number not in (3, 7) else b"broken")
    measured = measure(open_media(folder, declared_fps=10))
    assert measured.frame.tolist() == [0, 1, 2, 4, 5, 6]
    assert measured.decode_errors == 2


def test_parquet_gives_the_series_back_and_always_the_same_bytes(series: Series) -> None:
    data = to_parquet(series)
    back = from_parquet(data)
    assert same_series(back, series)
    assert to_parquet(back) == data
    table = pq.read_table(pa.BufferReader(data))
    assert table.schema.equals(SCHEMA)
    assert table["pan_x_px_per_s"].null_count == int((series.flow_from < 0).sum())
    assert table["thumbnail"].null_count == COUNT - 6


def test_a_foreign_table_is_refused(series: Series) -> None:
    table = to_table(series)
    with pytest.raises(ValueError, match="not a series"):
        from_table(table.replace_schema_metadata({"series_version": "0"}))
    with pytest.raises(ValueError, match="not a series"):
        from_table(table.drop_columns(["thumbnail"]))


def test_other_processes_and_older_processors_measure_the_same_bytes(path: Path, series: Series) -> None:
    out = path.with_suffix(".parquet")
    older = {
        "OPENCV_CPU_DISABLE": "AVX2,AVX,FP16,AVX512-SKX",
        "NPY_DISABLE_CPU_FEATURES": "AVX2 FMA3 AVX512F AVX512_SKX",
    }
    subprocess.run(
        [sys.executable, "-W", "ignore", "-c", MEASURE_SCRIPT, str(path), str(out)],
        check=True,
        timeout=120,
        env={**os.environ, **older},
    )
    assert out.read_bytes() == to_parquet(series)


def test_a_black_picture_has_bars_as_wide_as_itself() -> None:
    assert black_bars(np.zeros((20, 30), np.uint8)) == ((20, 20, 30, 30), (20, 20, 30, 30))


def test_a_pillarbox_with_a_narrow_picture_has_straight_edges() -> None:
    grey = np.zeros((90, 160), np.uint8)
    grey[:, 55:105] = 120
    assert black_bars(grey) == ((0, 0, 55, 55), (0, 0, 55, 55))


def test_a_product_on_black_has_no_straight_edges() -> None:
    y, x = np.mgrid[:90, :160]
    grey = np.where((y - 45) ** 2 + (x - 80) ** 2 < 30**2, 200, 0).astype(np.uint8)
    bars, edges = black_bars(grey)
    assert min(edge - bar for bar, edge in zip(bars, edges, strict=True)) >= 3
