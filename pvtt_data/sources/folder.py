"""A folder of product videos, in any of the layouts that shops and crawlers leave behind.

catalogue
    ``{category}/{PRODUCT_ID}.json`` beside ``{category}/media/``; the JSON lists ``images`` and ``videos`` relative to
    itself, or else the media whose names begin with the product's id belong to it.
products
    One folder a product, anything below it belongs to it; ``product.json`` or ``metadata.json`` in it describes it.
flat
    Videos side by side, each a product; pictures whose names begin with a video's name belong to that video.

A product's id is what its metadata says, else the name of its JSON in a catalogue, else the path of its folder or file
within the feed, so that ``shoes/1`` and ``bags/1`` are two products.

A folder with a ``truth.json`` holds what is known about videos, such as masks, and is passed over.

``auto`` decides folder by folder. ``products.csv`` (or ``metadata.csv``) with a column ``file``, ``video`` or
``product_id`` describes what lies below its folder. A folder of numbered pictures is a video without a rate:
``frames_fps``, or ``fps`` in the product's JSON, gives it one.
"""

from __future__ import annotations

import csv
import io
import json
import os
import re
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Set
from pathlib import Path
from typing import Any, Literal

from pvtt_data.sources import FoundFile, FoundProduct, Notes, Unusable, clean_text
from pvtt_data.words import printable

Layout = Literal["auto", "flat", "products", "catalogue"]

VIDEO_SUFFIXES = frozenset({".mp4", ".mov", ".m4v", ".mkv", ".webm", ".avi", ".ts", ".mpg", ".mpeg", ".flv", ".wmv"})
IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp"})
TRUTH_FILE = "truth.json"
_PRODUCT_FILES = ("product.json", "metadata.json", "info.json")
_TABLES = ("products.csv", "metadata.csv")
_FRAME_FOLDER_NAMES = frozenset({"frames", "video_frames", "rgb"})
_PICTURE_FOLDER_NAMES = frozenset({"images", "reference_images"})
_MASK_FOLDER_NAMES = frozenset({"mask", "masks"})
_MIN_FRAMES = 8
_MAX_DEPTH = 32
_MAX_LISTED = 1000
_METADATA_LIMIT_BYTES = 4 * 2**20
_FIELDS = ("title", "category", "licence", "url", "platform", "shop")
_ALIASES = {"license": "licence", "name": "title", "link": "url", "store": "shop", "id": "product_id"}


class FolderFeed:
    """Products of one folder.

    Args:
        root: the folder.
        layout: how it is laid out; ``auto`` looks.
        frames_fps: rate of folders of numbered pictures that do not state their own.
        licence: licence of products that do not state their own.
    """

    name = "folder"

    def __init__(self, root: Path, layout: Layout = "auto", frames_fps: float | None = None, licence: str = "") -> None:
        self.root = root.resolve()
        self.layout = layout
        self.frames_fps = frames_fps
        self.licence = licence
        self.notes = Notes()
        self._unusable: list[Unusable] = []
        self._flat_without_metadata = 0

    def products(self) -> Iterator[FoundProduct | Unusable]:
        """All products below the folder, by path; then what could not be used."""
        self._unusable.clear()
        self.notes = Notes()
        self._flat_without_metadata = 0
        yield from self._folder(self.root, {})
        yield from self._unusable
        if self._flat_without_metadata > 1:
            self.notes.lines.append(
                f"{self._flat_without_metadata} videos without metadata: each was taken as its own product "
                "(mine.layout: products takes each folder as one product)"
            )

    def _folder(self, folder: Path, table: Mapping[str, Mapping[str, Any]]) -> Iterator[FoundProduct]:
        files, folders = self._entries(folder)
        if folder != self.root and any(path.name == TRUTH_FILE for path in files):
            self.notes.lines.append(f"{self._relative(folder)} was passed over: {TRUTH_FILE} says that it is no feed")
            return
        own_table = self._table(folder, files)
        table = {**table, **own_table} if own_table else table
        descriptions = [path for path in files if path.suffix.lower() == ".json"]
        if self._is_frame_folder(files):
            if not self._pass_masks_over(folder):
                yield from self._one(self._frames_product_id(folder), {}, [folder], [], table)
            return
        if self.layout in ("auto", "catalogue") and descriptions and folder / "media" in folders:
            yield from self._catalogue(folder, descriptions, table)
            folders = [path for path in folders if path.name != "media"]
        elif folder != self.root and self._is_product(files, folders):
            yield from self._product_folder(folder, table)
            return
        else:
            yield from self._flat(files, table)
        for child in folders:
            yield from self._folder(child, table)

    def _is_product(self, files: list[Path], folders: list[Path]) -> bool:
        if self.layout != "auto":
            return self.layout == "products"
        if any(path.name.lower() in _PRODUCT_FILES for path in files):
            return True
        videos, images = _media(files)
        videos_below = any(path.name.lower() in ("video", "videos", *_FRAME_FOLDER_NAMES) for path in folders)
        images_below = any(path.name.lower() in _PICTURE_FOLDER_NAMES for path in folders)
        stems = {video.stem for video in videos}
        belongs = any(_longest_prefix(image.stem, stems) is None for image in images) or len(videos) == 1
        return bool((videos or videos_below) and ((images and belongs) or images_below))

    def _flat(self, files: list[Path], table: Mapping[str, Mapping[str, Any]]) -> Iterator[FoundProduct]:
        videos, images = _media(files)
        sidecars = {path.stem: path for path in files if path.suffix.lower() == ".json"}
        stems = {video.stem for video in videos}
        pictures = _by_owner(images, stems)
        used = {*videos, *(path for stem in stems for path in pictures.get(stem, []))}
        used |= {path for stem, path in sidecars.items() if stem in stems}
        for path in files:
            if path not in used and path.name.lower() not in _TABLES:
                suffix = path.suffix.lower() or "(none)"
                self.notes.ignored[suffix] = self.notes.ignored.get(suffix, 0) + 1
        for video in videos:
            fields = self._json(sidecars[video.stem]) if video.stem in sidecars else {}
            own = pictures.get(video.stem, [])
            if not fields and not own and self._relative(video) not in table:
                self._flat_without_metadata += 1
            yield from self._one(self._relative(video.with_suffix("")), fields, [video], own, table)

    def _product_folder(self, folder: Path, table: Mapping[str, Mapping[str, Any]]) -> Iterator[FoundProduct]:
        fields: dict[str, Any] = {}
        videos: list[Path] = []
        images: list[Path] = []
        numbered: list[tuple[Path, list[Path]]] = []
        pending = deque([folder])
        while pending:
            current = pending.popleft()
            files, folders = self._entries(current)
            if self._is_frame_folder(files):
                if not self._pass_masks_over(current):
                    numbered.append((current, files))
                continue
            for path in files:
                if path.name.lower() in _PRODUCT_FILES and current == folder:
                    fields = self._json(path)
            videos_here, images_here = _media(files)
            videos += videos_here
            images += images_here
            pending.extend(folders)
        # Numbered pictures are a listing's if something else is the video, unless their folder says that they are one.
        named_frames = [path for path, _ in numbered if path.name.lower() in _FRAME_FOLDER_NAMES]
        frames = named_frames or ([] if videos else [path for path, _ in numbered])
        images += [picture for path, pictures in numbered if path not in frames for picture in pictures]
        if not videos and not frames:
            self._reject(folder, "no-video", "the product has no video")
        yield from self._one(self._relative(folder), fields, videos + frames, images, table)

    def _catalogue(
        self, folder: Path, descriptions: list[Path], table: Mapping[str, Mapping[str, Any]]
    ) -> Iterator[FoundProduct]:
        all_videos, all_images = _media(self._below(folder / "media"))
        ids = {path.stem for path in descriptions}
        videos_of, images_of = _by_owner(all_videos, ids), _by_owner(all_images, ids)
        claimed: set[Path] = set()
        for description in descriptions:
            fields = self._json(description)
            product_id = description.stem
            videos = self._listed(description, fields, "videos")
            images = self._listed(description, fields, "images")
            if videos is None:
                videos = videos_of.get(product_id, [])
            if images is None:
                images = images_of.get(product_id, [])
            if not videos:
                self._reject(description, "no-video", "the product has no video")
            claimed.update(videos)
            fields = {"category": folder.name, **fields}
            yield from self._one(_printable(product_id), fields, videos, images, table)
        for video in all_videos:
            if video not in claimed:
                self._reject(video, "unclaimed-video", "no JSON beside its media folder lists it or has its name")

    def _listed(self, description: Path, fields: Mapping[str, Any], key: str) -> list[Path] | None:
        listed = fields.get(key)
        if not isinstance(listed, list):
            return None
        if len(listed) > _MAX_LISTED:
            message = f"{key} lists {len(listed)} files; the first {_MAX_LISTED} were read"
            self._reject(description, "broken-metadata", message)
        found: list[Path] = []
        for entry in listed[:_MAX_LISTED]:
            name = entry if isinstance(entry, str) else ""
            path = Path(os.path.normpath(description.parent / name))
            if not name or "\0" in name or not self._inside(path):
                self._reject(
                    description, "path-outside-feed", f"{key} names {name[:80]!r}, which is not below the feed"
                )
            elif not _is_file(path):
                self._reject(description, "missing-file", f"{key} names {name[:80]!r}, which does not exist")
            elif path not in found:
                found.append(path)
        return found

    def _one(
        self,
        product_id: str,
        fields: Mapping[str, Any],
        videos: list[Path],
        images: list[Path],
        table: Mapping[str, Mapping[str, Any]],
    ) -> Iterator[FoundProduct]:
        for key in (*(self._relative(video) for video in videos), product_id, product_id.rpartition("/")[2]):
            fields = {**table.get(key, {}), **fields}
        texts = {name: clean_text(fields.get(name)) for name in _FIELDS}
        fps = self._fps(fields)
        found = []
        for video in videos:
            if video.is_dir():
                if fps is None:
                    self._reject(
                        video, "frames-without-fps", "a folder of frames needs mine.frames_fps or fps in its JSON"
                    )
                    continue
                if any(entry.is_symlink() and not self._inside(entry) for entry in video.iterdir()):
                    self._reject(video, "link-refused", "the folder of frames holds links that leave the feed")
                    continue
                found.append(FoundFile(video, self._relative(video), "frames", fps))
            else:
                found.append(FoundFile(video, self._relative(video), "video"))
        if found:
            yield FoundProduct(
                product_id=clean_text(fields.get("product_id")) or product_id,
                **{**texts, "licence": texts["licence"] or self.licence},
                videos=tuple(found),
                images=tuple(FoundFile(image, self._relative(image), "image") for image in images),
            )

    def _fps(self, fields: Mapping[str, Any]) -> float | None:
        value = fields.get("fps")
        try:
            fps = float(value) if value is not None and not isinstance(value, bool) else 0.0
        except (TypeError, ValueError, OverflowError):
            return self.frames_fps
        return fps if 0 < fps <= 1000 else self.frames_fps

    def _table(self, folder: Path, files: list[Path]) -> dict[str, dict[str, Any]]:
        rows: dict[str, dict[str, Any]] = {}
        for path in files:
            if path.name.lower() not in _TABLES:
                continue
            try:
                text = self._metadata_text(path)
                reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
                if not {"file", "video", "product_id"} & set(_canonical(dict.fromkeys(reader.fieldnames or []))):
                    raise ValueError("no column is called file, video or product_id")
                for row in reader:
                    fields = _canonical({k: v for k, v in row.items() if k and v})
                    video = fields.get("file") or fields.get("video")
                    if isinstance(video, str):
                        rows[self._relative(folder / video)] = fields
                    elif fields.get("product_id"):
                        rows[str(fields["product_id"])] = fields
            except (OSError, ValueError, csv.Error) as error:
                self._reject(path, "broken-metadata", f"not a readable CSV table: {_said(error)}")
        return rows

    def _json(self, path: Path) -> dict[str, Any]:
        try:
            value = json.loads(self._metadata_text(path))
            if not isinstance(value, dict):
                raise ValueError("the top level is not an object")
        except (OSError, ValueError, RecursionError) as error:
            self._reject(path, "broken-metadata", f"not a readable JSON object: {_said(error)}")
            return {}
        return _canonical(value)

    def _metadata_text(self, path: Path) -> str:
        with path.open("rb") as file:
            data = file.read(_METADATA_LIMIT_BYTES + 1)
        if len(data) > _METADATA_LIMIT_BYTES:
            raise ValueError(f"larger than {_METADATA_LIMIT_BYTES} bytes")
        return data.decode("utf-8-sig")

    def _entries(self, folder: Path) -> tuple[list[Path], list[Path]]:
        """Files and folders in ``folder`` by name; hidden ones are passed over, links out of the feed refused."""
        files: list[Path] = []
        folders: list[Path] = []
        if len(folder.relative_to(self.root).parts) > _MAX_DEPTH:
            self._reject(folder, "too-deep", f"more than {_MAX_DEPTH} folders deep")
            return [], []
        try:
            entries = sorted(folder.iterdir())
        except OSError as error:
            self._reject(folder, "unreadable", f"the folder cannot be read: {error.strerror}")
            return [], []
        for entry in entries:
            if entry.name.startswith("."):
                continue
            try:
                if entry.is_symlink() and (entry.is_dir() or not self._inside(entry)):
                    message = "links to folders, and links that leave the feed, are not followed"
                    self._reject(entry, "link-refused", message)
                elif entry.is_dir():
                    folders.append(entry)
                elif entry.is_file():
                    files.append(entry)
                else:
                    self._reject(entry, "not-a-file", "neither a file nor a folder, or a link to nothing")
            except OSError as error:
                self._reject(entry, "unreadable", f"cannot be looked at: {error.strerror}")
        return files, folders

    def _below(self, folder: Path) -> list[Path]:
        """All files below a folder, by path."""
        found: list[Path] = []
        pending = [folder]
        while pending:
            files, folders = self._entries(pending.pop())
            found += files
            pending += folders
        return sorted(found)

    def _pass_masks_over(self, folder: Path) -> bool:
        if folder.name.lower() not in _MASK_FOLDER_NAMES:
            return False
        self.notes.lines.append(f"{self._relative(folder)} was passed over: masks are made, not mined")
        return True

    def _is_frame_folder(self, files: list[Path]) -> bool:
        images = [path for path in files if path.suffix.lower() in IMAGE_SUFFIXES]
        return (
            len(images) >= _MIN_FRAMES
            and len(images) == len(files)
            and all(
                re.search(r"[0-9]+$", path.stem)
                and path.stem.rstrip("0123456789") == images[0].stem.rstrip("0123456789")
                for path in images
            )
        )

    def _frames_product_id(self, folder: Path) -> str:
        is_part = folder.name.lower() in _FRAME_FOLDER_NAMES | _PICTURE_FOLDER_NAMES
        named = folder.parent if is_part and folder != self.root else folder
        return _printable(named.name) if named == self.root else self._relative(named)

    def _inside(self, path: Path) -> bool:
        try:
            return path.resolve(strict=False).is_relative_to(self.root)
        except (OSError, RuntimeError, ValueError):
            return False

    def _relative(self, path: Path) -> str:
        return _printable(os.path.relpath(path, self.root).replace(os.sep, "/"))

    def _reject(self, path: Path, reason: str, message: str) -> None:
        self._unusable.append(Unusable(self._relative(path), reason, message))


def _canonical(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Fields by lower-case name; a field's own name counts for more than another word for it."""
    lowered = {str(key).strip().lower(): value for key, value in fields.items()}
    return {_ALIASES[key]: lowered[key] for key in _ALIASES if key in lowered} | {
        key: value for key, value in lowered.items() if key not in _ALIASES
    }


def _media(files: Iterable[Path]) -> tuple[list[Path], list[Path]]:
    """The videos and the pictures among files."""
    files = list(files)
    videos = [path for path in files if path.suffix.lower() in VIDEO_SUFFIXES]
    return videos, [path for path in files if path.suffix.lower() in IMAGE_SUFFIXES]


def _by_owner(files: Iterable[Path], owners: Set[str]) -> dict[str, list[Path]]:
    """Files by the name that their own name continues, such as ``mug`` for ``mug_2.jpg``."""
    owned: dict[str, list[Path]] = {}
    for path in files:
        owner = _longest_prefix(path.stem, owners)
        if owner is not None:
            owned.setdefault(owner, []).append(path)
    return owned


def _longest_prefix(name: str, candidates: Set[str]) -> str | None:
    """The longest candidate that ``name`` is or continues after a character that is no letter or digit."""
    for end in range(len(name), 0, -1):
        if name[:end] in candidates and not name[end : end + 1].isalnum():
            return name[:end]
    return None


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:
        return False


def _said(error: Exception) -> str:
    """What is wrong, without the path of this machine that an `OSError` would name."""
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def _printable(name: str) -> str:
    """A file name as text: bytes that are not UTF-8 and control characters are written as escapes."""
    return printable(os.fsencode(name).decode("utf-8", "backslashreplace"))
