"""Interlaced frames made whole, one for one, by libavfilter's bwdif; frames that are not interlaced stay as they are.

Whether a frame is interlaced is told by its own flag, since a stream may begin with progressive frames. bwdif looks at
one frame before and one after; a reader of a range needs these two to get the same pixels as a reader of everything.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from typing import TypeVar

from av import VideoFrame
from av.filter import Graph

from pvtt_data.errors import InputError

Tag = TypeVar("Tag")
Item = TypeVar("Item")


def whole_frames(frames: Iterable[tuple[VideoFrame, Tag]]) -> Iterator[tuple[VideoFrame, Tag]]:
    """The same frames in the same order with the same tags, deinterlaced.

    Raises:
        InputError: ``size-changes``: size or format changes in an interlaced video.
    """
    previous: VideoFrame | None = None
    iterator = iter(frames)
    for frame, tag in iterator:
        if frame.interlaced_frame:
            yield from _filtered(previous, (frame, tag), iterator)
            return
        yield frame, tag
        previous = frame


def _filtered(
    previous: VideoFrame | None, first: tuple[VideoFrame, Tag], rest: Iterator[tuple[VideoFrame, Tag]]
) -> Iterator[tuple[VideoFrame, Tag]]:
    """Everything from the first interlaced frame on; the filter is one frame behind."""
    if previous is not None and _form(previous) != _form(first[0]):
        previous = None
    form = _form(first[0])
    graph = _graph(first[0])
    tags: deque[tuple[VideoFrame, Tag] | None] = deque()
    pushed = 0

    def push(frame: VideoFrame) -> None:
        nonlocal pushed
        stamp, frame.pts = frame.pts, pushed
        graph.vpush(frame)
        frame.pts = stamp
        pushed += 1

    if previous is not None:
        tags.append(None)
        push(previous)
    for frame, tag in _chained(first, rest):
        if _form(frame) != form:
            raise InputError("size-changes", "frames of an interlaced video change in size or format")
        tags.append((frame, tag))
        push(frame)
        if pushed > 1:
            yield from _pulled(graph, tags)
    graph.vpush(None)
    while tags:
        yield from _pulled(graph, tags)


def _pulled(graph: Graph, tags: deque[tuple[VideoFrame, Tag] | None]) -> Iterator[tuple[VideoFrame, Tag]]:
    filtered = graph.vpull()
    entry = tags.popleft()
    if entry is not None:
        coded, tag = entry
        filtered.pts, filtered.time_base = coded.pts, coded.time_base
        yield filtered, tag


def _chained(first: Item, rest: Iterator[Item]) -> Iterator[Item]:
    yield first
    yield from rest


def _graph(frame: VideoFrame) -> Graph:
    graph = Graph()
    graph.threads = 1
    width, height, pix_fmt = _form(frame)
    source = graph.add("buffer", f"video_size={width}x{height}:pix_fmt={pix_fmt}:time_base=1/1")
    deinterlace = graph.add("bwdif", "mode=send_frame:parity=auto:deint=interlaced")
    graph.link_nodes(source, deinterlace, graph.add("buffersink")).configure()
    return graph


def _form(frame: VideoFrame) -> tuple[int, int, str]:
    return frame.width, frame.height, frame.format.name
