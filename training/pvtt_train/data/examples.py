"""What a loader is given: lessons by number and epoch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from pvtt_data.errors import PvttError
from pvtt_train.data.buckets import Bucket
from pvtt_train.lesson import Lesson


class CorruptSampleError(PvttError):
    """A sample cannot be read or used.

    Args:
        key: of the sample.
        why: in words.
        replaceable: whether another sample can stand in for it if one more may be corrupt; if not, ``why`` says what
            else helps.
    """

    def __init__(self, key: str, why: str, replaceable: bool = True) -> None:
        super().__init__(f"sample {key}: {why}")
        self.key = key
        self.why = why
        self.replaceable = replaceable

    def __reduce__(self) -> tuple[type[CorruptSampleError], tuple[str, str, bool]]:
        return (type(self), (self.key, self.why, self.replaceable))


class Examples(Protocol):
    """Samples as lessons. Equal arguments give equal lessons, in any order and from any thread."""

    @property
    def name(self) -> str:
        """What these are, for the state of a loader: other examples have another name."""
        ...

    @property
    def unreadable(self) -> Mapping[str, str]:
        """Samples that are not among these since they cannot be read, and why; they count as corrupt ones."""
        ...

    def __len__(self) -> int: ...

    def keys(self) -> tuple[str, ...]:
        """Of all samples, in the order of their numbers."""
        ...

    def shape(self, number: int) -> Bucket:
        """Size of a sample with the most references that it may show; for estimates."""
        ...

    def bucket(self, number: int, epoch: int) -> Bucket:
        """Size of a sample with the references that it shows in an epoch."""
        ...

    def example(self, number: int, epoch: int) -> Lesson:
        """A sample as an epoch shows it, B = 1, on the CPU.

        Raises:
            CorruptSampleError: it cannot be read or used.
        """
        ...
