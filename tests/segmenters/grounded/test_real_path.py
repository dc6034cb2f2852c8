"""The whole way by the real classes at a small size: words → boxes → masks → the numbers of mask QC.

Random weights find nothing sensible; what is shown is that every part runs with every other, on every option.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the extra gpu: pip install 'pvtt[gpu]'")
pytest.importorskip("sam2", reason="needs the extra gpu: pip install 'pvtt[gpu]'")
pytest.importorskip("transformers", reason="needs the extra gpu: pip install 'pvtt[gpu]'")

import torch
from safetensors.torch import save_file
from tiny_models import (
    SAM2_SMALL,
    bert_vocabulary,
    small_grounding_dino,
    small_sam2,
    small_sam2_config,
)

from pvtt_data.files import sha256_file
from pvtt_data.segmenters.base import Job, Segmentation, Target
from pvtt_data.segmenters.box_prompt import BoxPrompt
from pvtt_data.segmenters.grounded import grounding_dino, hf_tracker, sam2_tracker
from pvtt_data.segmenters.grounded.segmenter import GroundedSegmenter, open_grounded
from pvtt_data.segmenters.grounded.settings import FindSettings, FollowSettings, GroundedSettings

FIND = FindSettings(every=6, min_score=0.0, min_keyframe_share=0.01)
PAIR = Target(("red disc", "teapot"), instances=2, area_share=(0.0001, 1.0), holed=True)


@pytest.fixture(scope="module")
def frames() -> np.ndarray:
    noise = np.random.default_rng(0).integers(0, 255, (20, 12, 20, 3), dtype=np.uint8)
    return np.stack([cv2.resize(frame, (160, 96), interpolation=cv2.INTER_CUBIC) for frame in noise])


@pytest.fixture
def small_published(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is loaded by a published name is small."""
    build = sam2_tracker.build_sam2

    def build_small(config: str, overrides=SAM2_SMALL) -> torch.nn.Module:
        return build(config, overrides)

    dino = small_grounding_dino().config
    monkeypatch.setattr(sam2_tracker, "build_sam2", build_small)
    monkeypatch.setattr(grounding_dino, "grounding_dino_config", lambda name: dino)
    monkeypatch.setattr(hf_tracker, "sam2_config", lambda name: small_sam2_config())


@pytest.fixture
def files(tmp_path: Path, small_published: None) -> dict[str, Path]:
    """Weights as they are published: safetensors, a checkpoint, a vocabulary."""
    model = small_grounding_dino()
    model.save_pretrained(tmp_path / "dino")
    torch.save({"model": small_sam2().state_dict()}, tmp_path / "sam2.pt")
    return {
        "detector": tmp_path / "dino" / "model.safetensors",
        "tokenizer": bert_vocabulary(tmp_path),
        "tracker": tmp_path / "sam2.pt",
    }


def whole_way(opened: GroundedSegmenter, frames: np.ndarray) -> Segmentation:
    outcomes = opened.segment_videos([Job(frames, PAIR), Job(frames[:9], Target(("mug",)))])
    assert len(outcomes) == 2
    found = outcomes[0]
    assert isinstance(found, Segmentation), found
    return found


@pytest.mark.slow
def test_files_become_masks_and_figures_on_every_option(files: dict[str, Path], frames: np.ndarray) -> None:
    following = FollowSettings(window=8, overlap=2, close_look="always", max_reprompts=3, min_quality=0.0)
    settings = GroundedSettings(tracker="sam2.1-tiny", find=FIND, follow=following, batch=3)
    opened = open_grounded(settings, files, "cpu")
    assert isinstance(opened, GroundedSegmenter)
    assert opened.weights == {role: sha256_file(path) for role, path in files.items()}
    found = whole_way(opened, frames)
    assert found.masks.shape == (20, 96, 160)
    assert found.masks.dtype == np.bool_
    assert found.masks.any(axis=(1, 2)).all()
    assert ((found.confidence >= 0) & (found.confidence <= 1)).all()
    for number in ("detector_score", "tracker_quality_min", "pass_agreement_min", "window_agreement_min", "reprompts"):
        assert np.isfinite(found.numbers[number])
    drawn = Job(frames, None, BoxPrompt(11, 0.2, 0.1, 0.7, 0.9))
    (boxed,) = opened.segment_videos([drawn])
    assert isinstance(boxed, Segmentation) or boxed.reason == "track-lost"
    assert "prompt_box_iou" in boxed.numbers and "detector_score" not in boxed.numbers
    again = open_grounded(settings, files, "cpu").segment_videos([Job(frames, PAIR)])[0]
    assert isinstance(again, Segmentation)
    assert np.array_equal(again.masks, found.masks), "the same weights and frames give the same masks"


@pytest.mark.slow
def test_the_other_implementation_takes_the_same_place(
    files: dict[str, Path], frames: np.ndarray, tmp_path: Path
) -> None:
    from tiny_models import seeded
    from transformers import Sam2VideoModel

    seeded()
    state = {name: tensor.contiguous() for name, tensor in Sam2VideoModel(small_sam2_config()).state_dict().items()}
    save_file(state, tmp_path / "hf.safetensors")
    settings = GroundedSettings(
        tracker="sam2.1-tiny",
        implementation="transformers",
        find=FIND,
        follow=FollowSettings(check=False, close_look="never", max_reprompts=0),
    )
    opened = open_grounded(settings, {**files, "tracker": tmp_path / "hf.safetensors"}, "cpu")
    drawn = BoxPrompt(2, 0.2, 0.1, 0.7, 0.9)
    for target, box in ((Target(("red disc",), area_share=(0.0001, 1.0)), None), (None, drawn)):
        (outcome,) = opened.segment_videos([Job(frames[:6], target, box)])
        assert isinstance(outcome, Segmentation) or outcome.reason == "track-lost"


def test_weights_of_another_model_are_refused(files: dict[str, Path]) -> None:
    settings = GroundedSettings(tracker="sam2.1-tiny")
    with pytest.raises(ValueError, match="does not hold the weights"):
        open_grounded(settings, {**files, "tracker": files["detector"]}, "cpu")
