"""Settings that are ready to use: which there are, and which fits a machine."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

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
        """Its file, to be kept elsewhere: what it includes is named by its full path."""
        text = self.path.read_text(encoding="utf-8")
        return re.sub(r"^include: (\S+)$", lambda found: f"include: {FOLDER / found[1]}", text, flags=re.MULTILINE)


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
