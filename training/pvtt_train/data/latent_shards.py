"""Latent shards: pieces of samples in tars, found through an index. The format's one writer and reader.

    v3.latents/
      latents.json                what the set consists of; written last, so the set before stays whole until then
      pieces-<hash>.parquet       where each piece lies, and the SHA-256 of its bytes
      samples-<hash>.parquet      which pieces each sample consists of
      data/00000.tar …            the pieces, each a safetensors file
      journal.jsonl, *.part       only while a set is made
      lock                        held by the process that makes a set

Who reads a set holds a lock on the folder itself, see `pvtt_train.data.readers`.

A piece is stored once, however many samples show it, under the digest of what it was made from (see
`pvtt_train.data.pieces`). A tar only ever grows: a piece is appended and fsynced, then a line goes to the journal.
After a kill, what follows the last journalled piece is cut off. Nothing is ever unpickled.
"""

from __future__ import annotations

import hashlib
import json
import os
import tarfile
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from sys import intern
from typing import Annotated, Any, BinaryIO, Literal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from torch import Tensor

from pvtt_data.errors import BuildError, DatasetError, DiskFullError, PreflightError, disk_full
from pvtt_data.files import HeldError, hold, sha256_file, sync_folder, write_whole
from pvtt_data.journal import journal_line, mend_journal, read_journal
from pvtt_data.shards.format import TAR_BLOCK_BYTES, Key, Sha256, readable_json, tar_end, tar_header, tar_padding
from pvtt_train.data.pieces import Made
from pvtt_train.data.readers import Reading, nobody_reads

SCHEMA_VERSION: Literal[1] = 1
MANIFEST_FILE = "latents.json"
JOURNAL_FILE = "journal.jsonl"
LOCK_FILE = "lock"
PACK_BYTES = 1 << 30
"""A tar that has reached this size gets no more pieces."""

_PIECES = pa.schema(
    [
        pa.field("digest", pa.string(), nullable=False),
        pa.field("kind", pa.string(), nullable=False),
        pa.field("pack", pa.int32(), nullable=False),
        pa.field("offset", pa.int64(), nullable=False),
        pa.field("length", pa.int64(), nullable=False),
        pa.field("sha256", pa.string(), nullable=False),
        pa.field("rounding", pa.float64(), nullable=False),
        pa.field("note", pa.string(), nullable=False),
    ]
)
_VARIANT = pa.struct(
    [
        pa.field("piece", pa.string(), nullable=False),
        pa.field("content", pa.string(), nullable=False),
        pa.field("references", pa.list_(pa.field("item", pa.string(), nullable=False)), nullable=False),
    ]
)
_SAMPLES = pa.schema(
    [
        pa.field("key", pa.string(), nullable=False),
        pa.field("split", pa.string(), nullable=False),
        pa.field("frames", pa.int32(), nullable=False),
        pa.field("height", pa.int32(), nullable=False),
        pa.field("width", pa.int32(), nullable=False),
        pa.field("target", pa.string(), nullable=False),
        pa.field("effect", pa.string(), nullable=False),
        pa.field("text", pa.string(), nullable=False),
        pa.field("variants", pa.list_(pa.field("item", _VARIANT, nullable=False)), nullable=False),
    ]
)

Count = Annotated[int, Field(ge=0)]


@dataclass(frozen=True, slots=True)
class StoredPiece:
    """Where a piece lies: bytes ``[offset, offset + length)`` of a tar.

    Attributes:
        digest: of what it was made from.
        kind: of `pvtt_train.data.pieces.KINDS`.
        pack: number of the tar.
        sha256: of its bytes.
        rounding: see `pvtt_train.data.pieces.Made`.
        note: JSON of facts for the log.
    """

    digest: str
    kind: str
    pack: int
    offset: int
    length: int
    sha256: str
    rounding: float
    note: str


@dataclass(frozen=True, slots=True)
class VariantRow:
    """One conditioning of a sample: digests of its piece and of the references that it shows, in that order."""

    piece: str
    content: str
    references: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SampleRow:
    """A sample as digests of pieces, and its size in pixels."""

    key: str
    split: str
    frames: int
    height: int
    width: int
    target: str
    effect: str
    text: str
    variants: tuple[VariantRow, ...]

    def pieces(self) -> set[str]:
        """Digests of all pieces."""
        shown = {digest for variant in self.variants for digest in (variant.piece, *variant.references)}
        return {self.target, self.effect, self.text} | shown


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class TableEntry(_Strict):
    """A table of the set."""

    file: Annotated[str, Field(pattern=r"^(pieces|samples)-[0-9a-f]{16}\.parquet$")]
    sha256: Sha256
    rows: Count


class SkippedSample(_Strict):
    """A sample of the dataset that the set does not have."""

    key: Key
    reason: str
    message: str


class LatentManifest(_Strict):
    """Content of `latents.json`."""

    schema_version: Literal[1]
    dataset: str
    """Name of the dataset."""
    root: Sha256
    """Root of the dataset version that the latents were made from."""
    settings: dict[str, Any]
    """What `precompute` was asked for."""
    codec: str
    """Digest of the VAE."""
    text: str
    """Digest of the text encoder."""
    numeric_class: str
    """Kind of processor that made the pieces."""
    versions: dict[str, str]
    """Of the libraries that shaped them."""
    empty_text: Sha256
    """Piece of the empty prompt."""
    skipped: list[SkippedSample]
    used_bytes: Count
    """Size of the pieces that samples show."""
    unused_bytes: Count
    """What else the tars hold: pieces of earlier settings, and damaged ones that were made anew."""
    rounding: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    """The largest relative error that rounding made in a piece."""
    pieces: TableEntry
    samples: TableEntry
    sha256: Sha256
    """Of this file without this field."""


def pack_path(folder: Path, number: int) -> Path:
    """Where a finished tar lies."""
    return folder / "data" / f"{number:05d}.tar"


def _part_path(folder: Path, number: int) -> Path:
    return folder / "data" / f"{number:05d}.tar.part"


def read_manifest(folder: Path) -> LatentManifest:
    """Read and check `latents.json`.

    Raises:
        DatasetError: it is missing, or not as the writer wrote it.
    """
    try:
        data = (folder / MANIFEST_FILE).read_bytes()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise DatasetError(
            f"{folder} holds no finished set of latents ({MANIFEST_FILE} is missing): run pvtt-train precompute"
        ) from error
    try:
        manifest = LatentManifest.model_validate_json(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise DatasetError(f"{MANIFEST_FILE}: {where}: {first['msg']}") from error
    if manifest.sha256 != _own_sha256(manifest):
        raise DatasetError(f"{MANIFEST_FILE}: sha256 is not the hash of its content; the file was changed")
    return manifest


def _own_sha256(manifest: LatentManifest) -> str:
    return hashlib.sha256(readable_json(manifest.model_dump(mode="python", exclude={"sha256"}))).hexdigest()


def _read_table(folder: Path, entry: TableEntry, schema: Any) -> Any:
    path = folder / entry.file
    if not path.is_file() or sha256_file(path) != entry.sha256:
        raise DatasetError(f"{entry.file} is missing or is not the one that {MANIFEST_FILE} lists")
    table = pq.read_table(path, memory_map=False, use_threads=False)
    if not table.schema.equals(schema):
        raise DatasetError(f"{entry.file} has the columns {table.schema.names}, expected {schema.names}")
    return table


def _write_table(folder: Path, name: str, rows: Sequence[Mapping[str, Any]], schema: Any) -> TableEntry:
    """A table whose name says its content, so that an older manifest's table is not touched."""
    sink = pa.BufferOutputStream()
    table = pa.Table.from_pylist(list(rows), schema=schema)
    pq.write_table(table, sink, version="2.6", compression="zstd", compression_level=3)
    data = sink.getvalue().to_pybytes()
    sha256 = hashlib.sha256(data).hexdigest()
    file = f"{name}-{sha256[:16]}.parquet"
    write_whole(folder / file, data)
    return TableEntry(file=file, sha256=sha256, rows=len(rows))


def _pread(path: Path, offset: int, length: int) -> bytes:
    """Bytes of a file; fewer where it ends before."""
    with path.open("rb", buffering=0) as file:
        data = os.pread(file.fileno(), length, offset)
        while len(data) < length:
            more = os.pread(file.fileno(), length - len(data), offset + len(data))
            if not more:
                break
            data += more
    return data


def _dead_bytes(path: Path, pieces: Iterable[StoredPiece]) -> int:
    """Size of the members of a tar that are none of these pieces, between them and behind."""
    dead = at = 0
    for piece in sorted(pieces, key=lambda piece: piece.offset):
        dead += piece.offset - TAR_BLOCK_BYTES - at
        at = piece.offset + piece.length + tar_padding(piece.length)
    while any(header := _pread(path, at, TAR_BLOCK_BYTES)):
        try:
            size = tarfile.TarInfo.frombuf(header, "utf-8", "strict").size
        except tarfile.HeaderError:
            return dead + path.stat().st_size - at
        member = TAR_BLOCK_BYTES + size + tar_padding(size)
        dead, at = dead + member, at + member
    return dead


def read_piece(folder: Path, piece: StoredPiece, *, check_sha256: bool = True) -> dict[str, Tensor]:
    """The tensors of a piece, on the CPU.

    Raises:
        DatasetError: the tar is missing or too short, the bytes are not the indexed ones, or no safetensors file.
    """
    return _parsed(_read_bytes(folder, piece, check_sha256=check_sha256), piece)


def _read_bytes(folder: Path, piece: StoredPiece, *, check_sha256: bool) -> bytes:
    path = pack_path(folder, piece.pack)
    name = f"{path.name}: {piece.kind} {piece.digest[:16]}"
    try:
        data = _pread(path, piece.offset, piece.length)
    except FileNotFoundError as error:
        raise DatasetError(f"{path.name} is missing, it holds {piece.kind} {piece.digest[:16]}") from error
    if len(data) < piece.length:
        raise DatasetError(f"{name}: the tar ends inside this piece")
    if check_sha256 and hashlib.sha256(data).hexdigest() != piece.sha256:
        raise DatasetError(f"{name}: SHA-256 is not {piece.sha256}, the one in the index")
    return data


def _parsed(data: bytes, piece: StoredPiece) -> dict[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load

    try:
        return load(data)
    except (SafetensorError, ValueError, KeyError) as error:
        raise DatasetError(f"{piece.kind} {piece.digest[:16]} is no safetensors file: {error}") from error


class LatentStore:
    """Adds pieces to a folder and finishes sets in it; one process at a time.

    Args:
        folder: made if it is not there.

    Raises:
        PreflightError: another process holds it, or it cannot be written.
        DatasetError: a finished set in it is damaged.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = _locked(folder)
        self._tar: BinaryIO | None = None
        self._number = self._next = 0
        self._pieces: dict[str, StoredPiece] = {}
        try:
            self._open()
        except BaseException:
            self._lock.close()
            raise

    def _open(self) -> None:
        if (self.folder / MANIFEST_FILE).exists():
            self.manifest: LatentManifest | None = read_manifest(self.folder)
            for row in _read_table(self.folder, self.manifest.pieces, _PIECES).to_pylist():
                self._pieces[row["digest"]] = StoredPiece(**row)
        else:
            self.manifest = None
        journal = self.folder / JOURNAL_FILE
        mend_journal(journal)
        for digest, text in read_journal(journal).items():
            self._pieces[digest] = StoredPiece(digest=digest, **json.loads(text))
        self._mend_tars()
        self._journal = journal.open("ab", buffering=0)

    def _mend_tars(self) -> None:
        """Cut off what was appended without a line in the journal; forget lines whose tar is gone or too short."""
        data = self.folder / "data"
        data.mkdir(exist_ok=True)
        for leftover in [*self.folder.glob(".*.tmp"), *data.glob(".*.tmp")]:
            leftover.unlink()
        for part in sorted(data.glob("*.tar.part")):
            number = int(part.name.partition(".")[0])
            if pack_path(self.folder, number).exists():
                part.unlink()
        self._next = 1 + max((int(path.name.partition(".")[0]) for path in data.glob("*.tar*")), default=-1)
        sizes: dict[int, int] = {}
        for digest, piece in list(self._pieces.items()):
            if piece.pack not in sizes:
                paths = (pack_path(self.folder, piece.pack), _part_path(self.folder, piece.pack))
                sizes[piece.pack] = max((path.stat().st_size for path in paths if path.exists()), default=0)
            if piece.offset + piece.length > sizes[piece.pack]:
                del self._pieces[digest]

    def __contains__(self, digest: str) -> bool:
        return digest in self._pieces

    def __getitem__(self, digest: str) -> StoredPiece:
        return self._pieces[digest]

    def __iter__(self) -> Iterator[str]:
        return iter(self._pieces)

    def __len__(self) -> int:
        return len(self._pieces)

    def note(self, digest: str) -> dict[str, Any]:
        """Facts about a piece."""
        return dict(json.loads(self._pieces[digest].note))

    def forget_damaged(self) -> list[StoredPiece]:
        """Hash every piece and forget those whose bytes are not the indexed ones."""
        self._seal()
        damaged = []
        for piece in list(self._pieces.values()):
            try:
                _read_bytes(self.folder, piece, check_sha256=True)
            except DatasetError:
                damaged.append(piece)
                del self._pieces[piece.digest]
        return damaged

    def add(self, digest: str, kind: str, made: Made) -> StoredPiece:
        """Append a piece; when this returns it is on the disk.

        Raises:
            DiskFullError: there is no room; what was added before is kept.
        """
        from safetensors.torch import save

        note = json.dumps(dict(made.note or {}), sort_keys=True, ensure_ascii=False)
        with self._room():
            return self._append(digest, kind, save(made.tensors), made.rounding, note)

    @contextmanager
    def _room(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            if disk_full(error):
                text = f"{self.folder}: the disk is full; what is finished is kept, make room and run again"
                raise DiskFullError(text) from error
            raise

    def _append(self, digest: str, kind: str, data: bytes, rounding: float, note: str) -> StoredPiece:
        tar = self._open_tar()
        begin = tar.seek(0, os.SEEK_END)
        header = tar_header(f"{digest}.{kind}.safetensors", len(data))
        try:
            _write_all(tar, header + data + bytes(tar_padding(len(data))))
            os.fsync(tar.fileno())
            piece = StoredPiece(
                digest=digest,
                kind=kind,
                pack=self._number,
                offset=begin + len(header),
                length=len(data),
                sha256=hashlib.sha256(data).hexdigest(),
                rounding=rounding,
                note=note,
            )
            plain = {name: value for name, value in asdict(piece).items() if name != "digest"}
            line = self._journal.seek(0, os.SEEK_END)
            try:
                _write_all(self._journal, journal_line(digest, json.dumps(plain, sort_keys=True)))
                os.fsync(self._journal.fileno())
            except OSError:
                self._journal.truncate(line)
                raise
        except OSError:
            tar.truncate(begin)
            raise
        self._pieces[digest] = piece
        if piece.offset + piece.length > PACK_BYTES:
            self._seal()
        return piece

    def _open_tar(self) -> BinaryIO:
        """The tar that grows: the unfinished one, cut to its last journalled piece, or a new one."""
        if self._tar is None:
            data = self.folder / "data"
            parts = sorted(data.glob("*.tar.part"))
            self._number = int(parts[0].name.partition(".")[0]) if parts else self._next
            path = _part_path(self.folder, self._number)
            self._tar = path.open("r+b" if parts else "w+b", buffering=0)
            self._tar.truncate(self._end_of(self._number))
            self._next = max(self._next, self._number + 1)
            sync_folder(data)
        return self._tar

    def _end_of(self, number: int) -> int:
        ends = (p.offset + p.length + tar_padding(p.length) for p in self._pieces.values() if p.pack == number)
        return max(ends, default=0)

    def _seal(self) -> None:
        """End the tar that grows, if there is one, and give it its final name."""
        if self._tar is None and not list((self.folder / "data").glob("*.tar.part")):
            return
        tar = self._open_tar()
        size = tar.seek(0, os.SEEK_END)
        _write_all(tar, bytes(tar_end(size)))
        os.fsync(tar.fileno())
        tar.close()
        self._tar = None
        _part_path(self.folder, self._number).replace(pack_path(self.folder, self._number))
        sync_folder(self.folder / "data")

    def finish(self, rows: Sequence[SampleRow], *, prune: bool = False, **fields: Any) -> LatentManifest:
        """Make what is stored a set.

        Args:
            rows: the samples, in order; all their pieces are stored.
            prune: give back the space of pieces that no sample shows.
            fields: of `LatentManifest`, without those that follow from the rest.

        Raises:
            BuildError: a piece of a sample is not stored.
            DiskFullError: there is no room; what was added is kept, and the set before stays as it is.
            PreflightError: the set is to be pruned and somebody reads it; what was added is kept.
            DatasetError: the set is to be pruned, and a piece that is to be moved is damaged.
        """
        with self._room(), nobody_reads(self.folder) if prune else nullcontext():
            return self._finish(rows, prune, fields)

    def check_unread(self) -> None:
        """Whether the set could be pruned now.

        Raises:
            PreflightError: somebody reads it.
        """
        with nobody_reads(self.folder):
            return

    def _finish(self, rows: Sequence[SampleRow], prune: bool, fields: Mapping[str, Any]) -> LatentManifest:
        used = {fields["empty_text"]}.union(*(row.pieces() for row in rows))
        missing = sorted(used - set(self._pieces))
        if missing:
            raise BuildError(f"{len(missing)} pieces are not stored, such as {missing[0][:16]}")
        emptied = self._without_unused(used) if prune else []
        self._seal()
        stored = sorted(self._pieces.values(), key=lambda piece: (piece.pack, piece.offset))
        manifest = LatentManifest(
            schema_version=SCHEMA_VERSION,
            **fields,
            used_bytes=sum(piece.length for piece in stored if piece.digest in used),
            unused_bytes=sum(piece.length for piece in stored if piece.digest not in used)
            + sum(size for number, size in self._dead_bytes().items() if number not in emptied),
            rounding=max(piece.rounding for piece in stored if piece.digest in used),
            pieces=_write_table(self.folder, "pieces", [asdict(piece) for piece in stored], _PIECES),
            samples=_write_table(self.folder, "samples", [asdict(row) for row in rows], _SAMPLES),
            sha256="0" * 64,
        )
        manifest = manifest.model_copy(update={"sha256": _own_sha256(manifest)})
        write_whole(self.folder / MANIFEST_FILE, readable_json(manifest.model_dump(mode="python")))
        self.manifest = manifest
        self._journal.close()
        (self.folder / JOURNAL_FILE).unlink()
        for number in emptied:
            pack_path(self.folder, number).unlink(missing_ok=True)
        kept = {manifest.pieces.file, manifest.samples.file}
        for table in self.folder.glob("*.parquet"):
            if table.name not in kept:
                table.unlink()
        self._journal = (self.folder / JOURNAL_FILE).open("ab", buffering=0)
        return manifest

    def _without_unused(self, used: set[str]) -> list[int]:
        """Move what is used out of tars that hold anything else; numbers of the tars that may go then."""
        self._seal()
        unused = {piece.pack for digest, piece in self._pieces.items() if digest not in used}
        spoilt = unused | {number for number, size in self._dead_bytes().items() if size}
        for digest, piece in list(self._pieces.items()):
            if piece.pack not in spoilt:
                continue
            if digest in used:
                try:
                    data = _read_bytes(self.folder, piece, check_sha256=True)
                except DatasetError as error:
                    raise DatasetError(f"{error}; data.precompute.check_stored=true makes it anew") from error
                self._append(digest, piece.kind, data, piece.rounding, piece.note)
            else:
                del self._pieces[digest]
        return sorted(spoilt)

    def _dead_bytes(self) -> dict[int, int]:
        """What each finished tar holds beside the pieces of the index: damaged ones, or what is from before a kill."""
        pieces: defaultdict[int, list[StoredPiece]] = defaultdict(list)
        for piece in self._pieces.values():
            pieces[piece.pack].append(piece)
        paths = {int(path.name.partition(".")[0]): path for path in (self.folder / "data").glob("*.tar")}
        return {number: _dead_bytes(path, pieces[number]) for number, path in paths.items()}

    def close(self) -> None:
        """Let others have the folder; what was added stays."""
        if self._tar is not None:
            self._tar.close()
            self._tar = None
        self._journal.close()
        journal = self.folder / JOURNAL_FILE
        if journal.exists() and not journal.stat().st_size:
            journal.unlink()
        self._lock.close()

    def __enter__(self) -> LatentStore:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _locked(folder: Path) -> BinaryIO:
    try:
        return hold(folder / LOCK_FILE, f"process {os.getpid()}")
    except OSError as error:
        raise PreflightError(f"the folder {folder} cannot be written: {error.strerror}") from error
    except HeldError:
        raise PreflightError(f"another process makes latents in {folder}; wait for it, or stop it") from None


def _write_all(file: BinaryIO, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[file.write(view) :]


class LatentSet:
    """A finished set: samples by number, pieces by digest. May be shared between threads; as long as it is there, no
    other process prunes the folder.

    Args:
        folder: of the set.
        root: of the dataset version that it has to be made from; None for any.
        check_sha256: check every piece that is read against the index.

    Raises:
        DatasetError: there is no finished set, it is damaged, is being pruned, or was made from another dataset
            version.
    """

    def __init__(self, folder: Path, root: str | None = None, *, check_sha256: bool = True) -> None:
        self.folder = folder
        self.check_sha256 = check_sha256
        self._reading = Reading(folder)
        self.manifest = read_manifest(folder)
        if root is not None and root != self.manifest.root:
            raise DatasetError(
                f"{folder} holds latents of the dataset version with root {self.manifest.root[:16]}…, not of "
                f"{root[:16]}…: run pvtt-train precompute, which makes only what differs"
            )
        table = _read_table(folder, self.manifest.pieces, _PIECES)
        self._kinds = table.column("kind").to_pylist()
        self._digests = table.column("digest").to_pylist()
        self._packs = table.column("pack").to_numpy()
        self._offsets = table.column("offset").to_numpy()
        self._lengths = table.column("length").to_numpy()
        self._sha256 = bytes.fromhex("".join(table.column("sha256").to_pylist()))
        self._rows: dict[str, int] = {digest: row for row, digest in enumerate(self._digests)}
        rows = _read_table(folder, self.manifest.samples, _SAMPLES)
        # A digest is one object wherever it stands: at a million samples, copies would take gigabytes.
        shared = {digest: digest for digest in self._digests}
        batches = rows.to_batches(max_chunksize=4096)
        self.samples: tuple[SampleRow, ...] = tuple(
            _sample_row(row, shared) for batch in batches for row in batch.to_pylist()
        )
        shown = {self.manifest.empty_text}.union(*(sample.pieces() for sample in self.samples))
        if not shown <= self._rows.keys():
            raise DatasetError(f"{self.manifest.samples.file} names pieces that {self.manifest.pieces.file} lacks")

    def __len__(self) -> int:
        return len(self.samples)

    def stored(self, digest: str) -> StoredPiece:
        """Where a piece lies.

        Raises:
            KeyError: no such piece.
        """
        row = self._rows[digest]
        return StoredPiece(
            digest=digest,
            kind=self._kinds[row],
            pack=int(self._packs[row]),
            offset=int(self._offsets[row]),
            length=int(self._lengths[row]),
            sha256=self._sha256[32 * row : 32 * (row + 1)].hex(),
            rounding=0.0,
            note="",
        )

    def read(self, digest: str) -> dict[str, Tensor]:
        """The tensors of a piece, on the CPU.

        Raises:
            KeyError: no such piece.
            DatasetError: as `read_piece`.
        """
        return read_piece(self.folder, self.stored(digest), check_sha256=self.check_sha256)

    def bytes_of(self, digests: Iterable[str]) -> int:
        """Size of pieces."""
        numbers: NDArray[np.int64] = np.asarray([self._rows[digest] for digest in digests], np.int64)
        return int(self._lengths[numbers].sum())


def _sample_row(plain: Mapping[str, Any], shared: Mapping[str, str]) -> SampleRow:
    def one(digest: str) -> str:
        return shared.get(digest, digest)

    variants = tuple(
        VariantRow(one(shown["piece"]), intern(shown["content"]), tuple(one(each) for each in shown["references"]))
        for shown in plain["variants"]
    )
    pieces = {name: one(plain[name]) for name in ("target", "effect", "text")}
    return SampleRow(**{**plain, **pieces, "split": intern(plain["split"]), "variants": variants})
