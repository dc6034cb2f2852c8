"""A plan says why a row has to run: which setting, version, weight, library or input changed since the last build."""

from __future__ import annotations

from pathlib import Path

from toy_stages import InlineExecutor, Toy, ToyConfig, ToyStage, named

from pvtt_data.ledger import changed_settings, read_ledger, read_ledgers
from pvtt_data.plan import reasons
from pvtt_data.progress import SilentReporter
from pvtt_data.runner import Bounds, Runner
from pvtt_data.stage import Named
from pvtt_data.workspace import Workspace

ROWS = [named("a", value=1), named("b", value=2), named("c", "refuse")]


class NextVersion(ToyStage):
    version = 2


class OtherWeights(ToyStage):
    @property
    def weights(self) -> dict[str, str]:
        return {"net": "ab" * 32}


def build(workspace: Workspace, stage: ToyStage, rows: list[Named[Toy]], recipe: str = "mugs") -> None:
    bounds = Bounds(max_fault_share=1.0)
    Runner(workspace, InlineExecutor(workspace.store), SilentReporter(), bounds=bounds, recipe=recipe).map(stage, rows)


def why(workspace: Workspace, stage: ToyStage, rows: list[Named[Toy]], recipe: str = "mugs") -> tuple[str, ...]:
    plan = Runner(workspace, None, SilentReporter(), recipe=recipe)
    plan.map(stage, rows)
    missing = plan.missing[stage.name]
    return reasons(missing, read_ledger(missing.folder, recipe))


def test_before_the_first_build_everything_has_to_run(tmp_path: Path) -> None:
    assert why(Workspace(tmp_path), ToyStage(ToyConfig()), ROWS) == ("first run of this recipe here",)


def test_what_is_cached_needs_no_reason(tmp_path: Path) -> None:
    build(Workspace(tmp_path), ToyStage(ToyConfig()), ROWS)
    assert why(Workspace(tmp_path), ToyStage(ToyConfig()), ROWS) == ()


def test_a_changed_setting_version_or_weight_is_named_with_both_values(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    build(workspace, ToyStage(ToyConfig(factor=1)), ROWS)
    assert why(workspace, ToyStage(ToyConfig(factor=3)), ROWS) == ("config.factor 1 → 3",)
    assert why(workspace, NextVersion(ToyConfig()), ROWS) == ("version 1 → 2",)
    assert why(workspace, OtherWeights(ToyConfig()), ROWS) == ("weights.net nothing → abababababab…",)


def test_new_rows_and_changed_inputs_are_counted_apart(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    build(workspace, ToyStage(ToyConfig()), ROWS)
    texts = why(workspace, ToyStage(ToyConfig()), [named("a", value=7), *ROWS[1:], named("d")])
    assert texts == ("1 with another value", "1 new: d.mp4 [0:77)")


def test_many_new_rows_are_not_all_named(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    build(workspace, ToyStage(ToyConfig()), [])
    (text,) = why(workspace, ToyStage(ToyConfig()), [named(letter) for letter in "defgh"])
    assert text == "5 new: d.mp4 [0:77), e.mp4 [0:77), f.mp4 [0:77), …"


def test_a_fault_or_a_lost_blob_is_said_to_be_gone(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    rows = [named("a", "write", 1), named("b", "fail")]
    build(workspace, ToyStage(ToyConfig()), rows)
    assert why(workspace, ToyStage(ToyConfig()), rows) == ("1 whose result is gone, or ended in a fault: b.mp4 [0:77)",)
    for path in (tmp_path / "blobs").rglob("*.mp4"):
        path.unlink()
    (text,) = why(workspace, ToyStage(ToyConfig()), rows)
    assert text.startswith("2 whose result is gone")


def test_each_recipe_has_its_own_ledger(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    build(workspace, ToyStage(ToyConfig()), ROWS, recipe="mugs")
    build(workspace, ToyStage(ToyConfig()), ROWS[:1], recipe="lamps")
    ledgers = read_ledgers(tmp_path / "cache" / "toy")
    assert {name: len(ledger.entries) for name, ledger in ledgers.items() if ledger} == {"mugs": 3, "lamps": 1}


def test_a_damaged_ledger_counts_as_none(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    build(workspace, ToyStage(ToyConfig()), ROWS)
    (path,) = (tmp_path / "cache" / "toy" / "used").iterdir()
    path.write_bytes(b"PAR1 torn")
    assert read_ledgers(tmp_path / "cache" / "toy") == {"mugs": None}
    build(workspace, ToyStage(ToyConfig()), ROWS)
    assert read_ledgers(tmp_path / "cache" / "toy")["mugs"] is not None


def test_settings_are_compared_one_by_one() -> None:
    before = {"version": 1, "config": {"crf": 14, "size": [480, 848]}, "weights": {}, "libraries": {"av": "18.0"}}
    now = {"version": 1, "config": {"crf": 16, "size": [832, 480]}, "weights": {}, "libraries": {"av": "18.1"}}
    assert changed_settings(before, now) == [
        "config.crf 14 → 16",
        "config.size [480, 848] → [832, 480]",
        "libraries.av 18.0 → 18.1",
    ]
