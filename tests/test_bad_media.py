"""Bad media give named rejections or correct clips, never a stop, and change nothing of the good files' clips."""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from bad_media import BAD, HEIGHT, ODD, WIDTH, make_corpus, scene, whole

from pvtt_data.build import BuildOutcome, BuildRequest, build
from pvtt_data.media.members import decode_video
from pvtt_data.recipe import read_recipe
from pvtt_data.records import Clip, Measurement
from pvtt_data.stage import Resources
from pvtt_data.stages.measure import Measure, MediaItem
from pvtt_data.store import BlobStore
from pvtt_data.workspace import Workspace

ROOT = Path(__file__).parent.parent
SETTINGS = (
    "render=null",
    "normalise.sizes=96x160",
    "normalise.frames=17",
    "normalise.fps=8",
    "split.max_windows=1",
    "filter.min_side_px=100",
    "filter.max_shake_px_per_s=1000",
)

pytestmark = pytest.mark.slow


class TreacherousMeasure(Measure):
    """A decoder that hangs on one file and crashes on another."""

    resources = Resources(memory_bytes=6 * 2**30, timeout_s=12.0)

    def run(self, item: MediaItem, store: BlobStore) -> Sequence[Measurement]:
        name = store.original(item.sha256).name
        if name == "hangs.mp4":
            time.sleep(600)
        if name == "crashes.mp4":
            os.kill(os.getpid(), signal.SIGSEGV)
        return super().run(item, store)


def clips_of(feed: Path, folder: Path, patch: pytest.MonkeyPatch) -> tuple[BuildOutcome, dict[str, list[Clip]]]:
    patch.setattr("pvtt_data.line.Measure", TreacherousMeasure)
    recipe = read_recipe(ROOT / "recipes" / "ecommerce.yaml", [*SETTINGS, f"mine.folder={feed}", "mine.layout=flat"])
    outcome = build(BuildRequest(recipe, folder / "work", folder / "out", until="normalise", workers=2))
    path_of = {source.source_id: source.path for source in outcome.tables.sources}
    clips: dict[str, list[Clip]] = {}
    for clip in outcome.tables.clips:
        clips.setdefault(path_of[clip.source_id], []).append(clip)
    return outcome, clips


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory, u2net_path: Path) -> Any:
    """A build of two good files alone, and one of the same files among all the bad ones."""
    folder = tmp_path_factory.mktemp("bad media")
    for name, seed in (("good-1.mp4", 1), ("good-2.mp4", 2)):
        for feed in ("good", "all"):
            (folder / feed).mkdir(exist_ok=True)
        # Copied: an encoder with several threads need not write the same bytes twice.
        shutil.copy(whole(folder / "good" / name, seed), folder / "all" / name)
    make_corpus(folder / "all")
    whole(folder / "all" / "hangs.mp4", 3)
    whole(folder / "all" / "crashes.mp4", 4)
    with pytest.MonkeyPatch.context() as patch:
        alone = clips_of(folder / "good", folder / "one", patch)
        among = clips_of(folder / "all", folder / "two", patch)
    return folder, alone, among


def reasons(outcome: BuildOutcome) -> dict[str, str]:
    return {rejection.subject.split(" [")[0]: rejection.reason for rejection in outcome.tables.rejections}


def test_each_bad_file_is_rejected_by_name_and_reason(built: Any) -> None:
    _, _, (outcome, clips) = built
    found = reasons(outcome)
    assert {name: found.get(name) for name in BAD} == {name: reason for name, (_, reason) in BAD.items()}
    assert not set(BAD) & set(clips)
    assert all(rejection.message for rejection in outcome.tables.rejections)


def test_a_decoder_that_hangs_or_crashes_costs_its_own_file_only(built: Any) -> None:
    _, _, (outcome, _) = built
    found = reasons(outcome)
    assert (found["hangs.mp4"], found["crashes.mp4"]) == ("timeout", "crashed")


def test_odd_files_give_clips(built: Any) -> None:
    _, _, (outcome, clips) = built
    found = reasons(outcome)
    assert {name: found.get(name) for name in ODD if name not in clips} == {}
    assert len(clips["caf\\xe9.mp4"]) == 1


def test_a_file_with_corrupt_frames_gives_a_rejection_or_whole_frames(built: Any) -> None:
    _, _, (outcome, clips) = built
    assert ("corrupt-middle.mp4" in clips) != ("corrupt-middle.mp4" in reasons(outcome))


def test_nothing_was_a_fault_and_every_file_is_accounted_for(built: Any) -> None:
    folder, _, (outcome, clips) = built
    assert not any(result.faults for result in outcome.results)
    files = {os.fsencode(path.name).decode("utf-8", "backslashreplace") for path in (folder / "all").iterdir()}
    assert files == set(clips) | set(reasons(outcome))


def test_good_files_give_the_same_bytes_as_without_the_bad_ones(built: Any) -> None:
    _, (_, alone), (_, among) = built
    assert set(alone) == {"good-1.mp4", "good-2.mp4"}
    assert {name: among[name] for name in alone} == alone


@pytest.mark.parametrize(
    ("name", "seed"),
    [("variable-rate.mp4", 106), ("full-chroma.mp4", 115), ("ten-bit.mp4", 112), ("two-streams.mp4", 116)],
)
def test_odd_files_show_what_was_filmed(built: Any, name: str, seed: int) -> None:
    folder, _, (_, clips) = built
    (clip,) = clips[name]
    shown = decode_video(Workspace(folder / "two" / "work").store.path(clip.video))
    assert shown.shape == (17, 160, 96, 3)
    filmed = scene(seed)
    assert filmed[0].shape == (HEIGHT, WIDTH, 3)
    import cv2

    small = [cv2.resize(picture, (96, 160), interpolation=cv2.INTER_AREA).astype(int) for picture in filmed]
    nearest = [min(range(len(small)), key=lambda n: abs(small[n] - frame).mean()) for frame in shown.astype(int)]
    assert nearest == sorted(nearest), "frames are in order"
    assert max(abs(small[n] - frame).mean() for n, frame in zip(nearest, shown.astype(int), strict=True)) < 8
