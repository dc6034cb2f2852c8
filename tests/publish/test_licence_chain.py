"""What licences allow together: the strictest, what cannot be kept together, and what nobody knows."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pvtt_data.publish.licences import (
    LICENCES,
    IncompatibleError,
    LicenceBook,
    Terms,
    UnknownLicenceError,
    known_model,
    survey_licences,
    terms_of,
)

BOOK = LicenceBook()


def together(*texts: str) -> Terms:
    terms = Terms()
    for text in texts:
        terms = terms.joined(BOOK.terms(text))
    return terms


@pytest.mark.parametrize(
    ("texts", "spdx", "hub"),
    [
        (["CC0-1.0"], "CC0-1.0", "cc0-1.0"),
        (["CC0-1.0", "Apache-2.0"], "Apache-2.0", "apache-2.0"),
        (["CC-BY-4.0", "CC-BY-3.0"], "CC-BY-4.0", "cc-by-4.0"),
        (["CC-BY-4.0", "Apache-2.0"], "Apache-2.0 AND CC-BY-4.0", "other"),
        (["CC-BY-4.0", "CC-BY-SA-4.0", "CC0-1.0"], "CC-BY-SA-4.0", "cc-by-sa-4.0"),
        (["CC-BY-SA-3.0", "CC-BY-SA-4.0"], "CC-BY-SA-4.0", "cc-by-sa-4.0"),
        (["CC-BY-4.0", "CC-BY-NC-4.0"], "CC-BY-NC-4.0", "cc-by-nc-4.0"),
        (["CC-BY-NC-4.0", "CC-BY-NC-SA-4.0"], "CC-BY-NC-SA-4.0", "cc-by-nc-sa-4.0"),
        (["CC-BY-NC-4.0", "CC-BY-ND-4.0"], "CC-BY-ND-4.0", "cc-by-nd-4.0"),
        (["cc by-sa 4.0"], "CC-BY-SA-4.0", "cc-by-sa-4.0"),
        (["https://creativecommons.org/licenses/by/4.0/"], "CC-BY-4.0", "cc-by-4.0"),
        (["MIT OR CC-BY-NC-4.0"], "MIT", "mit"),
        (["(MIT AND CC-BY-4.0) OR CC-BY-ND-4.0"], "CC-BY-4.0 AND MIT", "other"),
        (["GPL-3.0-or-later WITH Classpath-exception-2.0"], "GPL-3.0-or-later", "gpl-3.0"),
    ],
)
def test_the_strictest_licence_of_several_parts_is_named(texts: list[str], spdx: str, hub: str) -> None:
    terms = together(*texts)
    assert (terms.spdx, terms.hub) == (spdx, hub)
    assert terms.shareable == ("-ND-" not in spdx)


@pytest.mark.parametrize(
    "texts",
    [
        ["CC-BY-SA-4.0", "ODbL-1.0"],
        ["CC-BY-SA-4.0", "CC-BY-NC-4.0"],
        ["CC-BY-SA-4.0", "CC-BY-NC-SA-4.0"],
        ["CC-BY-SA-1.0", "CC-BY-SA-4.0"],
        ["CC-BY-SA-4.0", "GPL-3.0-only"],
        ["ODbL-1.0", "CC-BY-NC-4.0"],
    ],
)
def test_share_alike_that_cannot_be_kept_beside_something_is_refused(texts: list[str]) -> None:
    with pytest.raises(IncompatibleError):
        together(*texts)


@pytest.mark.parametrize(
    "text",
    ["unknown", "", "LicenseRef-Shop", "CC-BY", "free", "MIT AND", "(MIT", "CC-BY-9.0", "(" * 20_000, "MIT (" * 4_000],
)
def test_a_licence_that_nobody_knows_is_never_taken_for_another(text: str) -> None:
    with pytest.raises(UnknownLicenceError):
        BOOK.terms(text)


@pytest.mark.parametrize("text", ["All rights reserved", "LicenseRef-proprietary", "proprietary"])
def test_words_that_forbid_sharing_do(text: str) -> None:
    assert not BOOK.terms(text).shareable


def test_a_person_says_what_a_licence_of_their_own_allows() -> None:
    book = LicenceBook({"LicenseRef-Shop": "attribution", "house": "CC-BY-NC-4.0", "model:eye": "no-redistribution"})
    assert book.terms("LicenseRef-Shop").kind == "attribution"
    assert book.terms("house").spdx == "CC-BY-NC-4.0"
    assert not book.model_terms("eye", None).shareable
    for free in ("Apache-2.0", "AGPL-3.0-only", "CC0-1.0"):
        assert book.model_terms("net", free) == Terms()
    assert book.model_terms("net", "CC-BY-NC-4.0").kind == "non-commercial"
    with pytest.raises(UnknownLicenceError):
        LicenceBook({"x": "whatever"})


@given(st.lists(st.sampled_from(sorted(LICENCES)), min_size=1, max_size=4))
def test_parts_come_to_the_same_in_any_order_and_never_to_less_than_one_of_them(names: list[str]) -> None:
    def come_to(order: tuple[str, ...]) -> object:
        try:
            terms = together(*order)
        except IncompatibleError:
            return "incompatible"
        return terms.kind, terms.family, terms.licences

    outcomes = {come_to(order) for order in itertools.islice(itertools.permutations(names), 24)}
    if any(LICENCES[name].kind == "no-redistribution" for name in names):
        assert all(outcome == "incompatible" or outcome[0] == "no-redistribution" for outcome in outcomes)  # type: ignore[index]
        return
    assert len(outcomes) == 1
    outcome = outcomes.pop()
    if outcome != "incompatible":
        terms = Terms(*outcome)  # type: ignore[misc]
        for name in names:  # once more changes nothing
            assert terms.joined(terms_of(LICENCES[name])).kind == terms.kind


def test_models_are_known_by_their_digest_and_by_name_where_they_have_no_file() -> None:
    assert known_model("detector@8d10d2f3bb75") == ("detector", "Apache-2.0")
    assert known_model("mobilenet-v2@1+colour-shape@1@0123456789ab")[1] == "Apache-2.0 AND MIT"
    assert known_model("somebodys-net@0123456789ab") == ("somebodys-net", None)


def test_a_survey_names_the_samples_of_every_problem() -> None:
    survey = survey_licences(
        [
            ("a", ["CC-BY-4.0"], ["u2net@8d10d2f3bb75"]),
            ("b", ["CC-BY-SA-4.0", "CC-BY-NC-4.0"], []),
            ("c", ["mystery"], []),
            ("d", ["CC-BY-4.0", "CC-BY-ND-4.0"], []),
            ("e", ["CC0-1.0"], ["somebodys-net@0123456789ab"]),
        ],
        BOOK,
    )
    assert survey.unknown == {"mystery": ["c"], "model:somebodys-net": ["e"]}
    assert list(survey.incompatible.values()) == [["b"]]
    assert survey.unshareable == {"d": "CC-BY-ND-4.0"}
    assert survey.strictest is not None and survey.strictest.spdx == "CC-BY-4.0"


def test_samples_under_licences_that_do_not_mix_may_lie_side_by_side_and_the_card_says_other() -> None:
    survey = survey_licences([("a", ["CC-BY-SA-4.0"], []), ("b", ["CC-BY-NC-4.0"], [])], BOOK)
    assert survey.strictest is None and survey.hub == "other" and not survey.incompatible
