"""Weights of Wan2.1-VACE: the published ones by name, those of a folder, or random ones where that is said by name.

Published files are found as `pvtt_data.models` finds every other: on this machine, from a hub or its mirror
(``HF_ENDPOINT``), from ModelScope; each is used only if its hash is the pinned one. The files of a folder are not
pinned: what was loaded is recorded with its own hash. Names are brought to those of DiffSynth's classes by DiffSynth's
own converters. Tensors go from their file straight to the device, one by one, in the precision that is asked for.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import model_validator

from pvtt_data.errors import InputError, PreflightError
from pvtt_data.local_weights import KnownDigests
from pvtt_data.mirrors import Hub, ModelScope, Progress
from pvtt_data.models import Model, ModelRegistry
from pvtt_data.stage import StageConfig
from pvtt_data.wan_model_list import DIT_1_3B, DIT_14B, TEXT_ENCODER, TOKENIZER, VAE, WAN_GROUPS, WAN_MODELS
from pvtt_train.wan.tokenizer import FILES as TOKENIZER_FILES

if TYPE_CHECKING:
    import torch

    from pvtt_train.wan.architecture import WanVace
    from pvtt_train.wan.text import TextEncoder
    from pvtt_train.wan.vae import WanVae

Part = Literal["model", "vae", "text_encoder", "tokenizer"]
PARTS: tuple[Part, ...] = ("model", "vae", "text_encoder", "tokenizer")
INDEX = "diffusion_pytorch_model.safetensors.index.json"
_PUBLISHED: Mapping[str, tuple[Model, ...]] = {"wan2.1-vace-1.3b": DIT_1_3B, "wan2.1-vace-14b": DIT_14B}
_ALTERNATIVES: Mapping[Part, tuple[str, ...]] = {
    "vae": ("Wan2.1_VAE.safetensors", "Wan2.1_VAE.pth"),
    "text_encoder": ("models_t5_umt5-xxl-enc-bf16.safetensors", "models_t5_umt5-xxl-enc-bf16.pth"),
}
_TOKENIZER_FOLDER = Path("google", "umt5-xxl")


class RandomWeightsWarning(UserWarning):
    """Weights are random: nothing that comes out means anything."""


class WeightsConfig(StageConfig):
    """Which model is trained, and where its files come from."""

    size: Literal["wan2.1-vace-1.3b", "wan2.1-vace-14b", "tiny"] = "wan2.1-vace-1.3b"
    """The architecture."""
    weights: Literal["published", "random"] = "published"
    """``random`` is for tests and measurements of speed."""
    folder: Path | None = None
    """A folder with the published files under their published names, as a hub's client downloads them; nothing is
    fetched then, and hashes are recorded and not checked."""
    source: Literal["any", "huggingface", "modelscope"] = "any"
    """Where files that are not on this machine come from; ``HF_ENDPOINT`` names a mirror of the Hugging Face Hub."""
    offline: bool = False
    """Fetch nothing; also by ``PVTT_OFFLINE=1``."""
    seed: int = 0
    """Of random weights."""

    @model_validator(mode="after")
    def _can_be_had(self) -> WeightsConfig:
        if self.weights == "random" and self.folder is not None:
            raise ValueError("weights: random takes no folder; leave one of them out")
        if self.weights == "published" and self.folder is None and self.size not in _PUBLISHED:
            raise ValueError(f"no weights of {self.size} are published; set weights: random, or folder")
        return self


@dataclass(frozen=True, slots=True)
class WeightFile:
    """A file that weights come from.

    Attributes:
        part: what it belongs to.
        path: where it lies.
        pinned: SHA-256 that it was checked against; empty where there is none.
    """

    part: Part
    path: Path
    pinned: str = ""


def find_files(
    config: WeightsConfig, part: Part, progress: Progress = lambda done, total: None
) -> tuple[WeightFile, ...]:
    """Files of a part, fetched if need be; none for random weights.

    Raises:
        InputError: ``weights-missing``, the folder lacks some; the text names them.
        PreflightError: they are neither here nor to be had; the text says what was tried.
    """
    if config.weights == "random":
        return ()
    if config.folder is not None:
        return tuple(WeightFile(part, path) for path in _in_folder(config.folder, part))
    found = registry(config)
    return tuple(WeightFile(part, found.pull(model.name, progress), model.sha256) for model in _models(config, part))


def missing_files(config: WeightsConfig, parts: Sequence[Part] = PARTS) -> list[str]:
    """What is not on this machine, in words; empty if nothing has to be fetched."""
    if config.weights == "random":
        return []
    if config.folder is not None:
        return [problem for part in parts for problem in _lacking(config.folder, part)]
    found = registry(config)
    models = [model for part in parts for model in _models(config, part)]
    return [f"{model.name} ({model.size_bytes / 1e9:.2f} GB)" for model in models if found.where(model.name) is None]


def describe(config: WeightsConfig, parts: Sequence[Part] = PARTS) -> dict[str, object]:
    """What a run records of its weights: size, kind, and each file's name, bytes and SHA-256.

    Files that are not pinned are hashed once and remembered.
    """
    digests = KnownDigests(registry(config).cache)
    files = [file for part in parts for file in find_files(config, part)]
    return {
        "size": config.size,
        "weights": config.weights,
        **({"seed": config.seed} if config.weights == "random" else {}),
        "files": [
            {
                "part": file.part,
                "name": file.path.name,
                "bytes": file.path.stat().st_size,
                "sha256": file.pinned or digests.sha256(file.path),
                "pinned": bool(file.pinned),
            }
            for file in files
        ],
    }


def identity(config: WeightsConfig, part: Part) -> str:
    """A name for a part's weights: equal names are equal weights. Goes into the keys of what they made.

    That of published weights is pinned, so nothing is looked for or fetched; files of a folder are hashed once and
    remembered.

    Raises:
        InputError: ``weights-missing``, the folder lacks some.
    """
    if config.weights == "random":
        return f"random:{config.size}:{config.seed}"
    if config.folder is None:
        return "+".join(model.sha256 for model in _models(config, part))
    digests = KnownDigests(registry(config).cache)
    return "+".join(digests.sha256(path) for path in _in_folder(config.folder, part))


def registry(config: WeightsConfig) -> ModelRegistry:
    """The registry of Wan's files: `pvtt_data`'s, with the folders that DiffSynth and ModelScope download to."""
    usual = ModelRegistry.default()
    return ModelRegistry(
        usual.cache,
        [_from_source(model, config.source) for model in WAN_MODELS],
        [*usual.folders, *_other_caches()],
        config.offline or usual.offline,
        WAN_GROUPS,
    )


def load_model(config: WeightsConfig, device: torch.device, dtype: torch.dtype) -> WanVace:
    """The DiT and its VACE blocks, frozen, on a device in a precision; no more memory than that and one tensor.

    Raises:
        InputError: ``weights-missing``; ``weights-keys`` or ``weights-shapes``, the files are of another model;
            ``weights-pickle``, no safetensors.
        PreflightError: as `find_files`.
    """
    import torch

    from pvtt_train.wan.architecture import SIZES, WanVace

    size = SIZES[config.size]
    if config.weights == "random":
        return _random_model(config, device, dtype)
    from diffsynth.models.wan_video_dit import precompute_freqs_cis_3d
    from diffsynth.utils.state_dict_converters.wan_video_dit import WanVideoDiTStateDictConverter
    from diffsynth.utils.state_dict_converters.wan_video_vace import VaceWanModelDictConverter

    from pvtt_train.wan.tensor_files import TensorFiles, fill

    paths = [file.path for file in find_files(config, "model")]
    with torch.device("meta"):
        model = WanVace(size)
    model.dit.freqs = tuple(table.to(device) for table in precompute_freqs_cis_3d(size.dim // size.heads))
    with TensorFiles(paths) as files:
        # The converters only rename, so a table of names tells which name comes from which.
        names = {name: name for name in files.names}
        renamed = {
            **{f"dit.{new}": old for new, old in WanVideoDiTStateDictConverter(names).items()},
            **{f"vace.{new}": old for new, old in VaceWanModelDictConverter(names).items()},
        }
        fill(model, files, renamed, device, dtype, config.size)
    return model.requires_grad_(False).eval()


def _random_model(config: WeightsConfig, device: torch.device, dtype: torch.dtype) -> WanVace:
    from pvtt_train.wan.architecture import SIZES, random_model

    say_random(f"the {config.size} model")
    return random_model(SIZES[config.size], device=device, dtype=dtype, seed=config.seed).requires_grad_(False)


def load_vae(config: WeightsConfig, device: torch.device, dtype: torch.dtype) -> WanVae:
    """The video autoencoder. Errors as `load_model`."""
    from pvtt_train.wan.vae import load

    return load(config, device, dtype)


def load_text_encoder(config: WeightsConfig, device: torch.device, dtype: torch.dtype) -> TextEncoder:
    """Tokenizer and encoder of prompts; for random weights, a stand-in that hashes words.

    Errors as `load_model`, and as `pvtt_train.wan.tokenizer.load_tokenizer`.
    """
    from pvtt_train.wan.text import load

    return load(config, device, dtype)


def tokenizer_folder(config: WeightsConfig) -> Path:
    """The folder of the tokenizer's files under their own names.

    Raises:
        InputError, PreflightError: as `find_files`.
    """
    files = find_files(config, "tokenizer")
    if config.folder is not None:
        return config.folder / _TOKENIZER_FOLDER
    return _together(files, [model.file for model in TOKENIZER], registry(config).cache)


def say_random(what: str) -> None:
    """Warn that something has random weights; once for each place that loads them."""
    warnings.warn(
        f"RANDOM WEIGHTS: {what} knows nothing; use it to test or to measure speed, never to train for results",
        RandomWeightsWarning,
        stacklevel=4,
    )


def _models(config: WeightsConfig, part: Part) -> tuple[Model, ...]:
    match part:
        case "model":
            return _PUBLISHED[config.size]
        case "vae":
            return (VAE,)
        case "text_encoder":
            return (TEXT_ENCODER,)
        case "tokenizer":
            return TOKENIZER


def _from_source(model: Model, source: str) -> Model:
    kinds = {"any": (Hub, ModelScope), "huggingface": (Hub,), "modelscope": (ModelScope,)}[source]
    return replace(model, mirrors=tuple(mirror for mirror in model.mirrors if isinstance(mirror, kinds)))


def _other_caches() -> list[Path]:
    """Where DiffSynth and ModelScope's client keep what they downloaded."""
    scope = Path(os.environ.get("MODELSCOPE_CACHE") or "~/.cache/modelscope").expanduser()
    own = os.environ.get("DIFFSYNTH_MODEL_BASE_PATH")
    return [*([Path(own).expanduser()] if own else []), scope / "models", scope / "hub" / "models", scope / "hub"]


def _in_folder(folder: Path, part: Part) -> list[Path]:
    problems = _lacking(folder, part)
    if problems:
        raise InputError("weights-missing", f"{folder} lacks {', '.join(problems)}")
    match part:
        case "model":
            return _parts_of_model(folder)
        case "tokenizer":
            return sorted(path for path in (folder / _TOKENIZER_FOLDER).iterdir() if path.is_file())
        case _:
            return [next(folder / name for name in _ALTERNATIVES[part] if (folder / name).is_file())]


def _lacking(folder: Path, part: Part) -> list[str]:
    if not folder.is_dir():
        return [f"everything: there is no folder {folder}"]
    match part:
        case "model":
            wanted = _parts_of_model(folder)
            return [path.name for path in wanted if not path.is_file()] or (
                [] if wanted else ["diffusion_pytorch_model*.safetensors"]
            )
        case "tokenizer":
            needed = [_TOKENIZER_FOLDER / name for name in TOKENIZER_FILES]
            return [str(path) for path in needed if not (folder / path).is_file()]
        case _:
            names = _ALTERNATIVES[part]
            return [] if any((folder / name).is_file() for name in names) else [" or ".join(names)]


def _parts_of_model(folder: Path) -> list[Path]:
    """As the index lists them, so that a part that was not downloaded is missed; else all there are."""
    import json

    index = folder / INDEX
    if index.is_file():
        try:
            names = set(json.loads(index.read_bytes())["weight_map"].values())
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise InputError("weights-missing", f"{index} is no index of safetensors ({error})") from error
        if any(Path(str(name)).name != name for name in names):
            raise InputError("weights-missing", f"{index} names files elsewhere")
        return [folder / name for name in sorted(names)]
    return sorted(folder.glob("diffusion_pytorch_model*.safetensors"))


def _together(files: Sequence[WeightFile], names: Sequence[str], cache: Path) -> Path:
    """A folder that has files under these names: theirs if they lie so, else one in the cache."""
    parents = {file.path.parent for file in files}
    if len(parents) == 1 and all(file.path.name == name for file, name in zip(files, names, strict=True)):
        return parents.pop()
    from pvtt_data.files import write_whole

    folder = cache / f"umt5-xxl-{files[0].pinned[:16]}"
    try:
        for file, name in zip(files, names, strict=True):
            if not (folder / name).is_file() or (folder / name).stat().st_size != file.path.stat().st_size:
                folder.mkdir(parents=True, exist_ok=True)
                write_whole(folder / name, file.path.read_bytes())
    except OSError as error:
        raise PreflightError(f"the tokenizer's files cannot be put together in {folder}: {error}") from error
    return folder
