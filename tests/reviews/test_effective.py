"""Who says what now."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from reviews_said import key, reviews, said, undo

from pvtt_data.reviews.agreement import agreements, cohens_kappa
from pvtt_data.reviews.effective import Standing, conflicts, idle_undos, standings
from pvtt_data.reviews.records import Review


def only(*given_reviews: Review, arbiter: str | None = None) -> Standing:
    """What stands of the one subject that these are about."""
    (standing,) = standings(given_reviews, arbiter).values()
    return standing


def test_the_later_word_of_a_reviewer_holds() -> None:
    assert only(said("accept", minute=2), said("reject", minute=1)).verdict == "accept"


def test_an_undo_brings_back_what_was_said_before() -> None:
    first, second = said("flag", minute=1), said("reject", minute=2)
    standing = only(first, second, undo(second, 3))
    assert (standing.verdict, standing.reasons) == ("flag", ("drift",))
    assert standings([first, undo(first, 3)]) == {}


def test_nobody_takes_back_the_word_of_another_nor_of_another_subject_nor_an_undo() -> None:
    first = said("reject", "anna", minute=1)
    foreign = undo(first, 2, "ben")
    elsewhere = Review.made("mask", key("another"), "undo", "anna", at=first.at, undoes=first.review_id)
    own = undo(first, 3)
    of_undo = undo(own, 4)
    assert only(first, foreign, elsewhere).verdict == "reject"
    assert idle_undos([first, foreign, elsewhere, own, of_undo]) == [foreign, elsewhere, of_undo]
    assert standings([first, own, of_undo]) == {}


def test_the_strictest_of_several_reviewers_holds_and_all_their_reasons() -> None:
    words = [
        said("accept", "anna"),
        said("reject", "ben", reason="drift"),
        said("flag", "cleo", reason="privacy"),
        said("reject", "dora", reason="bad-edges"),
    ]
    standing = only(*words)
    assert (standing.verdict, standing.reasons) == ("reject", ("bad-edges", "drift"))
    assert standing.is_conflict and conflicts(standings(words)) == [standing]


def test_reviewers_who_reject_for_different_reasons_agree() -> None:
    assert not only(said("reject", "anna"), said("reject", "ben", reason="privacy")).is_conflict


def test_the_word_of_the_arbiter_decides_where_there_is_one() -> None:
    words = [said("reject", "anna"), said("accept", "ben")]
    standing = only(*words, arbiter="ben")
    assert standing.verdict == "accept" and standing.disagreements and not standing.is_conflict
    assert only(*words, arbiter="cleo").verdict == "reject"
    assert only(*words, arbiter="cleo").is_conflict


def test_a_resegment_a_verdict_and_labels_are_matters_of_their_own() -> None:
    clip = only(
        said("flag", minute=1, kind="clip", about="clip"),
        said("resegment", minute=2, about="clip", prompt="mug."),
        said("accept", "ben", minute=3, kind="clip", about="clip"),
    )
    assert clip.verdict == "flag" and clip.resegment is not None and clip.resegment.prompt == "mug."
    source = only(said("relabel", minute=1, category="cups"), said("relabel", minute=2, product_id="P7"))
    assert (source.category, source.product_id, source.verdict) == ("cups", "P7", None)


def test_of_different_labels_the_latest_holds_and_is_a_conflict() -> None:
    source = only(said("relabel", "ben", minute=2, category="cups"), said("relabel", "anna", minute=1, category="mugs"))
    assert source.category == "cups" and source.is_conflict


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(reviews(), max_size=12, unique_by=lambda r: (r.reviewer, r.subject, r.at)), st.data())
def test_files_can_be_merged_in_any_order(given_reviews: list[Review], data: st.DataObject) -> None:
    undone = data.draw(st.lists(st.sampled_from(given_reviews), max_size=3)) if given_reviews else []
    everything = [*given_reviews, *(undo(review, 30) for review in undone)]
    shuffled = data.draw(st.permutations(everything))
    assert standings(everything) == standings(shuffled)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(reviews(), max_size=12))
def test_a_further_reviewer_never_makes_a_verdict_milder(given_reviews: list[Review]) -> None:
    order = {None: -1, "accept": 0, "flag": 1, "reject": 2}
    before = standings([review for review in given_reviews if review.reviewer != "cleo"])
    after = standings(given_reviews)
    assert all(order[after[subject].verdict] >= order[standing.verdict] for subject, standing in before.items())


def test_kappa_of_a_known_table() -> None:
    """Two raters of 50 grant proposals: 20 both yes, 15 both no, 5 and 10 apart; kappa 0.4."""
    pairs = [("yes", "yes")] * 20 + [("yes", "no")] * 5 + [("no", "yes")] * 10 + [("no", "no")] * 15
    assert cohens_kappa(pairs) is not None
    assert round(cohens_kappa(pairs) or 0, 12) == 0.4


def test_kappa_says_nothing_where_chance_would_agree_everywhere() -> None:
    assert cohens_kappa([("accept", "accept")] * 9) is None
    assert cohens_kappa([("accept", "reject"), ("reject", "accept")]) == -1


def test_agreement_counts_what_both_looked_at_and_what_holds_of_it() -> None:
    words = [said("accept", "anna", about=n) for n in range(4)]
    words += [said("accept" if n else "reject", "ben", about=n) for n in range(6)]
    words += [said("reject", "anna", about=0, minute=5), said("accept", "cleo", about=77)]
    (row,) = agreements(standings(words))
    assert (row.one, row.other, row.subjects, row.same, row.kappa) == ("anna", "ben", 4, 4, 1.0)
