"""Footage is compared exactly: what a picture counts for depends on that picture and on nothing else."""

from __future__ import annotations

import dataclasses
import io

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from made_footage import covered, scene
from test_shots import made_series

from pvtt_data import footage as footage_module
from pvtt_data.footage import (
    PICTURE_PX,
    SKETCH_CELLS,
    SKETCH_SPANS,
    UNIT,
    WHOLE,
    Footage,
    footage_from_parquet,
    footage_of,
    gradients,
    products,
    resampled,
    sketch_from_parquet,
    sketch_of,
    to_parquet,
)

pictures = arrays.arrays(np.uint8, st.tuples(st.integers(1, 5), st.just(PICTURE_PX), st.just(PICTURE_PX)))
vectors = arrays.arrays(np.int8, st.tuples(st.integers(1, 6), st.just(480)))


@given(pictures)
@settings(max_examples=20, deadline=None)
def test_means_are_correctly_rounded_quotients_of_whole_sums(grey: np.ndarray) -> None:
    spans = (WHOLE, (0.05, 0.95))
    rows = footage_module._weights(spans, PICTURE_PX, 16).astype(np.int64)
    assert np.array_equal(rows, footage_module._weights(spans, PICTURE_PX, 16))
    sums = np.einsum("rh,thw,cw->trc", rows, grey.astype(np.int64), rows)
    whole = rows.sum(axis=1)[:, None] * rows.sum(axis=1)
    found = resampled(grey, spans, spans, 16).reshape(sums.shape)
    assert all(a == int(b) / int(c) for a, b, c in zip(found[0].flat, sums[0].flat, whole.flat, strict=True))
    assert np.array_equal(found, sums / whole)


@given(pictures)
@settings(max_examples=20, deadline=None)
def test_gradients_do_not_depend_on_what_else_is_computed(grey: np.ndarray) -> None:
    views = gradients(grey, SKETCH_CELLS, SKETCH_SPANS)
    assert views.shape == (9, len(grey), 180)
    for number in range(len(grey)):
        assert np.array_equal(gradients(grey[number : number + 1], SKETCH_CELLS, SKETCH_SPANS)[:, 0], views[:, number])
    assert np.array_equal(gradients(grey, SKETCH_CELLS)[0], views[0])


@given(vectors, vectors)
@settings(max_examples=50, deadline=None)
def test_products_are_those_of_integers(one: np.ndarray, other: np.ndarray) -> None:
    def to_length(rows: np.ndarray) -> np.ndarray:
        length = np.maximum(1.0, np.linalg.norm(rows.astype(np.float64), axis=1, keepdims=True))
        return np.rint(UNIT * rows / length).astype(np.int8)

    one, other = to_length(one), to_length(other)
    assert np.array_equal(products(one, other), one.astype(np.int64) @ other.astype(np.int64).T)
    order = np.random.default_rng(0).permutation(one.shape[1])
    assert np.array_equal(products(one[:, order], other[:, order]), products(one, other))


def test_a_picture_is_like_itself_and_unlike_others() -> None:
    mine, yours = (gradients(scene(seed).pictures, 16)[0] for seed in (1, 2))
    assert products(mine, mine).diagonal() == pytest.approx(UNIT**2, rel=0.05)
    assert np.abs(products(mine, yours)).max() < 0.5 * UNIT**2


def test_light_and_contrast_hardly_matter() -> None:
    plain = scene(1)
    darker = Footage(plain.time_ms, (0.6 * plain.pictures).astype(np.uint8))
    assert products(gradients(plain.pictures, 16)[0], gradients(darker.pictures, 16)[0]).diagonal().min() > 9500


def test_a_sticker_matters_where_it_is() -> None:
    plain = scene(1)
    with_sticker = covered(plain, slice(0, 16), slice(0, 32))
    alike = products(gradients(plain.pictures, 16)[0], gradients(with_sticker.pictures, 16)[0]).diagonal()
    assert alike.min() > 0.75 * UNIT**2


@pytest.mark.parametrize("level", [0, 128, 255])
def test_what_shows_nothing_is_like_nothing(level: int) -> None:
    flat = np.full((3, PICTURE_PX, PICTURE_PX), level, np.uint8)
    assert not gradients(flat, 16).any()


def test_stored_footage_comes_back_with_its_sketch() -> None:
    footage = scene(3, duration_s=3.25)
    data = to_parquet(footage)
    assert to_parquet(footage) == data
    back, sketch, made = footage_from_parquet(data), sketch_from_parquet(data), sketch_of(footage)
    assert np.array_equal(back.time_ms, footage.time_ms)
    assert np.array_equal(back.pictures, footage.pictures)
    assert np.array_equal(sketch.queries, made.queries)
    assert np.array_equal(sketch.targets, made.targets)
    assert sketch.queries.shape == (9, 4, 180)
    assert sketch.targets.shape == (7, 180)


def test_empty_footage_can_be_stored() -> None:
    empty = Footage(np.zeros(0, np.int64), np.zeros((0, PICTURE_PX, PICTURE_PX), np.uint8))
    assert len(footage_from_parquet(to_parquet(empty))) == 0
    assert sketch_from_parquet(to_parquet(empty)).queries.shape == (9, 0, 180)


def test_files_of_another_version_are_refused() -> None:
    table = pq.read_table(io.BytesIO(to_parquet(scene(1, duration_s=1))))
    file = io.BytesIO()
    pq.write_table(table.replace_schema_metadata({"footage_version": "0"}), file)
    with pytest.raises(ValueError, match="not footage of version 1"):
        footage_from_parquet(file.getvalue())


def test_bars_are_taken_off() -> None:
    pictured = scene(4, duration_s=4).pictures
    plain = made_series(120)
    count = len(plain.thumbnails)
    whole = footage_of(dataclasses.replace(plain, thumbnails=pictured[:count]))
    assert np.array_equal(whole.pictures, pictured[:count])
    assert np.array_equal(whole.time_ms, np.rint(plain.time_s[plain.thumbnail_row] * 1000))

    boxed = np.zeros_like(pictured[:count])
    boxed[:, 8:-8] = (
        np.rint(resampled(pictured[:count], (WHOLE,), (WHOLE,), 48)[:, 0, :, 0])
        .astype(np.uint8)
        .repeat(2, axis=2)[:, :, 16:80]
    )
    bars = np.where((np.arange(120) % 5 == 0)[:, None], [45, 45, 0, 0], -1)
    series = dataclasses.replace(plain, thumbnails=boxed, bars_px=bars.astype(np.int32), edges_px=bars.astype(np.int32))
    assert footage_of(series).pictures[:, 0].mean() > 40
    assert boxed[:, 0].max() == 0
