"""Casts are stable: a product more or less, or a sample more, leaves all else as it was."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pvtt_data.records import Article, RenderPlan, Split
from pvtt_data.render.casting import Casting, cast, cast_adverts, difficulty_of, procedural_articles, spec_of
from pvtt_data.render.products.library import FAMILIES, build_product
from pvtt_data.stages.assign_split import SplitAssignmentConfig, split_of

ARTICLES = procedural_articles(3, 240)
SPLITS: dict[str, Split] = {
    article.product_id: split_of(article.product_id, SplitAssignmentConfig(validation_share=0.2, test_share=0.2))
    for article in ARTICLES
}
WISHES = {"easy": 0.25, "medium": 0.25, "hard": 0.3, "expert": 0.2}
SIZES = ((480, 848), (848, 480), (640, 640))
CASTING = Casting(11, WISHES, 0.12, SIZES)  # type: ignore[arg-type]


def model(number: int) -> Article:
    """An imported model: nothing is known of its form."""
    return Article(f"model-{number}", "mugs", "mugs", "", "", 0, 0, 0, "ab" * 32, "cd" * 32, "A mug", "CC0-1.0")


def plans(count: int, articles: list[Article] = ARTICLES, casting: Casting = CASTING) -> list[RenderPlan]:
    made = [cast(number, articles, SPLITS, casting) for number in range(count)]
    return [plan for plan in made if plan is not None]


CAST = plans(600)
APART = [plan for plan in CAST if not plan.near_identity]


def test_the_first_identities_stay_when_more_are_asked_for_and_another_seed_gives_others() -> None:
    assert procedural_articles(3, 20) == ARTICLES[:20]
    assert not {a.product_id for a in procedural_articles(4, 20)} & {a.product_id for a in ARTICLES}
    assert {article.family for article in procedural_articles(3, 40, ["ring", "mug"])} == {"ring", "mug"}
    assert len({article.product_id for article in ARTICLES}) == len(ARTICLES)


def test_an_article_is_the_product_that_is_built_from_it() -> None:
    for article in ARTICLES[:3]:
        product = build_product(spec_of(article))
        assert (product.product_id, product.category) == (article.product_id, article.category)
        assert article.group == FAMILIES[article.family].group


def test_a_sample_depends_on_its_number_alone() -> None:
    assert plans(40) == CAST[:40]
    assert cast(17, ARTICLES[::-1], SPLITS, CASTING) == CAST[17], "the order of products does not matter"
    assert len({plan.sample_id for plan in CAST}) == len(CAST)
    assert len({plan.seed for plan in CAST}) == len(CAST)


def test_another_seed_casts_other_samples() -> None:
    other = plans(40, casting=Casting(12, WISHES, 0.12, SIZES))  # type: ignore[arg-type]
    assert not {plan.sample_id for plan in other} & {plan.sample_id for plan in CAST}


@settings(max_examples=8, deadline=None)
@given(st.integers(0, len(ARTICLES) - 1))
def test_a_product_less_changes_only_the_samples_that_mention_it(gone: int) -> None:
    name = ARTICLES[gone].product_id
    fewer = plans(150, ARTICLES[:gone] + ARTICLES[gone + 1 :])
    for before, after in zip(CAST[:150], fewer, strict=True):
        assert after == before or name in (before.a.product_id, before.b.product_id)
        assert name not in (after.a.product_id, after.b.product_id)


def test_a_product_more_changes_only_samples_in_which_it_then_plays() -> None:
    name = ARTICLES[7].product_id
    fewer = plans(600, ARTICLES[:7] + ARTICLES[8:])
    changed = [now for was, now in zip(fewer, CAST, strict=True) if was != now]
    assert changed and all(name in (plan.a.product_id, plan.b.product_id) for plan in changed)


def test_no_sample_mixes_splits_and_all_splits_play() -> None:
    for plan in APART:
        assert plan.split == SPLITS[plan.a.product_id] == SPLITS[plan.b.product_id]
    assert {plan.split for plan in CAST} == {"train", "validation", "test"}


def test_nobody_plays_against_themselves() -> None:
    assert all(plan.a.product_id != plan.b.product_id for plan in CAST)


def test_difficulties_are_what_they_say_and_come_about_as_often_as_wished() -> None:
    assert all(plan.difficulty == difficulty_of(plan.a, plan.b) for plan in APART)
    counts = Counter(plan.difficulty for plan in APART)
    for difficulty, share in WISHES.items():
        assert counts[difficulty] / len(APART) == pytest.approx(share, abs=0.08), counts  # type: ignore[index]


def test_a_difficulty_that_is_not_wished_for_comes_only_where_nothing_else_fits() -> None:
    easy = plans(100, casting=Casting(11, {"easy": 1.0}, 0.0, SIZES))
    for plan in easy:
        company = [x for x in ARTICLES if x.product_id != plan.b.product_id and SPLITS[x.product_id] == plan.split]
        assert (plan.difficulty == "easy") == any(x.category == plan.b.category for x in company)
    assert sum(plan.difficulty == "easy" for plan in easy) > 80


def test_families_are_of_few_forms_so_that_unlike_products_can_look_alike_from_afar() -> None:
    assert {article.form for article in ARTICLES} <= {"tall", "block", "low", "loop", "pair", "flat"}


def test_difficulty_goes_by_category_then_group_then_form() -> None:
    by_family = {article.family: article for article in ARTICLES}
    assert difficulty_of(by_family["ring"], by_family["ring"]) == "easy"
    assert difficulty_of(by_family["ring"], by_family["watch"]) == "medium"
    assert difficulty_of(by_family["carton"], by_family["handbag"]) == "hard"
    assert difficulty_of(by_family["bottle"], by_family["wallet"]) == "expert"
    assert difficulty_of(by_family["bottle"], model(1)) == "hard", "of a model's form nothing is known"


def test_near_identities_are_one_product_in_another_finish_or_with_another_print() -> None:
    near = [plan for plan in CAST if plan.near_identity]
    assert len(near) / len(CAST) == pytest.approx(0.12, abs=0.05)
    for plan in near:
        a, b = plan.a, plan.b
        assert (a.family, a.shape_seed) == (b.family, b.shape_seed) and plan.difficulty == "hard"
        same = (a.finish_seed == b.finish_seed, a.label_seed == b.label_seed)
        assert same == ((False, True) if plan.near_identity == "finish" else (True, False))
    assert {plan.near_identity for plan in near} == {"finish", "label"}


def test_a_product_alone_in_its_split_meets_its_near_identity_and_a_model_alone_meets_nobody() -> None:
    alone = cast(0, ARTICLES[:1], SPLITS, Casting(1, WISHES, 0.0, SIZES))  # type: ignore[arg-type]
    assert alone is not None and alone.near_identity
    assert cast(0, [model(1)], {"model-1": "train"}, CASTING) is None


def test_models_play_too_but_not_as_near_identities() -> None:
    company = [model(1), model(2)]
    splits: dict[str, Split] = {"model-1": "train", "model-2": "train"}
    plan = cast(0, company, splits, Casting(1, WISHES, 1.0, SIZES))  # type: ignore[arg-type]
    assert plan is not None and plan.near_identity == "" and plan.difficulty == "easy"


def test_adverts_are_of_different_products_and_more_of_them_leave_the_first_as_they_are() -> None:
    few, many = (cast_adverts(count, ARTICLES, 3, ((480, 848), (848, 480))) for count in (3, 9))
    assert many[:3] == few
    assert len({plan.article.product_id for plan in many}) == len({plan.seed for plan in many}) == 9
    assert {plan.width_px for plan in many} == {480, 848}
    assert cast_adverts(3, ARTICLES, 4, ((480, 848),)) != few
    everybody = cast_adverts(10**6, [*ARTICLES, ARTICLES[0]], 3, ((480, 848),))
    assert {plan.article.product_id for plan in everybody} == {article.product_id for article in ARTICLES}
    assert len(everybody) == len(ARTICLES)


def test_an_advert_stays_when_another_product_comes_or_goes() -> None:
    before = cast_adverts(10**6, ARTICLES, 3, ((480, 848), (848, 480)))
    after = cast_adverts(10**6, ARTICLES[1:], 3, ((480, 848), (848, 480)))
    assert [plan for plan in before if plan.article != ARTICLES[0]] == after


def test_sizes_are_dealt_evenly() -> None:
    counts = Counter((plan.width_px, plan.height_px) for plan in CAST)
    assert set(counts) == set(SIZES)
    assert all(count > 150 for count in counts.values())


def test_jewellery_and_fashion_get_near_identities_of_another_finish() -> None:
    changes: dict[str, set[str]] = {}
    for plan in plans(300, casting=Casting(11, WISHES, 1.0, SIZES)):  # type: ignore[arg-type]
        changes.setdefault(plan.b.group, set()).add(plan.near_identity)
    assert changes["jewellery"] == changes["fashion"] == {"finish"}
    assert changes["beauty"] == {"finish", "label"}
