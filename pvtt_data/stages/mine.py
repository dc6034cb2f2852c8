"""Mine: find product videos and hash them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

from pydantic import Field

from pvtt_data.files import write_whole
from pvtt_data.records import ListingImage, Rejection, Source, content_id, sort_records
from pvtt_data.sources import Feed, FoundFile, FoundProduct, Unusable
from pvtt_data.sources.folder import FolderFeed, Layout
from pvtt_data.stage import StageConfig, StageResult, reject
from pvtt_data.store import BlobStore, OriginalStat, original_sha256

NAME = "mine"


class MineConfig(StageConfig):
    """Where product videos come from."""

    folder: Path
    """Folder with videos, listing images and metadata; see docs/sources.md for the layouts."""
    layout: Layout = "auto"
    """auto looks folder by folder; flat: each video is a product; products: each folder is one; catalogue:
    {category}/{PRODUCT_ID}.json + media/."""
    frames_fps: Annotated[float | None, Field(gt=0, le=1000)] = None
    """Frame rate of folders of numbered pictures that do not state their own."""
    licence: str = ""
    """Licence of products whose metadata states none."""
    max_file_mb: Annotated[float, Field(gt=0)] = 4000
    """Larger files are rejected unread."""
    max_images: Annotated[int, Field(ge=0)] = 12
    """Listing images kept for each product, in the order of the listing."""

    def feeds(self) -> list[Feed]:
        """The feeds to read, in order."""
        return [FolderFeed(self.folder, self.layout, self.frames_fps, self.licence)]


class _HashCache:
    """Hashes of files by path, size and time of change, so that an unchanged feed is not read again."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: dict[str, list[object]] = {}
        self._seen: dict[str, list[object]] = {}
        if path.exists():
            try:
                self._known = json.loads(path.read_text(encoding="utf-8"))
            except ValueError:
                self._known = {}

    def sha256(self, path: Path) -> str:
        stat = OriginalStat.of(path)
        known = self._known.get(str(path))
        if known is None or known[:2] != [stat.size_bytes, stat.mtime_ns]:
            known = [stat.size_bytes, stat.mtime_ns, original_sha256(path)]
        self._seen[str(path)] = known
        return str(known[2])

    def save(self) -> None:
        """Keep the hashes of all files that are still there, also of those that this build did not look at."""
        kept = {path: known for path, known in self._known.items() if Path(path).exists()}
        write_whole(self._path, json.dumps({**kept, **self._seen}).encode())


def mine(config: MineConfig, store: BlobStore, limit: int | None = None) -> tuple[StageResult, list[str]]:
    """All sources of the recipe's feeds, and notes for a person.

    Reads the feeds afresh on every build: a file that changed is another source. ``limit`` keeps the first so many
    sources in the feeds' order.
    """
    result = StageResult(NAME, table=True)
    notes: list[str] = []
    hashes = _HashCache(store.local / "hashes.json")
    sources: dict[str, Source] = {}
    for feed in config.feeds():
        for found in feed.products():
            if isinstance(found, Unusable):
                result.rejections.append(_unusable(found.name, found.reason, found.message))
                continue
            if limit is not None and len(sources) >= limit:
                continue
            for made in _sources(found, feed.name, config, store, hashes):
                if isinstance(made, Rejection):
                    result.rejections.append(made)
                elif made.source_id in sources:
                    first = sources[made.source_id]
                    result.rejections.append(
                        reject(
                            NAME,
                            "source",
                            made.source_id,
                            made.path,
                            "duplicate-file",
                            f"the same bytes as {first.path}",
                            linked_to=first.source_id,
                        )
                    )
                elif limit is None or len(sources) < limit:
                    sources[made.source_id] = made
        notes += feed.notes.lines
        if feed.notes.ignored:
            ignored = ", ".join(f"{n} {suffix}" for suffix, n in sorted(feed.notes.ignored.items()))
            notes.append(f"files that are no media were passed over: {ignored}")
    hashes.save()
    result.rows = sort_records(sources.values())
    result.items = len(result.rows) + len(result.rejections)
    return result, notes


def _unusable(name: str, reason: str, message: str) -> Rejection:
    return reject(NAME, "source", content_id("unusable", name, message), name, reason, message)


def _sources(
    product: FoundProduct, feed: str, config: MineConfig, store: BlobStore, hashes: _HashCache
) -> Iterator[Source | Rejection]:
    images: list[ListingImage] = []
    for image in product.images[: config.max_images]:
        checked = _checked(image, config, store, hashes)
        if isinstance(checked, Rejection):
            yield checked
        elif checked[0] not in {known.sha256 for known in images}:
            images.append(ListingImage(checked[0], checked[1], image.name))
    for video in product.videos:
        checked = _checked(video, config, store, hashes)
        if isinstance(checked, Rejection):
            yield checked
            continue
        sha256, size_bytes = checked
        yield Source(
            source_id=content_id("source", sha256, product.product_id, video.fps),
            sha256=sha256,
            size_bytes=size_bytes,
            kind="frames" if video.kind == "frames" else "video",
            declared_fps=video.fps,
            feed=feed,
            path=video.name,
            product_id=product.product_id,
            title=product.title,
            category=product.category,
            licence=product.licence,
            url=product.url,
            platform=product.platform,
            shop=product.shop,
            images=tuple(images),
        )


def _checked(file: FoundFile, config: MineConfig, store: BlobStore, hashes: _HashCache) -> tuple[str, int] | Rejection:
    try:
        size_bytes = OriginalStat.of(file.path).size_bytes
        if size_bytes == 0:
            return _unusable(file.name, "empty-file", "the file is empty")
        if size_bytes > config.max_file_mb * 1e6:
            return _unusable(file.name, "too-large", f"larger than mine.max_file_mb = {config.max_file_mb:g}")
        sha256 = hashes.sha256(file.path)
        store.add_original(sha256, file.path)
    except OSError as error:
        return _unusable(file.name, "unreadable", f"cannot be read: {error.strerror}")
    return sha256, size_bytes
