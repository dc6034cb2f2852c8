"""The real model classes at a small size with random weights, and the published sizes without any weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

SAM2_SMALL = (
    "++model.image_size=128",
    "++model.image_encoder.trunk.embed_dim=16",
    "++model.image_encoder.trunk.stages=[1,1,2,1]",
    "++model.image_encoder.trunk.global_att_blocks=[3]",
    "++model.image_encoder.neck.backbone_channel_list=[128,64,32,16]",
    "++model.memory_attention.num_layers=1",
    "++model.memory_attention.layer.dim_feedforward=64",
)
"""Hydra overrides that make the package's smallest SAM 2.1 smaller."""

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", ".", "red", "disc", "tea", "##pot", "mug", "a", "photo", "of"]


def seeded(seed: int = 0) -> None:
    """One thread, and the same random weights each time."""
    torch.set_num_threads(1)
    torch.manual_seed(seed)


def small_sam2() -> torch.nn.Module:
    """A `SAM2VideoPredictor` of the sam2 package."""
    from pvtt_data.segmenters.grounded.sam2_tracker import CONFIGS, build_sam2

    seeded()
    return build_sam2(CONFIGS["sam2.1-tiny"], SAM2_SMALL)


def small_sam2_config() -> Any:
    """Configuration of a small `Sam2VideoModel` of transformers."""
    from transformers import Sam2HieraDetConfig, Sam2VideoConfig, Sam2VisionConfig

    hiera = Sam2HieraDetConfig(
        hidden_size=16,
        blocks_per_stage=[1, 1, 2, 1],
        embed_dim_per_stage=[16, 32, 64, 128],
        global_attention_blocks=[3],
        image_size=[128, 128],
    )
    vision = Sam2VisionConfig(
        backbone_config=hiera,
        backbone_channel_list=[128, 64, 32, 16],
        backbone_feature_sizes=[[32, 32], [16, 16], [8, 8]],
    )
    return Sam2VideoConfig(
        vision_config=vision,
        prompt_encoder_config={"image_size": 128},
        image_size=128,
        memory_attention_num_layers=1,
        memory_attention_feed_forward_hidden_size=64,
        memory_attention_rope_feat_sizes=[8, 8],
    )


def small_grounding_dino() -> torch.nn.Module:
    """A small `GroundingDinoForObjectDetection`."""
    from transformers import BertConfig, GroundingDinoConfig, GroundingDinoForObjectDetection, SwinConfig

    seeded()
    config = GroundingDinoConfig(
        backbone_config=SwinConfig(
            embed_dim=16,
            depths=[1, 1, 1, 1],
            num_heads=[1, 2, 2, 4],
            window_size=4,
            image_size=64,
            out_indices=[2, 3, 4],
        ),
        text_config=BertConfig(
            vocab_size=1100, hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=64
        ),
        d_model=32,
        encoder_layers=1,
        decoder_layers=2,
        encoder_ffn_dim=64,
        decoder_ffn_dim=64,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        num_queries=20,
        max_text_len=64,
    )
    return GroundingDinoForObjectDetection(config)


def bert_vocabulary(folder: Path) -> Path:
    """A ``vocab.txt`` with BERT's special tokens and full stop where BERT has them."""
    words = [f"[unused{n}]" for n in range(1100)]
    places = {"[PAD]": 0, "[UNK]": 100, "[CLS]": 101, "[SEP]": 102, "[MASK]": 103, ".": 1012, "?": 1029}
    for word, place in places.items():
        words[place] = word
    for n, word in enumerate(w for w in WORDS if w not in places):
        words[200 + n] = word
    path = folder / "vocab.txt"
    path.write_text("\n".join(words) + "\n")
    return path


def clip_vocabulary(folder: Path) -> tuple[Path, Path]:
    """``vocab.json`` and ``merges.txt`` of single letters, in CLIP's notation."""
    import json

    letters = "abcdefghijklmnopqrstuvwxyz"
    tokens = ["!", *letters, *(f"{letter}</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    (folder / "vocab.json").write_text(json.dumps({token: n for n, token in enumerate(tokens)}))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    return folder / "vocab.json", folder / "merges.txt"


def small_owlv2() -> torch.nn.Module:
    """A small `Owlv2ForObjectDetection`."""
    from transformers import Owlv2Config, Owlv2ForObjectDetection

    seeded()
    layers = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = Owlv2Config(
        vision_config={**layers, "image_size": 64, "patch_size": 16},
        text_config={**layers, "vocab_size": 60, "eos_token_id": 54, "bos_token_id": 53, "pad_token_id": 0},
        projection_dim=32,
    )
    model = Owlv2ForObjectDetection(config)
    with torch.no_grad():
        # Its initial weights are so large that all boxes come out empty.
        model.box_head.dense2.weight.mul_(1e-4)
    return model
