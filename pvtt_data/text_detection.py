"""Where text stands in a picture: PP-OCRv4's detection network, run with ONNX Runtime.

It is a Differentiable Binarization network (Liao et al., "Real-time Scene Text Detection with Differentiable
Binarization", AAAI 2020), trained by the PaddleOCR project.

It finds Latin and Chinese script and others alike; nothing is read.
"""

from __future__ import annotations

import math
from functools import cached_property
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
import numpy.typing as npt
import onnxruntime

_SHORTEST_SHORT_SIDE_PX, _LONGEST_SHORT_SIDE_PX = 480, 736
_SIDE_MULTIPLE_PX = 32
_PIXEL_THRESHOLD = 0.3
_MIN_BOX_SCORE = 0.5
_GROWTH = 1.6
_SMALLEST_KERNEL_PX = 3.0

Boxes = npt.NDArray[np.float32]
"""(N, 4, 2) float32: corners (x, y) of rectangles in any direction, in pixels of the picture, in order around them."""


class TextDetector(Protocol):
    """Finds lines of text."""

    def boxes(self, image: npt.NDArray[np.uint8]) -> Boxes:
        """A rectangle around each line of text of a (H, W, 3) uint8 RGB picture, in raster order."""
        ...


class PpOcrDetector:
    """PP-OCRv4 on the CPU with one thread.

    Args:
        weights_path: ``ch_PP-OCRv4_det_infer.onnx``.
    """

    version = "1"

    def __init__(self, weights_path: Path) -> None:
        self._weights_path = weights_path

    @cached_property
    def _session(self) -> onnxruntime.InferenceSession:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
        return onnxruntime.InferenceSession(
            str(self._weights_path), sess_options=options, providers=["CPUExecutionProvider"]
        )

    def boxes(self, image: npt.NDArray[np.uint8]) -> Boxes:
        """See `TextDetector.boxes`."""
        height, width = image.shape[:2]
        net_height, net_width = network_size(height, width)
        shrinks = net_height < height
        small = cv2.resize(
            image, (net_width, net_height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
        )
        # The network was trained on BGR in [-1, 1].
        planes = (small[..., ::-1].astype(np.float32) / 255.0 - 0.5) / 0.5
        feed = np.ascontiguousarray(planes.transpose(2, 0, 1)[None], np.float32)
        session = self._session
        (answer,) = session.run([session.get_outputs()[0].name], {session.get_inputs()[0].name: feed})
        found = boxes_of(np.asarray(answer[0, 0], np.float32))
        return found * np.array([width / net_width, height / net_height], np.float32)


def network_size(height_px: int, width_px: int) -> tuple[int, int]:
    """(height, width) that a picture is scaled to: the short side about 480 to 736 px, both multiples of 32."""
    short = min(height_px, width_px)
    scale = min(max(short, _SHORTEST_SHORT_SIDE_PX), _LONGEST_SHORT_SIDE_PX) / short
    height, width = (math.ceil(side * scale / _SIDE_MULTIPLE_PX) for side in (height_px, width_px))
    return height * _SIDE_MULTIPLE_PX, width * _SIDE_MULTIPLE_PX


def boxes_of(probability: npt.NDArray[np.float32]) -> Boxes:
    """Rectangles around lines of text, from the probability that a pixel lies in the core of one.

    The network is trained on cores that are shrunk by area · ratio / perimeter, so each rectangle grows by that with
    the ratio 1.6, PP-OCR's own value (Liao et al., section "Inference").

    Args:
        probability: (h, w) float32 in [0, 1].
    """
    count, labels, stats, _ = cv2.connectedComponentsWithStats((probability > _PIXEL_THRESHOLD).astype(np.uint8))
    found = []
    for label in range(1, count):
        left, top, width, height = (int(value) for value in stats[label, :4])
        window = np.s_[top : top + height, left : left + width]
        inside = labels[window] == label
        if float(probability[window][inside].mean()) < _MIN_BOX_SCORE:
            continue
        rows, columns = np.nonzero(inside)
        points = np.column_stack([columns + left, rows + top]).astype(np.float32)
        centre, (side_a, side_b), angle = cv2.minAreaRect(points)
        side_a, side_b = side_a + 1, side_b + 1  # from pixel centres to whole pixels
        if min(side_a, side_b) < _SMALLEST_KERNEL_PX:
            continue
        growth = _GROWTH * side_a * side_b / (side_a + side_b)
        centre = (centre[0] + 0.5, centre[1] + 0.5)
        found.append(cv2.boxPoints((centre, (side_a + growth, side_b + growth), angle)))
    return np.array(found, np.float32).reshape(-1, 4, 2)


def rectangle_around(box: npt.NDArray[np.float32], height_px: int, width_px: int) -> tuple[int, int, int, int]:
    """(left, top, right, bottom), whole pixels, right and bottom one past, of the upright rectangle around a box,
    clipped to the picture."""
    (left, top), (right, bottom) = box.min(axis=0), box.max(axis=0)
    return (
        min(max(math.floor(left), 0), width_px),
        min(max(math.floor(top), 0), height_px),
        min(max(math.ceil(right), 0), width_px),
        min(max(math.ceil(bottom), 0), height_px),
    )
