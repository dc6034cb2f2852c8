"""Open Image Denoise on the processor or on the GPU that renders.

A denoiser keeps one device and, for the latest picture sizes, a filter with its buffers; threads may share it. On the
processor one thread works, so that several workers share a machine and the same bytes come out of all of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from threading import Lock
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from pvtt_data.errors import PreflightError

Floats = npt.NDArray[np.float32]
Quality = Literal["fast", "balanced", "high"]

_MOST_SIZES = 8
_SLOTS = ("color", "albedo", "normal", "output")


@dataclass
class _Filter:
    filter: Any
    buffers: dict[str, Any]


class Denoiser:
    """Takes the noise out of path-traced pictures.

    Args:
        quality: OIDN's setting; "balanced" and "high" are the same network on processors.
        cuda: use the CUDA device.
        threads: of the processor; ignored on CUDA.

    Raises:
        PreflightError: there is no such device.
    """

    def __init__(self, quality: Quality, cuda: bool = False, threads: int = 1) -> None:
        import pyoidn

        if cuda and not pyoidn.Device.is_cuda_available():
            raise PreflightError("Open Image Denoise finds no CUDA device, although OptiX answers: update the driver")
        self._quality = {
            "fast": pyoidn.OIDN_QUALITY_FAST,
            "balanced": pyoidn.OIDN_QUALITY_BALANCED,
            "high": pyoidn.OIDN_QUALITY_HIGH,
        }[quality]
        self._device = pyoidn.Device(pyoidn.OIDN_DEVICE_TYPE_CUDA if cuda else pyoidn.OIDN_DEVICE_TYPE_CPU)
        if not cuda:
            self._device.set_int("numThreads", threads)
            self._device.set_bool("setAffinity", False)
        self._device.commit()
        self._check()
        self.cuda = cuda
        self._lock = Lock()
        self._filters: dict[tuple[int, int], _Filter] = {}

    def __call__(self, light: Floats, albedo: Floats, normal: Floats) -> Floats:
        """Clean linear light, ``(H, W, 3) float32``, not negative.

        Args:
            light: noisy linear RGB, ``(H, W, 3) float32``.
            albedo: first-hit albedo, same shape, 0 to 1.
            normal: first-hit normals, same shape, -1 to 1.
        """
        with self._lock:
            return self._run(light, albedo, normal)

    def _run(self, light: Floats, albedo: Floats, normal: Floats) -> Floats:
        height, width, _ = light.shape
        made = self._filters.get((height, width)) or self._make(height, width)
        for name, picture in (("color", light), ("albedo", albedo), ("normal", normal)):
            made.buffers[name].write(0, picture.nbytes, np.ascontiguousarray(picture, np.float32).data.cast("B"))
        made.filter.execute()
        self._check()
        clean = np.empty((height, width, 3), np.float32)
        made.buffers["output"].read(0, clean.nbytes, clean.data.cast("B"))
        return np.maximum(clean, 0)

    def _make(self, height: int, width: int) -> _Filter:
        import pyoidn

        made = _Filter(pyoidn.Filter(self._device, pyoidn.OIDN_FILTER_TYPE_RT), {})
        for name in _SLOTS:
            made.buffers[name] = pyoidn.Buffer(self._device, height * width * 3 * 4)
            made.filter.set_image(name, made.buffers[name], pyoidn.OIDN_FORMAT_FLOAT3, width, height)
        made.filter.set_bool("hdr", True)
        made.filter.set_quality(self._quality)
        made.filter.commit()
        self._check()
        while len(self._filters) >= _MOST_SIZES:
            oldest = self._filters.pop(next(iter(self._filters)))
            oldest.filter.release()
            for buffer in oldest.buffers.values():
                buffer.release()
        self._filters[height, width] = made
        return made

    def _check(self) -> None:
        from pyoidn.capi import oidn_Capi, oidn_ffi

        message = oidn_ffi.new("const char**")
        if oidn_Capi.oidnGetDeviceError(self._device._device, message) != 0:
            text = oidn_ffi.string(message[0]).decode(errors="replace") if message[0] != oidn_ffi.NULL else "no reason"
            raise RuntimeError(f"Open Image Denoise failed: {text}")
