"""What is asked of a VAE and of a text encoder, and by what name their results are kept."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, Protocol

import torch
from torch import Tensor

from pvtt_data.errors import InputError
from pvtt_data.vace.context import Codec

__all__ = ["Codec", "GreyOnce", "TextEncoder", "digest_of", "indexed", "name_of", "numeric_class", "training_text"]


class TextEncoder(Protocol):
    """Embeds prompts, such as Wan's umT5."""

    def embed(self, prompts: list[str]) -> Sequence[Tensor]:
        """One ``(L, D)`` float for each prompt, L its own number of tokens, the end of the sentence included.

        Raises:
            InputError: a prompt cannot be embedded whole.
        """
        ...


def training_text(prompt: str, trigger: str) -> str:
    """The words that a sample is trained with."""
    return f"{trigger} {prompt}".strip() if trigger else prompt


def digest_of(encoder: Any) -> str:
    """What tells the results of one encoder from another's: its ``digest`` attribute, or SHA-256 (hex) over class,
    precision and weights of a module.

    Raises:
        InputError: ``no-digest``, it has neither.
    """
    stated = getattr(encoder, "digest", None)
    if isinstance(stated, str) and stated:
        return stated
    if not isinstance(encoder, torch.nn.Module):
        raise InputError("no-digest", f"{type(encoder).__name__} states no digest of its weights and is no module")
    digest = hashlib.sha256(f"{type(encoder).__module__}.{type(encoder).__qualname__}".encode())
    for name, value in sorted(encoder.state_dict().items()):
        digest.update(f"{name} {value.dtype} {tuple(value.shape)}".encode())
        digest.update(value.detach().cpu().contiguous().flatten().view(torch.uint8).numpy())
    return digest.hexdigest()


def name_of(encoder: Any) -> str:
    """What tells an encoder's weights from another's, whatever their precision: its ``name`` attribute, or else its
    digest. Errors as `digest_of`.
    """
    stated = getattr(encoder, "name", None)
    return stated if isinstance(stated, str) and stated else digest_of(encoder)


class GreyOnce:
    """A codec that encodes a video of zeros once for each size.

    The reactive stream is grey in nearly a third of all showings, and grey is the same in all of them.

    Args:
        codec: what encodes.
    """

    def __init__(self, codec: Codec) -> None:
        self._codec = codec
        self._grey: dict[torch.Size, Tensor] = {}

    def encode(self, video: Tensor) -> Tensor:
        """See `Codec`."""
        if bool(video.any()):
            return self._codec.encode(video)
        if video.shape not in self._grey:
            self._grey[video.shape] = self._codec.encode(video)
        return self._grey[video.shape]


def indexed(device: torch.device) -> torch.device:
    """A device with its number: threads that are begun later would take another one for the current."""
    if device.type == "cuda" and device.index is None:
        return torch.device("cuda", torch.cuda.current_device())
    return device


def numeric_class(device: torch.device) -> str:
    """Kind of processor: another kind may give other bits."""
    if device.type != "cuda":
        return device.type
    major, minor = torch.cuda.get_device_capability(device)
    return f"cuda:{major}.{minor}"
