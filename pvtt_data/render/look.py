"""From linear light to display pixels: exposure, white balance, tone curve, vignette, grain."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from pvtt_data.render.material import Rgb

Floats = npt.NDArray[np.float32]
Frame = npt.NDArray[np.uint8]

_KNEE = 0.55


@dataclass(frozen=True, slots=True)
class Look:
    """How a camera and its operator render light.

    Attributes:
        exposure: linear gain.
        white_balance: linear gain of red, green and blue.
        contrast: strength of an S-curve on display values, 0 to 1.
        saturation: 1 leaves colours alone.
        vignette: loss of light in the corners, 0 to 1.
        grain: standard deviation in display levels of 255, at mid grey.
        grain_seed: which grain.
        crf: x264 quality of an earlier generation that the video went through, None for none.
    """

    exposure: float = 1.0
    white_balance: Rgb = (1.0, 1.0, 1.0)
    contrast: float = 0.10
    saturation: float = 1.0
    vignette: float = 0.15
    grain: float = 1.5
    grain_seed: int = 0
    crf: int | None = None


def encode_srgb(light: npt.NDArray[np.floating]) -> Floats:
    """Linear 0 to 1 as display values 0 to 1 (IEC 61966-2-1)."""
    clipped = np.clip(np.asarray(light, np.float32), 0, 1)
    return np.where(clipped <= 0.0031308, clipped * 12.92, 1.055 * clipped ** np.float32(1 / 2.4) - 0.055)


def develop(light: Floats, look: Look) -> Floats:
    """Display values, ``(..., 3) float32`` 0 to 1, of linear light of the same shape; without vignette and grain.

    Light is left alone up to a knee and rolls off exponentially above it, with slope 1 at the knee, towards 1.
    """
    gain = (np.array(look.white_balance) * look.exposure).astype(np.float32)
    exposed = np.maximum(light, 0) * gain
    above = np.maximum(exposed - _KNEE, 0)
    rolled = np.minimum(exposed, _KNEE) + (1 - _KNEE) * (1 - np.exp(above / -(1 - _KNEE)))
    display = encode_srgb(rolled)
    if look.contrast:
        display = display + look.contrast * (display * display * (3 - 2 * display) - display)
    if look.saturation != 1.0:
        luma = display @ np.array([0.2126, 0.7152, 0.0722], np.float32)
        display = luma[..., None] + (display - luma[..., None]) * look.saturation
    return np.clip(display, 0, 1).astype(np.float32)


def lens_falloff(height: int, width: int, look: Look) -> Floats:
    """What is left of the display value towards the corners, ``(H, W, 1) float32``."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    off_axis = ((x + 0.5) / width - 0.5) ** 2 + ((y + 0.5) / height - 0.5) ** 2
    left: Floats = (1 - 2 * look.vignette * off_axis)[..., None]
    return left


def grain(height: int, width: int, look: Look, frame: int) -> Floats:
    """The grain of a frame in display values, ``(H, W, 1) float32``, the same for every picture of that moment."""
    rng = np.random.default_rng((look.grain_seed, 0x6A1, frame))
    noise = rng.standard_normal((height, width), np.float32)
    soft = cv2.GaussianBlur(noise, (3, 3), 0.55)
    made: Floats = (soft * (look.grain / 255 / 0.54))[..., None]
    return made


def print_frame(display: Floats, falloff: Floats, noise: Floats) -> Frame:
    """Eight-bit pixels of display values with falloff and grain; grain is strongest in the middle tones."""
    dimmed = display * falloff
    luma = dimmed.mean(axis=-1, keepdims=True)
    grained = dimmed + noise * (0.35 + 2.6 * luma * (1 - luma))
    pixels: Frame = (np.clip(grained, 0, 1) * 255 + 0.5).astype(np.uint8)
    return pixels
