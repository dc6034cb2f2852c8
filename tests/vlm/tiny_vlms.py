"""Real model classes of transformers at a small size with random weights, saved as a published model is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch

_SPECIAL = [
    "<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>", "<|vision_pad|>",
    "<|image_pad|>", "<|video_pad|>",
]  # fmt: skip
_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}<|vision_start|><|image_pad|><|vision_end|>{% else %}{{ part['text'] }}"
    "{% endif %}{% endfor %}<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def _letters_tokenizer(special: list[str]) -> Any:
    """A byte-level BPE without merges: each byte is a token, so it knows any text."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE({letter: number for number, letter in enumerate(letters)}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(word, special=True) for word in special])
    return tokenizer


def save_tiny_qwen(folder: Path, seed: int = 0) -> Path:
    """A `Qwen2_5_VLForConditionalGeneration` with its processor."""
    from transformers import (
        PreTrainedTokenizerFast,
        Qwen2_5_VLConfig,
        Qwen2_5_VLForConditionalGeneration,
        Qwen2_5_VLProcessor,
        Qwen2VLImageProcessor,
        Qwen2VLVideoProcessor,
    )

    torch.set_num_threads(1)
    torch.manual_seed(seed)
    inner = _letters_tokenizer(_SPECIAL)
    number = {word: inner.token_to_id(word) for word in _SPECIAL}
    config = Qwen2_5_VLConfig(
        text_config={
            "vocab_size": inner.get_vocab_size(),
            "hidden_size": 32,
            "intermediate_size": 48,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "num_key_value_heads": 2,
            "max_position_embeddings": 4096,
            "rope_parameters": {"rope_type": "default", "mrope_section": [1, 1, 2], "rope_theta": 10000.0},
            "bos_token_id": number["<|endoftext|>"],
            "eos_token_id": number["<|im_end|>"],
            "pad_token_id": number["<|endoftext|>"],
        },
        vision_config={
            "depth": 2,
            "hidden_size": 32,
            "intermediate_size": 48,
            "num_heads": 2,
            "out_hidden_size": 32,
            "patch_size": 14,
            "spatial_merge_size": 2,
            "temporal_patch_size": 2,
            "window_size": 56,
            "fullatt_block_indexes": [1],
        },
        image_token_id=number["<|image_pad|>"],
        video_token_id=number["<|video_pad|>"],
        vision_start_token_id=number["<|vision_start|>"],
        vision_end_token_id=number["<|vision_end|>"],
    )
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=inner,
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        extra_special_tokens={"image_token": "<|image_pad|>", "video_token": "<|video_pad|>"},
        chat_template=_TEMPLATE,
    )
    size = {"shortest_edge": 28 * 28, "longest_edge": 8 * 28 * 28}
    pictures = Qwen2VLImageProcessor(size=size)
    processor = Qwen2_5_VLProcessor(pictures, tokenizer, Qwen2VLVideoProcessor(size=size), chat_template=_TEMPLATE)
    Qwen2_5_VLForConditionalGeneration(config).save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


def save_tiny_blip(folder: Path, seed: int = 0) -> Path:
    """A `BlipForConditionalGeneration` with its processor."""
    from transformers import BertTokenizer, BlipConfig, BlipForConditionalGeneration, BlipImageProcessor, BlipProcessor

    torch.set_num_threads(1)
    torch.manual_seed(seed)
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "video", "of", "the", "product", "on", "table", "wood"]
    folder.mkdir(parents=True, exist_ok=True)
    vocabulary = folder / "vocab.txt"
    vocabulary.write_text("\n".join(words) + "\n")
    config = BlipConfig(
        text_config={
            "vocab_size": len(words), "hidden_size": 32, "encoder_hidden_size": 32, "intermediate_size": 48,
            "num_hidden_layers": 1, "num_attention_heads": 2, "bos_token_id": 2, "eos_token_id": 3, "sep_token_id": 3,
            "pad_token_id": 0,
        },
        vision_config={
            "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 1, "num_attention_heads": 2,
            "image_size": 32, "patch_size": 16,
        },
    )  # fmt: skip
    BlipForConditionalGeneration(config).save_pretrained(folder)
    pictures = BlipImageProcessor(size={"height": 32, "width": 32})
    BlipProcessor(pictures, BertTokenizer(vocab=str(vocabulary))).save_pretrained(folder)
    return folder


def without_a_weight(folder: Path) -> str:
    """Take one tensor out of the saved weights; returns its name."""
    from safetensors.torch import load_file, save_file

    path = folder / "model.safetensors"
    tensors = load_file(path)
    name = sorted(tensors)[0]
    del tensors[name]
    save_file(tensors, path, metadata={"format": "pt"})
    assert json.loads((folder / "config.json").read_bytes())["model_type"]
    return name
