"""Thresholds of triples: set on one half, by category where there are enough products, kept in a checked file."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from pvtt_data.calibration.file import Threshold
from pvtt_data.calibration.make_triples import LEAST_PRODUCTS, calibrate_triples, is_doubted
from pvtt_data.calibration.mask_trials import GOOD, Half, Trial
from pvtt_data.calibration.triple_file import (
    EmbedderThresholds,
    TripleCalibration,
    TripleCalibrations,
    read_triple_calibrations,
)
from pvtt_data.calibration.triple_rules import TRIPLE_DOUBTS
from pvtt_data.calibration.triple_trials import halves_of
from pvtt_data.recipe import read_recipe
from pvtt_data.stages.triple_qc import rules
from pvtt_data.triple_quality.measure import LOOKS

SHA = "a" * 64
CLEAN = {"reference_leak_bits": 30.0, "reference_leak_inliers": 0.0}


def trial(kind: str, number: int, half: Half, category: str, **numbers: float) -> Trial:
    role = "good" if kind == GOOD else "setting"
    return Trial(
        f"clip{number}", f"product{half}{number}", half, kind, "as built" if kind == GOOD else "", 0.0, role,
        {**CLEAN, **numbers}, category,
    )  # fmt: skip


def made_trials(products: int = 40) -> list[Trial]:
    """Rings are alike, mugs are not: what another ring reaches, no mug ever does."""
    random = np.random.default_rng(3)
    rows = []
    for half in ("setting", "reporting"):
        for n in range(products):
            category, middle = ("rings", 0.9) if n % 2 else ("mugs", 0.7)
            likeness = random.normal(middle, 0.02)
            rows.append(trial(GOOD, n, half, category, reference_likeness=likeness, background_tile_db=40.0 + n % 3))
            wrong = random.normal(middle - 0.2, 0.02)
            rows.append(trial("wrong product", n, half, category, reference_likeness=wrong, background_tile_db=41.0))
            rows.append(
                trial("leaked background", n, half, category, reference_likeness=likeness, background_tile_db=20.0)
            )
    return rows


def test_categories_with_enough_products_get_their_own_threshold() -> None:
    found = calibrate_triples(made_trials(), SHA, {"name": "test"})
    own = found.by_category["reference_likeness"]
    assert set(own) == {"rings", "mugs"}
    assert 0.7 < float(own["rings"].flag or 0) < 0.9 and 0.5 < float(own["mugs"].flag or 0) < 0.7
    for rate in (found.results["detection"][kind]["setting"] for kind in ("wrong product", "leaked background")):
        assert rate["caught"] >= 0.95 * rate["of"]
    alarms = found.results["false_alarms"]["reporting"]
    assert alarms["caught"] <= 0.05 * alarms["of"]
    assert found.made["categories_with_own_thresholds"] == ["mugs", "rings"]


def test_with_few_products_thresholds_are_global_and_the_file_says_so() -> None:
    found = calibrate_triples(made_trials(2 * LEAST_PRODUCTS - 2), SHA, {})
    assert found.by_category == {} and found.made["categories_with_own_thresholds"] == []


def test_a_copy_is_doubted_without_any_threshold() -> None:
    nothing = EmbedderThresholds(weights_sha256=SHA, thresholds={})
    copy = Trial("c", "p", "setting", "copied reference", "", 0.0, "setting", {**CLEAN, "reference_leak_bits": 6.0})
    assert is_doubted(copy, nothing)
    assert not is_doubted(trial(GOOD, 0, "setting", ""), nothing)


def test_products_that_share_a_triple_are_in_one_half() -> None:
    chain = [(f"p{n}", f"p{n + 1}") for n in range(20)]
    assert len(set(halves_of(chain))) == 1
    apart = [(f"a{n}", f"b{n}") for n in range(40)]
    assert set(halves_of(apart)) == {"setting", "reporting"}


def test_one_half_without_trials_is_an_error() -> None:
    with pytest.raises(ValueError, match="reporting half"):
        calibrate_triples([t for t in made_trials() if t.half == "setting"], SHA, {})


def calibration() -> TripleCalibration:
    part = EmbedderThresholds(
        weights_sha256=SHA,
        thresholds={"reference_likeness": Threshold(flag=0.6), "a_in_target": Threshold(flag=0.5, reject=0.8)},
        by_category={"reference_likeness": {"rings": Threshold(flag=0.85)}},
    )
    return TripleCalibration(name="mine", engines=["render"], embedders={"told@1": part})


def test_a_file_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "own.json"
    path.write_text(calibration().to_text(), encoding="utf-8")
    read = read_triple_calibrations(path)
    assert read.files == (calibration(),) and read.digest == calibration().digest
    assert read.of_engine("composite") == calibration(), "a named file is for all engines"


def test_a_category_without_thresholds_of_its_own_has_the_global_ones() -> None:
    part = calibration().of("told@1", SHA)
    assert part.of_category("rings")["reference_likeness"].flag == 0.85
    assert part.of_category("mugs")["reference_likeness"].flag == 0.6


@pytest.mark.parametrize(("name", "digest"), [("told@1", "b" * 64), ("other@1", SHA)])
def test_another_embedder_has_no_thresholds_of_looks(name: str, digest: str) -> None:
    part = calibration().of(name, digest)
    assert set(part.thresholds) == {"a_in_target"} and not part.by_category


def test_what_is_no_calibration_of_triples_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "own.json"
    plain = json.loads(calibration().to_text())
    plain["embedders"]["told@1"]["thresholds"]["no_such_number"] = {"flag": 1}
    path.write_text(json.dumps(plain), encoding="utf-8")
    with pytest.raises(ValueError, match="no_such_number"):
        read_triple_calibrations(path)
    with pytest.raises(ValueError, match="cannot be read"):
        read_triple_calibrations(tmp_path / "gone.json")


def test_the_digest_is_that_of_what_decides() -> None:
    one = calibration()
    part = one.embedders["told@1"]
    noted = one.model_copy(update={"embedders": {"told@1": part.model_copy(update={"made": {"how": "by hand"}})}})
    moved = {**part.thresholds, "a_in_target": Threshold(flag=0.4)}
    other = one.model_copy(update={"embedders": {"told@1": part.model_copy(update={"thresholds": moved})}})
    assert one.digest == noted.digest != other.digest


def test_the_package_judges_renders_and_composites_by_thresholds_measured_on_each() -> None:
    shipped = read_triple_calibrations()
    renders, composites = (shipped.of_engine(engine) for engine in ("render", "composite"))
    assert (renders.engines, composites.engines) == (["render"], ["composite"])
    assert shipped.of_engine("panzoom") == renders, "what no file was measured on is asked by the first"
    for name, part in renders.embedders.items():
        assert shipped.knows(name, part.weights_sha256) and not shipped.knows(name, "b" * 64)


def test_a_change_of_any_file_is_another_calibration() -> None:
    shipped = read_triple_calibrations()
    renders, composites = shipped.files
    assert len({shipped.digest, renders.digest, composites.digest}) == 3
    for files in ((calibration(), composites), (renders, calibration()), (composites, renders)):
        assert TripleCalibrations(files).digest != shipped.digest
    assert TripleCalibrations((renders,)).digest == renders.digest, "a file's own, as versions name it"


@pytest.mark.parametrize("shipped", read_triple_calibrations().files, ids=lambda made: made.engines[0])
def test_shipped_files_say_how_their_thresholds_came_about_and_what_they_catch(shipped: TripleCalibration) -> None:
    assert {"colour-shape@1"} < set(shipped.embedders)
    for part in shipped.embedders.values():
        assert part.made["triples"] >= 200 and part.made["sizes"] and len(part.made["table_sha256"]) == 64
        assert set(part.results["detection"]) >= {"wrong product", "copied reference", "drifted mask", "missing frame"}
        assert any(name in LOOKS for name in part.thresholds)
        own = part.by_category["reference_likeness"]
        assert set(own) == set(part.made["categories_with_own_thresholds"]) and {"drinks", "skincare"} <= set(own)
        for name, limit in part.thresholds.items():
            if limit.flag is not None and limit.reject is not None:
                below = TRIPLE_DOUBTS[name].broken == "below"
                assert limit.reject < limit.flag if below else limit.reject > limit.flag, name


def test_the_recipe_of_the_fault_benchmark_rejects_nothing_and_knows_what_is_under_shadows() -> None:
    recipe = read_recipe(Path(__file__).resolve().parents[2] / "recipes" / "triple_faults.yaml")
    assert recipe.render is not None and recipe.render.shadowless
    assert set(recipe.triple_qc.reject) == {name for name, doubt in TRIPLE_DOUBTS.items() if doubt.may_reject}
    for rule in rules(recipe.triple_qc, "swap", "render", "rings"):
        if rule.verdict == "reject":
            assert rule.limit >= 1 if rule.broken == "above" else rule.limit <= 1, rule
