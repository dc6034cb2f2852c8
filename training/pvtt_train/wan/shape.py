"""How many latents and tokens a clip is."""

from __future__ import annotations

import math
from typing import Protocol

from pvtt_data.vace.latents import latent_count, latent_grid
from pvtt_train.wan.architecture import PATCH


class BucketLike(Protocol):
    """Size of a clip; `pvtt_train.data.buckets.Bucket` is one."""

    @property
    def frames(self) -> int:
        """In pixel time: 4n + 1."""
        ...

    @property
    def height(self) -> int:
        """In pixels."""
        ...

    @property
    def width(self) -> int:
        """In pixels."""
        ...

    @property
    def references(self) -> int:
        """That are shown; one latent frame each."""
        ...


def latent_shape(bucket: BucketLike) -> tuple[int, int, int]:
    """Latent frames, those of references among them, rows and columns.

    Raises:
        InputError: ``frames-not-4n+1``, ``size-not-8n``.
    """
    rows, columns = latent_grid(bucket.height, bucket.width)
    return bucket.references + latent_count(bucket.frames), rows, columns


def tokens(bucket: BucketLike) -> int:
    """Tokens of a clip in the model.

    Raises:
        InputError: as `latent_shape`.
    """
    return math.prod(side // patch for side, patch in zip(latent_shape(bucket), PATCH, strict=True))
