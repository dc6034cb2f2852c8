"""Prompts as Wan sees them: DiffSynth's UMT5 encoder and tokenizer; embeddings without their padding."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from pvtt_data.errors import InputError
from pvtt_train.wan.weights import WeightsConfig, find_files, identity, say_random, tokenizer_folder


@dataclass(frozen=True, slots=True)
class TextSize:
    """Dimensions of the encoder; the defaults are UMT5-XXL's.

    Attributes:
        vocabulary: tokens that it knows.
        dim, dim_ffn, heads, layers: of the transformer.
    """

    vocabulary: int = 256_384
    dim: int = 4096
    dim_ffn: int = 10_240
    heads: int = 64
    layers: int = 24


TEXT_SIZES: Mapping[str, TextSize] = {
    "tiny": TextSize(vocabulary=64, dim=32, dim_ffn=48, heads=4, layers=2),
}
"""By size of the model, where it is not the published one."""


class TextEncoder(Protocol):
    """Makes embeddings of prompts.

    Attributes:
        name: of its weights, whatever the precision.
        digest: what has another one gives other embeddings.
        dim: width of an embedding.
        tokens: to how many the model takes them padded, see `padded`.
    """

    name: str
    digest: str
    dim: int
    tokens: int

    def embed(self, prompts: list[str]) -> list[Tensor]:
        """``(L, dim)`` float32 on the processor for each prompt, L ≤ tokens, without padding.

        Raises:
            InputError: ``text-long``, a prompt has more tokens than the model takes; none is cut.
        """
        ...


class WanText:
    """DiffSynth's ``WanTextEncoder`` with its tokenizer.

    Args:
        encoder: frozen, on its device.
        tokenizer: DiffSynth's ``HuggingfaceTokenizer``, which pads to the model's number of tokens.
        tokens: that number.
        name: of the weights.
    """

    def __init__(self, encoder: torch.nn.Module, tokenizer: Any, tokens: int, name: str) -> None:
        self.encoder, self.tokenizer, self.tokens, self.name = encoder, tokenizer, tokens, name
        self.dim: int = encoder.dim
        weight = next(encoder.parameters())
        self.device = weight.device
        self.digest = hashlib.sha256(f"{name}:{weight.dtype}:{tokens}".encode()).hexdigest()

    @torch.no_grad()
    def embed(self, prompts: list[str]) -> list[Tensor]:
        """As `TextEncoder.embed`. Prompts go through one by one, so that none depends on its neighbours."""
        made = []
        for prompt in prompts:
            ids, mask = self.tokenizer(prompt, return_mask=True, add_special_tokens=True, truncation=False)
            length = int(mask.gt(0).sum())
            check_length(length, self.tokens)
            embedding = self.encoder(ids.to(self.device), mask.to(self.device))
            made.append(embedding[0, :length].float().cpu())
        return made


class StandInText:
    """Embeddings from the hashes of words: other words give other embeddings, and none means anything.

    Args:
        dim, tokens: as the model takes them.
        seed: other seeds give other embeddings.
    """

    def __init__(self, dim: int, tokens: int, seed: int = 0) -> None:
        self.dim, self.tokens, self.seed = dim, tokens, seed
        self.name = _stand_in_name(dim, tokens, seed)
        self.digest = hashlib.sha256(self.name.encode()).hexdigest()

    def embed(self, prompts: list[str]) -> list[Tensor]:
        """As `TextEncoder.embed`; one embedding for each word, and one for the end."""
        made = []
        for prompt in prompts:
            words = [*prompt.split(), ""]
            check_length(len(words), self.tokens)
            made.append(torch.stack([self._of(word) for word in words]))
        return made

    def _of(self, word: str) -> Tensor:
        digest = hashlib.sha256(f"{self.seed}:{word}".encode()).digest()
        generator = torch.Generator().manual_seed(int.from_bytes(digest[:8], "big") >> 1)
        return torch.randn(self.dim, generator=generator)


def check_length(length: int, tokens: int) -> None:
    """Whether a prompt of so many tokens, its end included, is one for a model that takes ``tokens``.

    Raises:
        InputError: ``text-long``, it has more.
    """
    if length > tokens:
        raise InputError("text-long", f"the prompt has {length} tokens; the model takes {tokens}")


def padded(embeddings: Sequence[Tensor], tokens: int) -> Tensor:
    """``(B, tokens, dim)``: embeddings ``(L, dim)`` with zeros behind them, which is how DiffSynth gives them.

    Raises:
        ValueError: one is longer.
    """
    result = embeddings[0].new_zeros(len(embeddings), tokens, embeddings[0].shape[-1])
    for row, embedding in zip(result, embeddings, strict=True):
        if len(embedding) > tokens:
            raise ValueError(f"an embedding of {len(embedding)} tokens does not fit into {tokens}")
        row[: len(embedding)] = embedding
    return result


def load(config: WeightsConfig, device: torch.device, dtype: torch.dtype) -> TextEncoder:
    """As `pvtt_train.wan.weights.load_text_encoder`."""
    from pvtt_train.wan.architecture import SIZES

    size = SIZES[config.size]
    if config.weights == "random":
        say_random("the text encoder, a stand-in that hashes words,")
        return StandInText(size.text_dim, size.text_tokens, config.seed)
    from pvtt_train.wan.tensor_files import TensorFiles, fill
    from pvtt_train.wan.tokenizer import load_tokenizer

    vocabulary = TEXT_SIZES.get(config.size, TextSize()).vocabulary
    tokenizer = load_tokenizer(tokenizer_folder(config), size.text_tokens, vocabulary)
    with torch.device("meta"):
        encoder = new_encoder(config.size)
    with TensorFiles([file.path for file in find_files(config, "text_encoder")], pth=True) as files:
        fill(encoder, files, {name: name for name in files.names}, device, dtype, "UMT5-XXL")
    return WanText(encoder.requires_grad_(False).eval(), tokenizer, size.text_tokens, text_name(config))


def text_name(config: WeightsConfig) -> str:
    """The ``name`` that the encoder of these settings has; nothing is loaded. Errors as `identity`."""
    from pvtt_train.wan.architecture import SIZES

    if config.weights == "random":
        size = SIZES[config.size]
        return _stand_in_name(size.text_dim, size.text_tokens, config.seed)
    return f"{identity(config, 'text_encoder')}:{identity(config, 'tokenizer')}"


def _stand_in_name(dim: int, tokens: int, seed: int) -> str:
    return f"stand-in:{dim}:{tokens}:{seed}"


def new_encoder(size: str) -> torch.nn.Module:
    """An untrained ``WanTextEncoder``, small where the model is."""
    from diffsynth.models.wan_video_text_encoder import WanTextEncoder

    wanted = TEXT_SIZES.get(size, TextSize())
    return WanTextEncoder(
        vocab=wanted.vocabulary,
        dim=wanted.dim,
        dim_attn=wanted.dim,
        dim_ffn=wanted.dim_ffn,
        num_heads=wanted.heads,
        num_layers=wanted.layers,
    )
