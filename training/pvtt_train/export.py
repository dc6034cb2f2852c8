"""Adapters under the names that other programs use, and back.

- ``diffsynth``: the adapter's file as it is; ``pipe.load_lora`` takes it for ``pipe.vace`` and for ``pipe.dit``.
- ``diffusers``: names of ``WanVACETransformer3DModel`` behind ``transformer.``; ``pipe.load_lora_weights`` takes it.
- ``comfyui``: the published names behind ``diffusion_model.``; ComfyUI's LoRA loaders look for them.

No file says an alpha: alpha / rank is in the weights, and all three then count B·A once.

DoRA goes to diffusers, which hands it to peft. DiffSynth leaves magnitudes out without a word, and ComfyUI divides by
the norms of the unchanged weight where DoRA divides by those of the changed one (``weight_decompose`` in
``comfy/weight_adapter/base.py``): the result would be another model, so neither is written.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

from pvtt_data.errors import InputError
from pvtt_data.files import write_whole
from pvtt_train.adapters import DORA_PREFIX, AdapterInfo, metadata_of, read_adapters, read_info

if TYPE_CHECKING:
    import torch
    from torch import Tensor

Format = Literal["diffsynth", "diffusers", "comfyui"]
FORMATS: tuple[Format, ...] = get_args(Format)
_PREFIX: Mapping[Format, str] = {"diffsynth": "", "diffusers": "transformer.", "comfyui": "diffusion_model."}
_LAYERS: Mapping[str, str] = {
    **{f"self_attn.{name}": f"attn1.to_{name}" for name in "qkv"},
    "self_attn.o": "attn1.to_out.0",
    **{f"cross_attn.{name}": f"attn2.to_{name}" for name in "qkv"},
    "cross_attn.o": "attn2.to_out.0",
    "ffn.0": "ffn.net.0.proj",
    "ffn.2": "ffn.net.2",
}
"""Layers of a block, published and as diffusers has them; as its ``scripts/convert_wan_to_diffusers.py``. Block numbers
are the same: VACE's are counted from 0 without gaps by both."""
_BACK = {new: old for old, new in _LAYERS.items()}
_KEY = re.compile(r"(?P<block>(?:vace_)?blocks\.\d+)\.(?P<layer>.+)\.(?P<what>lora_[AB]\.weight|lora_magnitude_vector)")
_REFUSED: Mapping[Format, str] = {
    "diffsynth": "DiffSynth leaves DoRA's magnitudes out without a word",
    "comfyui": "ComfyUI divides by the norms of the unchanged weight, where DoRA divides by those of the changed one",
}


def export(path: Path, format: Format, out: Path, dtype: torch.dtype | None = None) -> AdapterInfo:
    """Write an adapter's file under the names of another program.

    Args:
        path: of `pvtt_train.adapters.write_adapters`.
        format: whose names.
        out: file to write.
        dtype: precision of the weights; as they are if not given.

    Returns:
        What stands beside the weights.

    Raises:
        InputError: ``no-adapter``; ``export-format``, unknown; ``export-dora``, that program computes something else.
    """
    from safetensors.torch import save

    if format not in FORMATS:
        raise InputError("export-format", f"{format!r} is none of {', '.join(FORMATS)}")
    state, info = read_adapters(path)
    if info.dora and format in _REFUSED:
        raise InputError("export-dora", f"{path.name} is a DoRA: {_REFUSED[format]}; export it for diffusers")
    tensors = {
        outside(name, format): (value * info.scale if ".lora_B." in name else value).to(dtype or value.dtype)
        for name, value in state.items()
    }
    write_whole(out, save({name: value.contiguous() for name, value in tensors.items()}, metadata_of(info, format)))
    return info


def read_exported(path: Path) -> tuple[dict[str, Tensor], AdapterInfo]:
    """Weights of a file of any format as training has them, by their own names; and what stands beside them.

    Raises:
        InputError: ``no-adapter``, it is none of ours; ``export-keys``, a key is none of its format.
    """
    from safetensors.torch import load_file

    info = read_info(path)
    format = format_of(path)
    state = {}
    for name, value in load_file(path).items():
        own = inside(name, format)
        state[own] = value / info.scale if ".lora_B." in own else value
    return state, info


def format_of(path: Path) -> Format:
    """Whose names a file of ours has.

    Raises:
        InputError: ``no-adapter``.
    """
    from safetensors import safe_open

    read_info(path)
    with safe_open(path, framework="pt") as file:
        told = file.metadata().get("pvtt_format", "diffsynth")
    for format in FORMATS:
        if told == format:
            return format
    raise InputError("no-adapter", f"{path} says it is of the format {told!r}, which this version does not know")


def outside(name: str, format: Format) -> str:
    """A key of another program for one of ours.

    Raises:
        InputError: ``export-keys``, it is none of ours.
    """
    return _renamed(name, lambda layer: _LAYERS.get(layer) if format == "diffusers" else layer, _PREFIX[format])


def inside(name: str, format: Format) -> str:
    """Our key for one of another program; the reverse of `outside`.

    Raises:
        InputError: ``export-keys``, it is none of that program's.
    """
    prefix = DORA_PREFIX if format == "diffsynth" and name.startswith(DORA_PREFIX) else _PREFIX[format]
    if not name.startswith(prefix):
        raise InputError("export-keys", f"{name!r} does not begin with {prefix!r}")
    own = name.removeprefix(prefix)
    return _renamed(own, lambda layer: _BACK.get(layer) if format == "diffusers" else layer, "")


def _renamed(name: str, layer_of: Callable[[str], str | None], prefix: str) -> str:
    found = _KEY.fullmatch(name)
    layer = layer_of(found["layer"]) if found else None
    if found is None or layer is None:
        raise InputError("export-keys", f"{name!r} is no key of an adapter of a block")
    return f"{prefix}{found['block']}.{layer}.{found['what']}"
