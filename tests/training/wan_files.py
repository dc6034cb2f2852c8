"""A folder of Wan's files in small: published file names and key names, DiffSynth's classes, random numbers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import torch
from pvtt_train.wan.architecture import SIZES, WanVace, random_model
from pvtt_train.wan.text import new_encoder
from pvtt_train.wan.vae import random_vae
from safetensors.torch import save_file

CPU = torch.device("cpu")
WORDS = ("<pad>", "</s>", "<unk>", "a", "bottle", "on", "the", "table", "red", "teapot")


def lively_model(seed: int = 0) -> WanVace:
    """A tiny model in float32 whose hints and answers are not small."""
    model = random_model(SIZES["tiny"], device=CPU, dtype=torch.float32, seed=seed)
    torch.manual_seed(seed + 1)
    for layer in (model.dit.head.head, *(block.after_proj for block in model.vace.vace_blocks)):
        torch.nn.init.normal_(layer.weight, std=0.1)
    return model.requires_grad_(False)


def inputs(
    batch: int = 1, dtype: torch.dtype = torch.float32, seed: int = 7
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Latents of a reference and two latent frames, timesteps, text and VACE context."""
    torch.manual_seed(seed)
    size = SIZES["tiny"]
    return (
        torch.randn(batch, size.channels, 3, 4, 6).to(dtype),
        torch.linspace(200, 900, batch).to(dtype),
        torch.randn(batch, size.text_tokens, size.text_dim).to(dtype),
        torch.randn(batch, size.context_channels, 3, 4, 6).to(dtype),
    )


def published_names(model: WanVace) -> dict[str, torch.Tensor]:
    """The model's tensors as Wan-AI publishes them: float32 for the DiT, bfloat16 for VACE, one name space."""
    return {
        **{name: value.float() for name, value in model.dit.state_dict().items()},
        **{name: value.bfloat16() for name, value in model.vace.state_dict().items()},
    }


def write_model(folder: Path, tensors: Mapping[str, torch.Tensor], parts: int = 1) -> None:
    """Safetensors files as published: one, or several with an index."""
    folder.mkdir(parents=True, exist_ok=True)
    if parts == 1:
        save_file(dict(tensors), folder / "diffusion_pytorch_model.safetensors")
        return
    names, where = list(tensors), {}
    for part in range(parts):
        file = f"diffusion_pytorch_model-{part + 1:05}-of-{parts:05}.safetensors"
        mine = names[part::parts]
        save_file({name: tensors[name] for name in mine}, folder / file)
        where |= dict.fromkeys(mine, file)
    (folder / "diffusion_pytorch_model.safetensors.index.json").write_text(json.dumps({"weight_map": where}))


def write_vae(folder: Path, pth: bool = True) -> torch.nn.Module:
    """The autoencoder under published names; what was written."""
    vae = random_vae("tiny", seed=3)
    state = {name.removeprefix("model."): value for name, value in vae.state_dict().items()}
    if pth:
        torch.save(state, folder / "Wan2.1_VAE.pth")
    else:
        save_file(state, folder / "Wan2.1_VAE.safetensors")
    return vae


def write_text(folder: Path) -> torch.nn.Module:
    """The text encoder and a tokenizer of ten words and some that nobody uses; the encoder that was written."""
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Whitespace
    from tokenizers.processors import TemplateProcessing
    from transformers import PreTrainedTokenizerFast

    torch.manual_seed(5)
    encoder = new_encoder("tiny").eval()
    torch.save(encoder.state_dict(), folder / "models_t5_umt5-xxl-enc-bf16.pth")
    known = (*WORDS, *(f"<extra_id_{number}>" for number in range(40)))
    words = Tokenizer(WordLevel({word: place for place, word in enumerate(known)}, unk_token="<unk>"))
    words.pre_tokenizer = Whitespace()
    words.post_processor = TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    fast = PreTrainedTokenizerFast(tokenizer_object=words, pad_token="<pad>", eos_token="</s>", unk_token="<unk>")
    fast.save_pretrained(str(folder / "google" / "umt5-xxl"))
    return encoder
