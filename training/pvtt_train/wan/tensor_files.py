"""Files of tensors, read one tensor at a time, and modules filled from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from pvtt_data.errors import InputError

_SHOWN = 6


class TensorFiles:
    """Tensors of one or more files; a context manager.

    Args:
        paths: safetensors files.
        pth: whether ``.pth`` files are read, too: mapped into memory, and nothing in them but tensors is loaded.

    Attributes:
        names: of all tensors, by file and in a file's order.

    Raises:
        InputError: ``weights-broken``, not such a file, or two have a tensor of one name; ``weights-pickle``.
    """

    def __init__(self, paths: Sequence[Path], *, pth: bool = False) -> None:
        self._stack = ExitStack()
        self._of: dict[str, tuple[Path, Any]] = {}
        for path in paths:
            for name, source in self._open(path, pth):
                if name in self._of:
                    raise InputError("weights-broken", f"{name} is in {self._of[name][0].name} and in {path.name}")
                self._of[name] = (path, source)
        self.names = tuple(self._of)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._of = {}
        self._stack.close()

    def shape(self, name: str) -> tuple[int, ...]:
        """Of a tensor."""
        _, source = self._of[name]
        return tuple(source[name].shape if isinstance(source, dict) else source.get_slice(name).get_shape())

    def tensor(self, name: str, device: torch.device, dtype: torch.dtype) -> Tensor:
        """A tensor on a device, in this precision if it is one of real numbers."""
        _, source = self._of[name]
        value: Tensor = source[name] if isinstance(source, dict) else source.get_tensor(name)
        # Mapped tensors would follow changes of the file, and lie at odd addresses, where kernels round otherwise.
        return value.to(device, dtype if value.is_floating_point() else value.dtype, copy=True)

    def file_of(self, name: str) -> str:
        """Name of the file that has a tensor."""
        return self._of[name][0].name

    def _open(self, path: Path, pth: bool) -> list[tuple[str, Any]]:
        if path.suffix == ".safetensors":
            try:
                file = self._stack.enter_context(safe_open(path, framework="pt", device="cpu"))
            except (SafetensorError, OSError) as error:
                raise InputError("weights-broken", f"{path} cannot be read as safetensors: {error}") from error
            return [(name, file) for name in file.keys()]  # noqa: SIM118
        if not pth:
            raise InputError("weights-pickle", f"{path.name} is no safetensors file; nothing else is read here")
        try:
            found = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
        except Exception as error:
            raise InputError("weights-broken", f"{path} is no file of tensors: {error}") from error
        if isinstance(found, dict) and isinstance(found.get("model_state"), dict):
            found = found["model_state"]
        if not isinstance(found, dict) or not all(isinstance(value, Tensor) for value in found.values()):
            raise InputError("weights-broken", f"{path} holds something else than named tensors")
        return [(str(name), found) for name in found]


def fill(
    module: nn.Module,
    files: TensorFiles,
    renamed: Mapping[str, str],
    device: torch.device,
    dtype: torch.dtype,
    what: str,
) -> None:
    """Put tensors in place of a module's parameters and buffers, which may lie on the meta device.

    Names and shapes are checked before the first is read.

    Args:
        module: to be filled wholly.
        files: where tensors come from.
        renamed: name in the files by name in the module.
        device, dtype: where to and in which precision.
        what: the module, for messages.

    Raises:
        InputError: ``weights-keys``, some names are missing or left over; ``weights-shapes``, some do not fit.
    """
    wanted = {
        **dict(module.named_parameters()),
        **{name: value for name, value in module.named_buffers() if name in module.state_dict()},
    }
    missing = sorted(set(wanted) - set(renamed))
    left = sorted((set(files.names) - set(renamed.values())) | {renamed[new] for new in set(renamed) - set(wanted)})
    if missing or left:
        parts = [
            f"{len(names)} {kind} ({_some(names)})" for names, kind in ((missing, "missing"), (left, "unexpected"))
        ]
        hint = "; these are the names of diffusers, which are not read here" if _of_diffusers(left) else ""
        raise InputError("weights-keys", f"the files are not those of {what}: {', '.join(parts)}{hint}")
    wrong = [
        f"{new} is {list(files.shape(old))} and should be {list(wanted[new].shape)}"
        for new, old in renamed.items()
        if files.shape(old) != tuple(wanted[new].shape)
    ]
    if wrong:
        raise InputError("weights-shapes", f"the files are not those of {what}: {len(wrong)} shapes, {_some(wrong)}")
    places = {old: new for new, old in renamed.items()}
    for old in files.names:
        owner, _, leaf = places[old].rpartition(".")
        holder = module.get_submodule(owner)
        value = files.tensor(old, device, dtype)
        if leaf in holder._parameters:
            holder._parameters[leaf] = nn.Parameter(value, requires_grad=False)
        else:
            holder._buffers[leaf] = value


def _some(names: Sequence[str]) -> str:
    more = f", and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return (", ".join(names[:_SHOWN]) or "none") + more


def _of_diffusers(names: Sequence[str]) -> bool:
    return any(".attn1." in name or name.startswith("condition_embedder.") for name in names)
