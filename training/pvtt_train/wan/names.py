"""What weights are called: to compare those that made something with those that settings name, and to tell people."""

from __future__ import annotations

import re

from pvtt_data.wan_model_list import WAN_MODELS
from pvtt_train.wan.text import text_name
from pvtt_train.wan.weights import Part, WeightsConfig, identity, missing_files

_ENCODERS: dict[str, tuple[Part, ...]] = {"vae": ("vae",), "text_encoder": ("text_encoder", "tokenizer")}


def encoder_names(config: WeightsConfig) -> dict[str, str]:
    """Names of the ``vae`` and the ``text_encoder`` that settings ask for, as the loaded ones state them; without
    those that a folder lacks.

    Nothing is fetched or loaded; files of a folder are hashed once and remembered.
    """
    lacking = lacking_encoders(config)
    return {
        encoder: identity(config, "vae") if encoder == "vae" else text_name(config)
        for encoder in _ENCODERS
        if encoder not in lacking
    }


def lacking_encoders(config: WeightsConfig) -> list[str]:
    """Which of ``vae`` and ``text_encoder`` a folder of weights lacks, so that they have no name."""
    if config.folder is None:
        return []
    return [encoder for encoder, parts in _ENCODERS.items() if missing_files(config, parts)]


def in_words(name: str) -> str:
    """A name of weights for a person: hashes are shortened, and published ones are called so."""
    kind, *rest = name.split(":")
    if kind == "random" and len(rest) == 2:
        return f"random weights of {rest[0]} with seed {rest[1]}"
    if kind == "stand-in":
        return f"a stand-in with seed {rest[-1]}"
    pinned = {model.sha256 for model in WAN_MODELS}
    published = all(digest in pinned for digest in re.split("[+:]", name))
    short = re.sub(r"([0-9a-f]{16})[0-9a-f]{48}", r"\1", name)
    return f"the published ones ({short})" if published else short
