"""The tokenizer that `tokenizer.json` describes, in DiffSynth's class, which cleans prompts and pads them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pvtt_data.errors import InputError

FILES = ("tokenizer.json", "tokenizer_config.json")
"""Without which there is none: transformers makes one of four tokens up, and says nothing."""
_USUAL = {"pad_token": "<pad>", "eos_token": "</s>", "unk_token": "<unk>"}
_LEAST = 0.5
"""Share of the encoder's tokens that a tokenizer must know; the published one knows all but some that fill up."""


def load_tokenizer(folder: Path, tokens: int, vocabulary: int) -> Any:
    """DiffSynth's ``HuggingfaceTokenizer`` with what the files of a folder describe.

    Its own constructor asks transformers, which since version 5 makes a T5 tokenizer anew from the vocabulary alone:
    characters that this lacks are no longer spelt in bytes, and normalizers are forgotten.

    Args:
        folder: with `FILES`.
        tokens: to which it pads.
        vocabulary: tokens that the encoder knows.

    Raises:
        InputError: ``weights-broken``, a file cannot be read; ``tokenizer-other``, it does not end prompts as T5 needs
            it, or its tokens are not those of such an encoder.
    """
    from diffsynth.models.wan_video_text_encoder import HuggingfaceTokenizer
    from tokenizers import Tokenizer
    from transformers import PreTrainedTokenizerFast

    file, config = (folder / name for name in FILES)
    try:
        described = Tokenizer.from_file(str(file))
    except Exception as error:  # tokenizers has no class of its own for it
        raise InputError("weights-broken", f"{file} describes no tokenizer: {error}") from error
    special = _special_tokens(config)
    _check(described, special, vocabulary, file)
    made = HuggingfaceTokenizer.__new__(HuggingfaceTokenizer)
    made.name, made.seq_len, made.clean = str(folder), tokens, "whitespace"
    made.tokenizer = PreTrainedTokenizerFast(tokenizer_object=described, **special)
    made.vocab_size = made.tokenizer.vocab_size
    return made


def _special_tokens(config: Path) -> dict[str, str]:
    """Padding, end and unknown, as the configuration spells them."""
    try:
        stated = json.loads(config.read_bytes())
        found = {name: stated.get(name) or usual for name, usual in _USUAL.items()}
        return {name: token if isinstance(token, str) else str(token["content"]) for name, token in found.items()}
    except (ValueError, AttributeError, KeyError, TypeError) as error:
        raise InputError("weights-broken", f"{config} is no tokenizer's configuration: {error}") from error


def _check(described: Any, special: dict[str, str], vocabulary: int, file: Path) -> None:
    known = described.get_vocab(with_added_tokens=True)
    lacking = [token for token in special.values() if token not in known]
    if lacking:
        raise InputError("tokenizer-other", f"{file} does not know {', '.join(lacking)}")
    if len(known) < _LEAST * vocabulary or max(known.values()) >= vocabulary:
        raise InputError(
            "tokenizer-other",
            f"{file} knows {len(known)} tokens, the text encoder {vocabulary}: it is another model's, or torn",
        )
    if described.encode("").ids[-1:] != [known[special["eos_token"]]]:
        raise InputError(
            "tokenizer-other",
            f"{file} does not end a prompt with {special['eos_token']} (its post_processor), as the text encoder was "
            "trained to read it; take the published file",
        )
