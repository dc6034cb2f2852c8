"""A folder of product videos, in any of the layouts that shops and crawlers leave behind.

catalogue
    ``{category}/{PRODUCT_ID}.json`` beside ``{category}/media/``; the JSON lists ``images`` and ``videos`` relative to
    itself, or else the media whose names begin with the product's id belong to it.
products
    One folder a product, anything below it belongs to it; ``product.json`` or ``metadata.json`` in it describes it.
flat
    Videos side by side, each a product; pictures whose names begin with a video's name belong to that video.

``auto`` decides folder by folder. ``products.csv`` (or ``metadata.csv``) with a column ``file``, ``video`` or
``product_id`` describes what lies below its folder. A folder of numbered pictures is a video without a rate:
``frames_fps``, or ``fps`` in the product's JSON, gives it one.
"""

from __future__ import annotations

import csv
import json
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from pvtt_data.sources import FoundFile, FoundProduct, Notes, Unusable, clean_text

Layout = Literal["auto", "flat", "products", "catalogue"]

VIDEO_SUFFIXES = frozenset({".mp4", ".mov", ".m4v", ".mkv", ".webm", ".avi", ".ts", ".mpg", ".mpeg", ".flv", ".wmv"})
IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp"})
_PRODUCT_FILES = ("product.json", "metadata.json", "info.json")
_TABLES = ("products.csv", "metadata.csv")
_FRAME_FOLDER_NAMES = frozenset({"frames", "video_frames", "images", "rgb"})
_MIN_FRAMES = 8
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
        yield from self._folder(self.root, {})
        yield from self._unusable
        if self._flat_without_metadata > 1:
            self.notes.lines.append(
                f"{self._flat_without_metadata} videos without metadata: each was taken as its own product "
                "(mine.layout: products takes each folder as one product)"
            )

    def _folder(self, folder: Path, table: Mapping[str, Mapping[str, Any]]) -> Iterator[FoundProduct]:
        files, folders = self._entries(folder)
        table = {**table, **self._table(folder, files)}
        descriptions = [path for path in files if path.suffix.lower() == ".json"]
        if self._is_frame_folder(files):
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
        videos = [path for path in files if path.suffix.lower() in VIDEO_SUFFIXES]
        images = [path for path in files if path.suffix.lower() in IMAGE_SUFFIXES]
        videos_below = any(path.name.lower() in ("video", "videos") for path in folders)
        images_below = any(path.name.lower() in ("images", "reference_images") for path in folders)
        belongs = any(not _owner(image, videos) for image in images) or len(videos) == 1
        return bool((videos or videos_below) and ((images and belongs) or images_below))

    def _flat(self, files: list[Path], table: Mapping[str, Mapping[str, Any]]) -> Iterator[FoundProduct]:
        videos = [path for path in files if path.suffix.lower() in VIDEO_SUFFIXES]
        images = [path for path in files if path.suffix.lower() in IMAGE_SUFFIXES]
        for path in files:
            described = path.suffix.lower() == ".json" and any(path.stem == video.stem for video in videos)
            if path not in videos and path not in images and not described and path.name not in _TABLES:
                suffix = path.suffix.lower() or "(none)"
                self.notes.ignored[suffix] = self.notes.ignored.get(suffix, 0) + 1
        for video in videos:
            sidecar = video.with_suffix(".json")
            fields = self._json(sidecar) if sidecar in files else {}
            own = [image for image in images if _owner(image, videos) == video]
            if not fields and not own and self._relative(video) not in table:
                self._flat_without_metadata += 1
            yield from self._one(_printable(video.stem), fields, [video], own, table)

    def _product_folder(self, folder: Path, table: Mapping[str, Mapping[str, Any]]) -> Iterator[FoundProduct]:
        fields: dict[str, Any] = {}
        videos: list[Path] = []
        images: list[Path] = []
        pending = [folder]
        while pending:
            current = pending.pop(0)
            files, folders = self._entries(current)
            if self._is_frame_folder(files):
                videos.append(current)
                continue
            for path in files:
                if path.name.lower() in _PRODUCT_FILES and current == folder:
                    fields = self._json(path)
                elif path.suffix.lower() in VIDEO_SUFFIXES:
                    videos.append(path)
                elif path.suffix.lower() in IMAGE_SUFFIXES:
                    images.append(path)
            pending.extend(folders)
        yield from self._one(_printable(folder.name), fields, videos, images, table)

    def _catalogue(
        self, folder: Path, descriptions: list[Path], table: Mapping[str, Mapping[str, Any]]
    ) -> Iterator[FoundProduct]:
        media = [path for path in sorted((folder / "media").rglob("*")) if path.is_file()]
        ids = [path.stem for path in descriptions]
        for description in descriptions:
            fields = self._json(description)
            product_id = description.stem
            named = [path for path in media if _longest_prefix(path.stem, ids) == product_id]
            videos = self._listed(description, fields, "videos")
            images = self._listed(description, fields, "images")
            if videos is None:
                videos = [path for path in named if path.suffix.lower() in VIDEO_SUFFIXES]
            if images is None:
                images = [path for path in named if path.suffix.lower() in IMAGE_SUFFIXES]
            fields = {"category": folder.name, **fields}
            yield from self._one(_printable(product_id), fields, videos, images, table)

    def _listed(self, description: Path, fields: Mapping[str, Any], key: str) -> list[Path] | None:
        listed = fields.get(key)
        if not isinstance(listed, list):
            return None
        found = []
        for entry in listed:
            name = entry if isinstance(entry, str) else ""
            path = description.parent / name
            if not name or "\0" in name or not self._inside(path):
                self._reject(
                    description, "path-outside-feed", f"{key} names {name[:80]!r}, which is not below the feed"
                )
            elif not path.is_file():
                self._reject(description, "missing-file", f"{key} names {name[:80]!r}, which does not exist")
            else:
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
        for video in videos:
            fields = {**table.get(product_id, {}), **table.get(self._relative(video), {}), **fields}
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
        value = fields.get("fps", self.frames_fps)
        try:
            fps = float(value) if value is not None and not isinstance(value, bool) else None
        except (TypeError, ValueError):
            return self.frames_fps
        return fps if fps is None or 0 < fps <= 1000 else self.frames_fps

    def _table(self, folder: Path, files: list[Path]) -> dict[str, dict[str, Any]]:
        rows: dict[str, dict[str, Any]] = {}
        for path in files:
            if path.name.lower() not in _TABLES:
                continue
            try:
                text = self._metadata_text(path)
                reader = csv.DictReader(text.splitlines(), strict=True)
                for row in reader:
                    fields = _canonical({k: v for k, v in row.items() if k and v})
                    video = fields.get("file") or fields.get("video")
                    if isinstance(video, str):
                        rows[self._relative(folder / video)] = fields
                    elif fields.get("product_id"):
                        rows[str(fields["product_id"])] = fields
            except (OSError, ValueError, csv.Error) as error:
                self._reject(path, "broken-metadata", f"not a readable CSV table: {error}")
        return rows

    def _json(self, path: Path) -> dict[str, Any]:
        try:
            value = json.loads(self._metadata_text(path))
            if not isinstance(value, dict):
                raise ValueError("the top level is not an object")
        except (OSError, ValueError, RecursionError) as error:
            self._reject(path, "broken-metadata", f"not a readable JSON object: {error}")
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
        try:
            entries = sorted(folder.iterdir())
        except OSError as error:
            self._reject(folder, "unreadable", f"the folder cannot be read: {error.strerror}")
            return [], []
        for entry in entries:
            if entry.name.startswith("."):
                continue
            if entry.is_symlink() and (entry.is_dir() or not self._inside(entry)):
                self._reject(entry, "link-refused", "links to folders, and links that leave the feed, are not followed")
            elif entry.is_dir():
                folders.append(entry)
            elif entry.is_file():
                files.append(entry)
        return files, folders

    def _is_frame_folder(self, files: list[Path]) -> bool:
        images = [path for path in files if path.suffix.lower() in IMAGE_SUFFIXES]
        return (
            len(images) >= _MIN_FRAMES
            and len(images) == len(files)
            and all(
                re.search(r"\d+$", path.stem) and path.stem.rstrip("0123456789") == images[0].stem.rstrip("0123456789")
                for path in images
            )
        )

    def _frames_product_id(self, folder: Path) -> str:
        named = folder.parent if folder.name.lower() in _FRAME_FOLDER_NAMES and folder != self.root else folder
        return _printable(named.name)

    def _inside(self, path: Path) -> bool:
        try:
            return path.resolve(strict=False).is_relative_to(self.root)
        except (OSError, RuntimeError):
            return False

    def _relative(self, path: Path) -> str:
        return _printable(os.path.relpath(path, self.root).replace(os.sep, "/"))

    def _reject(self, path: Path, reason: str, message: str) -> None:
        self._unusable.append(Unusable(self._relative(path), reason, message))


def _canonical(fields: Mapping[str, Any]) -> dict[str, Any]:
    lowered = {str(key).strip().lower(): value for key, value in fields.items()}
    return {_ALIASES.get(key, key): value for key, value in lowered.items()}


def _owner(image: Path, videos: list[Path]) -> Path | None:
    """The video whose name an image's name continues, such as ``mug.mp4`` for ``mug_2.jpg``."""
    stem = _longest_prefix(image.stem, [video.stem for video in videos])
    return next((video for video in videos if video.stem == stem), None)


def _longest_prefix(name: str, candidates: list[str]) -> str | None:
    fitting = [c for c in candidates if name == c or (name.startswith(c) and not name[len(c)].isalnum())]
    return max(fitting, key=len, default=None)


def _printable(name: str) -> str:
    """A file name as text: bytes that are not UTF-8 and control characters are written as escapes."""
    text = os.fsencode(name).decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
