"""U²-Net: what can be told without its weights, and with them on real footage."""

from __future__ import annotations

import hashlib
from pathlib import Path

import cv2
import numpy as np
import pytest

from pvtt_data.errors import InputError
from pvtt_data.images import read_image
from pvtt_data.masks import iou
from pvtt_data.segmenters.base import Segmenter, Target
from pvtt_data.segmenters.u2net import U2NetSegmenter


@pytest.fixture(autouse=True)
def one_thread() -> None:
    cv2.setNumThreads(1)


def test_weights_are_named_by_their_content(tmp_path: Path) -> None:
    file = tmp_path / "weights.onnx"
    file.write_bytes(b"not a network")
    segmenter: Segmenter = U2NetSegmenter(file)
    assert segmenter.weights == {"model": hashlib.sha256(b"not a network").hexdigest()}
    assert segmenter.name == "u2net" and not segmenter.takes_target


def test_a_prompt_is_refused_before_any_work(tmp_path: Path) -> None:
    segmenter = U2NetSegmenter(tmp_path / "absent.onnx")
    with pytest.raises(ValueError, match="cannot be told"):
        segmenter.segment_image(np.zeros((32, 32, 3), np.uint8), target=Target(("mug",)))
    with pytest.raises(ValueError, match="cannot be told"):
        segmenter.segment_video(np.zeros((2, 32, 32, 3), np.uint8), target=Target(("mug",)))


@pytest.mark.slow
def test_surfaces_without_a_product_are_told_from_products(u2net_path: Path) -> None:
    segmenter = U2NetSegmenter(u2net_path)
    noise = np.random.default_rng(0).integers(0, 256, (240, 320, 3), dtype=np.uint8)
    ramp = np.repeat(np.tile(np.linspace(40, 210, 320), (240, 1))[..., None], 3, axis=2).astype(np.uint8)
    for empty in (np.full((240, 320, 3), 128, np.uint8), np.zeros((240, 320, 3), np.uint8), noise, ramp):
        with pytest.raises(InputError) as error:
            segmenter.segment_image(empty)
        assert error.value.reason == "no-product"
        assert error.value.numbers["saliency_peak"] < error.value.numbers["saliency_peak_min"]


@pytest.mark.slow
def test_keyframes_and_flow_are_no_worse_than_every_frame(u2net_path: Path, test_data: Path) -> None:
    folder = test_data / "davis" / "car-shadow"
    frames = np.stack([read_image(path) for path in sorted((folder / "frames").iterdir())[:17]])
    true = np.stack([read_image(path)[..., 0] > 127 for path in sorted((folder / "masks").iterdir())[:17]])
    segmenter = U2NetSegmenter(u2net_path)
    found = segmenter.segment_video(frames)
    sampled = range(0, 17, 4)
    every_frame = np.mean([iou(segmenter.segment_image(frames[t]) > 0.5, true[t]) for t in sampled])
    assert np.mean([iou(found.masks[t], true[t]) for t in sampled]) >= every_frame
    assert min(iou(a, b) for a, b in zip(found.masks, true, strict=True)) > 0.95
    assert found.numbers["model_runs"] == 7, "two whole frames, four cut-outs, and one that asks whether it is whole"


@pytest.mark.slow
def test_the_same_picture_gives_the_same_bytes(u2net_path: Path, test_data: Path) -> None:
    picture = read_image(min((test_data / "davis" / "car-shadow" / "frames").iterdir()))
    first, second = (U2NetSegmenter(u2net_path).segment_image(picture) for _ in range(2))
    assert first.shape == picture.shape[:2] and first.dtype == np.float32
    assert first.min() == 0.0 and first.max() == 1.0
    assert first.tobytes() == second.tobytes()
