"""Whether a face of a person seems to be seen in a sample.

BlazeFace (Bazarevsky et al. 2019), MediaPipe's full-range model, by OpenCV: on whole pictures and on squares of their
shorter side. Measured on little: its best score is at most 0.73 on 37 samples of the sample catalogue, and below that
on frames of six real product clips and two of DAVIS without faces. A portrait has 0.94, grey or dark 0.90; pasted into
a clip at any of three places it has 0.83 or more while the face is at least an eighth of the shorter side wide, 0.74
to 0.86 at a tenth, less below; 0.72 lying on its side. So nothing found is no promise; covered and turned faces,
hands, bodies, tattoos and names are missed or not looked for at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from pvtt_data.images import read_rgba
from pvtt_data.limits import DEFAULT_LIMITS
from pvtt_data.media import open_mp4

MODEL = "blazeface"
FRAMES = 3
"""Frames of a video that are looked at, evenly spaced."""
THRESHOLD = 0.75
"""Score from which on a picture counts as one with a face."""
_SIDE_PX = 192
_LOGIT_LIMIT = 80.0

UInt8 = npt.NDArray[np.uint8]


class FaceFinder:
    """Looks for faces.

    Args:
        weights: of the model `MODEL`.
    """

    def __init__(self, weights: Path) -> None:
        self._net = cv2.dnn.readNetFromTFLite(str(weights))
        self._outputs = self._net.getUnconnectedOutLayersNames()

    def score(self, picture: UInt8) -> float:
        """How sure the model is that a picture, ``(H, W, 3)`` uint8 RGB, shows a face somewhere; 0..1."""
        return max(self._score(part) for part in _parts(picture))

    def count(self, pictures: Iterable[UInt8]) -> int:
        """In how many pictures a face is found."""
        return sum(self.score(picture) >= THRESHOLD for picture in pictures)

    def _score(self, picture: UInt8) -> float:
        height, width = picture.shape[:2]
        scale = _SIDE_PX / max(height, width)
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
        square = np.zeros((_SIDE_PX, _SIDE_PX, 3), np.uint8)
        top, left = (_SIDE_PX - size[1]) // 2, (_SIDE_PX - size[0]) // 2
        square[top : top + size[1], left : left + size[0]] = small
        self._net.setInput(cv2.dnn.blobFromImage(square, 1 / 127.5, mean=(127.5, 127.5, 127.5)))
        scores = next(out for out in self._net.forward(self._outputs) if out.shape[-1] == 1)
        return float(1 / (1 + np.exp(-np.clip(scores.max(), -_LOGIT_LIMIT, _LOGIT_LIMIT))))


def _parts(picture: UInt8) -> Iterator[UInt8]:
    """The picture, and squares of its shorter side that cover it."""
    yield picture
    height, width = picture.shape[:2]
    side = min(height, width)
    count = -(-max(height, width) // side)
    if count > 1:
        for start in np.linspace(0, max(height, width) - side, count).round().astype(int):
            yield picture[start : start + side] if height > width else picture[:, start : start + side]


def frames_of(data: bytes, count: int = FRAMES) -> list[UInt8]:
    """``count`` evenly spaced frames of a video, or all if it has fewer, ``(H, W, 3)`` uint8 RGB."""
    with open_mp4(data, DEFAULT_LIMITS) as container:
        stream = container.streams.video[0]
        wanted = {round(at) for at in np.linspace(0, max(stream.frames - 1, 0), count)}
        return [
            np.asarray(frame.to_ndarray(format="rgb24"), dtype=np.uint8)
            for number, frame in enumerate(container.decode(stream))
            if number in wanted
        ]


def picture_of(data: bytes) -> UInt8:
    """A picture on white, ``(H, W, 3)`` uint8 RGB."""
    rgba = read_rgba(data).astype(np.float32)
    alpha = rgba[..., 3:] / 255
    return np.asarray(np.round(rgba[..., :3] * alpha + 255 * (1 - alpha)), dtype=np.uint8)
