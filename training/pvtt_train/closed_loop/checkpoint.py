"""Where training stands, in one file of safetensors."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from safetensors import safe_open
from safetensors.torch import save_file

from pvtt_data.errors import InputError
from pvtt_train.standing import Standing


@dataclass(frozen=True, slots=True)
class Progress:
    """How far training has come.

    Attributes:
        step: steps done.
        losses: mean over each tenth of all steps, as far as they are whole.
        total: sum of the losses since.
        seconds: that it took.
    """

    step: int = 0
    losses: tuple[float, ...] = ()
    total: float = 0.0
    seconds: float = 0.0


def write_standing(standing: Standing, path: Path, progress: Progress) -> None:
    """Keep it in a file, which is whole or not there."""
    part = path.with_suffix(".part")
    save_file(standing.copy(), part, {"progress": json.dumps(asdict(progress))})
    part.replace(path)


def read_standing(standing: Standing, path: Path) -> Progress:
    """Go on from a file.

    Raises:
        InputError: ``other-checkpoint``, it is of something else.
    """
    with safe_open(path, framework="pt", device=str(standing.parameters[0].device)) as file:
        told = json.loads(file.metadata()["progress"])
        found = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    try:
        standing.restore(found)
    except (KeyError, RuntimeError) as error:
        raise InputError("other-checkpoint", f"{path} is of another training ({error}); delete it") from error
    return Progress(told["step"], tuple(told["losses"]), told["total"], told["seconds"])
