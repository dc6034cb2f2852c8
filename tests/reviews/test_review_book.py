"""What a build makes of verdicts, stage by stage."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from record_samples import assignment, blob, clip, listing_picture, source, track

from pvtt_data.captions.config import CaptionsConfig
from pvtt_data.captions.writer import Captions
from pvtt_data.errors import BuildError
from pvtt_data.judge.config import JudgeConfig
from pvtt_data.progress import SilentReporter
from pvtt_data.records import Pair, Quality, Swap, Triple
from pvtt_data.reviews.book import ReviewBook, key_of_triple
from pvtt_data.reviews.effective import standings
from pvtt_data.reviews.records import Review, SubjectKind, clip_key, mask_key
from pvtt_data.reviews.relabel import relabelled
from pvtt_data.runner import Bounds, Runner
from pvtt_data.stage import StageResult, reject
from pvtt_data.stages.clip_review import clip_review
from pvtt_data.stages.judge import judge_triples
from pvtt_data.stages.mask_qc import MaskQcConfig, mask_qc
from pvtt_data.stages.triple_qc import Shelf, TripleQcConfig, triple_qc
from pvtt_data.workspace import Workspace

GOOD = {
    "background_psnr_db": 45.0, "centroid_agreement": 1.0, "reference_leak_bits": 20.0, "scale_agreement": 1.0,
    "residue": 0.0, "ab_similarity": 0.1, "made_up_share": 0.1,
}  # fmt: skip
STEADY = {"area_share_min": 0.1, "area_share_max": 0.2, "border_contact_max": 0.0, "empty_frames": 0.0}
A, B = source("a", "A"), source("b", "B")
CLIP = clip("clip of b", B)
TRACK = track(CLIP)
PAIR = Pair(
    "pair", "composite", "swap", "train", "easy", "A", "B", CLIP.clip_id, TRACK.track_id,
    listing_picture("cutout", "A").picture_id, (listing_picture("reference", "B").picture_id,), (), 1,
)  # fmt: skip
SWAP = Swap("pair", blob("source"), blob("source mask"), blob("effect"), ("noop",), {})
MASK = mask_key(CLIP.video.sha256, TRACK.mask.sha256)


def book(kind: SubjectKind, key: str, action: str, *more: Review, **facts: Any) -> ReviewBook:
    if action in ("reject", "flag"):
        facts.setdefault("reason", "drift")
    return ReviewBook(standings([Review.made(kind, key, action, "anna", **facts), *more]))  # type: ignore[arg-type]


def masks(reviews: ReviewBook | None, **numbers: float) -> StageResult:
    quality = Quality(TRACK.track_id, STEADY | numbers)
    return mask_qc([TRACK], [quality], MaskQcConfig(), clips={CLIP.clip_id: CLIP}, reviews=reviews)


def triples(reviews: ReviewBook | None, numbers: dict[str, float] | None = None, **changes: Any) -> StageResult:
    pair = dataclasses.replace(PAIR, **{n: v for n, v in changes.items() if n not in ("split_b", "mask_reasons")})
    made = dataclasses.replace(TRACK, reasons=changes.get("mask_reasons", ()))
    pictures = [listing_picture("cutout", "A"), listing_picture("reference", "B")]
    shelf = Shelf.of([A, B], [CLIP], [made], pictures, [pair])
    splits = [assignment(A, "a", "train"), assignment(B, "b", changes.get("split_b", "train"))]
    config = TripleQcConfig(embedder="colour-shape")
    quality = Quality("pair", GOOD | (numbers or {}))
    return triple_qc([SWAP], [quality], shelf, Captions(CaptionsConfig()), config, None, splits, reviews)


def triple() -> Triple:
    (made,) = triples(None).rows
    assert isinstance(made, Triple)
    return made


KEY = key_of_triple(triple())


def effects(reviews: ReviewBook) -> list[tuple[str, tuple[str, ...]]]:
    return [(row.kind, row.effects) for row in reviews.applied({})]


def test_a_rejected_mask_is_dropped_where_it_is_judged_with_the_reason_that_people_gave() -> None:
    reviews = book("mask", MASK, "reject")
    result = masks(reviews)
    assert not result.rows
    (dropped,) = result.rejections
    assert (dropped.stage, dropped.reason, dropped.message) == (
        "mask_qc",
        "review-drift",
        "rejected by 1 reviewer: drift",
    )
    assert effects(reviews) == [("mask", ("dropped",))]


def test_a_verdict_about_other_pixels_changes_nothing_and_is_counted() -> None:
    reviews = book("mask", mask_key(CLIP.video.sha256, blob("the mask before").sha256), "reject", name="mug 3")
    assert masks(reviews).rows == masks(None).rows
    assert [standing.name for standing in reviews.unmet()] == ["mug 3"]
    assert reviews.applied({}) == []
    assert any("1 verdict about nothing in this build (1 mask: mug 3)" in text for text in reviews.notes())
    assert not any("about nothing" in text for text in reviews.notes(complete=False))


def test_an_accepted_mask_loses_its_flags_and_passes_thresholds_but_never_when_it_is_empty_somewhere() -> None:
    flagged = {"border_contact_max": 0.5}
    assert masks(None, **flagged).rows[0].reasons == ("cut-off",)
    reviews = book("mask", MASK, "accept")
    assert (masks(reviews, **flagged).rows[0].verdict, effects(reviews)) == ("accept", [("mask", ("cleared",))])
    reviews = book("mask", MASK, "accept")
    assert masks(None, area_share_max=0.9).rejections[0].reason == "mask-too-large"
    (passed,) = masks(reviews, area_share_max=0.9).rows
    assert (passed.verdict, passed.reasons, effects(reviews)) == ("accept", (), [("mask", ("passed",))])
    reviews = book("mask", MASK, "accept")
    assert masks(reviews, area_share_min=0.0, empty_frames=3.0).rejections[0].reason == "mask-too-small"
    assert effects(reviews) == [("mask", ("kept-out",))]


def test_an_accept_of_what_was_accepted_is_in_the_books_and_changes_nothing() -> None:
    reviews = book("mask", MASK, "accept")
    assert masks(reviews).rows == masks(None).rows
    assert effects(reviews) == [("mask", ())]


def test_a_flagged_mask_goes_on_with_the_reason_and_flags_its_triples() -> None:
    reviews = book("mask", MASK, "flag")
    (flagged,) = masks(reviews, border_contact_max=0.5).rows
    assert (flagged.verdict, flagged.reasons) == ("flag", ("cut-off", "review-drift"))
    (made,) = triples(reviews, mask_reasons=flagged.reasons).rows
    assert made.verdict == "flag"
    assert made.reasons == ("noop", "mask-cut-off", "mask-review-drift")


def test_a_flag_does_not_let_pass_what_thresholds_reject() -> None:
    assert masks(book("mask", MASK, "flag"), area_share_max=0.9).rejections[0].reason == "mask-too-large"


def test_a_rejected_clip_leaves_before_anything_is_made_of_it_and_a_flagged_one_flags_its_triples() -> None:
    key = clip_key(CLIP.video.sha256)
    other = clip("another", A)
    names = {CLIP.clip_id: "b.mp4 [0:77)", other.clip_id: "a.mp4 [0:77)"}
    result = clip_review([CLIP, other], book("clip", key, "reject", reason="privacy"), names)
    assert result.rows == [other]
    (dropped,) = result.rejections
    assert (dropped.reason, dropped.subject) == ("review-privacy", "b.mp4 [0:77)")
    reviews = book("clip", key, "flag", reason="privacy")
    assert clip_review([CLIP, other], reviews, names).rows == [CLIP, other]
    assert triples(reviews).rows[0].reasons == ("noop", "clip-review-privacy")


def test_a_rejected_triple_goes() -> None:
    reviews = book("triple", KEY, "reject", reason="copied-reference")
    (dropped,) = triples(reviews).rejections
    assert (dropped.stage, dropped.reason) == ("triple_qc", "review-copied-reference")
    assert effects(reviews) == [("triple", ("dropped",))]


def test_an_accepted_triple_passes_thresholds_and_loses_its_flags_but_not_what_it_is() -> None:
    assert triples(None, {"residue": 1.0}).rejections[0].reason == "residue"
    (passed,) = triples(book("triple", KEY, "accept"), {"residue": 1.0}).rows
    assert (passed.verdict, passed.reasons) == ("accept", ("noop",))
    doubted = {"ab_similarity": 0.99}
    assert triples(None, doubted, mask_reasons=("cut-off",)).rows[0].reasons == ("too-alike", "noop", "mask-cut-off")
    (cleared,) = triples(book("triple", KEY, "accept"), doubted, mask_reasons=("cut-off",)).rows
    assert (cleared.verdict, cleared.reasons) == ("accept", ("noop",))
    assert cleared.triple_id == triple().triple_id


def test_nobody_can_accept_a_triple_that_straddles_splits() -> None:
    reviews = book("triple", KEY, "accept")
    assert triples(reviews, split_b="test").rejections[0].reason == "wrong-split"
    assert effects(reviews) == [("triple", ("kept-out",))]


def test_a_flag_of_people_on_a_part_outlasts_an_accept_of_the_triple() -> None:
    flag = Review.made("mask", MASK, "flag", "ben", reason="bad-edges")
    for numbers in ({"ab_similarity": 0.99}, {"residue": 1.0}):
        (made,) = triples(book("triple", KEY, "accept", flag), numbers).rows
        assert (made.verdict, made.reasons) == ("flag", ("noop", "mask-review-bad-edges"))


def test_a_mask_that_an_engine_made_takes_its_triple_along() -> None:
    """Photos and renders have no mask QC: what people say of their masks is heard where their triples are judged."""
    reviews = book("mask", MASK, "reject")
    (dropped,) = triples(reviews).rejections
    assert (dropped.reason, dropped.message) == ("review-drift", "the mask was rejected by 1 reviewer: drift")
    assert effects(reviews) == [("mask", ("dropped",))]


def test_what_a_person_accepted_the_judge_does_not_flag_or_reject() -> None:
    config = JudgeConfig.model_validate({"local": {"folder": "nowhere"}, "unanswered": "flag"})
    (doubted,) = judge_triples([triple()], {}, {}, config, "model").rows
    assert doubted.verdict == "flag" and "not-judged" in doubted.reasons
    reviews = book("triple", KEY, "accept")
    made = triples(reviews).rows
    assert judge_triples(made, {}, {}, config, "model", reviews=reviews).rows == made
    assert effects(reviews) == [("triple", ("cleared",))]


def test_a_relabelled_source_keeps_its_identifier_and_takes_the_listing_of_its_new_product() -> None:
    mug, bowl = (
        source("mug", "M", ("mug front",), title="A mug", category="mugs"),
        source("bowl", "W", ("bowl front",), title="A bowl", category="bowls"),
    )
    reviews = book("source", mug.sha256, "relabel", product_id="W")
    (changed, same), notes = relabelled([mug, bowl], reviews)
    assert changed == dataclasses.replace(bowl, source_id=mug.source_id, sha256=mug.sha256, path=mug.path)
    assert same == bowl and not notes
    assert effects(reviews) == [("source", ("relabelled",))]


def test_a_source_of_a_product_that_the_feed_has_not_goes_without_listing() -> None:
    mug = source("mug", "M", ("mug front",), title="A mug", category="mugs")
    ((changed,), _) = relabelled([mug], book("source", mug.sha256, "relabel", product_id="new", category="cups"))
    assert (changed.product_id, changed.title, changed.category, changed.images) == ("new", "", "cups", ())


def test_a_product_with_two_categories_is_told() -> None:
    one, other = source("one", "M", category="mugs"), source("other", "M", category="mugs")
    _, notes = relabelled([one, other], book("source", one.sha256, "relabel", category="cups"))
    assert notes == ["sources of product M have several categories (cups, mugs): relabel the others"]


def test_the_table_of_a_dataset_says_nothing_of_who_and_when() -> None:
    first = book("mask", MASK, "reject", comment="Anna's hand", at="2026-11-26T10:00:00Z")
    later = book("mask", MASK, "reject", comment="again", at="2027-01-01T10:00:00Z")
    for reviews in (first, later):
        masks(reviews)
    assert first.applied({}) == later.applied({})
    assert "anna" not in repr(first.applied({})).lower()


def test_conflicts_and_undos_that_take_nothing_back_are_told() -> None:
    other = Review.made("mask", MASK, "accept", "ben")
    reviews = book("mask", MASK, "reject", other)
    masks(reviews)
    assert any("reviewers disagree on 1 subject" in text for text in reviews.notes())
    assert reviews.applied({})[0].disagree


@pytest.mark.parametrize(("reason", "fails"), [("review-drift", False), ("residue", True)])
def test_what_people_reject_is_no_sign_of_a_setting_that_went_wrong(tmp_path: Any, reason: str, fails: bool) -> None:
    bounds = Bounds(max_reject={"triple_qc": 0.5})
    runner = Runner(Workspace(tmp_path), None, SilentReporter(), bounds=bounds)
    result = StageResult("triple_qc", items=2, table=True)
    result.rejections = [reject("triple_qc", "pair", str(n), "", reason, "") for n in range(2)]
    if fails:
        with pytest.raises(BuildError, match="max_reject"):
            runner.table(result)
    else:
        assert runner.table(result) == []


def test_agreement_is_of_what_the_build_met_and_names_nobody() -> None:
    clip_of = clip_key(CLIP.video.sha256)
    words = [
        Review.made("mask", MASK, "reject", "anna", reason="drift"),
        Review.made("mask", MASK, "accept", "ben"),
        Review.made("mask", MASK, "reject", "cleo", reason="drift"),
        Review.made("clip", clip_of, "accept", "anna"),
        Review.made("mask", "ab" * 32, "accept", "anna"),
        Review.made("mask", "ab" * 32, "accept", "ben"),
    ]
    reviews = ReviewBook(standings(words))
    assert reviews.agreement() == []
    masks(reviews)
    rows = {row.pair: row for row in reviews.agreement()}
    assert [(rows[n].kind, rows[n].subjects, rows[n].same) for n in (1, 2, 3)] == [
        ("mask", 1, 0), ("mask", 1, 1), ("mask", 1, 0)
    ]  # fmt: skip
    assert (rows[1].kappa, rows[2].kappa) == (0.0, None)
    assert not {"anna", "ben", "cleo"} & {str(value) for row in rows.values() for value in dataclasses.astuple(row)}
