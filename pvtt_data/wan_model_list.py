"""Wan2.1-VACE and what it needs: pinned files of the repositories of Wan-AI.

Sizes and SHA-256 are those of the hub's own pointers as independent public repositories state them, at the revisions
below; two of them agree on every file but the seventh part of the 14B, which one states. The sizes fit the
architecture: float32 for the DiT and bfloat16 for the VACE blocks, and some kilobytes of names.
"""

from __future__ import annotations

from pvtt_data.mirrors import Hub, ModelScope
from pvtt_data.models import Model, ModelGroup

_SMALL, _LARGE, _PLAIN = "Wan-AI/Wan2.1-VACE-1.3B", "Wan-AI/Wan2.1-VACE-14B", "Wan-AI/Wan2.1-T2V-1.3B"
_REVISIONS = {
    _SMALL: "574e6a744642ce3bee319afc31496b88bde8aac4",
    _LARGE: "539c162b1387eac9dc4c20bd3f74671309e76a4c",
    _PLAIN: "37ec512624d61f7aa208f7ea8140a131f93afc9a",
}


def _file(name: str, file: str, sha256: str, size_bytes: int, purpose: str, *repositories: str) -> Model:
    mirrors = [kind for repository in repositories for kind in _mirrors(repository, file)]
    return Model(name, file.rpartition("/")[2], sha256, size_bytes, "Apache-2.0", purpose, tuple(mirrors), True)


def _mirrors(repository: str, file: str) -> tuple[Hub, ModelScope]:
    return Hub(repository, file, _REVISIONS[repository]), ModelScope(repository, file)


_LARGE_PARTS = (
    ("569d54a07279b89f8281421fccf27ee2459ea853ce6845d3536b8664b0070078", 9_887_603_256),
    ("b17ff172f262b4da91c31e8c46d3b7707f62cecfff6e18dd0072ab29eb350e46", 9_839_059_648),
    ("741fd1508cd0288f0bb0f4fb3df6734da521d5ff23746170c848564a367e2cea", 9_839_059_744),
    ("47b08ba289b127fc64979bc877ee07e1c87aeb8eb8cd47bcfd112682847981ba", 9_839_059_744),
    ("29e35f4cf0e3a61f4726c960f1babf71d65677a8c99fe704257d665c9498ee88", 9_839_059_744),
    ("91ac087a40b814331e87f5f015af11ba999275d48d2af49591b6bf7727d3c146", 7_910_235_256),
    ("d2c107015cdef963cb8f9b7006330e7d7355ca648d90af32bcf80ed76d8eba1f", 6_098_227_760),
)
_TOKENIZER = (
    ("special_tokens_map.json", "7b8a9f5040adb67b5805abdfd42c1f8d0f3d0e711f10726580eb3789cd0ad61d", 6_623),
    ("spiece.model", "e3909a67b780650b35cf529ac782ad2b6b26e6d1f849d3fbb6a872905f452458", 4_548_313),
    ("tokenizer.json", "6e197b4d3dbd71da14b4eb255f4fa91c9c1f2068b20a2de2472967ca3d22602b", 16_837_417),
    ("tokenizer_config.json", "ed9a3a8b0faa71a70a32847e0435fe036e6e112d4df4edb7bb48a921e344dc05", 61_728),
)

DIT_1_3B = (
    _file(
        "wan2.1-vace-1.3b-dit",
        "diffusion_pytorch_model.safetensors",
        "c46a6f5f7d32c453c3983bbc59761ea41cd02ad584fb55d1a7ee2b76145847a2",
        7_146_067_848,
        "DiT and VACE blocks of Wan2.1-VACE-1.3B (Jiang et al. 2025)",
        _SMALL,
    ),
)
DIT_14B = tuple(
    _file(
        f"wan2.1-vace-14b-dit-{number}",
        f"diffusion_pytorch_model-{number:05}-of-{len(_LARGE_PARTS):05}.safetensors",
        sha256,
        size_bytes,
        f"DiT and VACE blocks of Wan2.1-VACE-14B, part {number} of {len(_LARGE_PARTS)}",
        _LARGE,
    )
    for number, (sha256, size_bytes) in enumerate(_LARGE_PARTS, start=1)
)
VAE = _file(
    "wan2.1-vae",
    "Wan2.1_VAE.pth",
    "38071ab59bd94681c686fa51d75a1968f64e470262043be31f7a094e442fd981",
    507_609_880,
    "videos to latents and back, for every Wan2.1",
    _SMALL,
    _LARGE,
    _PLAIN,
)
TEXT_ENCODER = _file(
    "umt5-xxl-encoder",
    "models_t5_umt5-xxl-enc-bf16.pth",
    "7cace0da2b446bbbbc57d031ab6cf163a3d59b366da94e5afe36745b746fd81d",
    11_361_920_418,
    "prompts to embeddings, for every Wan2.1 (UMT5-XXL)",
    _SMALL,
    _LARGE,
    _PLAIN,
)
TOKENIZER = tuple(
    _file(
        f"umt5-xxl-{file.partition('.')[0].replace('_', '-')}" + ("-model" if file == "spiece.model" else ""),
        f"google/umt5-xxl/{file}",
        sha256,
        size_bytes,
        "words of UMT5-XXL",
        _PLAIN,
        _SMALL,
    )
    for file, sha256, size_bytes in _TOKENIZER
)

WAN_MODELS: tuple[Model, ...] = (*DIT_1_3B, *DIT_14B, VAE, TEXT_ENCODER, *TOKENIZER)
_SHARED = tuple(model.name for model in (VAE, TEXT_ENCODER, *TOKENIZER))
WAN_GROUPS: tuple[ModelGroup, ...] = (
    ModelGroup(
        "wan2.1-vace-1.3b",
        "what pvtt-train needs for Wan2.1-VACE-1.3B (19 GB)",
        (*(model.name for model in DIT_1_3B), *_SHARED),
    ),
    ModelGroup(
        "wan2.1-vace-14b",
        "what pvtt-train needs for Wan2.1-VACE-14B (75 GB)",
        (*(model.name for model in DIT_14B), *_SHARED),
    ),
)
