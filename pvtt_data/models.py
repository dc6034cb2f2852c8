"""Model weights: where they are, and that they are what they should be.

Each entry of `pvtt_data.model_list` names a file, its size, SHA-256, licence and mirrors. What lies on this machine is
used where it lies; else the mirrors are tried in order. Whatever is found is used only if its hash is the entry's.
Nothing is fetched in offline mode (``PVTT_OFFLINE=1`` or ``HF_HUB_OFFLINE=1``).

Environment: ``PVTT_MODELS`` (the cache folder), ``PVTT_MODEL_FOLDERS`` (folders with files already at hand, separated
like ``PATH``), ``HF_ENDPOINT`` (a mirror of the Hugging Face Hub), ``HF_HUB_CACHE`` and ``HF_HOME`` (where its
libraries keep their files).
"""

from __future__ import annotations

import os
import sys
import zipfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from pvtt_data.errors import PreflightError
from pvtt_data.files import sha256_file, sync_folder, wait_and_hold
from pvtt_data.local_weights import KnownDigests, candidates, hub_cache
from pvtt_data.mirrors import Hub, Mirror, ModelScope, Progress


@dataclass(frozen=True, slots=True)
class Model:
    """One file of weights.

    Attributes:
        for_training: whether only `pvtt-train` uses it; it is pulled by name and not with all the others.
    """

    name: str
    file: str
    sha256: str
    size_bytes: int
    licence: str
    purpose: str
    mirrors: tuple[Mirror, ...]
    for_training: bool = False

    @property
    def repositories(self) -> tuple[tuple[str, str], ...]:
        """(repository, file) on hubs, whose own caches may hold it."""
        return tuple((m.repository, m.file) for m in self.mirrors if isinstance(m, Hub | ModelScope))


@dataclass(frozen=True, slots=True)
class ModelGroup:
    """Models that are used together, under one name."""

    name: str
    purpose: str
    models: tuple[str, ...]


class ModelRegistry:
    """The known models and the cache they are kept in.

    Args:
        cache: folder of verified files.
        models: what can be asked for.
        folders: read-only folders that may hold the files already.
        offline: fetch nothing.
        groups: what can be asked for together.
    """

    def __init__(
        self,
        cache: Path,
        models: Sequence[Model],
        folders: Sequence[Path] = (),
        offline: bool = False,
        groups: Sequence[ModelGroup] = (),
    ) -> None:
        self.cache = cache
        self.models: Mapping[str, Model] = {model.name: model for model in models}
        self.groups: Mapping[str, ModelGroup] = {group.name: group for group in groups}
        self.folders = tuple(folders)
        self.offline = offline
        self.digests = KnownDigests(cache)

    @classmethod
    def default(cls) -> ModelRegistry:
        """The registry that the environment describes."""
        from pvtt_data.model_list import GROUPS, MODELS

        home = Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser()
        cache = Path(os.environ.get("PVTT_MODELS", home / "pvtt" / "models")).expanduser()
        named = [Path(p).expanduser() for p in os.environ.get("PVTT_MODEL_FOLDERS", "").split(os.pathsep) if p]
        offline = any(os.environ.get(name, "0") not in ("", "0") for name in ("PVTT_OFFLINE", "HF_HUB_OFFLINE"))
        return cls(cache, MODELS, [*named, hub_cache()], offline, GROUPS)

    def model(self, name: str) -> Model:
        """The entry of that name.

        Raises:
            PreflightError: there is none.
        """
        if name not in self.models:
            raise PreflightError(f"no model is called {name!r}; there are: {', '.join(self.models)}")
        return self.models[name]

    def named(self, name: str) -> tuple[str, ...]:
        """The models that a name stands for: a model's own or a group's.

        Raises:
            PreflightError: neither is called so.
        """
        if name in self.groups:
            return self.groups[name].models
        if name in self.models:
            return (name,)
        raise PreflightError(
            f"no model or group is called {name!r}; groups: {', '.join(self.groups) or 'none'}; "
            f"models: {', '.join(self.models)}"
        )

    def pull_command(self, names: Sequence[str]) -> str:
        """The command that fetches these models, by their group's name where they are one."""
        for group in self.groups.values():
            if set(names) == set(group.models):
                return f"pvtt-data models pull {group.name}"
        return f"pvtt-data models pull {' '.join(names)}"

    def where(self, name: str) -> Path | None:
        """Where the verified file lies on this machine, or None when it has to be pulled.

        A file in a local folder is hashed the first time it is seen.
        """
        return self._look(self.model(name))[0]

    def pull(self, name: str, progress: Progress = lambda done, total: None) -> Path:
        """The verified file, fetched if need be. If another process fetches it, that is said and waited for.

        Raises:
            PreflightError: no mirror has it, or what they have is something else; or the cache cannot be written.
        """
        model = self.model(name)
        found, others = self._look(model)
        if found is not None:
            return found
        if self.offline:
            raise PreflightError(
                f"{model.name} is not in {self.cache} and offline mode is on; run `pvtt-data models pull "
                f"{model.name}` with a connection, or put {model.file} into a folder named by PVTT_MODEL_FOLDERS"
                + "".join(f"\n  {other}" for other in others)
            )
        kept = self._kept(model)

        def say() -> None:
            sys.stderr.write(f"{model.name}: another process fetches it into {self.cache}; waiting for it\n")
            sys.stderr.flush()

        with ExitStack() as held:
            try:
                self.cache.mkdir(parents=True, exist_ok=True)
                held.enter_context(wait_and_hold(kept.with_name(f".{kept.name}.lock"), say))
            except OSError as error:
                raise PreflightError(
                    f"{self.cache} cannot be written ({error.strerror}), and {model.name} is to be fetched into it; "
                    "set PVTT_MODELS to another folder"
                ) from error
            return kept if self._is_kept(model) else self._from_mirrors(model, others, progress)

    def _kept(self, model: Model) -> Path:
        return self.cache / f"{model.sha256[:16]}-{model.file}"

    def _is_kept(self, model: Model) -> bool:
        path = self._kept(model)
        return path.exists() and path.stat().st_size == model.size_bytes

    def _look(self, model: Model) -> tuple[Path | None, list[str]]:
        """The verified file, and in words what lies where it should lie and is something else."""
        if self._is_kept(model):
            return self._kept(model), []
        others = []
        for candidate in candidates(model.name, model.file, model.repositories, self.folders):
            try:
                size_bytes = candidate.path.stat().st_size
                same_size = size_bytes == model.size_bytes
                if same_size and self.digests.sha256(candidate.path) == model.sha256:
                    return candidate.path, []
            except OSError as error:
                others.append(f"{candidate.path} cannot be read: {error.strerror}")
                continue
            if same_size or candidate.named:
                what = "other bytes" if same_size else f"{size_bytes} bytes and not {model.size_bytes}"
                others.append(f"{candidate.path} is not used: {what}")
        return None, others

    def _from_mirrors(self, model: Model, others: Sequence[str], progress: Progress) -> Path:
        target = self._kept(model)
        failures = [f"  {other}" for other in others]
        numbered = list(enumerate(model.mirrors))
        if os.environ.get("HF_ENDPOINT"):  # who names a mirror of the Hub wants it used
            numbered.sort(key=lambda pair: not isinstance(pair[1], Hub))
        for number, mirror in numbered:
            part = target.with_name(f"{target.name}.{number}.part")
            try:
                mirror.fetch(part, model.size_bytes, progress)
            except (OSError, KeyError, zipfile.BadZipFile) as error:
                failures.append(f"  {mirror.describe()}: {error}")
                continue
            digest = sha256_file(part)
            if digest != model.sha256:
                part.unlink()
                failures.append(f"  {mirror.describe()}: other bytes (sha256 {digest[:16]}…), thrown away")
                continue
            part.replace(target)
            sync_folder(self.cache)
            return target
        raise PreflightError(
            f"{model.name} could not be fetched:\n" + "\n".join(failures) + f"\nGet {model.file} "
            f"({model.size_bytes / 1e6:.0f} MB, sha256 {model.sha256}) by other means, put it into a folder and "
            "name that folder in PVTT_MODEL_FOLDERS"
        )
