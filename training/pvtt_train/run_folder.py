"""The folder of a run: what it was given, what it made, and that one process at a time works in it.

run/config.yaml      all settings, as they were resolved
run/run.json         versions, dataset, code, DiffSynth, machine; one entry for each time that it was started
run/metrics.jsonl    one line a step
run/log.jsonl        what happened
run/tensorboard/     the same numbers for TensorBoard
run/samples/         what validation made
run/checkpoints/     see `pvtt_train.checkpoint`
run/adapter.safetensors, run/summary.md, run/summary.json    at the end
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

import yaml
from pydantic import BaseModel

from pvtt_data.errors import PreflightError
from pvtt_data.files import HeldError, hold, holder, write_whole
from pvtt_train.checkpoint import step_of, whole_checkpoints

CONFIG, FACTS, METRICS, LOG = "config.yaml", "run.json", "metrics.jsonl", "log.jsonl"
SELF_TEST = "self_test.json"
ADAPTER, SUMMARY, SUMMARY_NUMBERS = "adapter.safetensors", "summary.md", "summary.json"


class RunFolder:
    """One run's folder, held against other processes while it is entered.

    Args:
        path: of the folder; it need not exist.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock: BinaryIO | None = None

    @property
    def checkpoints(self) -> Path:
        """Folder of the checkpoints."""
        return self.path / "checkpoints"

    @property
    def samples(self) -> Path:
        """Folder of what validation makes."""
        return self.path / "samples"

    @property
    def tensorboard(self) -> Path:
        """Folder for TensorBoard."""
        return self.path / "tensorboard"

    def __enter__(self) -> RunFolder:
        """Take hold of it.

        Raises:
            PreflightError: another process trains in it, or it cannot be written.
        """
        try:
            self._lock = hold(self.path / "lock", f"process {os.getpid()}")
        except OSError as error:
            raise PreflightError(
                f"{self.path} cannot be written ({error.strerror}); name another folder with --run"
            ) from error
        except HeldError as error:
            raise self._in_use(error.holder) from None
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def check_free(self) -> None:
        """Look whether another process is in it, without taking hold.

        Raises:
            PreflightError: one is.
        """
        try:
            found = holder(self.path / "lock")
        except OSError as error:
            raise PreflightError(f"{self.path}/lock cannot be read ({error.strerror})") from error
        if found is not None:
            raise self._in_use(found)

    def _in_use(self, who: str) -> PreflightError:
        return PreflightError(
            f"another process ({who}) trains in {self.path}; wait for it, stop it, or name another folder with --run"
        )

    @property
    def has_run(self) -> bool:
        """Whether a run was begun in it."""
        return (self.path / CONFIG).is_file()

    @property
    def step(self) -> int:
        """Steps that are saved; 0 if nothing is."""
        return max((step_of(path) for path in whole_checkpoints(self.checkpoints)), default=0)

    def is_finished(self, step: int) -> bool:
        """Whether adapter and summary, which are made last, are there, and were made after so many steps that nothing
        ended early.
        """
        try:
            told = json.loads((self.path / SUMMARY_NUMBERS).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return False
        whole = (told.get("steps"), told.get("stopped")) == (step, 0)
        return whole and (self.path / ADAPTER).is_file() and (self.path / SUMMARY).is_file()

    def write_config(self, config: BaseModel) -> None:
        """Keep all settings."""
        words = yaml.dump(config.model_dump(mode="json"), Dumper=_Dumper, sort_keys=False, width=110)
        write_whole(self.path / CONFIG, words.replace("$", "$$").encode())

    def add_facts(self, facts: Mapping[str, Any]) -> None:
        """Keep what a start was made with, after those of earlier starts."""
        path = self.path / FACTS
        known = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else []
        write_whole(path, json.dumps([*known, dict(facts)], indent=2, ensure_ascii=False, default=str).encode())

    def latest_facts(self) -> dict[str, Any]:
        """What the latest start was made with; empty if there was none."""
        path = self.path / FACTS
        facts: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else []
        return facts[-1] if facts else {}

    def metrics(self) -> Iterator[dict[str, Any]]:
        """The steps that were told, in their order; a line that was torn by a kill is none."""
        return _lines(self.path / METRICS)

    def events(self, name: str) -> Iterator[dict[str, Any]]:
        """What the log has of one kind of event, in its order; a line that was torn by a kill is none."""
        return (entry for entry in _lines(self.path / LOG) if entry["event"] == name)

    def forget_after(self, step: int) -> None:
        """Drop the metrics of steps after the one that a run goes on from."""
        if (self.path / METRICS).is_file():
            kept = [json.dumps(entry) + "\n" for entry in self.metrics() if entry["step"] <= step]
            write_whole(self.path / METRICS, "".join(kept).encode())


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    if not path.is_file():
        return
    with path.open("rb") as file:  # a line may be torn within a letter
        for line in file:
            try:
                entry: dict[str, Any] = json.loads(line)
            except ValueError:
                continue
            yield entry


class _Dumper(yaml.SafeDumper):
    """Quotes all text that another YAML version could read as something else."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    plain = re.fullmatch(r"[A-Za-z_][A-Za-z0-9_.-]*", text) is not None
    known = text.lower() in ("true", "false", "null", "yes", "no", "on", "off", "y", "n")
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=None if plain and not known else '"')


_Dumper.add_representer(str, _text)


def differences(one: BaseModel, other: BaseModel) -> dict[str, tuple[Any, Any]]:
    """Settings that differ, by dotted key, with both values."""
    first, second = _flat(one.model_dump(mode="json")), _flat(other.model_dump(mode="json"))
    keys = dict.fromkeys([*first, *second])
    return {key: (first.get(key), second.get(key)) for key in keys if first.get(key) != second.get(key)}


def _flat(tree: Any, path: str = "") -> dict[str, Any]:
    if not isinstance(tree, dict) or not tree:
        return {path: tree}
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        flat |= _flat(value, f"{path}.{key}" if path else str(key))
    return flat
