from __future__ import annotations

import hashlib
import io
import json
import math
import struct
import tarfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pvtt_data.shards import shard_count_for
from pvtt_data.shards.format import (
    MAX_MEMBER_BYTES,
    canonical_json,
    member_names,
    parse_shard_path,
    shard_of,
    shard_path,
    tar_end,
    tar_header,
    tar_padding,
)
from pvtt_data.shards.manifest import root_of

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=("Cs",))),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(exclude_categories=("Cs",))), inner),
    max_leaves=15,
)


def same(a: object, b: object) -> bool:
    """Equality that tells 1 from 1.0 from True, and 0.0 from -0.0."""
    if type(a) is not type(b):
        return False
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, float) and isinstance(b, float):
        return struct.pack("d", a) == struct.pack("d", b)
    return a == b


@given(JSON)
def test_canonical_json_reads_back_equal_with_the_same_types(value: object) -> None:
    data = canonical_json(value)
    assert same(json.loads(data), value)
    assert canonical_json(json.loads(data)) == data


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_float_has_a_point(value: float) -> None:
    assert b"." in canonical_json(value)


@pytest.mark.parametrize("value", [math.nan, math.inf, {"a": [-math.inf]}, "\udc80"])
def test_what_json_cannot_say_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match=r"finite|surrogates"):
        canonical_json(value)


def test_objects_need_text_keys() -> None:
    with pytest.raises(TypeError, match="strings"):
        canonical_json({1: 2})
    with pytest.raises(TypeError, match="bytes"):
        canonical_json({"a": b"b"})


@given(
    st.lists(st.tuples(st.from_regex(r"[0-9a-f]{16}\.(source\.mp4|json)", fullmatch=True), st.binary(max_size=2000)))
)
def test_tars_put_together_from_the_parts_are_what_tarfile_writes(members: list[tuple[str, bytes]]) -> None:
    ours = b"".join(tar_header(n, len(d)) + d + bytes(tar_padding(len(d))) for n, d in members)
    ours += bytes(tar_end(len(ours)))
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, data in members:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    assert ours == file.getvalue()


def test_members_that_a_plain_header_cannot_hold_are_refused() -> None:
    assert len(tar_header("a", MAX_MEMBER_BYTES)) == 512
    with pytest.raises(ValueError, match="at most"):
        tar_header("a", MAX_MEMBER_BYTES + 1)
    with pytest.raises(ValueError, match="longer than 100"):
        tar_header("a" * 101, 1)


def test_a_key_keeps_its_shard_for_ever() -> None:
    """Golden, from `printf 0123456789abcdef | sha256sum`: another hash would move every sample of every dataset."""
    assert shard_of("0123456789abcdef", 99_999) == 0x9F9F5111F7B27A78 % 99_999


def test_only_shard_paths_parse() -> None:
    assert parse_shard_path(shard_path("test", 3, 12)) == ("test", 3, 12)
    for path in (
        "data/train-00003-of-00003.tar",
        "data/dev-00000-of-00001.tar",
        "../data/train-00000-of-00001.tar",
        "",
    ):
        assert parse_shard_path(path) is None


def test_only_validation_and_test_have_heldout_members() -> None:
    assert "heldout_0.png" not in member_names("train", 2, 3)
    assert member_names("test", 1, 2)[-4:] == ("reference_0.png", "heldout_0.png", "heldout_1.png", "json")


@given(st.integers(0, 1 << 50))
def test_shard_count_is_a_power_of_two_with_shards_near_the_target(size: int) -> None:
    count = shard_count_for(size)
    assert count & (count - 1) == 0
    if 1 < count < 65536:
        assert 500 << 20 < size / count < 1100 << 20


def test_root_is_what_sha256sum_would_give() -> None:
    files = {"b": "2" * 64, "a": "1" * 64}
    assert root_of(files) == hashlib.sha256(f"{'1' * 64}  a\n{'2' * 64}  b\n".encode()).hexdigest()
