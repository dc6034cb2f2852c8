"""Looks of pictures and tracks, from what the store holds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from fake_build import FakeBuild

from pvtt_data.errors import InputError
from pvtt_data.images import write_png
from pvtt_data.looks import embeddings, likeness
from pvtt_data.media import encode_masks
from pvtt_data.stages.looks import MeasurePictureLooks, MeasureTrackLooks, PictureLookItem, TrackLookItem


def test_a_track_and_a_picture_of_one_product_look_alike_and_those_of_others_do_not(tmp_path: Path) -> None:
    build = FakeBuild(tmp_path)
    store = build.workspace.store
    product_of = {source.source_id: source.product_id for source in build.sources}
    track = build.tracks[0]
    clip = next(clip for clip in build.clips if clip.clip_id == track.clip_id)
    (look,) = MeasureTrackLooks().run(TrackLookItem(track.track_id, clip.video, track.mask), store)
    assert look.subject_id == track.track_id
    assert len(look.views) == 5
    seen = embeddings(look.views)
    found = {}
    for picture in build.pictures:
        (shown,) = MeasurePictureLooks().run(PictureLookItem(picture.picture_id, picture.cutout), store)
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
        MeasurePictureLooks().run(PictureLookItem("p", clear), store)
    assert raised.value.reason == "cutout-empty"
    path = tmp_path / "empty.mp4"
    encode_masks(np.zeros((9, 96, 64), np.bool_), 16, path)
    with pytest.raises(InputError) as raised:
        MeasureTrackLooks().run(TrackLookItem("t", build.clips[0].video, store.put_file(path, "mp4")), store)
    assert raised.value.reason == "mask-missing"
