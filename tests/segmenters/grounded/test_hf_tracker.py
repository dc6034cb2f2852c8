"""Trackers of transformers behind the same interface: SAM 2.1, and SAM 3's from a folder."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the extra gpu: pip install 'pvtt[gpu]'")
pytest.importorskip("transformers", reason="needs the extra gpu: pip install 'pvtt[gpu]'")

import torch
from tiny_models import seeded, small_sam2_config

from pvtt_data.model_list import MODELS
from pvtt_data.segmenters.grounded.hf_tracker import (
    TransformersTracker,
    load_folder,
    load_sam2_of_transformers,
    sam2_config,
    sam2_processor,
)
from pvtt_data.segmenters.grounded.lanes import Lane, Prompt

BOX = (20.0, 20.0, 80.0, 70.0)


@pytest.fixture(scope="module")
def frames() -> np.ndarray:
    noise = np.random.default_rng(0).integers(0, 255, (8, 12, 20, 3), dtype=np.uint8)
    return np.stack([cv2.resize(frame, (160, 96), interpolation=cv2.INTER_CUBIC) for frame in noise])


@pytest.fixture(scope="module")
def model() -> torch.nn.Module:
    from transformers import Sam2VideoModel

    seeded()
    return Sam2VideoModel(small_sam2_config())


@pytest.fixture(scope="module")
def tracker(model: torch.nn.Module) -> TransformersTracker:
    return TransformersTracker("small", model, sam2_processor(128))


def test_lanes_run_both_ways_and_from_all_kinds_of_prompts(tracker: TransformersTracker, frames: np.ndarray) -> None:
    clip = tracker.embed(frames)
    mask = np.zeros((96, 160), bool)
    mask[24:72, 40:120] = True
    lanes = [
        Lane(clip, range(3, 8), Prompt(box=BOX)),
        Lane(clip, range(3, -1, -1), Prompt(box=BOX, outside=((50.0, 40.0),))),
        Lane(clip, range(4), Prompt(mask=mask)),
        Lane(clip, (5,), Prompt(inside=((60.0, 50.0),))),
    ]
    runs = tracker.run(lanes)
    for lane, run in zip(lanes, runs, strict=True):
        assert len(run.logits) == len(run.quality) == len(run.presence) == len(lane.order)
        assert ((run.quality >= 0) & (run.quality <= 1)).all()
        assert run.mask(0).shape == (96, 160)
    shared, union = (runs[2].mask(0) & mask).sum(), (runs[2].mask(0) | mask).sum()
    assert shared / union > 0.9
    again = tracker.run(lanes[:1])[0]
    assert np.array_equal(again.logits, runs[0].logits), "earlier lanes leave nothing behind"


def test_a_backward_lane_is_the_forward_lane_of_the_clip_played_backwards(tracker, frames) -> None:
    (backward,) = tracker.run([Lane(tracker.embed(frames), range(7, -1, -1), Prompt(box=BOX))])
    (forward,) = tracker.run([Lane(tracker.embed(frames[::-1].copy()), range(8), Prompt(box=BOX))])
    np.testing.assert_allclose(backward.logits.astype(float), forward.logits.astype(float), atol=2e-2)


def test_weights_of_a_file_and_of_a_folder(model, frames, tmp_path: Path, monkeypatch) -> None:
    model.save_pretrained(tmp_path)
    sam2_processor(128).save_pretrained(tmp_path)
    monkeypatch.setattr("pvtt_data.segmenters.grounded.hf_tracker.sam2_config", lambda name: small_sam2_config())
    by_file, _ = load_sam2_of_transformers("sam2.1-tiny", tmp_path / "model.safetensors")
    by_folder, processor = load_folder(tmp_path)
    for loaded in (by_file, by_folder):
        assert all(
            torch.equal(a, b) for a, b in zip(loaded.state_dict().values(), model.state_dict().values(), strict=True)
        )
    tracker = TransformersTracker("folder", by_folder, processor)
    (run,) = tracker.run([Lane(tracker.embed(frames), range(3), Prompt(box=BOX))])
    assert run.mask(2).shape == (96, 160)


def test_a_folder_with_another_kind_of_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(ValueError, match="'bert' is no video tracker"):
        load_folder(tmp_path)


def test_sam3s_tracker_runs_from_a_folder(frames: np.ndarray, tmp_path: Path) -> None:
    from transformers import (
        Sam2VideoVideoProcessor,
        Sam3ImageProcessor,
        Sam3TrackerVideoConfig,
        Sam3TrackerVideoModel,
        Sam3TrackerVideoProcessor,
    )

    seeded()
    size = {"height": 112, "width": 112}
    config = Sam3TrackerVideoConfig(
        vision_config={
            "model_type": "sam3_vision_model",
            "backbone_config": {
                "model_type": "sam3_vit_model",
                "hidden_size": 32,
                "intermediate_size": 64,
                "num_hidden_layers": 2,
                "num_attention_heads": 2,
                "image_size": 112,
                "pretrain_image_size": 112,
                "patch_size": 14,
                "window_size": 4,
                "global_attn_indexes": [1],
            },
            "fpn_hidden_size": 256,
            "backbone_feature_sizes": [[32, 32], [16, 16], [8, 8]],
        },
        prompt_encoder_config={"image_size": 112, "patch_size": 14},
        image_size=112,
        memory_attention_num_layers=1,
        memory_attention_feed_forward_hidden_size=64,
        memory_attention_rope_feat_sizes=[8, 8],
    )
    Sam3TrackerVideoModel(config).save_pretrained(tmp_path)
    Sam3TrackerVideoProcessor(
        Sam3ImageProcessor(size=size), Sam2VideoVideoProcessor(size=size), target_size=112
    ).save_pretrained(tmp_path)
    tracker = TransformersTracker("sam3", *load_folder(tmp_path))
    (run,) = tracker.run([Lane(tracker.embed(frames[:4]), range(4), Prompt(box=BOX))])
    assert run.logits.shape[0] == 4
    assert run.mask(3).shape == (96, 160)


@pytest.mark.parametrize("size", ["tiny", "small", "base-plus", "large"])
def test_published_configurations_give_files_of_the_published_size(size: str) -> None:
    from transformers import Sam2VideoModel

    with torch.device("meta"):
        state = Sam2VideoModel(sam2_config(f"sam2.1-{size}")).state_dict()
    tensors = sum(tensor.numel() * tensor.element_size() for tensor in state.values())
    published = next(
        m.size_bytes for m in MODELS if m.file == "model.safetensors" and m.name.startswith(f"sam2.1-{size}")
    )
    assert 100 * len(state) < published - tensors < 140 * len(state)
