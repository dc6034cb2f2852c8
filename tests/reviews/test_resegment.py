"""What a person is shown before a verdict is what the build makes of it."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from grounded_stand_ins import H100, NO_GPU, ToldSegmenter, pretend, registry_with
from record_samples import clip, source

from pvtt_data.backends import choose_backend
from pvtt_data.errors import InputError, PreflightError
from pvtt_data.media import decode_masks, decode_video, encode_clip
from pvtt_data.models import ModelRegistry
from pvtt_data.reviews.resegment import Resegmentation, Trial, try_resegment
from pvtt_data.segmenters.base import Target
from pvtt_data.segmenters.box_prompt import BoxPrompt
from pvtt_data.stages.segment import Segment, SegmentConfig, target_namer
from pvtt_data.store import BlobStore

BOX = (0.5, 0.25, 0.75, 1.0)
GROUNDED = ("u2net", "grounding-dino-tiny", "bert-vocabulary", "sam2.1-large")


@pytest.fixture
def segmenter(monkeypatch: pytest.MonkeyPatch) -> ToldSegmenter:
    pretend(monkeypatch, H100)
    made = ToldSegmenter()
    monkeypatch.setattr("pvtt_data.reviews.resegment.open_backend", lambda backend: made)
    monkeypatch.setattr("pvtt_data.stages.segment.open_backend", lambda backend: made)
    return made


@pytest.fixture
def video(tmp_path: Path) -> Path:
    frames = np.full((6, 64, 96, 3), 90, np.uint8)
    encode_clip(frames, 16.0, tmp_path / "clip.mp4")
    return tmp_path / "clip.mp4"


def tried(video: Path, registry: ModelRegistry, **told: Any) -> Trial:
    return try_resegment(video, video.parent / "previews", registry=registry, **told)


def test_a_preview_shows_the_mask_and_the_box_in_its_frame(
    video: Path, tmp_path: Path, segmenter: ToldSegmenter
) -> None:
    models = registry_with(tmp_path / "models", GROUNDED)
    seen: list[tuple[int, int]] = []
    trial = tried(video, models, box=BOX, box_frame=2, on_progress=lambda done, total: seen.append((done, total)))
    assert trial.masks.shape == (6, 64, 96) and trial.masks[:, 20:, :40].all() and len(trial.confidence) == 6
    assert trial.backend.startswith("grounded-sam2 ") and seen
    shown = decode_video(trial.overlay).astype(int)
    assert shown.shape == (6, 64, 96, 3)
    assert (shown[:, 40, 20, 0] > 120).all(), "tinted"
    assert [(frame[30:60, 46:50, 1] - frame[30:60, 46:50, 0]).max() > 60 for frame in shown] == [
        t == 2 for t in range(6)
    ]
    again = tried(video, models, box=BOX, box_frame=2)
    assert again.overlay == trial.overlay, "the same picture has the same name"
    assert [path.name for path in trial.overlay.parent.iterdir()] == [trial.overlay.name]


@pytest.mark.parametrize("told", [{"prompt": "Teapot."}, {"box": BOX, "box_frame": 3}, {"prompt": "pot.", "box": BOX}])
def test_the_build_asks_the_backend_the_same_and_keeps_the_same_mask(
    video: Path, tmp_path: Path, segmenter: ToldSegmenter, told: dict[str, Any]
) -> None:
    models = registry_with(tmp_path / "models", GROUNDED)
    settings = SegmentConfig(smoothing_px=2.0)
    trial = tried(video, models, settings=settings, category="Rings", title="Silver ring", **told)
    asked = segmenter.told.copy(), segmenter.boxes.copy()
    segmenter.told.clear()
    segmenter.boxes.clear()

    store = BlobStore(str(tmp_path / "blobs"), tmp_path / "local")
    box = BoxPrompt.of(told["box"], told.get("box_frame", 0)) if "box" in told else None
    named = target_namer(settings)("Rings", "Silver ring")
    backend, _ = choose_backend("auto", models)
    stage = Segment(backend, settings.smoothing_px)
    stage.setup()
    row = dataclasses.replace(clip("one", source("one")), video=store.put_file(video, "mp4"))
    item = Resegmentation(told.get("prompt", ""), box).item(row, named)
    (track,) = stage.run(item, store)
    assert (segmenter.told, segmenter.boxes) == asked
    assert np.array_equal(decode_masks(store.path(track.mask)), trial.masks)


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        ({}, "bad-prompt"),
        ({"prompt": "  "}, "bad-prompt"),
        ({"prompt": " . "}, "bad-prompt"),
        ({"box": (0.5, 0.2, 0.4, 1.0)}, "bad-box"),
        ({"box": BOX, "box_frame": 6}, "bad-box"),
    ],
)
def test_what_says_nothing_is_refused(
    video: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, told: dict[str, Any], reason: str
) -> None:
    pretend(monkeypatch, H100)
    monkeypatch.setattr("pvtt_data.reviews.resegment.open_backend", lambda backend: pytest.fail("no model is opened"))
    with pytest.raises(InputError) as refused:
        tried(video, registry_with(tmp_path / "models", GROUNDED), **told)
    assert refused.value.reason == reason
    assert not (tmp_path / "previews").exists()


def test_u2net_takes_a_box_and_refuses_words(
    video: Path, tmp_path: Path, segmenter: ToldSegmenter, monkeypatch: pytest.MonkeyPatch
) -> None:
    pretend(monkeypatch, NO_GPU)
    models = registry_with(tmp_path / "models", ("u2net",))
    assert tried(video, models, box=BOX, category="Rings").backend.startswith("u2net ")
    assert set(segmenter.told) == {None} and segmenter.boxes == [BoxPrompt(0, *BOX)]
    with pytest.raises(InputError, match="pvtt-data models pull grounded-sam2") as refused:
        tried(video, models, prompt="ring.", box=BOX)
    assert refused.value.reason == "cannot-be-told"
    with pytest.raises(PreflightError):
        tried(video, models, prompt="ring.", settings=SegmentConfig(backend="grounded-sam2"))


def test_words_for_people_name_the_prompt_and_the_box() -> None:
    assert Resegmentation("red teapot.").words == "red teapot."
    assert Resegmentation("teapot.", BoxPrompt(12, 0.1, 0.2, 0.5, 0.6)).words == (
        "teapot. in the box 0.1,0.2,0.5,0.6 of frame 12"
    )
    assert Resegmentation(box=BoxPrompt(0, 0, 0, 1, 1)).target(None) is None
    assert Resegmentation("teapot. kettle.").target(None) == Target(("teapot", "kettle"))
