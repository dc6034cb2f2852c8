"""Which DiffSynth is used: the variable's, else a populated submodule's, else the installed package's."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import sys
from pathlib import Path
from pvtt_train.diffsynth_source import use_diffsynth
source = use_diffsynth(Path(sys.argv[1]))
import diffsynth
print(source.kind, source.version, Path(diffsynth.__file__).parents[1])
"""
IDENTITY = """
import sys
from pathlib import Path
from pvtt_train.diffsynth_source import encoders_identity, encoders_version, use_diffsynth
use_diffsynth(Path(sys.argv[1]))
print(encoders_identity(), encoders_version(), sep="|", end="")
"""


def checkout(folder: Path) -> Path:
    """Something that can be imported as diffsynth."""
    (folder / "diffsynth").mkdir(parents=True)
    (folder / "diffsynth" / "__init__.py").touch()
    return folder


def asked(
    code: Path, variable: Path | None = None, before: str = "", script: str = SCRIPT
) -> subprocess.CompletedProcess[str]:
    named = {} if variable is None else {"PVTT_DIFFSYNTH_PATH": str(variable)}
    environment = {name: value for name, value in os.environ.items() if name != "PVTT_DIFFSYNTH_PATH"} | named
    command = [sys.executable, "-c", before + script, str(code)]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


def test_a_populated_submodule_precedes_the_package_and_the_variable_precedes_both(tmp_path: Path) -> None:
    code, other = tmp_path / "code", tmp_path / "other"
    submodule = checkout(code / "DiffSynth-Studio")
    assert asked(code).stdout.split() == ["submodule", "unknown", str(submodule)]
    for named in (checkout(other), other / "diffsynth"):
        assert asked(code, named).stdout.split() == ["variable", "unknown", str(other)]


def test_the_version_of_a_checkout_is_what_git_says(tmp_path: Path) -> None:
    submodule = checkout(tmp_path / "DiffSynth-Studio")
    for words in (["init", "-q"], ["add", "."], ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "one"]):
        subprocess.run(["git", "-C", str(submodule), *words], check=True)
    (submodule / "diffsynth" / "__init__.py").write_text("changed = True\n")
    kind, version, _ = asked(tmp_path).stdout.split()
    assert kind == "submodule" and version.endswith("-dirty") and len(version) > len("-dirty") + 6


def test_a_variable_that_names_no_diffsynth_is_refused(tmp_path: Path) -> None:
    assert "holds no diffsynth/__init__.py" in asked(tmp_path, tmp_path / "nothing").stderr


def test_another_one_that_was_imported_before_is_told(tmp_path: Path) -> None:
    other = checkout(tmp_path / "other")
    before = f"import sys; sys.path.insert(0, {str(other)!r}); import diffsynth\n"
    checkout(tmp_path / "DiffSynth-Studio")
    assert "before" in (said := asked(tmp_path, before=before).stderr) and str(other) in said


@pytest.mark.usefixtures("diffsynth")
def test_the_package_is_used_where_there_is_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from importlib.metadata import version

    from pvtt_train.diffsynth_source import use_diffsynth

    monkeypatch.setenv("PVTT_DIFFSYNTH_PATH", "")
    source = use_diffsynth(tmp_path)
    assert (source.kind, source.version) == ("package", version("diffsynth"))
    assert (source.folder / "diffsynth" / "__init__.py").is_file()


def identity(code: Path, variable: Path | None = None) -> list[str]:
    """Of the encoders' code that is used, and what is told of it."""
    return asked(code, variable, script=IDENTITY).stdout.split("|")


@pytest.mark.usefixtures("diffsynth")
def test_the_package_is_known_by_its_version(tmp_path: Path) -> None:
    from importlib.metadata import version

    assert identity(tmp_path) == [version("diffsynth")] * 2


def test_a_checkout_is_known_by_its_encoders_whatever_git_says(tmp_path: Path) -> None:
    submodule, other = checkout(tmp_path / "DiffSynth-Studio"), checkout(tmp_path / "other")
    for folder in (submodule, other):
        (folder / "diffsynth" / "models").mkdir()
        (folder / "diffsynth" / "models" / "wan_video_vae.py").write_text("scale = 1\n")
    first, told = identity(tmp_path)
    assert first.startswith("source ") and told == f"unknown ({first})"
    assert identity(tmp_path, other)[0] == first
    (other / "diffsynth" / "__init__.py").write_text("nothing = 'of the encoders'\n")
    assert identity(tmp_path, other)[0] == first
    (other / "diffsynth" / "models" / "wan_video_vae.py").write_text("scale = 2\n")
    changed = identity(tmp_path, other)[0]
    (other / "diffsynth" / "models" / "wan_video_text_encoder.py").write_text("scale = 2\n")
    assert len({first, changed, identity(tmp_path, other)[0]}) == 3
