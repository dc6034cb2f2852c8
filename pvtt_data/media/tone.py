"""High dynamic range and wide gamut to BT.709: the same bytes on every CPU.

The steps are those of a display that shows HDR beside SDR:

1. Signal to light: PQ gives cd/m² (ITU-R BT.2100-2, table 4); HLG gives scene light, which the OOTF of a display of
   1000 cd/m² (table 5, γ = 1.2) turns into cd/m².
2. Primaries to BT.709 (ITU-R BT.2087); what BT.709 cannot show is clipped.
3. The largest of R, G and B goes through the roll-off of ITU-R BT.2390 (§5.4.1, EETF), from a peak of 1000 cd/m² to
   203 cd/m², the light that SDR white has beside HDR (ITU-R BT.2408, §5.1); all three are scaled alike, so that hues
   stay. Up to 88 cd/m² nothing is changed; a grey of 203 cd/m² becomes 231 of 255 (0.9 of the signal).
4. Light to signal by the inverse of ITU-R BT.1886, γ = 2.4.

Only sums, products, square roots and tables are used per pixel: IEEE 754 rounds these alike everywhere.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Literal, TypeVar

import numpy as np
import numpy.typing as npt

Transfer = Literal["sdr", "pq", "hlg"]
Primaries = Literal["bt709", "bt2020", "p3"]
Scalar = TypeVar("Scalar", bound=np.generic)

SDR_WHITE_NITS = 203.0
"""Light of SDR white beside HDR, and of HDR reference white (ITU-R BT.2408)."""
PEAK_NITS = 1000.0
"""Brightest light that keeps detail: the nominal peak of HLG and the usual one of PQ masters (ITU-R BT.2408)."""

_CODES = 65536
_BLOCK_PIXELS = 1 << 16
_SDR_GAMMA = 2.4
_HLG_GAMMA = 1.2

# PQ (SMPTE ST 2084, ITU-R BT.2100-2 table 4).
_M1, _M2 = 2610 / 16384, 2523 / 4096 * 128
_C1, _C2, _C3 = 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32
# HLG (ITU-R BT.2100-2 table 5).
_A = 0.17883277
_B, _C = 1 - 4 * _A, 0.5 - _A * float(np.log(4 * _A))

_BT2020_LUMINANCE = (0.2627, 0.6780, 0.0593)
_BT709_LUMA = (0.2126, 0.7152, 0.0722)
# Rows give linear BT.709 R, G and B. BT.2020: ITU-R BT.2087-0 inverted; P3 with D65: from SMPTE EG 432-1's primaries.
_TO_BT709: dict[Primaries, tuple[tuple[float, float, float], ...] | None] = {
    "bt709": None,
    "bt2020": ((1.660491, -0.587641, -0.072850), (-0.124550, 1.132900, -0.008349), (-0.018151, -0.100579, 1.118730)),
    "p3": ((1.224940, -0.224940, 0.0), (-0.042057, 1.042057, 0.0), (-0.019638, -0.078636, 1.098274)),
}  # fmt: skip

Floats = npt.NDArray[np.float32]


def pq_nits(signal: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Light in cd/m² of PQ signals 0…1."""
    root = np.asarray(signal, np.float64) ** (1 / _M2)
    return np.asarray(10000.0 * (np.maximum(root - _C1, 0) / (_C2 - _C3 * root)) ** (1 / _M1))


def pq_signal(nits: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """PQ signal 0…1 of light in cd/m²; the inverse of `pq_nits`."""
    power = (np.asarray(nits, np.float64) / 10000) ** _M1
    return np.asarray(((_C1 + _C2 * power) / (1 + _C3 * power)) ** _M2)


def hlg_scene_light(signal: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Scene light 0…1 of HLG signals 0…1."""
    signal = np.asarray(signal, np.float64)
    return np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - _C) / _A) + _B) / 12)


def rolled_off_nits(nits: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Light on a display of `SDR_WHITE_NITS` for light of up to `PEAK_NITS` (ITU-R BT.2390, EETF with black at 0)."""
    peak = float(pq_signal(np.array(PEAK_NITS)))
    most = float(pq_signal(np.array(SDR_WHITE_NITS))) / peak
    knee = 1.5 * most - 0.5
    level = np.minimum(pq_signal(nits) / peak, 1.0)
    t = (level - knee) / (1 - knee)
    spline = (2 * t**3 - 3 * t**2 + 1) * knee + (t**3 - 2 * t**2 + t) * (1 - knee) + (-2 * t**3 + 3 * t**2) * most
    return pq_nits(np.where(level < knee, level, spline) * peak)


class ToneMap:
    """Pictures of one transfer function and one set of primaries, as BT.709 SDR.

    Args:
        transfer: how the signal codes light; ``sdr`` is taken for a display of γ = 2.4 and is not rolled off.
        primaries: what red, green and blue are.
    """

    def __init__(self, transfer: Transfer, primaries: Primaries) -> None:
        self._transfer = transfer
        self._matrix = _TO_BT709[primaries]

    def rgb(self, signal: npt.NDArray[np.uint16]) -> npt.NDArray[np.uint8]:
        """``(H, W, 3)`` uint16 RGB signal, full range, as ``(H, W, 3)`` uint8 RGB, full range."""
        height, width = signal.shape[:2]
        mapped = np.empty((height, width, 3), np.uint8)
        rows = max(1, _BLOCK_PIXELS // max(1, width))
        for top in range(0, height, rows):
            mapped[top : top + rows] = np.stack(self._block(signal[top : top + rows]), axis=-1)
        return mapped

    def grey(self, signal: npt.NDArray[np.uint16]) -> npt.NDArray[np.uint8]:
        """The luma of `rgb` (ITU-R BT.709), ``(H, W)`` uint8, full range."""
        red, green, blue = (channel.astype(np.float32) for channel in np.moveaxis(self.rgb(signal), -1, 0))
        luma = _weighted(_BT709_LUMA, red, green, blue)
        return np.rint(luma).astype(np.uint8)

    def _block(self, signal: npt.NDArray[np.uint16]) -> list[npt.NDArray[np.uint8]]:
        table = _light_table(self._transfer)
        red, green, blue = (table[signal[..., channel]] for channel in range(3))
        if self._transfer == "hlg":
            gain = _by_root(_ootf_table(), _weighted(_BT2020_LUMINANCE, red, green, blue))
            red, green, blue = red * gain, green * gain, blue * gain
        if self._matrix is not None:
            red, green, blue = (np.maximum(_weighted(row, red, green, blue), 0) for row in self._matrix)
        if self._transfer != "sdr":
            gain = _by_root(_roll_off_table(), np.maximum(np.maximum(red, green), blue))
            red, green, blue = red * gain, green * gain, blue * gain
        return [_by_root(_sdr_table(), channel) for channel in (red, green, blue)]


def _weighted(weights: tuple[float, ...], red: Floats, green: Floats, blue: Floats) -> Floats:
    r, g, b = (np.float32(weight) for weight in weights)
    return np.asarray(red * r + green * g + blue * b, np.float32)


def _by_root(table: npt.NDArray[Scalar], light: Floats) -> npt.NDArray[Scalar]:
    """Entries of a table over the square root of light 0…1: roots give dark tones enough entries."""
    return table[(np.sqrt(np.minimum(light, 1)) * np.float32(_CODES - 1) + np.float32(0.5)).astype(np.int32)]


@cache
def _light_table(transfer: Transfer) -> Floats:
    """Light of each 16-bit code; 1 is SDR white, the peak of HDR, or the peak of the scene for HLG."""
    signal = np.arange(_CODES) / (_CODES - 1)
    light: dict[Transfer, Callable[[npt.NDArray[np.float64]], npt.NDArray[np.float64]]] = {
        "sdr": lambda s: s**_SDR_GAMMA,
        "pq": lambda s: np.minimum(pq_nits(s) / PEAK_NITS, 1),
        "hlg": hlg_scene_light,
    }
    return np.asarray(light[transfer](signal), np.float32)


@cache
def _ootf_table() -> Floats:
    """Gain of the HLG OOTF over the root of scene luminance; peak light is 1."""
    luminance = (np.arange(_CODES) / (_CODES - 1)) ** 2
    return np.asarray(luminance ** (_HLG_GAMMA - 1), np.float32)


@cache
def _roll_off_table() -> Floats:
    """Gain from light relative to `PEAK_NITS` to light relative to SDR white, over the root of the former."""
    light = (np.maximum(np.arange(_CODES), 1) / (_CODES - 1)) ** 2
    return np.asarray(rolled_off_nits(light * PEAK_NITS) / SDR_WHITE_NITS / light, np.float32)


@cache
def _sdr_table() -> npt.NDArray[np.uint8]:
    """8-bit SDR code over the root of light relative to SDR white."""
    light = (np.arange(_CODES) / (_CODES - 1)) ** 2
    return np.asarray(np.rint(255 * light ** (1 / _SDR_GAMMA)), np.uint8)
