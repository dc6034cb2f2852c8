"""Records keep their values and their column types through JSON and Arrow, whatever they hold."""

from __future__ import annotations

import io
import json
import math
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from record_samples import finite_floats, records, source, texts

from pvtt_data.records import (
    RECORD_TYPES,
    Blob,
    Rejection,
    Source,
    arrow_schema,
    canonical_json,
    content_id,
    from_arrow,
    from_plain,
    record_key,
    to_arrow,
    to_plain,
)

quick = settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
plain_json = st.recursive(
    st.none() | st.booleans() | st.integers() | finite_floats | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.parametrize("record", RECORD_TYPES)
def test_every_record_survives_json(record: type) -> None:
    @quick
    @given(records(record))
    def check(row: Any) -> None:
        assert from_plain(record, json.loads(json.dumps(to_plain(row)))) == row

    check()


@pytest.mark.parametrize("record", RECORD_TYPES)
def test_every_record_survives_parquet_and_comes_back_sorted(record: type) -> None:
    @quick
    @given(st.lists(records(record), max_size=3))
    def check(rows: list[Any]) -> None:
        file = io.BytesIO()
        pq.write_table(to_arrow(record, rows), file)
        back: list[Any] = from_arrow(record, pq.read_table(file))
        assert back == sorted(rows, key=record_key)

    check()


@pytest.mark.parametrize("record", RECORD_TYPES)
def test_the_columns_of_an_empty_table_are_those_of_a_full_one(record: type) -> None:
    @settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(records(record))
    def check(row: Any) -> None:
        full, empty = to_arrow(record, [row]), to_arrow(record, [])
        assert empty.schema.equals(full.schema, check_metadata=True)
        assert empty.schema.equals(arrow_schema(record), check_metadata=True)
        assert empty.num_rows == 0

    check()


@given(plain_json)
def test_canonical_json_says_what_it_was_given(value: Any) -> None:
    assert json.loads(canonical_json(value)) == value


@given(st.dictionaries(texts, finite_floats, min_size=2, max_size=5), st.randoms())
def test_the_order_of_keys_changes_neither_canonical_json_nor_the_id(fields: dict[str, float], random: Any) -> None:
    shuffled = list(fields.items())
    random.shuffle(shuffled)
    assert canonical_json(dict(shuffled)) == canonical_json(fields)
    assert content_id("x", dict(shuffled)) == content_id("x", fields)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_numbers_that_json_does_not_know_are_refused(value: float) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        canonical_json({"deep": [{"down": value}]})
    with pytest.raises(ValueError, match="not JSON compliant"):
        content_id("clip", value)


def test_ids_tell_facts_apart() -> None:
    facts = [("a", "b"), ("ab",), ("a", ["b"]), ("a", "b", ""), ("b", "a"), ("a", None), ("a", 1), ("a", "1")]
    assert len({content_id(*fact) for fact in facts}) == len(facts)
    assert content_id("a", "b") == content_id("a", "b")
    assert len(content_id("a")) == 16


def test_unknown_and_missing_fields_are_refused() -> None:
    plain = to_plain(source("mug"))
    with pytest.raises(TypeError, match="no field colour"):
        from_plain(Source, {**plain, "colour": "red"})
    with pytest.raises(TypeError, match="title"):
        from_plain(Source, {name: value for name, value in plain.items() if name != "title"})
    with pytest.raises(TypeError, match="no field host"):
        from_plain(Blob, {"sha256": "", "size_bytes": 1, "suffix": "mp4", "host": "x"})


def test_a_whole_number_in_a_column_of_floats_becomes_a_float() -> None:
    row = from_plain(Source, {**to_plain(source("mug")), "declared_fps": 25})
    assert isinstance(row.declared_fps, float)
    assert canonical_json(row) == canonical_json(from_plain(Source, json.loads(canonical_json(row))))


def test_rejections_without_numbers_are_whole() -> None:
    row = Rejection("1", "mine", "source", "2", "a.mp4", "empty-file", "the file is empty", "")
    assert from_arrow(Rejection, to_arrow(Rejection, [row])) == [row]
