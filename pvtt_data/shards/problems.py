"""One thing that is wrong with a dataset version."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class VerifyProblem:
    """Where, and what was found and expected.

    Attributes:
        file: path inside the dataset.
        check: short slug of the check that failed, such as ``sha256``, ``tar``, ``json``, ``media``, ``leak``.
        message: what was found, what was expected.
        key: the sample, if it is one sample's problem.
        member: the member without its key, such as ``source.mp4``, if it is one member's problem.
    """

    file: str
    check: str
    message: str
    key: str = ""
    member: str = ""

    def __str__(self) -> str:
        where = ".".join(part for part in (self.key, self.member) if part)
        return f"{self.file}: {where + ': ' if where else ''}{self.message}"
