"""The JSON of a sample, for tests that write datasets of their own."""

from __future__ import annotations

from typing import Any


def sample_meta(key: str, frames: int, height: int, width: int, **changes: Any) -> dict[str, Any]:
    """All fields, with those replaced that a test names."""
    return {
        "triple_id": key,
        "engine": "render",
        "kind": "swap",
        "split": "train",
        "difficulty": "easy",
        "product_a": "a",
        "product_b": "b",
        "category_a": "disc",
        "category_b": "box",
        "title_a": "A",
        "title_b": "B",
        "prompt": "a box",
        "source_prompt": "a disc",
        "captioner": "template",
        "judge": "",
        "fps": 8.0,
        "frames": frames,
        "height": height,
        "width": width,
        "reference_source": ["listing"],
        "segmenter": "none",
        "verdict": "accept",
        "reasons": [],
        "numbers": {"n": 1.0},
        "source_id": f"source-{key}",
        "clip_id": f"clip-{key}",
        "first_frame": 0,
        "last_frame": frames,
        "source_url": "",
        "licences": ["CC-BY-4.0"],
        "models": [],
    } | changes
