"""Connected components over names: which rows hang together and so must stay together."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Generic, TypeVar

Name = TypeVar("Name", bound=Hashable)


class Components(Generic[Name]):
    """Disjoint sets (union by the smaller name, path halving); the result does not depend on the order of links."""

    def __init__(self) -> None:
        self._parent: dict[Name, Name] = {}

    def add(self, name: Name) -> None:
        """Make sure that ``name`` belongs to a component."""
        self._parent.setdefault(name, name)

    def link(self, one: Name, other: Name) -> None:
        """Join the components of two names."""
        self.add(one)
        self.add(other)
        first, second = sorted((self.root(one), self.root(other)))  # type: ignore[type-var]
        self._parent[second] = first

    def root(self, name: Name) -> Name:
        """The smallest name of the component."""
        while self._parent[name] != name:
            self._parent[name] = self._parent[self._parent[name]]
            name = self._parent[name]
        return name

    def groups(self) -> dict[Name, list[Name]]:
        """Smallest name → all names, both sorted."""
        groups: dict[Name, list[Name]] = {}
        for name in sorted(self._parent):  # type: ignore[type-var]
            groups.setdefault(self.root(name), []).append(name)
        return groups
