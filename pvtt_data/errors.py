"""Errors that a user can act on.

An `InputError` rejects one row, with a reason that the report counts. Every other exception raised while a row is
worked on is a *fault*: a defect of ours or of the machine, never cached, never mistaken for bad input.
"""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Iterator, Mapping


class PvttError(Exception):
    """Base of all errors raised on purpose; the command line prints its text without a traceback."""


class InputError(PvttError):
    """One input cannot be used: it becomes a `Rejection`, the build goes on.

    Args:
        reason: short stable slug in kebab-case that the report counts, such as ``too-dark``.
        message: one sentence for a person.
        numbers: the measured values and thresholds behind the decision.
    """

    def __init__(self, reason: str, message: str, numbers: Mapping[str, float] | None = None) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.numbers = dict(numbers or {})

    def __reduce__(self) -> tuple[type[InputError], tuple[str, str, dict[str, float]]]:
        return (type(self), (self.reason, self.message, self.numbers))


class RecipeError(PvttError):
    """A recipe cannot be read; the text names file, line, key, value and what was expected."""


class PreflightError(PvttError):
    """Something that the build needs is missing; the text names it and the command that mends it."""


class BuildError(PvttError):
    """The build ended without a result that may be trusted."""


class DatasetError(PvttError):
    """A dataset directory does not hold what its manifest promises."""


class PublishError(PvttError):
    """A dataset was not published, or not as it should be; the text says what is there now and what to do."""


class DiskFullError(BuildError):
    """There is no room left to write results; what was finished is kept."""


def causes(error: BaseException) -> Iterator[BaseException]:
    """An error and what it was raised from, the latest first."""
    seen: BaseException | None = error
    while seen is not None:
        yield seen
        seen = seen.__cause__ or seen.__context__


def disk_full(error: BaseException) -> str | None:
    """What could not be written, if an error comes from a full disk or a used-up quota; else None."""
    for cause in causes(error):
        # FFmpeg's errors carry the same numbers without being OSErrors.
        if getattr(cause, "errno", None) in (errno.ENOSPC, errno.EDQUOT):
            name = getattr(cause, "filename", None)
            return f"{getattr(cause, 'strerror', cause)}" + (f" ({name})" if name else "")
    return None


@contextlib.contextmanager
def full_disk_told() -> Iterator[None]:
    """Where the block ends because nothing more can be written, say so.

    Raises:
        DiskFullError: the disk is full, or the quota is used up.
    """
    try:
        yield
    except Exception as error:
        full = disk_full(error)
        if full is None or isinstance(error, DiskFullError):
            raise
        raise DiskFullError(f"the disk is full: {full}; free some and run the same command again") from error
