"""Memory of a GPU that is taken where clips are encoded from pixels beside the training.

Counted by shapes, from the storages that are alive while `pvtt_train.wan.vae.WanVae.encode` and the loader's threads
work (the test does it again), not measured: what kernels take for themselves (cuDNN's workspaces) and fragments of the
allocator come on top.
"""

from __future__ import annotations

from pvtt_train.wan.shape import BucketLike

PARAMETERS = 126_892_531
"""Of Wan2.1's autoencoder."""
CHANNELS = 96
"""Of its first layer, which has the size of the frames and so takes most."""
_WORKING = 37
"""Frames of those channels that are alive at the peak, in the first residual blocks: tensors of four frames, with two
frames of those before, and what each layer remembers. 36.7 were counted, for 9 to 81 frames. Longer clips need no
more."""
_HELD = 10 / 3
"""Clips in float32 that a loader's thread holds while it encodes: inactive, reactive and target, and a mask."""
_MAKING = 5
"""The same while it makes those, at most; another thread may, meanwhile."""


def vae_bytes(bucket: BucketLike, weight_bytes: int = 2, parameters: int = PARAMETERS, channels: int = CHANNELS) -> int:
    """What the autoencoder takes at its peak, its weights included, while it encodes one clip; the clip itself is not.

    Args:
        bucket: size of the clip.
        weight_bytes: of a number in the autoencoder.
        parameters, channels: of another autoencoder of the same make.
    """
    copied = 0 if weight_bytes == 4 else _clip_bytes(bucket, weight_bytes)
    return (parameters + _WORKING * channels * bucket.height * bucket.width) * weight_bytes + copied


def encoding_bytes(bucket: BucketLike, threads: int, weight_bytes: int = 2) -> int:
    """What a training from pixels takes beside its steps: the autoencoder at work for one thread of the loader, which
    holds its clips, while the others make theirs.

    Args:
        bucket: size of the clips, the largest of them.
        threads: of the loader, `data.threads`.
        weight_bytes: of a number in the autoencoder.
    """
    clips = _HELD + _MAKING * (threads - 1)
    return vae_bytes(bucket, weight_bytes) + round(clips * _clip_bytes(bucket, 4))


def _clip_bytes(bucket: BucketLike, number_bytes: int) -> int:
    return 3 * bucket.frames * bucket.height * bucket.width * number_bytes
