"""Stand-ins for packages that DiffSynth imports and a training step never calls, where they are not installed."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any


class _StandIn(ModuleType):
    """Has every name that is asked of it; each is a class, so that others can derive from it."""

    __path__: Sequence[str] = ()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        made = type(name, (), {"__module__": self.__name__})
        setattr(self, name, made)
        return made


class _Finder(MetaPathFinder, Loader):
    def __init__(self, packages: frozenset[str]) -> None:
        self.packages = packages

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        return ModuleSpec(name, self, is_package=True) if name.partition(".")[0] in self.packages else None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _StandIn(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """There is nothing to run."""


def install(*packages: str) -> list[str]:
    """Put stand-ins in place of packages that are not installed.

    Returns:
        Their names.
    """
    absent = [name for name in packages if importlib.util.find_spec(name) is None]
    if absent:
        # transformers asks for torchvision by name; let it find out before there is a stand-in.
        from transformers.utils import is_torchvision_available

        is_torchvision_available()
        sys.meta_path.append(_Finder(frozenset(absent)))
    return absent
