"""The calibration file: what is shipped, what is refused, what its digest stands for."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pvtt_data.calibration.file import Calibration, Threshold, read_calibration
from pvtt_data.calibration.mask_rules import DOUBTS


def test_the_shipped_file_says_how_its_thresholds_came_about_and_what_they_catch() -> None:
    shipped = read_calibration()
    assert set(shipped.thresholds) <= {name for name, doubt in DOUBTS.items() if doubt.measured}
    assert shipped.made["products"]["setting"] >= 40
    assert len(shipped.made["table_sha256"]) == 64
    alarms = shipped.results["false_alarms"]["setting"]
    assert alarms["caught"] <= 0.05 * alarms["of"]


def test_rejecting_takes_more_than_flagging() -> None:
    for name, limit in read_calibration().thresholds.items():
        if limit.flag is not None and limit.reject is not None:
            worse = limit.reject < limit.flag if DOUBTS[name].broken == "below" else limit.reject > limit.flag
            assert worse, name


def test_a_file_is_read_as_it_was_written(tmp_path: Path) -> None:
    calibration = Calibration(thresholds={"skin_rise": Threshold(flag=0.25)}, made={"how": "by hand"})
    path = tmp_path / "own.json"
    path.write_text(calibration.to_text(), encoding="utf-8")
    assert read_calibration(path) == calibration


def test_the_digest_is_that_of_the_thresholds() -> None:
    one = Calibration(thresholds={"skin_rise": Threshold(flag=0.25)}, made={"how": "this way"})
    same = Calibration(thresholds={"skin_rise": Threshold(flag=0.25)}, made={"how": "that way"})
    other = Calibration(thresholds={"skin_rise": Threshold(flag=0.26)})
    assert one.digest == same.digest != other.digest


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "no calibration file"),
        (json.dumps({"schema": "something/9", "thresholds": {}}), "schema"),
        (json.dumps({"schema": "pvtt-mask-qc-calibration/1", "thresholds": {"beauty": {}}}), "beauty"),
    ],
)
def test_what_is_no_calibration_is_refused_by_name(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "own.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(ValueError, match=message) as caught:
        read_calibration(path)
    assert "own.json" in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"gone\.json cannot be read"):
        read_calibration(tmp_path / "gone.json")
