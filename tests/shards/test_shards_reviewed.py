"""A version says which of its samples came, went or changed because of what people said."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from record_samples import blob, clip, clip_picture, source, track
from shard_samples import MakeSample, key_of

from pvtt_data.errors import DatasetError
from pvtt_data.records import Clip, MaskTrack, Picture, Source, content_id, to_arrow
from pvtt_data.reviews.applied import AppliedVerdict, applied_verdict
from pvtt_data.reviews.effective import standings
from pvtt_data.reviews.records import Review, SubjectKind, clip_key, mask_key, triple_key
from pvtt_data.shards import DatasetSettings, ShardSample, diff_versions, publish, verify, write_dataset
from pvtt_data.shards.index import read_index
from pvtt_data.shards.manifest import read_lineage

OF_B, OF_A = source("b"), source("a")
CLIP_A = clip("clip of a", OF_A)
TRACK_A = track(CLIP_A)
FRAME = dataclasses.replace(
    clip_picture("frame", OF_A, 1.0), picture_id=content_id("picture", OF_A.product_id, CLIP_A.clip_id, 7)
)
Version = Callable[..., Path]


def applied(kind: SubjectKind, key: str, action: str, effect: str, **facts: Any) -> AppliedVerdict:
    if action in ("reject", "flag"):
        facts.setdefault("reason", "drift")
    review = Review.made(kind, key, action, "anna", **facts)  # type: ignore[arg-type]
    (standing,) = standings([review]).values()
    return applied_verdict(standing, "row", "a row", {effect} if effect else set())  # type: ignore[arg-type]


@pytest.fixture
def version(tmp_path: Path, settings: DatasetSettings) -> Version:
    """Publishes samples of source B, whose A was cut out of a clip of source A, with the verdicts that met them."""

    def make(
        samples: Sequence[ShardSample], *verdicts: AppliedVerdict, sources: Sequence[Source] = (OF_A, OF_B)
    ) -> Path:
        triples = [
            {
                "triple_id": s.key,
                "source_id": OF_B.source_id,
                "track_id_a": TRACK_A.track_id,
                "cutout_id": FRAME.picture_id,
            }
            for s in samples
        ]
        tables = {
            "sources": to_arrow(Source, sources),
            "clips": to_arrow(Clip, [CLIP_A]),
            "tracks": to_arrow(MaskTrack, [TRACK_A]),
            "pictures": to_arrow(Picture, [FRAME]),
            "triples": pa.Table.from_pylist(triples),
        }
        if verdicts:
            tables["verdicts"] = to_arrow(AppliedVerdict, verdicts)
        for name, table in tables.items():
            pq.write_table(table, tmp_path / f"{name}.parquet")
        paths = {name: tmp_path / f"{name}.parquet" for name in tables}
        write_dataset(tmp_path / "new", samples, settings, paths)
        return publish(tmp_path / "new", tmp_path / "shards").path

    return make


def members(folder: Path, key: str) -> dict[str, str]:
    index = read_index(folder / "index.parquet").to_pylist()
    return {row["member"]: row["sha256"] for row in index if row["key"] == key}


def parts(folder: Path, key: str) -> dict[str, tuple[SubjectKind, str]]:
    """Part of a sample → kind and key of the verdict about it."""
    has = members(folder, key)
    a_video, a_mask = CLIP_A.video.sha256, TRACK_A.mask.sha256
    return {
        "triple": ("triple", triple_key(has)),
        "mask": ("mask", mask_key(has["target.mp4"], has["target_mask.mp4"])),
        "clip": ("clip", clip_key(has["target.mp4"])),
        "a-mask": ("mask", mask_key(a_video, a_mask)),
        "a-clip": ("clip", clip_key(a_video)),
    }


@pytest.mark.parametrize("part", ["triple", "mask", "clip", "a-mask", "a-clip"])
def test_a_sample_that_went_by_a_review_of_any_part_says_so(
    version: Version, samples: list[ShardSample], part: str
) -> None:
    first = version(samples)
    kind, key = parts(first, key_of(0))[part]
    second = version([s for s in samples if s.key != key_of(0)], applied(kind, key, "reject", "dropped"))
    lineage = read_lineage(second)
    assert lineage.reviewed == {key_of(0): f"{part} review-drift"}
    (line,) = diff_versions(first, second).removed
    assert (line.why, line.review) == ("review", f"{part} review-drift")
    assert verify(first).ok and verify(second).ok


def test_a_sample_whose_pasted_picture_was_cut_out_with_a_rejected_mask_says_so(
    version: Version, samples: list[ShardSample]
) -> None:
    first = version(samples)
    kind, key = parts(first, key_of(0))["a-mask"]
    without = pq.read_table(first / "tables" / "triples.parquet")
    assert FRAME.picture_id in without.column("cutout_id").to_pylist()
    rows = [{**row, "track_id_a": ""} for row in without.to_pylist()]
    path = first / "tables" / "triples.parquet"
    path.chmod(0o644)
    pq.write_table(pa.Table.from_pylist(rows), path)
    second = version([s for s in samples if s.key != key_of(0)], applied(kind, key, "reject", "dropped"))
    assert read_lineage(second).reviewed == {key_of(0): "picture review-drift"}


def test_what_went_for_another_reason_is_not_put_down_to_a_review(version: Version, samples: list[ShardSample]) -> None:
    first = version(samples)
    elsewhere = applied("mask", mask_key(blob("x").sha256, blob("y").sha256), "reject", "dropped")
    second = version([s for s in samples if s.key != key_of(0)], elsewhere)
    assert read_lineage(second).removed == [key_of(0)]
    assert read_lineage(second).reviewed == {}
    assert b"reviewed" not in (second / "lineage.json").read_bytes()
    assert diff_versions(first, second).removed[0].why == "product-gone"


def test_an_old_verdict_explains_nothing_that_is_new(version: Version, samples: list[ShardSample]) -> None:
    first = version(samples)
    kind, key = parts(first, key_of(0))["mask"]
    accept = applied(kind, key, "accept", "passed")
    second = version(samples, accept)
    third = version([s for s in samples if s.key != key_of(0)], accept)
    assert read_lineage(second).reviewed == {}
    assert read_lineage(third).reviewed == {}


def test_a_sample_that_goes_with_its_source_is_not_put_down_to_an_undo(
    version: Version, samples: list[ShardSample]
) -> None:
    first = version(samples)
    kind, key = parts(first, key_of(0))["mask"]
    version(samples, applied(kind, key, "accept", "passed"))
    third = version([s for s in samples if s.key != key_of(0)], sources=[OF_A])
    assert read_lineage(third).removed == [key_of(0)] and read_lineage(third).reviewed == {}


def test_a_verdict_that_is_taken_back_brings_the_sample_back_and_says_so(
    version: Version, samples: list[ShardSample]
) -> None:
    first = version(samples)
    kind, key = parts(first, key_of(0))["mask"]
    version([s for s in samples if s.key != key_of(0)], applied(kind, key, "reject", "dropped"))
    third = version(samples)
    assert read_lineage(third).reviewed == {key_of(0): "mask review-withdrawn"}


def test_a_flag_of_people_explains_the_change_of_a_sample(
    version: Version, samples: list[ShardSample], make_sample: MakeSample
) -> None:
    first = version(samples)
    kind, key = parts(first, key_of(1))["triple"]
    flagged = make_sample(1, references=2, meta={"verdict": "flag", "reasons": ["review-bad-edges"]})
    verdict = applied(kind, key, "flag", "flagged", reason="bad-edges")
    second = version([flagged if s.key == key_of(1) else s for s in samples], verdict)
    assert read_lineage(second).reviewed == {key_of(1): "triple review-bad-edges"}
    (change,) = diff_versions(first, second).changed
    assert change.review == "triple review-bad-edges" and "verdict" in change.fields


def test_a_lineage_with_reviews_is_as_safe_as_any(version: Version, samples: list[ShardSample]) -> None:
    first = version(samples)
    kind, key = parts(first, key_of(0))["mask"]
    second = version([s for s in samples if s.key != key_of(0)], applied(kind, key, "reject", "dropped"))
    path = second / "lineage.json"
    path.chmod(0o644)
    path.write_text(path.read_text(encoding="utf-8").replace("review-drift", "review-other"), encoding="utf-8")
    assert "review-other" in json.loads(path.read_text(encoding="utf-8"))["reviewed"][key_of(0)]
    with pytest.raises(DatasetError, match="changed after writing"):
        read_lineage(second)
