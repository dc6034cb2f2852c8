"""SAM 2.1 in lanes: the same numbers as the package's own predictor, whatever shares a batch."""

from __future__ import annotations

import re
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the extra gpu: pip install 'pvtt[gpu]'")
pytest.importorskip("sam2", reason="needs the extra gpu: pip install 'pvtt[gpu]'")

import torch
from PIL import Image
from tiny_models import SAM2_SMALL, small_sam2

from pvtt_data.segmenters.grounded.lanes import Lane, Prompt, Run
from pvtt_data.segmenters.grounded.sam2_tracker import CONFIGS, Sam2Tracker, build_sam2, load_sam2

BOX = (20.0, 20.0, 80.0, 70.0)


@pytest.fixture(scope="module")
def model() -> torch.nn.Module:
    return small_sam2()


@pytest.fixture(scope="module")
def tracker(model: torch.nn.Module) -> Sam2Tracker:
    return Sam2Tracker("small", model, batch=4)


@pytest.fixture(scope="module")
def frames() -> np.ndarray:
    noise = np.random.default_rng(0).integers(0, 255, (20, 12, 20, 3), dtype=np.uint8)
    return np.stack([cv2.resize(frame, (160, 96), interpolation=cv2.INTER_CUBIC) for frame in noise])


def whole(run: Run, step: int) -> np.ndarray:
    return cv2.resize(run.logits[step].astype(np.float32), (160, 96), interpolation=cv2.INTER_LINEAR)


def package_logits(model, tracker, frames, folder: Path, start: int, reverse: bool) -> dict[int, np.ndarray]:
    """The package's own predictor on the same pixels: frame → (H, W) logits."""
    for n, frame in enumerate(frames):
        Image.fromarray(frame).save(folder / f"{n:05d}.jpg")
    with torch.inference_mode():
        state = model.init_state(str(folder))
        state["images"], state["cached_features"] = tracker._prepared(frames), {}
        model.add_new_points_or_box(state, start, 1, box=np.array(BOX, np.float32))
        steps = model.propagate_in_video(state, start_frame_idx=start, reverse=reverse)
        return {t: masks[0, 0].float().numpy() for t, _, masks in steps}


@pytest.mark.parametrize("reverse", [False, True], ids=["forwards", "backwards"])
def test_lanes_say_what_the_packages_own_predictor_says(model, tracker, frames, tmp_path: Path, reverse: bool) -> None:
    expected = package_logits(model, tracker, frames, tmp_path, 10, reverse)
    order = list(range(10, -1, -1) if reverse else range(10, 20))
    (run,) = tracker.run([Lane(tracker.embed(frames), order, Prompt(box=BOX))])
    assert list(expected) == order
    for step, t in enumerate(order):
        # What is handed out is rounded to float16.
        np.testing.assert_allclose(whole(run, step), expected[t], atol=2e-3)
    spread = np.std([expected[t] for t in order])
    assert spread > 0.02, "the comparison must have something to compare"


def test_what_shares_a_batch_changes_nothing(tracker: Sam2Tracker, frames: np.ndarray) -> None:
    clip, other = tracker.embed(frames), tracker.embed(frames[::-1].copy())
    mask = np.zeros((96, 160), bool)
    mask[30:60, 40:90] = True
    lanes = [
        Lane(clip, range(5, 20), Prompt(box=BOX)),
        Lane(clip, range(5, -1, -1), Prompt(box=BOX, outside=((50.0, 40.0),))),
        Lane(other, range(3, 9), Prompt(mask=mask)),
        Lane(other, (7,), Prompt(inside=((60.0, 50.0),))),
        Lane(clip, range(12), Prompt(mask=mask)),
    ]
    together = tracker.run(lanes)
    for lane, run in zip(lanes, together, strict=True):
        (alone,) = tracker.run([lane])
        assert run.logits.shape == (len(lane.order), 32, 32)
        np.testing.assert_allclose(run.logits.astype(np.float32), alone.logits.astype(np.float32), atol=5e-3)
        np.testing.assert_allclose(run.quality, alone.quality, atol=1e-3)
        assert run.size == (96, 160)


def test_a_mask_that_is_given_comes_back(tracker: Sam2Tracker, frames: np.ndarray) -> None:
    mask = np.zeros((96, 160), bool)
    mask[24:72, 40:120] = True
    (run,) = tracker.run([Lane(tracker.embed(frames[:2]), (0, 1), Prompt(mask=mask))])
    shared, union = (run.mask(0) & mask).sum(), (run.mask(0) | mask).sum()
    assert shared / union > 0.9
    assert run.quality[0] == 1.0


def test_embedding_in_other_batches_gives_the_same_features(model, tracker, frames) -> None:
    one = Sam2Tracker("small", model, batch=1).embed(frames[:5])
    many = tracker.embed(frames[:5])
    for a, b in zip(one.levels, many.levels, strict=True):
        torch.testing.assert_close(a, b, atol=1e-4, rtol=1e-4)


def test_bfloat16_stays_near_float32(model, tracker, frames) -> None:
    lane_frames = frames[:6]
    low = Sam2Tracker("small", model, precision=torch.bfloat16)
    (exact,) = tracker.run([Lane(tracker.embed(lane_frames), range(6), Prompt(box=BOX))])
    (rough,) = low.run([Lane(low.embed(lane_frames), range(6), Prompt(box=BOX))])
    difference = np.abs(exact.logits.astype(np.float32) - rough.logits.astype(np.float32))
    assert difference.mean() < 0.1 * exact.logits.astype(np.float32).std()


def test_weights_are_loaded_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "pvtt_data.segmenters.grounded.sam2_tracker.build_sam2",
        lambda config, overrides=SAM2_SMALL: build_sam2(config, overrides),
    )
    state = small_sam2().state_dict()
    torch.save({"model": state}, tmp_path / "whole.pt")
    loaded = load_sam2("sam2.1-tiny", tmp_path / "whole.pt")
    assert all(torch.equal(a, b) for a, b in zip(loaded.state_dict().values(), state.values(), strict=True))
    state.pop(next(iter(state)))
    torch.save({"model": state}, tmp_path / "less.pt")
    with pytest.raises(ValueError, match=r"does not hold the weights of sam2\.1-tiny"):
        load_sam2("sam2.1-tiny", tmp_path / "less.pt")
    torch.save({"weights": {}}, tmp_path / "other.pt")
    with pytest.raises(ValueError, match="does not hold"):
        load_sam2("sam2.1-tiny", tmp_path / "other.pt")


def test_a_pickle_that_runs_code_is_not_run(tmp_path: Path) -> None:
    import pickle

    class Mischief:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "ran",))

    (tmp_path / "bad.pt").write_bytes(pickle.dumps({"model": Mischief()}))
    with pytest.raises(Exception, match=r"(?i)weights"):
        load_sam2("sam2.1-tiny", tmp_path / "bad.pt")
    assert not (tmp_path / "ran").exists()


def test_small_models_have_the_names_of_the_published_one() -> None:
    """But for the numbers of layers, of which the small one has fewer."""

    def names(model: torch.nn.Module) -> set[str]:
        return {re.sub(r"\d+", "N", name) for name in model.state_dict()}

    assert names(small_sam2()) == names(build_sam2(CONFIGS["sam2.1-tiny"]))
