"""Models and programs that make up background which no frame of a clip shows.

Both are optional: without them `pvtt_data.inpaint` copies texture from around the hole. `OnnxFiller` runs an inpainting
network with LaMa's interface (Suvorov et al., "Resolution-robust Large Mask Inpainting with Fourier Convolutions", WACV
2022) on the clip's background plate, once a clip. `CommandFiller` hands whole clips to a program, such as ProPainter
(Zhou et al., ICCV 2023) behind a small wrapper.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import onnxruntime

from pvtt_data.errors import PreflightError

Frame = npt.NDArray[np.uint8]
Frames = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]
Masks = npt.NDArray[np.bool_]

_CONTEXT = 1.0
"""How much of the surroundings the network sees on each side, in longer sides of the hole."""
_MESSAGE_CHARS = 2000


class FillerError(RuntimeError):
    """A filler did not do what its interface says."""


class OnnxFiller:
    """An inpainting network in a file, run by ONNX Runtime on one thread.

    Its interface is that of the published exports of LaMa: inputs ``(1, 3, S, S) float32`` RGB in 0..1 and ``(1, 1, S,
    S) float32``, 1 where to fill, in this order; S fixed, or free (then 512); one output ``(1, 3, S, S)`` RGB in 0..1
    or 0..255.

    Args:
        path: the ``.onnx`` file.

    Raises:
        PreflightError: there is no such file, it cannot be read, or its inputs are others.
    """

    name = "onnx"

    def __init__(self, path: Path) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
        try:
            self.session = onnxruntime.InferenceSession(
                path.read_bytes(), sess_options=options, providers=["CPUExecutionProvider"]
            )
        except OSError as error:
            raise PreflightError(f"{path} cannot be read: {error.strerror}") from error
        except Exception as error:  # ONNX Runtime has no common base class for what it raises
            raise PreflightError(f"{path} is no network that ONNX Runtime can run: {error}") from error
        shapes = [entry.shape for entry in self.session.get_inputs()]
        if len(shapes) != 2 or any(len(shape) != 4 for shape in shapes) or (shapes[0][1], shapes[1][1]) != (3, 1):
            raise PreflightError(f"{path} takes {shapes}, not a picture (1, 3, S, S) and a mask (1, 1, S, S)")
        side = shapes[0][2]
        self.side_px = side if isinstance(side, int) and side > 0 else 512

    def fill_plate(self, picture: Frame, hole: Mask) -> Frame:
        """Fill a hole in a picture; see `pvtt_data.inpaint.PlateFiller`.

        The network sees a square around the hole, shrunk to its own size where that is smaller.
        """
        box = _square(hole)
        part, part_hole = picture[box], hole[box]
        size = (self.side_px, self.side_px)
        shrunk = cv2.resize(part, size, interpolation=cv2.INTER_AREA)
        where = cv2.resize(part_hole.astype(np.float32), size, interpolation=cv2.INTER_AREA) > 0
        image = np.ascontiguousarray(shrunk.astype(np.float32).transpose(2, 0, 1)[None] / np.float32(255.0))
        names = [entry.name for entry in self.session.get_inputs()]
        feed = {names[0]: image, names[1]: where.astype(np.float32)[None, None]}
        (made, *_) = self.session.run(None, feed)
        if made.shape != image.shape or not np.isfinite(made).all():
            raise FillerError(f"the network gave {made.shape}, not {image.shape}, or numbers that are none")
        filled = made[0].transpose(1, 2, 0) * (255.0 if made.max() <= 2.0 else 1.0)
        large = cv2.resize(np.clip(filled, 0, 255).astype(np.float32), part.shape[1::-1], interpolation=cv2.INTER_CUBIC)
        result = picture.copy()
        result[box] = np.where(part_hole[:, :, None], np.clip(np.rint(large), 0, 255), part).astype(np.uint8)
        return result


class CommandFiller:
    """A program that fills clips.

    It is given two folders of numbered pictures, ``00000.png`` and so on: ``{frames}``, RGB, in which a first guess
    stands where it is to fill, and ``{masks}``, one channel, 255 there and 0 elsewhere. It writes RGB pictures of the
    same names and size into ``{output}`` and ends with 0. What it writes outside the masks is not used.

    Args:
        command: program and arguments; ``{frames}``, ``{masks}`` and ``{output}`` in them are replaced by the folders.
            No shell is involved.
        timeout_s: it is killed after so long.

    Raises:
        PreflightError: the command does not name all three folders.
    """

    name = "command"

    def __init__(self, command: Sequence[str], timeout_s: float = 600.0) -> None:
        missing = [place for place in _PLACES if not any(place in word for word in command)]
        if missing:
            raise PreflightError(f"the command that fills clips names no {', '.join(missing)}: {' '.join(command)}")
        self.command = tuple(command)
        self.timeout_s = timeout_s

    def fill_video(self, frames: Frames, holes: Masks) -> Frames:
        """Fill holes in all frames; see `pvtt_data.inpaint.VideoFiller`.

        Raises:
            FillerError: the program fails, takes too long, or leaves out a frame.
        """
        with tempfile.TemporaryDirectory(prefix="pvtt-fill-") as name:
            folders = {place: Path(name) / place.strip("{}") for place in _PLACES}
            for folder in folders.values():
                folder.mkdir()
            for index, (frame, hole) in enumerate(zip(frames, holes, strict=True)):
                _write(folders["{frames}"] / f"{index:05d}.png", frame[:, :, ::-1])
                _write(folders["{masks}"] / f"{index:05d}.png", hole.astype(np.uint8) * 255)
            self._run([_placed(word, folders) for word in self.command])
            return np.stack(
                [_read(folders["{output}"] / f"{index:05d}.png", frame.shape) for index, frame in enumerate(frames)]
            )

    def _run(self, command: Sequence[str]) -> None:
        try:
            done = subprocess.run(  # noqa: S603 - the recipe's own command, no shell
                command, stdin=subprocess.DEVNULL, capture_output=True, timeout=self.timeout_s, check=False
            )
        except OSError as error:
            raise FillerError(f"{command[0]} cannot be started: {error.strerror}") from error
        except subprocess.TimeoutExpired as error:
            raise FillerError(f"{command[0]} took longer than {self.timeout_s:g} s") from error
        if done.returncode != 0:
            said = (done.stderr or done.stdout).decode(errors="replace").strip()[-_MESSAGE_CHARS:]
            raise FillerError(f"{command[0]} ended with {done.returncode}: {said}")


_PLACES = ("{frames}", "{masks}", "{output}")


def _placed(word: str, folders: dict[str, Path]) -> str:
    for place, folder in folders.items():
        word = word.replace(place, os.fspath(folder))
    return word


def _write(path: Path, picture: npt.NDArray[np.uint8]) -> None:
    if not cv2.imwrite(os.fspath(path), picture, [cv2.IMWRITE_PNG_COMPRESSION, 1]):
        raise FillerError(f"{path} cannot be written")


def _read(path: Path, shape: tuple[int, ...]) -> Frame:
    picture = cv2.imread(os.fspath(path), cv2.IMREAD_COLOR) if path.exists() else None
    if picture is None or picture.shape != shape:
        what = "is missing" if picture is None else f"has {picture.shape[1]}x{picture.shape[0]} px"
        raise FillerError(f"of what the program was to write, {path.name} {what}")
    return np.ascontiguousarray(picture[:, :, ::-1])


def _square(hole: Mask) -> tuple[slice, slice]:
    """Rows and columns of a square around a hole, as far as the picture goes."""
    rows, columns = np.flatnonzero(hole.any(axis=1)), np.flatnonzero(hole.any(axis=0))
    half = (0.5 + _CONTEXT) * max(rows[-1] - rows[0] + 1, columns[-1] - columns[0] + 1)
    middle_y, middle_x = (rows[0] + rows[-1]) / 2, (columns[0] + columns[-1]) / 2
    return (
        slice(max(int(middle_y - half), 0), min(int(middle_y + half) + 1, hole.shape[0])),
        slice(max(int(middle_x - half), 0), min(int(middle_x + half) + 1, hole.shape[1])),
    )
