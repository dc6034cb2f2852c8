"""The file of a trained adapter: safetensors with what a user has to know about it.

A LoRA's keys are those of the published weights, such as ``vace_blocks.0.self_attn.q.lora_A.weight``; DiffSynth's
``pipe.load_lora(pipe.vace, path)`` and ``pipe.load_lora(pipe.dit, path)`` take the same file, each its own keys.
DiffSynth adds B·A as it stands, and so does everybody else to whom a file tells no alpha. So alpha / rank is multiplied
into B when a file is written, and divided out when it is read to be trained on.

DiffSynth knows no DoRA and would silently leave the magnitudes out. A DoRA's keys therefore begin with peft's own
``base_model.model.``, under which DiffSynth finds no layer at all.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pvtt_data.errors import InputError
from pvtt_data.files import write_whole

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from pvtt_train.wan.lora import LoraConfig

FORMAT_VERSION = 1
DORA_PREFIX = "base_model.model."
_B = ".lora_B.weight"


@dataclass(frozen=True, slots=True)
class AdapterInfo:
    """What stands in the file beside the weights.

    Attributes:
        base_model: name of the model's size, such as ``wan2.1-vace-1.3b``.
        base_sha256: hashes of the base model's files, ``+`` between them; ``random:…`` for random weights.
        targets: vace, dit or both.
        modules: layers that have adapters.
        rank, alpha: of the adapters; alpha / rank is in the weights already.
        dora: whether they have magnitudes.
        step: of the training.
        average: whether these are averaged weights (EMA).
        trigger: text that belongs into a prompt; may be empty.
        dataset: name and version of the shards.
        dataset_root: root hash of their manifest.
        config: settings of the training.
        versions: of the libraries.
    """

    base_model: str
    base_sha256: str
    targets: str
    modules: tuple[str, ...]
    rank: int
    alpha: float
    dora: bool = False
    step: int = 0
    average: bool = False
    trigger: str = ""
    dataset: str = ""
    dataset_root: str = ""
    config: Mapping[str, Any] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, lora: LoraConfig, base_model: str, base_sha256: str, **more: Any) -> AdapterInfo:
        """From the adapters' settings; ``more`` is the rest."""
        alpha = lora.rank if lora.alpha is None else lora.alpha
        return cls(base_model, base_sha256, lora.targets, tuple(lora.modules), lora.rank, alpha, lora.dora, **more)

    @property
    def scale(self) -> float:
        """How often the product of an adapter's matrices counts in training."""
        return self.alpha / self.rank


def write_adapters(
    path: Path, state: Mapping[str, Tensor], info: AdapterInfo, dtype: torch.dtype | None = None
) -> None:
    """Write a file; it is whole or not there.

    Args:
        path: ending in ``.safetensors``.
        state: of `pvtt_train.wan.lora.lora_state`.
        info: what to write beside it.
        dtype: precision of the weights; as they are if not given.

    Raises:
        InputError: ``adapter-not-finite``, a weight is NaN or infinite.
        OSError: it cannot be written.
    """
    import torch
    from safetensors.torch import save

    bad = [name for name, value in state.items() if not torch.isfinite(value).all()]
    if bad:
        raise InputError("adapter-not-finite", f"{len(bad)} adapters are NaN or infinite, such as {bad[0]}")
    prefix = DORA_PREFIX if info.dora else ""
    tensors = {
        prefix + name: (value * info.scale if name.endswith(_B) else value).to("cpu", dtype or value.dtype).contiguous()
        for name, value in state.items()
    }
    write_whole(path, save(tensors, metadata_of(info)))


def metadata_of(info: AdapterInfo, names: str = "diffsynth") -> dict[str, str]:
    """Texts for the head of a safetensors file.

    Args:
        info: what to tell.
        names: whose names the keys are, see `pvtt_train.export`.
    """
    return {
        "format": "pt",
        "pvtt_adapter": str(FORMAT_VERSION),
        "pvtt_format": names,
        **{
            name: value if isinstance(value, str) else json.dumps(value, sort_keys=True)
            for name, value in asdict(info).items()
        },
    }


def read_info(path: Path) -> AdapterInfo:
    """What stands in a file beside the weights; reads no weight.

    Raises:
        InputError: ``no-adapter``, it is no adapter of ours.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            told = file.metadata() or {}
    except (OSError, SafetensorError) as error:
        raise InputError("no-adapter", f"{path} cannot be read: {error}") from error
    if told.get("pvtt_adapter") != str(FORMAT_VERSION):
        raise InputError("no-adapter", f"{path} does not say that it is an adapter of pvtt, format {FORMAT_VERSION}")
    try:
        values = {
            item.name: told[item.name] if item.type == "str" else json.loads(told[item.name])
            for item in fields(AdapterInfo)
            if item.name in told
        }
        return AdapterInfo(**{**values, "modules": tuple(values["modules"])})
    except (KeyError, TypeError, ValueError) as error:
        raise InputError("no-adapter", f"{path}: what stands beside the weights cannot be read ({error!r})") from error


def read_adapters(path: Path) -> tuple[dict[str, Tensor], AdapterInfo]:
    """Weights as training has them, by their outer names, on the processor; and what stands beside them.

    Raises:
        InputError: as `read_info`.
    """
    from safetensors.torch import load_file

    info = read_info(path)
    state = {
        name.removeprefix(DORA_PREFIX): value / info.scale if name.endswith(_B) else value
        for name, value in load_file(path).items()
    }
    return state, info
