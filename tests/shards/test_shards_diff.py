"""`diff` and `log`: what a person is told about two versions, and about all of them."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from record_samples import assignment, source
from shard_samples import MakeSample, key_of

from pvtt_data.cli.versions import diff_command, log_command
from pvtt_data.errors import DatasetError
from pvtt_data.records import Assignment, Rejection, Source, to_arrow
from pvtt_data.shards import DatasetSettings, ShardSample, diff_versions, find_version, history, publish, write_dataset
from pvtt_data.shards.history import parent_of
from pvtt_data.stage import reject

OTHER_KEY = "f" * 16
MUG, LAMP = source("mug"), source("lamp\x1b[2J")


def version(
    root: Path,
    samples: Sequence[ShardSample],
    settings: DatasetSettings,
    splits: Sequence[Any] = ("train", "train"),
    rejections: Sequence[Rejection] = (),
) -> Path:
    tables = {
        "sources": to_arrow(Source, [MUG, LAMP]),
        "assignments": to_arrow(Assignment, [assignment(MUG, "x", splits[0]), assignment(LAMP, "y", splits[1])]),
        "rejections": to_arrow(Rejection, rejections),
    }
    for name, table in tables.items():
        pq.write_table(table, root.parent / f"{name}.parquet")
    write_dataset(root.parent / "new", samples, settings, {name: root.parent / f"{name}.parquet" for name in tables})
    return publish(root.parent / "new", root).path


@pytest.fixture
def shards(tmp_path: Path, samples: list[ShardSample], make_sample: MakeSample, settings: DatasetSettings) -> Path:
    """v1; v2 with a triple less, one more, one with another prompt, and one made anew under another key."""
    root = tmp_path / "shards"
    dark = reject("filter", "shot", "1", "a.mp4 [0:77)", "too-dark", "luma 3")
    blurred = reject("filter", "shot", "2", "b\x1b[31m.mp4", "blurred", "sharpness 1")
    version(root, samples, settings, rejections=[dark])
    numbers = {"iou_median": 0.1, "psnr_background": 2e-7, "shots": 2.0}
    remade = make_sample(2, references=3, meta={"triple_id": OTHER_KEY, "numbers": numbers})
    remade = dataclasses.replace(remade, key=OTHER_KEY)
    kept = [s for s in samples if s.key not in (key_of(0), key_of(1), key_of(2))]
    changed = make_sample(1, references=2, meta={"prompt": "another", "category_b": "lamp"})
    recipe = {**settings.recipe, "seed": 8, "clip": {"fps": 16.0, "crf": 3}}
    after = dataclasses.replace(settings, recipe=recipe, tools={"av": "18.2"}, weights={})
    version(root, [*kept, changed, remade, make_sample(9)], after, ("train", "test"), [blurred])
    return root


def test_a_diff_names_triples_members_and_fields(shards: Path) -> None:
    diff = diff_versions(shards / "v1", shards / "v2")
    assert [(line.key, line.why) for line in diff.added] == [(key_of(9), "product-new")]
    assert [(line.key, line.why) for line in diff.removed] == [(key_of(0), "product-gone")]
    changed = {c.key_before: c for c in diff.changed}
    assert changed.keys() == {key_of(1), key_of(2)}
    assert (changed[key_of(1)].members, changed[key_of(1)].fields) == ((), ("category_b", "prompt"))
    assert changed[key_of(2)].key == OTHER_KEY
    assert changed[key_of(2)].fields == ("numbers.iou_median", "triple_id")


def test_a_diff_counts_splits_categories_rejections_settings_and_shards(shards: Path) -> None:
    diff = diff_versions(shards / "v1", shards / "v2")
    assert [(c.name, c.before, c.after) for c in diff.splits] == [
        ("train", 6, 6), ("validation", 2, 2), ("test", 1, 1)
    ]  # fmt: skip
    assert [(c.name, c.before, c.after) for c in diff.categories] == [("lamp", 0, 1), ("vase", 9, 8)]
    assert [(m.product_id, m.before, m.after) for m in diff.moved] == [(LAMP.product_id, "train", "test")]
    assert [r.reason for r in diff.rejections_new] == ["blurred"]
    assert [r.reason for r in diff.rejections_gone] == ["too-dark"]
    assert [(s.name, s.before, s.after) for s in diff.settings] == [("clip.crf", None, 3), ("seed", 7, 8)]
    assert [(s.before, s.after) for s in diff.tools] == [("18.1", "18.2")]
    assert [(s.name, s.after) for s in diff.weights] == [("u2net", None)]
    assert diff.shards_same + len(diff.shards_rewritten) == 6
    assert diff.presentation == ["README.md", "README.zh-CN.md", "LICENSE.md", "croissant.json"]
    assert all(path.startswith("data/train-") for path in diff.shards_rewritten)
    assert not diff.shards_new and not diff.shards_gone


def test_a_version_does_not_differ_from_itself_and_a_diff_back_swaps_its_sides(shards: Path) -> None:
    assert diff_versions(shards / "v1", shards / "v1").same
    there, back = diff_versions(shards / "v1", shards / "v2"), diff_versions(shards / "v2", shards / "v1")
    assert [line.key for line in there.added] == [line.key for line in back.removed]
    assert {(c.key_before, c.key) for c in there.changed} == {(c.key, c.key_before) for c in back.changed}
    assert back.shards_rewritten == there.shards_rewritten


def test_a_triple_that_only_made_room_is_told_from_one_whose_product_went(
    tmp_path: Path, make_sample: MakeSample, settings: DatasetSettings
) -> None:
    products = {"product_a": "a", "product_b": "b"}
    one = [make_sample(1, meta=products), make_sample(2, meta=products)]
    root = tmp_path / "shards"
    version(root, one, settings)
    version(root, [one[0], make_sample(3, meta={**products, "first_frame": 1})], settings)
    diff = diff_versions(root / "v1", root / "v2")
    assert [line.why for line in (*diff.added, *diff.removed)] == ["dealt-anew", "dealt-anew"]


@pytest.mark.parametrize(
    ("kind", "field", "linked"),
    [("triple", "triple_id", False), ("track", "clip_id", True), ("clip", "clip_id", False)],
)
def test_a_triple_that_a_stage_dropped_says_which_and_why(
    tmp_path: Path, make_sample: MakeSample, settings: DatasetSettings, kind: str, field: str, linked: bool
) -> None:
    """Also where it was the last one of its product; and the other way round, where a stage takes it again."""
    both = [make_sample(1, meta={"clip_id": "c1"}), make_sample(2, meta={"clip_id": "c2", "product_b": "only-here"})]
    about = both[1].meta[field]
    subject, link = ("t", about) if linked else (about, "")
    dropped = reject("some_qc", kind, subject, "it", "too-odd", "0.3 is above 0.2", linked_to=link)
    root = tmp_path / "shards"
    version(root, both, settings)
    version(root, both[:1], settings, rejections=[dropped])
    (line,) = diff_versions(root / "v1", root / "v2").removed
    assert (line.key, line.why, line.rejection) == (key_of(2), "rejected", "some_qc: too-odd")
    (back,) = diff_versions(root / "v2", root / "v1").added
    assert (back.key, back.why, back.rejection) == (key_of(2), "rejected", "some_qc: too-odd")
    assert "1 (1 rejected)" in (text := run(diff_command, root / "v1", root / "v2"))
    assert "rejected by some_qc: too-odd" in text and "no longer" not in text
    assert "no longer rejected by some_qc: too-odd" in run(diff_command, root / "v2", root / "v1")


def run(command: Any, *arguments: str | Path) -> str:
    done = CliRunner().invoke(command, list(map(str, arguments)), catch_exceptions=False)
    assert done.exit_code == 0
    return done.output


def test_the_commands_say_it_in_words_and_in_json(shards: Path) -> None:
    text = run(diff_command, "v1", "v2", "--out", shards)
    for part in ("v1 → v2", "seed: 7 → 8", "clip.crf: not set → 3", "train → test", "too-dark", "category_b, prompt"):
        assert part in text
    assert "\x1b" not in text
    assert run(diff_command, "--out", shards) == text == run(diff_command, "1", "--out", shards)
    assert run(diff_command, shards / "v1", shards / "v2") == text
    assert len(json.loads(run(diff_command, "--json", "--out", shards))["changed"]) == 2
    log = run(log_command, "--out", shards)
    assert log.index("v2") < log.index("v1")
    assert "+2 −2 ~1" in log and "on disk together" in log
    plain = json.loads(run(log_command, "--json", "--out", shards))
    assert [row["version"] for row in plain] == [2, 1]
    assert plain[0]["shared_bytes"] > 0 and plain[0]["parent"] == "v1"


def test_long_lists_are_cut_and_all_shows_them(
    tmp_path: Path, make_sample: MakeSample, settings: DatasetSettings
) -> None:
    root = tmp_path / "shards"
    version(root, [make_sample(0)], settings)
    version(root, [make_sample(n) for n in range(15)], settings)
    text = run(diff_command, "--out", root)
    assert "and 4 more (--all)" in text
    assert len(run(diff_command, "--all", "--out", root).splitlines()) == len(text.splitlines()) + 3


def test_log_marks_what_is_not_whole(shards: Path) -> None:
    (shards / "v3").mkdir()
    shutil.copytree(shards / "v2", shards / "v4")
    next((shards / "v4" / "data").iterdir()).unlink()
    shutil.copytree(shards / "v2", shards / "v5")
    (shards / "v5" / "manifest.json").chmod(0o644)
    (shards / "v5" / "manifest.json").write_text("{}")
    assert [(line.version, line.state) for line in history(shards)] == [
        (5, "damaged"), (4, "damaged"), (3, "incomplete"), (2, "whole"), (1, "whole")
    ]  # fmt: skip
    text = run(log_command, "--out", shards)
    assert "v3 is incomplete" in text and "v4 is damaged" in text and "v5 is damaged" in text


def test_an_empty_folder_and_an_unknown_version_are_told(tmp_path: Path, shards: Path) -> None:
    assert "no version" in run(log_command, "--out", tmp_path / "none")
    with pytest.raises(DatasetError, match="have: v1, v2"):
        find_version("v9", shards)
    with pytest.raises(DatasetError, match="first version"):
        parent_of(shards / "v1")
