"""Makes tiny media (9 frames of 64x48) and the JSON fields of tiny samples."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import av
import numpy as np
from PIL import Image

from pvtt_data.shards import ShardSample

FRAMES, HEIGHT, WIDTH, FPS = 9, 48, 64, 16
R, H = 3, 2


def encode(planes: np.ndarray, fps: int = FPS, pix_fmt: str = "yuv420p", **options: str) -> bytes:
    """Lossless H.264 of luma planes, ``(T, H, W)`` uint8; chroma is neutral. Independent of the code under test."""
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=Fraction(fps), options={"qp": "0", "threads": "1", **options})
        stream.height, stream.width, stream.pix_fmt = *planes.shape[1:], pix_fmt
        neutral = np.full((planes.shape[1] // 2, planes.shape[2]), 128, np.uint8)
        for plane in planes:
            frame = av.VideoFrame.from_ndarray(np.vstack([plane, neutral]), format="yuv420p")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return file.getvalue()


def png(seed: int, mode: str = "RGB") -> bytes:
    """A small picture of noise."""
    shape = (10, 12, {"RGB": 3, "RGBA": 4, "L": 1}[mode])
    pixels = np.random.default_rng(seed).integers(0, 256, shape, np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels.squeeze(), mode).save(file, "PNG")
    return file.getvalue()


def luma(seed: int) -> np.ndarray:
    """A gradient with a moving square, ``(T, H, W)`` uint8 within the broadcast range."""
    t, y, x = np.mgrid[0:FRAMES, 0:HEIGHT, 0:WIDTH]
    square = (abs(x - 20 - 2 * t) < 8) & (abs(y - 24) < 8)
    return np.where(square, 40 + 10 * (seed % 16), 60 + x + y).astype(np.uint8)


def mask(seed: int) -> np.ndarray:
    """A moving rectangle, ``(T, H, W)`` bool."""
    t, y, x = np.mgrid[0:FRAMES, 0:HEIGHT, 0:WIDTH]
    return (abs(x - 20 - 2 * t) < 8 + seed % 4) & (abs(y - 24) < 8)


def key_of(number: int) -> str:
    return hashlib.sha256(f"triple {number}".encode()).hexdigest()[:16]


def meta_of(number: int, split: str, references: int = 2) -> dict[str, Any]:
    key = key_of(number)
    return {
        "triple_id": key,
        "engine": "composite",
        "kind": "swap",
        "split": split,
        "difficulty": "easy",
        "product_a": f"{split}-mug-{number}",
        "product_b": f"{split}-vase-{number}",
        "category_a": "mug",
        "category_b": "vase",
        "title_a": "青花瓷 mug",
        "title_b": "Vase, 30 cm",
        "prompt": "a vase on a table",
        "source_prompt": "a mug on a table",
        "captioner": "template",
        "judge": "",
        "fps": float(FPS),
        "frames": FRAMES,
        "height": HEIGHT,
        "width": WIDTH,
        "reference_source": ["listing-image", "other-shot", "other-shot"][:references],
        "segmenter": "u2net",
        "verdict": "accept",
        "reasons": [],
        "numbers": {"iou_median": 0.9 + number / 1000, "psnr_background": 1e-7 * number, "shots": 2.0},
        "source_id": f"{split}-source-{number}",
        "clip_id": f"clip-{number}",
        "first_frame": 0,
        "last_frame": FRAMES,
        "source_url": "",
        "licences": ["CC-BY-4.0"],
        "models": ["u2net@" + "0123456789ab"],
    }


MakeSample = Callable[..., ShardSample]
