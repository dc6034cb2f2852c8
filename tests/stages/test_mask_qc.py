"""Mask QC: thresholds from the calibration file, and over them what a recipe says."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from pydantic import ValidationError

from pvtt_data.calibration.file import Calibration, Threshold
from pvtt_data.errors import RecipeError
from pvtt_data.recipe import read_recipe
from pvtt_data.records import Blob, MaskTrack, Quality
from pvtt_data.stages.mask_qc import MaskQcConfig, limits, mask_qc, rules
from pvtt_data.thresholds import judge

STEADY = {
    "area_share_min": 0.1, "area_share_max": 0.12, "border_contact_max": 0.0, "components_max": 1.0,
    "edge_support_median": 0.9, "warped_iou_median": 0.98,
}  # fmt: skip


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A calibration that flags below 0.5 and rejects below 0.2."""
    thresholds = {"edge_support_median": Threshold(flag=0.5, reject=0.2), "listing_likeness": Threshold(flag=0.3)}
    path = tmp_path / "own.json"
    path.write_text(Calibration(thresholds=thresholds).to_text(), encoding="utf-8")
    return path


def verdict(config: MaskQcConfig, **numbers: float) -> tuple[str, tuple[str, ...]]:
    decided, reasons, _ = judge({**STEADY, **numbers}, rules(config))
    return decided, reasons


def test_between_both_thresholds_of_a_number_a_track_is_flagged(own: Path) -> None:
    config = MaskQcConfig(calibration=own)
    assert verdict(config) == ("accept", ())
    assert verdict(config, edge_support_median=0.3) == ("flag", ("outline-off-edges",))
    assert verdict(config, edge_support_median=0.1) == ("reject", ("outline-off-edges",))


def test_what_a_recipe_says_wins_over_the_calibration_and_leaves_the_rest(own: Path) -> None:
    config = MaskQcConfig(
        calibration=own, flag={"edge_support_median": 0.95}, reject={"skin_rise": 0.5}, min_warped_iou_median=0.99
    )
    assert limits(config) == (
        {"edge_support_median": 0.2, "skin_rise": 0.5, "warped_iou_median": 0.99},
        {"edge_support_median": 0.95, "listing_likeness": 0.3},
    )
    assert verdict(config) == ("reject", ("mask-unsteady",))
    assert verdict(config, warped_iou_median=1.0) == ("flag", ("outline-off-edges",))


def test_a_number_that_a_track_lacks_says_nothing(own: Path) -> None:
    config = MaskQcConfig(calibration=own, flag={"pass_agreement_min": 0.7})
    assert verdict(config) == ("accept", ())
    assert verdict(config, pass_agreement_min=0.5, listing_likeness=0.2) == (
        "flag",
        ("unlike-listing", "passes-disagree"),
    )


def test_two_numbers_that_say_the_same_give_one_reason() -> None:
    config = MaskQcConfig(flag={"edge_support_median": 0.95, "edge_support_min": 0.9})
    assert verdict(config, edge_support_min=0.8)[1].count("outline-off-edges") == 1


def test_parts_are_counted_only_where_a_recipe_asks(own: Path) -> None:
    assert verdict(MaskQcConfig(calibration=own), components_max=5.0) == ("accept", ())
    assert verdict(MaskQcConfig(calibration=own, max_parts=2), components_max=5.0) == ("flag", ("several-parts",))


def test_the_shipped_thresholds_flag_what_lies_on_no_edges_and_looks_like_its_surround() -> None:
    numbers: Mapping[str, float] = {"edge_support_min": 0.03, "separation_min": 0.1}
    assert verdict(MaskQcConfig(), **numbers)[0] != "accept"


def test_likeness_to_listing_pictures_joins_the_numbers_of_its_track_only(own: Path) -> None:
    blob = Blob("a" * 64, 1, "mp4")
    tracks = [MaskTrack(name, f"clip-{name}", "u2net", {}, blob, "accept", (), {}) for name in ("one", "other")]
    qualities = [Quality(track.track_id, STEADY) for track in tracks]
    likenesses = [Quality("one", {"listing_likeness": 0.1})]
    result = mask_qc(tracks, qualities, MaskQcConfig(calibration=own), None, likenesses)
    assert [(row.verdict, row.reasons) for row in result.rows] == [("flag", ("unlike-listing",)), ("accept", ())]
    assert "listing_likeness" not in result.rows[1].numbers


def test_a_number_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValidationError, match="beauty"):
        MaskQcConfig(flag={"beauty": 0.5})


def test_a_recipe_names_its_calibration_from_where_it_lies_and_a_broken_one_is_an_error(
    tmp_path: Path, own: Path
) -> None:
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text("name: x\nrender: {count: 1}\nmask_qc: {calibration: own.json}\n", encoding="utf-8")
    assert read_recipe(recipe).mask_qc.calibration == own
    assert (
        limits(read_recipe(recipe, ["mask_qc.flag.edge_support_median=0.6"]).mask_qc)[1]["edge_support_median"] == 0.6
    )
    own.write_text(json.dumps({"schema": "else"}), encoding="utf-8")
    with pytest.raises(RecipeError, match=r"mask_qc\.calibration.*no calibration file"):
        read_recipe(recipe)
