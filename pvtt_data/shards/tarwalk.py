"""Walks a tar sample by sample and reports every byte of structure that the writer would not have written."""

from __future__ import annotations

import hashlib
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from pvtt_data.shards.format import TAR_BLOCK_BYTES, tar_end, tar_header, tar_padding
from pvtt_data.shards.problems import VerifyProblem

_MAX_READ_BYTES = 1 << 30


@dataclass(frozen=True, slots=True)
class TarMember:
    """One member as it lies in the tar."""

    key: str
    """Name up to the first point."""
    member: str
    """Name after the first point."""
    offset: int
    length: int
    sha256: str
    data: bytes = field(repr=False)


def walk_tar(path: Path, shard: str, problems: list[VerifyProblem]) -> Iterator[list[TarMember]]:
    """Yield the members of one sample after the other: neighbours in the tar with the same key.

    Args:
        path: the tar.
        shard: its path inside the dataset, for reports.
        problems: what is wrong with the structure is appended here. A header that cannot be read ends the walk.
    """
    size = path.stat().st_size
    group: list[TarMember] = []
    last_key = ""
    with path.open("rb") as file:
        for member in _members(file, size, shard, problems):
            if group and member.key != group[0].key:
                yield group
                group = []
            if not group:
                if member.key <= last_key:
                    problems.append(
                        VerifyProblem(shard, "order", f"comes after {last_key}; keys must ascend", member.key)
                    )
                last_key = member.key
            group.append(member)
    if group:
        yield group


def _members(file: BinaryIO, size: int, shard: str, problems: list[VerifyProblem]) -> Iterator[TarMember]:
    while True:
        at = file.tell()
        header = file.read(TAR_BLOCK_BYTES)
        if not any(header):
            break
        try:
            info = tarfile.TarInfo.frombuf(header, "utf-8", "strict")
            expected = tar_header(info.name, info.size)
        except (tarfile.HeaderError, ValueError) as error:
            problems.append(VerifyProblem(shard, "tar", f"the header at byte {at} cannot be read: {error}"))
            return
        key, _, name = info.name.partition(".")
        if header != expected:
            problems.append(
                VerifyProblem(
                    shard,
                    "tar",
                    f"the header at byte {at} is not a plain USTAR file header with mode 0644, owner 0/0 and time 0",
                    key,
                    name,
                )
            )
        offset = file.tell()
        if offset + info.size > size:
            problems.append(VerifyProblem(shard, "tar", f"needs {info.size} bytes, the tar ends before", key, name))
            return
        if info.size > _MAX_READ_BYTES:
            text = f"has {info.size} bytes, at most {_MAX_READ_BYTES} are read"
            problems.append(VerifyProblem(shard, "size", text, key, name))
            return
        data = file.read(info.size)
        if any(file.read(tar_padding(info.size))):
            problems.append(VerifyProblem(shard, "tar", "the padding after this member is not zero", key, name))
        yield TarMember(key, name, offset, info.size, hashlib.sha256(data).hexdigest(), data)
    rest = size - at
    if rest != tar_end(at):
        problems.append(VerifyProblem(shard, "tar", f"{rest} bytes follow the last member, expected {tar_end(at)}"))
    file.seek(at)
    while chunk := file.read(1 << 20):
        if any(chunk):
            problems.append(VerifyProblem(shard, "tar", "the bytes after the last member are not all zero"))
            return
