"""Each clip and picture is segmented by what its own product is called, and the record says so."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from grounded_stand_ins import H100, ToldSegmenter, pretend, registry_with
from record_samples import clip, sha, source, track

from pvtt_data.backends import ChosenBackend, choose_backend
from pvtt_data.build import portable_recipe
from pvtt_data.errors import InputError, PreflightError
from pvtt_data.images import write_png
from pvtt_data.line import Line
from pvtt_data.media import decode_masks, encode_clip
from pvtt_data.preflight import preflight
from pvtt_data.recipe import Recipe
from pvtt_data.records import Blob, Clip, Source
from pvtt_data.reviews.book import ReviewBook
from pvtt_data.reviews.effective import standings
from pvtt_data.reviews.records import Review, clip_key
from pvtt_data.segmenters.base import Target
from pvtt_data.segmenters.box_prompt import BoxPrompt
from pvtt_data.segmenters.grounded.settings import GroundedSettings
from pvtt_data.stage import MapStage, Named, StageResult
from pvtt_data.stages.mine import MineConfig
from pvtt_data.stages.pictures import ListingPictures, PicturesConfig, TargetedListingItem
from pvtt_data.stages.segment import BoxedSegmentItem, Segment, SegmentConfig, TargetedSegmentItem
from pvtt_data.store import BlobStore

HERE = ("u2net", "grounding-dino-tiny", "bert-vocabulary", "sam2.1-large")
U2NET = ChosenBackend("u2net", "2", {"u2net": "ab" * 32}, {}, choice="auto, without grounded-sam2")


@pytest.fixture
def grounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ChosenBackend:
    pretend(monkeypatch, H100)
    return choose_backend("auto", registry_with(tmp_path / "models", HERE))[0]


class Recorder:
    """Stands in for the runner: keeps what each stage is handed, and finds a track in every clip."""

    def __init__(self) -> None:
        self.keys: dict[str, dict[str, str]] = {}
        self.items: dict[str, list[Any]] = {}
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)

    def map(self, stage: MapStage[Any], items: Sequence[Named[Any]]) -> list[Any]:
        fingerprint = stage.fingerprint()
        self.keys[stage.name] = {named.item_id: stage.cache_key(named.item, fingerprint) for named in items}
        self.items[stage.name] = [named.item for named in items]
        return [track(CLIPS[item.clip_id]) for item in self.items[stage.name]] if stage.name == "segment" else []

    def table(self, result: StageResult) -> list[Any]:
        return result.rows


MUG = source("one", "mug-1", images=("front",), category="Mugs", title="Blue")
RING = source("two", "ring-1", images=("side",), category="", title="Silver ring")
CLIPS = {c.clip_id: c for c in (clip("a", MUG), clip("b", RING))}


def masks(
    backend: ChosenBackend, sources: Sequence[Source], *, said: ReviewBook | None = None, **segment: Any
) -> tuple[Recorder, list[Any]]:
    """What the stages are handed, and the tracks that come out before quality control."""
    recorder = Recorder()
    recipe = Recipe(name="x", mine=MineConfig(folder=Path("clips")), segment=SegmentConfig(**segment))
    line = Line(recipe, recorder, backend, reviews=said)  # type: ignore[arg-type]
    line.tables.sources, line.tables.clips = list(sources), list(CLIPS.values())
    seen: list[Any] = []

    def kept(tracks: Sequence[Any], *rest: object) -> StageResult:
        seen.extend(tracks)
        return StageResult("mask_qc", table=True)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pvtt_data.line.mask_qc", kept)
        line._masks(backend)
    return recorder, seen


def test_clips_and_pictures_are_segmented_by_their_own_category_or_title(grounded: ChosenBackend) -> None:
    recorder, tracks = masks(grounded, [MUG, RING])
    told = {item.clip_id: item.target.phrases[0] for item in recorder.items["segment"]}
    assert sorted(told.values()) == ["mug", "ring"]
    assert {(i.product_id, i.target.phrases[0]) for i in recorder.items["listing_pictures"]} == {
        ("mug-1", "mug"),
        ("ring-1", "ring"),
    }
    stated = {t.clip_id: (t.choice, t.target, t.target_rule) for t in tracks}
    assert sorted(stated.values()) == [("auto", "mug. cup.", "category"), ("auto", "ring.", "title")]
    assert tracks[0].segmenter.endswith("(auto)")
    assert any("the title names its kind (ring.)" in note for note in recorder.notes)


def test_another_title_segments_that_products_clips_and_pictures_anew_and_no_others(grounded: ChosenBackend) -> None:
    before, _ = masks(grounded, [MUG, RING])
    after, _ = masks(grounded, [MUG, dataclasses.replace(RING, title="Silver bracelet")])
    for stage in ("segment", "listing_pictures"):
        changed = {name for name in before.keys[stage] if before.keys[stage][name] != after.keys[stage][name]}
        assert len(changed) == 1
    same, _ = masks(grounded, [MUG, dataclasses.replace(RING, title="Golden ring")])
    assert same.keys == before.keys


def test_titles_are_nothing_to_u2net_and_its_tracks_say_that_it_stood_in(grounded: ChosenBackend) -> None:
    before, tracks = masks(U2NET, [MUG, RING])
    after, _ = masks(U2NET, [dataclasses.replace(MUG, title="x", category="y"), RING])
    assert before.keys == after.keys
    assert before.notes == []
    assert {(t.choice, t.target, t.target_rule) for t in tracks} == {("auto, without grounded-sam2", "", "")}
    assert tracks[0].segmenter == "u2net (auto, without grounded-sam2)"


def test_a_prompt_of_the_recipe_is_what_all_clips_are_asked_for(grounded: ChosenBackend) -> None:
    recorder, tracks = masks(grounded, [MUG, RING], prompt="Teapot. kettle")
    assert {item.target for item in recorder.items["segment"]} == {Target(("teapot", "kettle"))}
    assert {(t.target, t.target_rule) for t in tracks} == {("teapot. kettle.", "prompt")}


def test_a_vocabulary_of_the_recipe_is_used(grounded: ChosenBackend, tmp_path: Path) -> None:
    own = tmp_path / "own.yaml"
    own.write_text("kinds:\n  mug:\n    phrases: [enamel mug]\n")
    recorder, _ = masks(grounded, [MUG, RING], vocabulary=own)
    assert {item.target.phrases for item in recorder.items["segment"]} == {("enamel mug",), ("ring",)}


def test_the_stage_tells_its_backend_and_keeps_what_it_answers(
    grounded: ChosenBackend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    segmenter = ToldSegmenter()
    for module in ("segment", "pictures"):
        monkeypatch.setattr(f"pvtt_data.stages.{module}.open_backend", lambda backend: segmenter)
    store = BlobStore(str(tmp_path / "blobs"), tmp_path / "local")
    frames = np.full((5, 64, 96, 3), 90, np.uint8)
    path = tmp_path / "clip.mp4"
    encode_clip(frames, 16.0, path)
    target = Target(("mug", "cup"), worn_on=("hand",))
    stage = Segment(grounded)
    stage.setup()
    (found,) = stage.run(TargetedSegmentItem("c", store.put_file(path, "mp4"), 16.0, target), store)
    assert segmenter.told == [target] * 5
    assert found.numbers == {"confidence_min": 0.5, "reprompts": 1.0}
    assert decode_masks(store.path(found.mask))[:, 20:, :40].all()

    assert stage.resources.batch > 1, "a GPU is given several clips at a time"
    items = [TargetedSegmentItem(name, store.put_file(path, "mp4"), 16.0, target) for name in ("c", "d")]
    together = stage.run_many(items, store)
    assert together[0] == [found]
    assert [rows[0].clip_id for rows in together] == ["c", "d"]

    image = tmp_path / "front.png"
    image.write_bytes(write_png(np.full((300, 400, 3), 90, np.uint8)))
    store.add_original(sha("front"), image)
    listing = ListingPictures(PicturesConfig(), grounded)
    listing.setup()
    (picture,) = listing.run(TargetedListingItem("mug-1", sha("front"), target), store)
    assert segmenter.told[-1] == target
    assert picture.backend == grounded.label


BOX = (0.25, 0.5, 0.75, 1.0)


def again(row: Clip, **told: Any) -> ReviewBook:
    """A person says how to segment a clip again."""
    review = Review.made("clip", clip_key(row.video.sha256), "resegment", "ada", at="2026-11-26T09:00:00Z", **told)
    return ReviewBook(standings([review]))


def test_a_box_segments_that_clip_anew_and_no_other(grounded: ChosenBackend) -> None:
    mug, ring = CLIPS.values()
    for backend in (grounded, U2NET):
        before, _ = masks(backend, [MUG, RING])
        said = again(mug, box=BOX, box_frame=7)
        after, tracks = masks(backend, [MUG, RING], said=said)
        changed = [name for name, key in after.keys["segment"].items() if before.keys["segment"][name] != key]
        assert changed == [mug.clip_id]
        assert before.keys["listing_pictures"] == after.keys["listing_pictures"], "a box is of a clip, not of pictures"
        item = next(item for item in after.items["segment"] if item.clip_id == mug.clip_id)
        assert item.box == BoxPrompt(7, *BOX)
        stated = {t.clip_id: (t.target, t.target_rule) for t in tracks}
        assert stated[mug.clip_id] == ("in the box 0.25,0.5,0.75,1 of frame 7", "review")
        assert stated[ring.clip_id][1] != "review"
        assert [(row.subject_id, row.effects) for row in said.applied({})] == [(mug.clip_id, ("resegmented",))]
        other, _ = masks(backend, [MUG, RING], said=again(mug, box=BOX, box_frame=8))
        assert other.keys["segment"][mug.clip_id] != after.keys["segment"][mug.clip_id]


def test_a_box_alone_needs_no_words_but_what_is_known_of_the_kind_stays(grounded: ChosenBackend) -> None:
    _, ring = CLIPS.values()
    plain, _ = masks(grounded, [MUG, RING])
    boxed, _ = masks(grounded, [MUG, RING], said=again(ring, box=BOX, box_frame=0))
    named, found = (
        next(item.target for item in recorder.items["segment"] if item.clip_id == ring.clip_id)
        for recorder in (plain, boxed)
    )
    assert named.holed and found == dataclasses.replace(named, phrases=())


def test_a_prompt_of_a_person_comes_before_what_category_and_title_say(grounded: ChosenBackend) -> None:
    mug, _ = CLIPS.values()
    recorder, tracks = masks(grounded, [MUG, RING], said=again(mug, prompt="Red  teapot."), prompt="thing.")
    told = {item.clip_id: item.target.phrases for item in recorder.items["segment"]}
    assert told[mug.clip_id] == ("red teapot",) and ("thing",) in told.values()
    assert ("Red teapot.", "review") in {(t.target, t.target_rule) for t in tracks}
    both, _ = masks(grounded, [MUG, RING], said=again(mug, prompt="teapot.", box=BOX, box_frame=2))
    item = next(item for item in both.items["segment"] if item.clip_id == mug.clip_id)
    assert (item.target.phrases, item.box.frame) == (("teapot",), 2)


@pytest.mark.parametrize("box", [None, BOX])
def test_where_nobody_can_follow_a_prompt_the_clip_is_dropped_and_not_left_as_it_was(
    grounded: ChosenBackend, tmp_path: Path, box: tuple[float, ...] | None
) -> None:
    mug, _ = CLIPS.values()
    said = again(mug, prompt="teapot.", box=box, box_frame=None if box is None else 0)
    recorder, _ = masks(U2NET, [MUG, RING], said=said)
    item = next(item for item in recorder.items["segment"] if item.clip_id == mug.clip_id)
    store = BlobStore(str(tmp_path / "blobs"), tmp_path / "local")
    stage = Segment(U2NET)
    stage._segmenter = ToldSegmenter()
    with pytest.raises(InputError, match=r"a box says it without words") as refused:
        stage.run(item, store)
    assert refused.value.reason == "cannot-be-told"
    assert [row.effects for row in said.applied({})] == [("dropped",)]
    nothing, _ = masks(grounded, [MUG, RING], said=again(mug, prompt=" . "))
    item = next(item for item in nothing.items["segment"] if item.clip_id == mug.clip_id)
    stage = Segment(grounded)
    stage._segmenter = ToldSegmenter()
    with pytest.raises(InputError) as refused:
        stage.run(item, store)
    assert refused.value.reason == "bad-prompt"


def test_a_refused_clip_spoils_no_other_of_its_batch_and_boxes_reach_the_backend(
    grounded: ChosenBackend, tmp_path: Path
) -> None:
    store = BlobStore(str(tmp_path / "blobs"), tmp_path / "local")
    path = tmp_path / "clip.mp4"
    encode_clip(np.full((5, 64, 96, 3), 90, np.uint8), 16.0, path)
    video = store.put_file(path, "mp4")
    stage, segmenter = Segment(grounded), ToldSegmenter()
    stage._segmenter = segmenter
    refused, made = stage.run_many(
        [
            TargetedSegmentItem("a", video, 16.0, Target(())),
            BoxedSegmentItem("b", video, 16.0, None, BoxPrompt(4, *BOX)),
        ],
        store,
    )
    assert isinstance(refused, InputError) and refused.reason == "bad-prompt"
    assert not isinstance(made, InputError) and made[0].clip_id == "b"
    assert segmenter.boxes == [BoxPrompt(4, *BOX)]


def test_smoothed_outlines_are_another_result_and_none_leaves_the_key_alone(grounded: ChosenBackend) -> None:
    item = TargetedSegmentItem("c", Blob("ab" * 32, 1, "mp4"), 16.0, Target(("mug",)))
    plain, smooth = Segment(grounded), Segment(grounded, 1.5)
    assert plain.config == grounded.key_settings
    assert plain.cache_key(item, plain.fingerprint()) != smooth.cache_key(item, smooth.fingerprint())
    assert grounded.identity is not None
    other = dataclasses.replace(grounded, identity=grounded.identity.model_copy(update={"tracker": "sam2.1-tiny"}))
    assert Segment(other, 1.5).fingerprint()["config"] != smooth.fingerprint()["config"], "both count"
    recorder, _ = masks(grounded, [MUG, RING], smoothing_px=1.5)
    unsmoothed, _ = masks(grounded, [MUG, RING])
    assert recorder.keys["segment"] != unsmoothed.keys["segment"]


def recipe_with(tmp_path: Path, **segment: Any) -> Recipe:
    return Recipe(name="x", mine=MineConfig(folder=tmp_path), segment=SegmentConfig(**segment))


def test_a_build_that_cannot_segment_as_asked_does_not_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch, H100, missing=("sam2",))
    models = registry_with(tmp_path / "models", ("u2net",))
    own = tmp_path / "own.yaml"
    own.write_text("kinds:\n  mug:\n    phrase: [mug]\n")
    recipe = recipe_with(tmp_path, backend="grounded-sam2", vocabulary=own)
    with pytest.raises(PreflightError) as caught:
        preflight(recipe, tmp_path / "work", tmp_path / "out", models)
    for words in (
        "sam2 (not installed): pip install 'pvtt[gpu]'",
        "pvtt-data models pull grounded-sam2",
        "segment.vocabulary: ",
        "own.yaml:3:5",
        "did you mean 'phrases'",
    ):
        assert words in str(caught.value)
    preflight(recipe_with(tmp_path), tmp_path / "work", tmp_path / "out", models)


@pytest.mark.parametrize("prompt", ["", " . ", ".."])
def test_a_prompt_must_name_something(prompt: str) -> None:
    with pytest.raises(ValueError, match="names nothing to look for"):
        SegmentConfig(prompt=prompt)


def test_a_recipe_cannot_give_u2net_a_prompt(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="cannot be told what to look for"):
        SegmentConfig(backend="u2net", prompt="mug.")


def test_a_dataset_does_not_remember_this_machines_files_and_processors(tmp_path: Path) -> None:
    recipe = recipe_with(
        tmp_path,
        vocabulary=tmp_path / "own.yaml",
        device="cpu",
        grounded=GroundedSettings(tracker_folder=tmp_path / "sam3"),
    )
    assert str(tmp_path) not in str(portable_recipe(recipe))
    assert "device" not in portable_recipe(recipe)["segment"]
