"""Settings that are ready to use: which there are, and which fits a machine."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

import yaml

from pvtt_data.errors import PreflightError
from pvtt_data.gpu import Gpu
from pvtt_data.recipe_errors import nearest
from pvtt_data.words import bytes_text

FOLDER = Path(__file__).with_name("presets")
_LARGE_BYTES = 70 * 10**9
_SHORT_FRAMES = 49


@dataclass(frozen=True, slots=True)
class Preset:
    """A file of settings.

    Attributes:
        name: of the preset.
        why: it was chosen, in words.
    """

    name: str
    why: str

    @property
    def path(self) -> Path:
        """Its file.

        Raises:
            PreflightError: there is none of that name.
        """
        found = FOLDER / f"{self.name}.yaml"
        if self.name not in names():
            near = nearest(self.name, names())
            hint = f"; did you mean {near}?" if near else ""
            raise PreflightError(f"no preset is called {self.name!r}; there are: {', '.join(names())}{hint}")
        return found

    def told(self) -> str:
        """What its file says of it: the first line."""
        return self.path.read_text(encoding="utf-8").splitlines()[0].removeprefix("# ")

    def printed(self) -> str:
        """Its file, to be kept and changed elsewhere: with what it includes, so that it stands alone."""
        text = self.path.read_text(encoding="utf-8")
        if "include" not in yaml.safe_load(text):
            return text
        head = "".join(takewhile(lambda line: line.startswith("#"), text.splitlines(keepends=True)))
        from pvtt_train.config import read_config

        whole = read_config(self.path, ["data.shards=."]).model_dump(mode="json", exclude_unset=True)
        del whole["data"]["shards"]
        return f"{head}\n{yaml.safe_dump(whole, sort_keys=False)}"


def names() -> list[str]:
    """Of all presets."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def choose(gpu: Gpu, frames: int) -> Preset:
    """The preset for a machine.

    Args:
        gpu: that was found, or why there is none.
        frames: of the longest clips.
    """
    if gpu.trouble:
        return Preset("tiny-cpu", f"no GPU works here ({gpu.trouble}), so that only a tiny model can be trained")
    what = f"{gpu.name} with {bytes_text(gpu.memory_bytes)}"
    if gpu.memory_bytes >= _LARGE_BYTES:
        return Preset("h100", f"{what} was found")
    name = "rtx5090-480p49" if frames <= _SHORT_FRAMES else "rtx5090-480p81"
    return Preset(name, f"{what} was found, and clips have up to {frames} frames")
