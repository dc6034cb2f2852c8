"""Dissolves that a second detector finds are kept out of clips, and that detector touches no other stage."""

from __future__ import annotations

import random
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from pvtt_data.build import BuildRequest, build
from pvtt_data.errors import PreflightError
from pvtt_data.executor import LocalExecutor
from pvtt_data.files import sha256_file
from pvtt_data.media import encode_clip, open_media
from pvtt_data.preflight import preflight
from pvtt_data.recipe import Recipe
from pvtt_data.records import Measurement, Shot, TransitionTrack
from pvtt_data.series import measure, to_parquet
from pvtt_data.shots import FrameRange
from pvtt_data.stage import MapStage, Named, NoConfig, Resources
from pvtt_data.stages.measure import MeasureConfig, MediaItem
from pvtt_data.stages.split_shots import SplitItem, SplitShots, SplitShotsConfig
from pvtt_data.stages.transitions import DetectTransitions, levels_from_parquet, levels_to_parquet
from pvtt_data.store import BlobStore
from pvtt_data.transitions import (
    TransitionDetector,
    TransNetV2Detector,
    gradual_ranges,
    missing_packages,
    read_thumbnails,
    to_levels,
)

DISSOLVE = FrameRange(60, 84)


def dissolving_frames(count: int = 144) -> npt.NDArray[np.uint8]:
    """Two textures of one brightness; the first turns into the second over `DISSOLVE`."""
    rng = np.random.default_rng(1)
    first, second = rng.integers(40, 215, (2, 24, 32, 3)).repeat(8, axis=1).repeat(8, axis=2)[:, :192, :256]
    weight = np.clip((np.arange(count) - DISSOLVE.first_frame + 1) / 25, 0, 1)[:, None, None, None]
    mixed = first * (1 - weight) + second * weight
    return np.stack([np.roll(picture, shift, axis=1) for shift, picture in enumerate(mixed)]).astype(np.uint8)


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("video") / "dissolve.mp4"
    encode_clip(dissolving_frames(), 24.0, path, crf=18)
    return path


class KnowsTheFrames(TransitionDetector):
    """Stands in for the network: says what the made video holds."""

    def probabilities(self, thumbnails: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        assert thumbnails.shape[1:] == (27, 48, 3)
        numbers = np.arange(len(thumbnails))
        return ((numbers >= DISSOLVE.first_frame) & (numbers < DISSOLVE.last_frame)).astype(np.float32) * 0.9


class FakeTransitions(DetectTransitions):
    def open_detector(self) -> TransitionDetector:
        return KnowsTheFrames()


def windows_of(video: Path, store: BlobStore, detected: bool) -> list[Shot]:
    sha256 = sha256_file(video)
    store.add_original(sha256, video)
    series = measure(open_media(video))
    blob = store.put(to_parquet(series), "parquet")
    measurement = Measurement(sha256, 256, 192, len(series), 24.0, series.end_s, "h264", 0, blob)
    track: TransitionTrack | None = None
    if detected:
        stage = FakeTransitions(MeasureConfig())
        stage.setup()
        (track,) = stage.run(MediaItem(sha256, None), store)
    split = SplitShots(SplitShotsConfig(transitions="transnetv2" if detected else "none"), 2.0)
    return list(split.run(SplitItem("source", measurement, track), store))


def test_clips_keep_out_of_a_dissolve_with_a_margin(video: Path, tmp_path: Path) -> None:
    shots = windows_of(video, BlobStore(str(tmp_path / "blobs"), tmp_path / "local"), detected=True)
    assert len(shots) == 2
    margin = SplitShotsConfig().transition_margin_frames
    for shot in shots:
        before = shot.last_frame <= DISSOLVE.first_frame - margin
        assert before or shot.first_frame >= DISSOLVE.last_frame + margin


def test_without_the_second_detector_a_clip_holds_the_dissolve(video: Path, tmp_path: Path) -> None:
    shots = windows_of(video, BlobStore(str(tmp_path / "blobs"), tmp_path / "local"), detected=False)
    assert any(s.first_frame < DISSOLVE.last_frame and s.last_frame > DISSOLVE.first_frame for s in shots)


def test_short_runs_are_left_to_the_cut_detector() -> None:
    levels = np.zeros(50, np.uint8)
    levels[10:12] = 255
    levels[20:26] = 128
    frames = np.arange(50, dtype=np.int32) + 100
    assert gradual_ranges(frames, levels, 0.5, 3) == [FrameRange(120, 126)]
    assert gradual_ranges(frames, levels, 0.6, 3) == []


def test_levels_survive_storage() -> None:
    frames = np.array([0, 1, 5], np.int32)
    levels = to_levels(np.array([0.0, 0.5, 1.0], np.float32))
    data = levels_to_parquet(frames, levels)
    read = levels_from_parquet(data)
    assert read[0].tolist() == [0, 1, 5] and read[1].tolist() == [0, 128, 255]
    assert levels_to_parquet(frames, levels) == data


class _Spoiler(MapStage[int]):
    """Leaves a mark on its process, as a library with global seeds does."""

    name, version, kind = "spoiler", 1, "source"
    resources = Resources(isolated=True)

    def setup(self) -> None:
        random.seed(42)
        sys.modules["pvtt_spoiled"] = sys

    def run(self, item: int, store: BlobStore) -> list[bool]:
        return [True]


class _Looker(MapStage[int]):
    """Tells whether its process bears the mark."""

    name, version, kind = "looker", 1, "source"

    def run(self, item: int, store: BlobStore) -> list[bool]:
        return ["pvtt_spoiled" in sys.modules]


def test_an_isolated_stage_leaves_no_trace_in_later_stages(tmp_path: Path) -> None:
    executor = LocalExecutor(1, BlobStore(str(tmp_path / "blobs"), tmp_path / "local"))
    try:
        items = [Named(0, "0", "0")]
        list(executor.map(_Looker(NoConfig()), items))
        list(executor.map(_Spoiler(NoConfig()), items))
        ((_, outcome),) = executor.map(_Looker(NoConfig()), items)
        assert outcome.rows == (False,)
    finally:
        executor.close()


def test_a_recipe_that_asks_for_what_is_not_installed_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pvtt_data.preflight.missing_packages", lambda: ["torch"])
    recipe = Recipe.model_validate({"name": "x", "mine": {"folder": tmp_path}, "split": {"transitions": "transnetv2"}})
    with pytest.raises(PreflightError, match=r"pip install 'pvtt\[transnet\]'"):
        preflight(recipe, tmp_path / "work", tmp_path / "out")


def test_stopping_after_a_stage_that_the_recipe_leaves_out_says_how_to_ask_for_it(tmp_path: Path) -> None:
    recipe = Recipe.model_validate({"name": "x", "mine": {"folder": tmp_path}})
    with pytest.raises(PreflightError, match=r"--set split\.transitions=transnetv2"):
        build(BuildRequest(recipe, tmp_path / "work", tmp_path / "out", until="transitions"))
    assert not (tmp_path / "work").exists()


@pytest.mark.skipif(bool(missing_packages()), reason="needs the extra transnet: pip install 'pvtt[transnet]'")
def test_transnetv2_finds_the_dissolve(video: Path) -> None:
    frames, thumbnails = read_thumbnails(open_media(video))
    found = gradual_ranges(frames, to_levels(TransNetV2Detector().probabilities(thumbnails)), 0.5, 3)
    assert len(found) == 1
    assert found[0].first_frame < DISSOLVE.last_frame and found[0].last_frame > DISSOLVE.first_frame
