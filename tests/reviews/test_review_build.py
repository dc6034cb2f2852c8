"""A real build, a person who rejects a mask, and the versions that follow."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from catalogue_builds import Builder

from pvtt_data.build import BuildOutcome
from pvtt_data.errors import PreflightError
from pvtt_data.plan import make_plan
from pvtt_data.reviews.log import ReviewLog
from pvtt_data.reviews.records import Review, mask_key
from pvtt_data.shards import diff_versions, read_manifest, verify
from pvtt_data.shards.format import INDEX_FILE
from pvtt_data.shards.index import read_index

pytestmark = pytest.mark.slow


def test_a_rejected_mask_leaves_with_its_descendants_and_comes_back_when_that_is_taken_back(
    catalogue_build: tuple[Builder, BuildOutcome], tmp_path: Path
) -> None:
    builder, before = catalogue_build[0].copied(tmp_path), catalogue_build[1].tables
    first = builder.folder / "shards" / "v1"
    clips = {clip.clip_id: clip for clip in before.clips}
    tracks = {track.track_id: track for track in before.tracks}
    triple = next(t for t in before.triples if t.engine == "composite")
    track = tracks[triple.track_id]
    clip = clips[track.clip_id]
    verdicts = tmp_path / "verdicts"
    log = ReviewLog(verdicts, "anna")
    key = mask_key(clip.video.sha256, track.mask.sha256)
    review = log.append(Review.made("mask", key, "reject", "anna", reason="wrong-object"))
    nowhere = Review.made("triple", "ab" * 32, "reject", "anna", reason="drift", name="of another build")
    log.append(nowhere)

    plan = make_plan(builder.recipe(), builder.folder / "work", builder.folder / "shards", verdicts=verdicts)
    assert any("1 dropped" in note for note in plan.notes)
    second = builder.run(verdicts=verdicts)

    assert second.publication is not None and second.publication.version == 2
    gone = [r for r in second.tables.rejections if r.reason == "review-wrong-object"]
    assert [(r.stage, r.subject_id) for r in gone] == [("mask_qc", track.track_id)]
    assert any("1 verdict about nothing in this build (1 triple: of another build)" in note for note in second.notes)
    diff = diff_versions(first, second.publication.path)
    own = {t.triple_id[:16] for t in before.triples if t.track_id == track.track_id}
    removed = {line.key: line for line in diff.removed}
    assert own <= removed.keys()
    assert all(removed[name].review == "mask review-wrong-object" for name in own)
    # Whatever else differs used a picture that was cut out of the clip, or took the place of what went.
    product = clip_product(before, clip.source_id)
    for line in (*diff.removed, *diff.changed, *diff.added):
        assert product in (line.product_a, line.product_b)
    assert not Counter(line.source_id for line in diff.added) - Counter(line.source_id for line in diff.removed)
    lineage = second.publication.lineage
    assert lineage is not None and set(lineage.reviewed) <= {*lineage.removed, *lineage.added, *lineage.changed}
    where = {
        row["key"]: row["shard"]
        for folder in (first, second.publication.path)
        for row in read_index(folder / INDEX_FILE).to_pylist()
    }
    changed = (*lineage.removed, *lineage.added, *lineage.changed)
    assert set(diff.shards_rewritten) == {where[name] for name in changed}
    computed = {r.stage for r in second.results if not r.table and r.items > r.cached}
    assert computed <= {"synthesise", "crosspair", "panzoom", "triple_numbers"}
    assert verify(first, sample=1).ok and verify(second.publication.path, sample=1).ok
    assert [(v.kind, v.effects) for v in second.tables.verdicts] == [("mask", ("dropped",))]
    card = (second.publication.path / "README.md").read_text(encoding="utf-8")
    assert "| masks | 1 | 0 | 0 | 1 | 0 | 0 |" in card and "`review-wrong-object` | 1 |" in card
    assert "anna" not in card and "People** have not looked" in (first / "README.md").read_text(encoding="utf-8")

    again = builder.run(verdicts=verdicts)
    assert again.publication is not None and again.publication.status == "up-to-date"
    with pytest.raises(PreflightError, match="what they rejected would come back"):
        builder.run(verdicts=tmp_path / "elsewhere")

    log.append(Review.made("mask", key, "undo", "anna", undoes=review.review_id))
    third = builder.run(verdicts=verdicts)
    assert third.publication is not None and third.publication.version == 3
    assert third.publication.root == read_manifest(first).root
    assert third.publication.lineage is not None
    assert set(third.publication.lineage.reviewed.values()) >= {"mask review-withdrawn"}


def clip_product(tables: object, source_id: str) -> str:
    """The product that a source shows."""
    return str(next(s.product_id for s in tables.sources if s.source_id == source_id))  # type: ignore[attr-defined]
