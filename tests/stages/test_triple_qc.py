"""Thresholds of triples: what is dropped, what people see first."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import cv2
import numpy as np
import pytest
from drawn_products import HEIGHT, WIDTH
from drawn_triples import drawn_triple
from record_samples import blob, clip, clip_picture, source, track

from pvtt_data.calibration.file import Threshold
from pvtt_data.calibration.triple_file import EmbedderThresholds, TripleCalibration, read_triple_calibrations
from pvtt_data.captions.config import CaptionsConfig
from pvtt_data.captions.writer import Captions
from pvtt_data.embedders.choose import ChosenEmbedder, choose_embedder
from pvtt_data.media import encode_clip, encode_masks
from pvtt_data.records import Assignment, Blob, Pair, Quality, Swap, to_plain
from pvtt_data.stage import StageResult
from pvtt_data.stages.triple_qc import (
    MeasureTriples,
    MovingTripleItem,
    Shelf,
    TripleItem,
    TripleQcConfig,
    rules,
    split_fault,
    triple_qc,
)
from pvtt_data.store import BlobStore
from pvtt_data.thresholds import judge

SHA = "a" * 64
TOLD = ChosenEmbedder("told", "told@1", SHA, libraries=("torch",))

GOOD = {
    "background_psnr_db": 45.0,
    "centroid_agreement": 1.0,
    "reference_leak_bits": 20.0,
    "scale_agreement": 1.0,
    "residue": 0.0,
    "ab_similarity": 0.1,
    "made_up_share": 0.1,
}


@pytest.fixture
def config(tmp_path: Path) -> TripleQcConfig:
    """Settings with few calibrated thresholds, measured on renders by one embedder."""
    part = EmbedderThresholds(
        weights_sha256=SHA,
        thresholds={"reference_likeness": Threshold(flag=0.6), "lag_gain_db": Threshold(flag=1.0, reject=3.0)},
        by_category={"reference_likeness": {"rings": Threshold(flag=0.85)}},
    )
    path = tmp_path / "own.json"
    made = TripleCalibration(name="own", engines=["render"], embedders={"told@1": part})
    path.write_text(made.to_text(), encoding="utf-8")
    return TripleQcConfig(calibration=path, embedder="colour-shape")


@pytest.mark.parametrize(
    ("changed", "verdict", "reason"),
    [
        ({}, "accept", ()),
        ({"background_psnr_db": 29.9}, "reject", ("background-changed",)),
        ({"centroid_agreement": 0.5}, "reject", ("paths-disagree",)),
        ({"reference_leak_bits": 6.0}, "reject", ("reference-leak",)),
        ({"reference_leak_bits": 7.0}, "accept", ()),
        ({"reference_leak_inliers": 0.41}, "flag", ("reference-leak",)),
        ({"residue": 0.4}, "reject", ("residue",)),
        ({"scale_agreement": 0.5, "ab_similarity": 0.9}, "flag", ("sizes-disagree", "too-alike")),
        ({"made_up_share": 0.4}, "flag", ("large-inpaint",)),
        ({"made_up_share": 0.7}, "reject", ("background-made-up",)),
    ],
)
def test_a_swap_is_judged_by_its_numbers(
    config: TripleQcConfig, changed: dict[str, float], verdict: str, reason: tuple[str, ...]
) -> None:
    got = judge(GOOD | changed, rules(config, "swap", "composite"))
    assert got[:2] == (verdict, reason)


def test_a_noop_may_look_like_itself() -> None:
    numbers = GOOD | {"ab_similarity": 1.0, "residue": 1.0, "a_in_target": 1.0, "ab_likeness": 1.0, "residue_a": 1.0}
    assert judge(numbers, rules(TripleQcConfig(embedder="colour-shape"), "noop", "composite"))[0] == "accept"


def test_engines_that_make_nothing_up_need_no_such_number(config: TripleQcConfig) -> None:
    numbers = {name: value for name, value in GOOD.items() if name != "made_up_share"}
    assert judge(numbers, rules(config, "swap", "render"))[0] == "accept"


def test_paths_are_not_asked_of_renders_because_they_agree_by_construction(config: TripleQcConfig) -> None:
    numbers = GOOD | {"centroid_agreement": 0.5, "scale_agreement": 0.2}
    assert judge(numbers, rules(config, "swap", "render"))[0] == "accept"
    assert judge(numbers, rules(config, "swap", "composite"))[:2] == ("reject", ("paths-disagree",))


def test_thresholds_of_the_category_win_over_the_global_ones(config: TripleQcConfig) -> None:
    numbers = GOOD | {"reference_likeness": 0.8}
    assert judge(numbers, rules(config, "swap", "render", "mugs", TOLD))[0] == "accept"
    assert judge(numbers, rules(config, "swap", "render", "rings", TOLD))[:2] == ("flag", ("unlike-references",))


def test_likeness_decides_nothing_for_an_embedder_without_thresholds(config: TripleQcConfig) -> None:
    numbers = GOOD | {"reference_likeness": 0.0}
    assert judge(numbers, rules(config, "swap", "render"))[0] == "accept"
    assert "no thresholds" in config.chosen_embedder()[1]


def test_what_was_measured_on_renders_rejects_renders_and_flags_others(config: TripleQcConfig) -> None:
    numbers = GOOD | {"lag_gain_db": 4.0}
    assert judge(numbers, rules(config, "swap", "render"))[:2] == ("reject", ("out-of-step",))
    assert judge(numbers, rules(config, "swap", "composite"))[:2] == ("flag", ("out-of-step",))
    milder = GOOD | {"lag_gain_db": 2.0}
    assert judge(milder, rules(config, "swap", "render"))[0] == "flag"
    assert judge(milder, rules(config, "swap", "composite"))[0] == "accept"


@pytest.mark.parametrize("engine", ["render", "composite"])
def test_by_default_triples_are_rejected_by_what_was_measured_on_their_own_engine(engine: str) -> None:
    config = TripleQcConfig(embedder="colour-shape")
    embedder = config.chosen_embedder()[0]
    part = read_triple_calibrations().of_engine(engine).of(embedder.name, embedder.weights_sha256)
    limit = part.thresholds["lag_gain_db"].reject
    assert limit is not None
    asked = rules(config, "swap", engine)
    assert judge(GOOD | {"lag_gain_db": limit - 0.1}, asked)[0] == "accept"
    assert judge(GOOD | {"lag_gain_db": limit + 0.1}, asked)[:2] == ("reject", ("out-of-step",))


def test_other_engines_are_flagged_where_a_render_would_be_rejected() -> None:
    config = TripleQcConfig(embedder="colour-shape")
    numbers = GOOD | {"lag_gain_db": 50.0}
    assert judge(numbers, rules(config, "swap", "panzoom"))[:2] == ("flag", ("out-of-step",))


def test_thresholds_of_the_recipe_win_over_the_file(config: TripleQcConfig) -> None:
    numbers = GOOD | {"lag_gain_db": 2.0, "a_in_target": 0.9}
    assert judge(numbers, rules(config, "swap", "render"))[:2] == ("flag", ("out-of-step",))
    looser = config.model_copy(update={"flag": {"lag_gain_db": 2.5}})
    assert judge(numbers, rules(looser, "swap", "render"))[0] == "accept"
    own = config.model_copy(update={"reject": {"a_in_target": 0.8}})
    assert judge(numbers, rules(own, "swap", "composite"))[:2] == ("reject", ("a-in-target",))
    with pytest.raises(ValueError, match="no_such_number"):
        TripleQcConfig(flag={"no_such_number": 1.0})


def test_a_moving_a_is_measured_as_one_and_others_keep_their_results(tmp_path: Path) -> None:
    store = BlobStore(str(tmp_path / "blobs"), tmp_path / "local")
    media = drawn_triple()
    lean = np.stack([leaning_club(turn) for turn in (0, 15, 30, 40, 30, 10, -15, -30, -40)])

    def kept(name: str, masks: np.ndarray) -> Blob:
        path = tmp_path / f"{name}.mp4"
        encode_masks(masks, 8.0, path)
        return store.put_file(path, "mp4")

    videos = {}
    for name in ("source", "target"):
        encode_clip(getattr(media, name), 8.0, tmp_path / "clip.mp4", crf=12.0)
        videos[name] = store.put_file(tmp_path / "clip.mp4", "mp4")
    still = np.repeat(lean[:1], len(lean), axis=0)
    fields = {
        "pair_id": "p" * 16, **videos, "source_mask": kept("a", lean), "target_mask": kept("b", still),
        "effect_mask": kept("e", np.ones_like(lean)), "references": (),
    }  # fmt: skip
    stage = MeasureTriples(choose_embedder("colour-shape")[0])
    stage.setup()
    items = (TripleItem(**fields), MovingTripleItem(**fields))
    plain, moving = (stage.run(item, store)[0].numbers["centroid_agreement"] for item in items)
    assert plain < 0.6 < 0.9 < moving
    assert "moving" not in to_plain(items[0]), "or all triples would be measured again"


def leaning_club(turn_deg: float) -> np.ndarray:
    """A mask that leans about its middle."""
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    cv2.ellipse(mask, ((WIDTH / 2, HEIGHT / 2), (0.2 * HEIGHT, 0.7 * HEIGHT), turn_deg), 1, -1)
    return mask > 0


def judged(splits: dict[str, str], moving: bool = False) -> StageResult:
    """One swap of a training pair: B's clip of source b, A's picture or clip of source a, references of b and c."""
    sources = [source("a", "A"), source("b", "B", category="mugs"), source("c", "B")]
    b_clip, a_clip = clip("clip of b", sources[1], 0), clip("clip of a", sources[0], 0)
    pictures = [clip_picture(name, sources[number], 1.0) for number, name in ((0, "pa"), (1, "pb"), (2, "pc"))]
    b_track = track(b_clip)
    a_track = dataclasses.replace(track(a_clip), reasons=("boundary-flickers",), weights={"other": "cd" * 32})
    row = Pair(
        "p" * 16, "render", "swap", "train", "easy", "A", "B", b_clip.clip_id, b_track.track_id,
        "" if moving else pictures[0].picture_id, (pictures[1].picture_id, pictures[2].picture_id), (), 0,
        track_id_a=a_track.track_id if moving else "",
    )  # fmt: skip
    swap = Swap(row.pair_id, blob("s"), blob("m"), blob("e"), (), {})
    shelf = Shelf.of(sources, [b_clip, a_clip], [b_track, a_track], pictures, [row])
    assignments = [
        Assignment(s.source_id, s.product_id, "component", splits[name])  # type: ignore[arg-type]
        for s, name in zip(sources, "abc", strict=True)
        if name in splits
    ]
    numbers = [Quality(row.pair_id, GOOD)]
    config = TripleQcConfig(embedder="colour-shape")
    embedder = dataclasses.replace(TOLD, weights_sha256="b" * 64)
    return triple_qc([swap], numbers, shelf, Captions(CaptionsConfig()), config, embedder, assignments)


def test_a_triple_of_one_split_is_made_and_says_which_model_judged_it() -> None:
    (row,) = judged({"a": "train", "b": "train", "c": "train"}).rows
    assert f"told@1@{'b' * 12}" in row.models


def test_the_clip_of_a_moving_product_is_a_part_of_the_triple_with_its_models_and_its_doubts() -> None:
    (row,) = judged({"a": "train", "b": "train", "c": "train"}, moving=True).rows
    assert row.track_id_a and f"other@{'cd' * 6}" in row.models
    assert (row.verdict, row.reasons) == ("flag", ("a-mask-boundary-flickers",))
    (still,) = judged({"a": "train", "b": "train", "c": "train"}).rows
    assert not still.track_id_a and still.verdict == "accept" and len(still.models) == len(row.models) - 1


@pytest.mark.parametrize("moving", [False, True])
@pytest.mark.parametrize("wrong", ["a", "b", "c"])
@pytest.mark.parametrize("split", ["test", None])
def test_a_part_of_another_split_rejects_whatever_the_numbers_say(wrong: str, split: str | None, moving: bool) -> None:
    splits = {name: "train" for name in "abc" if name != wrong} | ({wrong: split} if split else {})
    result = judged(splits, moving)
    assert [rejection.reason for rejection in result.rejections] == ["wrong-split"] and not result.rows
    assert (split or "none") in result.rejections[0].message


def test_splits_are_compared_with_the_triples_own() -> None:
    assert split_fault("test", ["test", "test"]) is None
    assert (
        split_fault("train", ["train", "test", "validation"])
        == "a triple of split train has parts of test and validation"
    )
