"""The videos and masks of a made pair, encoded as all datasets have them and stored."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from pvtt_data.media import encode_clip, encode_masks
from pvtt_data.records import Blob
from pvtt_data.store import BlobStore

PAIR_VIDEOS = ("source", "target", "source_mask", "target_mask", "effect_mask")


def store_videos(
    made: Any, names: Sequence[str], fps: float, crf: float, store: BlobStore, threads: int = 1
) -> dict[str, Blob]:
    """Encode attributes of what an engine made; a name that ends in ``mask`` is a mask, all others are clips.

    Args:
        made: has ``(T, H, W, 3) uint8`` RGB or ``(T, H, W) bool`` under each name.
        fps: rate of the clip.
        crf: quality of the clips; masks are lossless.
        threads: how many are encoded at a time, in threads; it changes no byte.

    Returns:
        Name → blob.
    """

    with store.scratch_folder() as scratch:
        folder = Path(scratch)

        def encode(name: str) -> None:
            path = folder / f"{name}.mp4"
            if name.endswith("mask"):
                encode_masks(getattr(made, name), fps, path)
            else:
                encode_clip(getattr(made, name), fps, path, crf=crf)

        if threads > 1:
            with ThreadPoolExecutor(threads) as pool:
                list(pool.map(encode, names))
        else:
            for name in names:
                encode(name)
        return {name: store.put_file(folder / f"{name}.mp4", "mp4") for name in names}
