"""Reads a dataset version: random access to samples, media decoded when asked for.

Only members that the format names are read, and only as MP4, picture and JSON: nothing in a dataset is ever unpickled
or executed. A dataset object holds no open file, so it can be pickled, forked and shared between threads.
"""

from __future__ import annotations

import bisect
import hashlib
import itertools
import operator
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc

from pvtt_data.errors import DatasetError
from pvtt_data.files import sha256_file
from pvtt_data.images import read_rgba
from pvtt_data.media import decode_masks, decode_video, decode_video_planes
from pvtt_data.records import Split
from pvtt_data.shards.decoding import without_opaque_alpha
from pvtt_data.shards.format import (
    INDEX_FILE,
    JSON_MEMBER,
    MAX_PICTURES,
    SPLITS,
    SampleMeta,
    heldout_member,
    is_key,
    member_names,
    parse_shard_path,
    reference_member,
)
from pvtt_data.shards.index import read_index
from pvtt_data.shards.manifest import Manifest, read_manifest
from pvtt_data.words import printable

UInt8 = npt.NDArray[np.uint8]
Bool = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class MemberSpan:
    """Where a member lies: bytes ``[offset, offset + length)`` of the tar at ``path``."""

    path: Path
    offset: int
    length: int
    sha256: str


@dataclass(frozen=True)
class Sample:
    """One sample; every member is read and decoded at its first use and then kept.

    Attributes:
        key: 16 hex digits.
        split: train, validation or test.
        spans: where each member lies, by member name (``source.mp4``, ..., ``json``).
    """

    key: str
    split: Split
    spans: dict[str, MemberSpan] = field(repr=False)
    check_sha256: bool = False

    def read(self, member: str) -> bytes:
        """The bytes of a member, such as ``source.mp4``.

        Raises:
            KeyError: the sample has no such member.
            DatasetError: the tar is too short, or the bytes are not the indexed ones.
        """
        span = self.spans[member]
        name = f"{self.key}.{member}"
        try:
            with span.path.open("rb") as file:
                if span.offset + span.length > os.fstat(file.fileno()).st_size:
                    raise DatasetError(f"{span.path.name}: {name}: the tar ends inside this member")
                data = os.pread(file.fileno(), span.length, span.offset)
                while len(data) < span.length:
                    more = os.pread(file.fileno(), span.length - len(data), span.offset + len(data))
                    if not more:
                        raise DatasetError(f"{span.path.name}: {name}: the tar ends inside this member")
                    data += more
        except FileNotFoundError as error:
            raise DatasetError(f"{span.path.name} is missing, it holds {name}") from error
        if self.check_sha256 and hashlib.sha256(data).hexdigest() != span.sha256:
            raise DatasetError(f"{span.path.name}: {name}: SHA-256 is not {span.sha256}, the one in {INDEX_FILE}")
        return data

    @cached_property
    def meta(self) -> SampleMeta:
        """The JSON member.

        Raises:
            DatasetError: it does not follow the schema.
        """
        try:
            return SampleMeta.from_bytes(self.read(JSON_MEMBER))
        except ValueError as error:
            raise DatasetError(f"{self.key}.{JSON_MEMBER}: {error}") from error

    @cached_property
    def source(self) -> UInt8:
        """Video with product A, ``(T, H, W, 3)`` uint8 RGB."""
        return decode_video(self.read("source.mp4"))

    @cached_property
    def target(self) -> UInt8:
        """The same video with product B, ``(T, H, W, 3)`` uint8 RGB."""
        return decode_video(self.read("target.mp4"))

    @cached_property
    def source_mask(self) -> Bool:
        """Where A is in the source, ``(T, H, W)`` bool."""
        return decode_masks(self.read("source_mask.mp4"))

    @cached_property
    def target_mask(self) -> Bool:
        """Where B is in the target, ``(T, H, W)`` bool."""
        return decode_masks(self.read("target_mask.mp4"))

    @cached_property
    def effect_mask(self) -> Bool:
        """Where source and target may differ, ``(T, H, W)`` bool."""
        return decode_masks(self.read("effect_mask.mp4"))

    @cached_property
    def references(self) -> list[UInt8]:
        """The R pictures of B for the model, each ``(H, W, 3)`` uint8 RGB, or ``(H, W, 4)`` RGBA if any part of it
        is transparent (straight alpha).

        The first ``meta.reference_count`` differ, the rest repeat the last of them.
        """
        return self._pictures(reference_member)

    @cached_property
    def heldout(self) -> list[UInt8]:
        """Views of B kept for metrics, as `references`, H of them; empty in train."""
        return self._pictures(heldout_member)

    def source_planes(self) -> tuple[UInt8, UInt8, UInt8]:
        """Planes of the source video as stored: Y ``(T, H, W)``, U and V ``(T, H/2, W/2)``, uint8, yuv420p."""
        return decode_video_planes(self.read("source.mp4"))

    def target_planes(self) -> tuple[UInt8, UInt8, UInt8]:
        """Planes of the target video as stored: Y ``(T, H, W)``, U and V ``(T, H/2, W/2)``, uint8, yuv420p."""
        return decode_video_planes(self.read("target.mp4"))

    def _pictures(self, name_of: Callable[[int], str]) -> list[UInt8]:
        """Decode all pictures of a kind; a repeated one is decoded once."""
        members = [name_of(number) for number in range(MAX_PICTURES) if name_of(number) in self.spans]
        decoded: dict[str, UInt8] = {}
        for member in members:
            digest = self.spans[member].sha256
            if digest not in decoded:
                decoded[digest] = without_opaque_alpha(read_rgba(self.read(member)))
        return [decoded[self.spans[member].sha256] for member in members]


@dataclass(frozen=True, slots=True)
class _SplitIndex:
    """The index of one split as flat arrays: an object for every member would take gigabytes at a million samples."""

    split: Split
    members: tuple[str, ...]
    keys: list[str]
    shards: list[str]
    """Path of each sample's tar."""
    offsets: npt.NDArray[np.int64]
    """``(samples, members)``."""
    lengths: npt.NDArray[np.int64]
    """``(samples, members)``."""
    digests: bytes
    """SHA-256 of each member, 32 bytes each."""

    @classmethod
    def build(cls, split: Split, table: Any, manifest: Manifest) -> _SplitIndex:
        """Take one split's rows out of the index and check that they follow the format."""
        rows = table.filter(pc.equal(table.column("split"), split))
        members = member_names(split, manifest.reference_count, manifest.heldout_count)
        samples, rest = divmod(rows.num_rows, len(members))
        if rest or samples != manifest.counts[split].samples:
            raise DatasetError(f"{INDEX_FILE} has {rows.num_rows} members for split {split}; the manifest has others")
        keys = np.asarray(rows.column("key").to_pylist(), dtype=object).reshape(samples, len(members))
        shards = np.asarray(rows.column("shard").to_pylist(), dtype=object).reshape(samples, len(members))
        names = np.asarray(rows.column("member").to_pylist(), dtype=object).reshape(samples, len(members))
        if (keys != keys[:, :1]).any() or (shards != shards[:, :1]).any() or (names != np.asarray(members)).any():
            raise DatasetError(f"{INDEX_FILE}: a {split} sample does not have the members {', '.join(members)}")
        paths = {str(path): str(path) for path in shards[:, 0]}
        for path in paths:
            parsed = parse_shard_path(path)
            if parsed is None or path not in manifest.shards or parsed[0] != split:
                raise DatasetError(f"{INDEX_FILE}: {path!r} is no {split} shard that the manifest lists")
        odd = next((str(key) for key in keys[:, 0] if not is_key(str(key))), None)
        if odd is not None:
            raise DatasetError(f"{INDEX_FILE}: {printable(odd)} is no key of a sample")
        offsets, lengths = rows.column("offset").to_numpy(), rows.column("length").to_numpy()
        if (offsets < 0).any() or (lengths < 1).any():
            raise DatasetError(f"{INDEX_FILE}: a {split} member has no place in its tar")
        return cls(
            split,
            members,
            keys=[str(key) for key in keys[:, 0]],
            shards=[paths[path] for path in shards[:, 0]],
            offsets=offsets.reshape(samples, len(members)),
            lengths=lengths.reshape(samples, len(members)),
            digests=_digests(rows.column("sha256")),
        )

    def spans(self, dataset: Path, row: int) -> dict[str, MemberSpan]:
        """Where the members of the split's sample ``row`` lie."""
        first = row * len(self.members)
        return {
            member: MemberSpan(
                path=dataset / self.shards[row],
                offset=int(self.offsets[row, column]),
                length=int(self.lengths[row, column]),
                sha256=self.digests[32 * (first + column) : 32 * (first + column + 1)].hex(),
            )
            for column, member in enumerate(self.members)
        }


def _digests(column: Any) -> bytes:
    """Hashes in hex as bytes, 32 for each.

    Raises:
        DatasetError: one is no SHA-256.
    """
    try:
        digests = bytes.fromhex("".join(column.to_pylist()))
    except ValueError as error:
        raise DatasetError(f"{INDEX_FILE}: a hash is no SHA-256") from error
    if len(digests) != 32 * len(column) or not pc.all(pc.equal(pc.utf8_length(column), 64)).as_py():
        raise DatasetError(f"{INDEX_FILE}: a hash is no SHA-256")
    return digests


class ShardDataset:
    """Samples of one dataset version, by number or by key.

    Samples are numbered by split (train, validation, test), then shard, then key. The number of a key does not depend
    on anything but the version.

    Args:
        path: folder of the version, such as ``shards/v3``.
        split: only this split; all of them by default.
        check_sha256: check every member that is read against the index.

    Raises:
        DatasetError: the manifest or the index is missing or damaged, or the split has no samples.
    """

    def __init__(self, path: Path | str, split: Split | None = None, *, check_sha256: bool = False) -> None:
        self.path = Path(path)
        self.split = split
        self.check_sha256 = check_sha256
        self.manifest: Manifest = read_manifest(self.path)
        if split is not None and split not in self.manifest.counts:
            raise DatasetError(f"{self.path.name} has no split {split}; it has {', '.join(self.manifest.counts)}")
        index_path = self.path / INDEX_FILE
        stated = self.manifest.files[INDEX_FILE].sha256 if INDEX_FILE in self.manifest.files else None
        if not index_path.is_file() or sha256_file(index_path) != stated:
            raise DatasetError(f"{INDEX_FILE} is missing or is not the one that the manifest lists")
        table = read_index(index_path)
        splits = [s for s in SPLITS if s in self.manifest.counts and split in (None, s)]
        self._parts = [_SplitIndex.build(s, table, self.manifest) for s in splits]
        self._ends = list(itertools.accumulate(len(part.keys) for part in self._parts))
        self._keys = [key for part in self._parts for key in part.keys]
        self._numbers = {key: number for number, key in enumerate(self._keys)}
        if len(self._numbers) != len(self._keys):
            raise DatasetError(f"{INDEX_FILE} lists a key twice")

    def __len__(self) -> int:
        return len(self._keys)

    def __contains__(self, key: object) -> bool:
        return key in self._numbers

    def __iter__(self) -> Iterator[Sample]:
        return (self[number] for number in range(len(self)))

    def keys(self) -> tuple[str, ...]:
        """Keys of all samples, in the order of their numbers."""
        return tuple(self._keys)

    def number(self, key: str) -> int:
        """Number of a key.

        Raises:
            KeyError: no such sample.
        """
        return self._numbers[key]

    def __getitem__(self, item: int | str) -> Sample:
        """The sample with this number (negative counts from the end) or key.

        Raises:
            IndexError: no such number.
            KeyError: no such key.
        """
        number = self._numbers[item] if isinstance(item, str) else operator.index(item)
        if not -len(self) <= number < len(self):
            raise IndexError(f"sample {number} of {len(self)}")
        number %= len(self)
        part_number = bisect.bisect_right(self._ends, number)
        part = self._parts[part_number]
        row = number - (self._ends[part_number] - len(part.keys))
        return Sample(part.keys[row], part.split, part.spans(self.path, row), self.check_sha256)

    def order(self, seed: int, epoch: int = 0) -> npt.NDArray[np.int64]:
        """A shuffled order of the sample numbers, ``(len,)`` int64.

        Samples are sorted by SHA-256 of ``seed:epoch:key``, so the order depends on nothing else: no library's random
        generator, no number of workers. Worker ``i`` of ``n`` takes ``order[i::n]``.
        """
        hashes = [hashlib.sha256(f"{seed}:{epoch}:{key}".encode()).digest() for key in self._keys]
        return np.asarray(sorted(range(len(hashes)), key=hashes.__getitem__), dtype=np.int64)
