"""Looks of pictures and tracks, from what the store holds."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from fake_build import FakeBuild

from pvtt_data import recipe as recipe_module
from pvtt_data.embedders.choose import ChosenEmbedder, choose_embedder
from pvtt_data.errors import InputError, PreflightError
from pvtt_data.images import write_png
from pvtt_data.looks import embeddings, likeness
from pvtt_data.media import encode_masks
from pvtt_data.pairing.alike import AlikeLimits, measured_limits
from pvtt_data.recipe import Recipe
from pvtt_data.records import Blob
from pvtt_data.stages.looks import MeasurePictureLooks, MeasureTrackLooks, PictureLookItem, TrackLookItem
from pvtt_data.stages.mine import MineConfig
from pvtt_data.stages.pair import PairConfig

CHOSEN = choose_embedder("colour-shape")[0]


def picture_stage() -> MeasurePictureLooks:
    stage = MeasurePictureLooks(CHOSEN)
    stage.setup()
    return stage


def track_stage() -> MeasureTrackLooks:
    stage = MeasureTrackLooks(CHOSEN)
    stage.setup()
    return stage


def test_a_track_and_a_picture_of_one_product_look_alike_and_those_of_others_do_not(tmp_path: Path) -> None:
    build = FakeBuild(tmp_path)
    store = build.workspace.store
    product_of = {source.source_id: source.product_id for source in build.sources}
    track = build.tracks[0]
    clip = next(clip for clip in build.clips if clip.clip_id == track.clip_id)
    (look,) = track_stage().run(TrackLookItem(track.track_id, clip.video, track.mask), store)
    assert look.subject_id == track.track_id
    assert len(look.views) == 5
    seen = embeddings(look.views)
    found = {}
    for picture in build.pictures:
        (shown,) = picture_stage().run(PictureLookItem(picture.picture_id, picture.cutout), store)
        assert len(shown.views) == 1
        found[picture.product_id] = likeness(embeddings(shown.views), seen)
    own = product_of[clip.source_id]
    assert max(found, key=lambda name: found[name]) == own
    assert found[own] > 0.5


def test_nothing_to_look_at_is_a_rejection(tmp_path: Path) -> None:
    build = FakeBuild(tmp_path)
    store = build.workspace.store
    clear = store.put(write_png(np.zeros((40, 40, 4), np.uint8)), "png")
    with pytest.raises(InputError) as raised:
        picture_stage().run(PictureLookItem("p", clear), store)
    assert raised.value.reason == "cutout-empty"
    path = tmp_path / "empty.mp4"
    encode_masks(np.zeros((9, 96, 64), np.bool_), 16, path)
    with pytest.raises(InputError) as raised:
        track_stage().run(TrackLookItem("t", build.clips[0].video, store.put_file(path, "mp4")), store)
    assert raised.value.reason == "mask-missing"


def test_another_embedder_is_another_cache_key() -> None:
    item = PictureLookItem("p", Blob("0" * 64, 1, "png"))
    other = ChosenEmbedder("colour-shape", CHOSEN.name, "1" * 64)
    keys = {stage.cache_key(item, stage.fingerprint()) for stage in map(MeasurePictureLooks, (CHOSEN, other))}
    assert len(keys) == 2


def test_auto_takes_what_has_measured_limits_and_a_named_one_needs_some_from_the_recipe() -> None:
    recipe = Recipe(name="r", mine=MineConfig(folder=Path("feed")))
    chosen, limits, why = recipe.looks_embedder()
    assert measured_limits(chosen.name, chosen.weights_sha256) == limits
    assert chosen.name in why or chosen.kind in why
    own = recipe.model_copy(update={"pair": PairConfig(max_likeness=0.3)}).looks_embedder()[1]
    assert own == replace(limits, max_likeness=0.3)


def test_an_embedder_without_limits_is_refused_unless_the_recipe_has_both(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recipe_module, "measured_limits", lambda name, digest: None)
    recipe = Recipe(name="r", mine=MineConfig(folder=Path("feed")), pair=PairConfig(max_likeness=0.3))
    with pytest.raises(PreflightError, match="min_reference_likeness"):
        recipe.looks_embedder()
    whole = recipe.model_copy(update={"pair": PairConfig(max_likeness=0.3, min_reference_likeness=0.2)})
    assert whole.looks_embedder()[1] == AlikeLimits(0.3, 0.2)
