"""`pvtt-data qc`: numbers and verdicts under any thresholds, and thresholds measured."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from drawn_triples import write_drawn_version
from PIL import Image
from record_samples import blob, clip, clip_picture, source, track

from pvtt_data.calibration.triple_file import read_triple_calibrations
from pvtt_data.captions.config import CaptionsConfig
from pvtt_data.captions.writer import Captions
from pvtt_data.cli.qc import qc_command
from pvtt_data.errors import PvttError
from pvtt_data.records import Clip, Pair, Quality, Rejection, Source, Swap, Triple
from pvtt_data.stages.triple_qc import Shelf, TripleQcConfig, triple_qc
from pvtt_data.workspace import Workspace


@pytest.fixture(scope="module")
def version(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_drawn_version(tmp_path_factory.mktemp("drawn") / "v1", tmp_path_factory.mktemp("media"))


def run(*arguments: str | Path) -> Any:
    return CliRunner().invoke(qc_command, [str(argument) for argument in arguments])


def plain(*arguments: str | Path) -> dict[str, Any]:
    done = run(*arguments, "--json")
    assert done.exit_code == 0, done.output
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_every_number_is_told_with_its_spread_and_its_thresholds(version: Path) -> None:
    found = plain(version)
    assert found["embedder"].startswith("colour-shape@1@") and found["as_built"] == {"accept": 12}
    numbers = {row["number"]: row for row in found["numbers"]}
    assert "extent_ratio" not in numbers, "never measured here"
    row = numbers["background_psnr_db"]
    assert row["count"] == 12 and sum(row["histogram"]) == 12 and row["quantiles"] == sorted(row["quantiles"])
    assert row["limits"] == [["reject", "below", 30.0, 0]]


def test_other_thresholds_are_tried_and_the_worst_are_named_with_why(version: Path) -> None:
    before = plain(version)
    found = plain(version, "--reject", "centroid_agreement=2")
    assert found["under_these_thresholds"]["verdicts"] == {"reject": 12}
    assert found["as_built"] == before["as_built"]
    worst = found["worst"][0]
    assert "paths-disagree" in worst["reasons"] and any("is below 2" in text for text in worst["says"])
    assert len(found["worst"]) == 8 and len(plain(version, "--flag", "residue=-1", "--worst", "3")["worst"]) == 3


def test_a_terminal_gets_a_table_with_the_same(version: Path) -> None:
    done = run(version, "--reject", "centroid_agreement=2")
    assert done.exit_code == 0, done.output
    for text in ("12 triples", "under these thresholds: 12 reject", "reference_leak_match", "the worst 8"):
        assert text in done.stdout


def test_the_worst_are_drawn(version: Path, tmp_path: Path) -> None:
    path = tmp_path / "worst.jpg"
    assert run(version, "--reject", "centroid_agreement=2", "--worst", "2", "--sheet", path).exit_code == 0
    picture = np.asarray(Image.open(io.BytesIO(path.read_bytes())))
    assert picture.shape[0] > 2 * 220 and picture.std() > 20


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--flag", "no_such_number=1"), "no_such_number"),
        (("--reject", "a_in_target"), "NUMBER=VALUE"),
        (("--thresholds", "gone.json"), "cannot be read"),
    ],
)
def test_what_is_no_threshold_is_refused(version: Path, arguments: tuple[str, ...], says: str) -> None:
    with pytest.raises(PvttError, match=says):
        CliRunner().invoke(qc_command, [str(version), *arguments], catch_exceptions=False)


def test_a_recipe_without_a_build_is_an_error_that_says_so(tmp_path: Path) -> None:
    recipe = tmp_path / "r.yaml"
    recipe.write_text("name: x\nrender:\n  count: 1\n", encoding="utf-8")
    with pytest.raises(PvttError, match="holds no build yet"):
        CliRunner().invoke(qc_command, [str(recipe), "--work", str(tmp_path / "w")], catch_exceptions=False)


def test_a_recipe_reports_its_latest_build_with_what_was_rejected(tmp_path: Path) -> None:
    a, b = source("a", "A", category="bowls"), source("b", "B", category="mugs")
    b_clip = clip("clip of b", b, 0)
    b_track, picture = track(b_clip), clip_picture("pb", b, 1.0)
    pairs = [
        Pair(name * 16, "composite", "swap", "train", "easy", "A", "B", b_clip.clip_id, b_track.track_id,
             picture.picture_id, (picture.picture_id,), (), 0)
        for name in ("1", "2")
    ]  # fmt: skip
    good = {"background_psnr_db": 45.0, "centroid_agreement": 1.0, "reference_leak_bits": 30.0, "scale_agreement": 1.0,
            "residue": 0.0, "ab_similarity": 0.1, "made_up_share": 0.1}  # fmt: skip
    swaps = [Swap(row.pair_id, blob("s"), blob("m"), blob("e"), (), {}) for row in pairs]
    qualities = [Quality(pairs[0].pair_id, good), Quality(pairs[1].pair_id, good | {"residue": 0.9})]
    shelf = Shelf.of([a, b], [b_clip], [b_track], [picture], pairs)
    made = triple_qc(swaps, qualities, shelf, Captions(CaptionsConfig()), TripleQcConfig(embedder="colour-shape"))
    workspace = Workspace(tmp_path / "w")
    tables: dict[str, tuple[type, list[Any]]] = {
        "sources": (Source, [a, b]), "clips": (Clip, [b_clip]), "pairs": (Pair, pairs), "triples": (Triple, made.rows),
        "rejections": (Rejection, made.rejections),
    }  # fmt: skip
    for name, (record, rows) in tables.items():
        workspace.write_table(name, record, rows)
    recipe = tmp_path / "r.yaml"
    text = "name: x\nrender:\n  count: 1\ntriple_qc:\n  embedder: colour-shape\n"
    recipe.write_text(text, encoding="utf-8")
    found = plain(recipe, "--work", tmp_path / "w")
    assert found["as_built"] == {"accept": 1, "reject": 1}
    assert found["worst"][0]["key"] == pairs[1].pair_id and "residue 0.9 is above 0.35" in found["worst"][0]["says"]
    looser = plain(recipe, "--work", tmp_path / "w", "--set", "triple_qc.max_residue=1")
    assert looser["under_these_thresholds"]["verdicts"].get("reject", 0) < 2


def test_products_that_are_all_related_cannot_be_calibrated_on(version: Path, tmp_path: Path) -> None:
    path = tmp_path / "own.json"
    options = ["--calibrate", path, "--embedder", "colour-shape", "--limit", "2", "--workers", "1"]
    with pytest.raises(PvttError, match="half of the products has no trials"):
        CliRunner().invoke(qc_command, [str(version), *map(str, options)], catch_exceptions=False)
    assert not path.exists()


@pytest.mark.slow
def test_thresholds_are_measured_into_a_file_that_says_how_good_they_are(tmp_path: Path) -> None:
    media = tmp_path / "media"
    media.mkdir()
    version, path = write_drawn_version(tmp_path / "v1", media, unrelated=True), tmp_path / "own.json"
    options = ("--calibrate", path, "--embedder", "colour-shape", "--limit", "5", "--workers", "2")
    done = run(version, *options, "--keep", tmp_path / "kept")
    assert done.exit_code == 0, done.output
    assert "right triples flagged" in done.stdout and "all are global" in done.stdout
    part = read_triple_calibrations(path).files[0].embedders["colour-shape@1"]
    assert part.made["triples"] == 5 and part.made["sizes"] == ["9x96x128"]
    assert part.results["detection"]["no swap"]["setting"]["of"] > 0
    assert len(list((tmp_path / "kept").glob("*.json"))) == 5
    assert plain(version, "--thresholds", path)["as_built"] == {"accept": 12}
