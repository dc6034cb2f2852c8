"""Checks one sample: its set of members, its JSON, and that every medium decodes to what the JSON says."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator, Mapping, Sequence

import av
import numpy as np
from PIL import Image
from pydantic import ValidationError

from pvtt_data.errors import InputError
from pvtt_data.limits import DEFAULT_LIMITS
from pvtt_data.media.untrusted import open_mp4
from pvtt_data.records import Split
from pvtt_data.shards.format import (
    CLIP_MEMBERS,
    HELDOUT_SPLITS,
    JSON_MEMBER,
    MASK_MEMBERS,
    ONE_PRODUCT_KINDS,
    SampleMeta,
    heldout_member,
    is_key,
    member_names,
    reference_member,
)
from pvtt_data.shards.manifest import Manifest
from pvtt_data.shards.problems import VerifyProblem
from pvtt_data.shards.tarwalk import TarMember

_FPS_TOLERANCE = 2e-4
"""Relative; tells 30 from 29.97 and leaves room for a time base of 1/1000 s on short clips."""
_PICTURE_DAMAGE = (
    OSError,
    SyntaxError,
    ValueError,
    LookupError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
)
_VIDEO_LAYOUTS = ("yuv420p",)
_MASK_LAYOUTS = ("yuv420p", "yuvj420p")
"""The second is FFmpeg's name for the first where the stream says that luma uses the full range, as a mask's does."""


def check_sample(
    shard: str, split: Split, members: Sequence[TarMember], manifest: Manifest
) -> tuple[SampleMeta | None, list[VerifyProblem]]:
    """Check the set of members, repeated pictures and the JSON; returns the JSON if it follows the schema."""
    key = members[0].key
    problems: list[VerifyProblem] = []
    if not is_key(key):
        problems.append(VerifyProblem(shard, "key", "a key must be 16 lower-case hex digits", key))
    found = [member.member for member in members]
    expected = list(member_names(split, manifest.reference_count, manifest.heldout_count))
    problems += [
        VerifyProblem(shard, "members", "this member is missing", key, name) for name in expected if name not in found
    ]
    problems += [
        VerifyProblem(shard, "members", "the format has no such member here", key, name)
        for name in found
        if name not in expected
    ]
    if not problems and found != expected:
        problems.append(VerifyProblem(shard, "members", f"members lie in the order {found}, expected {expected}", key))
    by_name = {member.member: member for member in members}
    if JSON_MEMBER not in by_name:
        return None, problems
    meta, json_problems = _parse(shard, key, by_name[JSON_MEMBER].data)
    problems += json_problems
    if meta is not None:
        problems += [
            VerifyProblem(shard, "json", text, key, JSON_MEMBER) for text in _json_faults(meta, key, split, manifest)
        ]
        problems += _repeat_problems(shard, key, meta, split, by_name, manifest)
        problems += _reconstruction_problems(shard, key, meta, by_name)
    return meta, problems


def _parse(shard: str, key: str, data: bytes) -> tuple[SampleMeta | None, list[VerifyProblem]]:
    try:
        meta = SampleMeta.from_bytes(data)
    except ValidationError as error:
        return None, [
            VerifyProblem(shard, "json", f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}", key, JSON_MEMBER)
            for fault in error.errors(include_url=False, include_input=False)
        ]
    if meta.to_bytes() != data:
        text = "the bytes are not canonical: sorted keys, no spaces, a point in every float"
        return meta, [VerifyProblem(shard, "json", text, key, JSON_MEMBER)]
    return meta, []


def _json_faults(meta: SampleMeta, key: str, split: Split, manifest: Manifest) -> Iterator[str]:
    if meta.key != key:
        yield f"triple_id {meta.triple_id} does not begin with the key"
    if meta.split != split:
        yield f"split is {meta.split}, expected {split} as the shard's name says"
    if len(meta.reference_source) != manifest.reference_count:
        yield f"reference_source has {len(meta.reference_source)} entries, expected {manifest.reference_count}"
    elif set(meta.reference_source[meta.reference_count :]) - {meta.reference_source[meta.reference_count - 1]}:
        yield "reference_source must repeat its last entry after reference_count"
    heldout = manifest.heldout_count if split in HELDOUT_SPLITS else 0
    if not (1 if heldout else 0) <= meta.heldout_count <= heldout:
        yield f"heldout_count is {meta.heldout_count}, expected {f'1 to {heldout}' if heldout else 0}"
    if (meta.product_a == meta.product_b) != (meta.kind in ONE_PRODUCT_KINDS):
        yield f"kind is {meta.kind}, product_a {meta.product_a} and product_b {meta.product_b}"
    if sorted(meta.numbers) != manifest.number_names:
        odd = sorted(set(meta.numbers) ^ set(manifest.number_names))
        yield f"numbers differ from the manifest's number_names by {', '.join(odd)}"


def _repeat_problems(
    shard: str,
    key: str,
    meta: SampleMeta,
    split: Split,
    by_name: Mapping[str, TarMember],
    manifest: Manifest,
) -> Iterator[VerifyProblem]:
    """Pictures after the last different one must repeat it."""
    heldout = manifest.heldout_count if split in HELDOUT_SPLITS else 0
    for name_of, count, total in (
        (reference_member, meta.reference_count, manifest.reference_count),
        (heldout_member, meta.heldout_count, heldout),
    ):
        last = by_name.get(name_of(count - 1)) if count else None
        for number in range(count, total):
            member = by_name.get(name_of(number))
            if last and member and member.sha256 != last.sha256:
                text = f"must repeat {last.member}, the last of {count} different pictures"
                yield VerifyProblem(shard, "json", text, key, member.member)


def _reconstruction_problems(
    shard: str, key: str, meta: SampleMeta, by_name: Mapping[str, TarMember]
) -> Iterator[VerifyProblem]:
    """The source of a reconstruction is its target, byte for byte."""
    if meta.kind != "reconstruct":
        return
    for one, other in (("source.mp4", "target.mp4"), ("source_mask.mp4", "target_mask.mp4")):
        if one in by_name and other in by_name and by_name[one].sha256 != by_name[other].sha256:
            text = f"kind is reconstruct, but it differs from {other}"
            yield VerifyProblem(shard, "json", text, key, one)


def check_media(shard: str, members: Sequence[TarMember], meta: SampleMeta | None) -> list[VerifyProblem]:
    """Decode every video, mask and picture and compare it with the JSON."""
    problems: list[VerifyProblem] = []
    for member in members:
        if member.member in CLIP_MEMBERS:
            faults = _video_faults(member.data, meta, is_mask=member.member in MASK_MEMBERS)
        elif member.member.endswith(".png"):
            faults = _picture_faults(member.data)
        else:
            continue
        problems += [VerifyProblem(shard, "media", text, member.key, member.member) for text in faults]
    return problems


def _video_faults(data: bytes, meta: SampleMeta | None, *, is_mask: bool) -> list[str]:
    faults: list[str] = []
    frames = 0
    try:
        with open_mp4(data, DEFAULT_LIMITS) as container:
            if len(container.streams) != 1 or len(container.streams.video) != 1:
                return [f"has {len(container.streams)} streams, expected one video stream"]
            stream = container.streams.video[0]
            # PyAV's types do not know that a stream of an unknown codec has no context.
            if getattr(stream, "codec_context", None) is None:
                return ["does not decode: its codec is unknown"]
            stream.codec_context.thread_count = 1
            width, height, fps = stream.codec_context.width, stream.codec_context.height, stream.average_rate
            codec, layout = stream.codec_context.name, stream.codec_context.pix_fmt
            grey_frame: int | None = None
            for frame in container.decode(stream):
                if is_mask and grey_frame is None and not _is_binary(frame):
                    grey_frame = frames
                if (frame.width, frame.height) != (width, height):
                    faults.append(f"frame {frames} has {frame.width}×{frame.height} pixels, expected {width}×{height}")
                frames += 1
    except (InputError, av.FFmpegError, ValueError) as error:
        return [f"does not decode: {error}"]
    if codec != "h264" or layout not in (_MASK_LAYOUTS if is_mask else _VIDEO_LAYOUTS):
        faults.append(f"is {codec} {layout}, expected h264 yuv420p")
    if grey_frame is not None:
        faults.append(f"luma of frame {grey_frame} has values between 0 and 255; a mask has only these two")
    if meta is not None:
        if frames != meta.frames:
            faults.append(f"has {frames} frames, expected {meta.frames}")
        if (width, height) != (meta.width, meta.height):
            faults.append(f"has {width}×{height} pixels, expected {meta.width}×{meta.height}")
        if fps is None or abs(float(fps) - meta.fps) > _FPS_TOLERANCE * meta.fps:
            faults.append(f"has {float(fps or 0):.6g} frames per second, expected {meta.fps:.6g}")
    return faults


def _is_binary(frame: av.VideoFrame) -> bool:
    plane = frame.planes[0]
    luma = np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size)[:, : plane.width]
    return bool(((luma == 0) | (luma == 255)).all())


def _picture_faults(data: bytes) -> list[str]:
    try:
        with Image.open(io.BytesIO(data), formats=("PNG",)) as picture:
            if picture.width * picture.height > DEFAULT_LIMITS.max_pixels:
                return [f"has {picture.width}×{picture.height} pixels, at most {DEFAULT_LIMITS.max_pixels} are allowed"]
            if picture.mode not in ("RGB", "RGBA"):
                return [f"has mode {picture.mode}, expected RGB or RGBA with 8 bits"]
            picture.load()
    except _PICTURE_DAMAGE as error:
        return [f"does not decode as PNG: {error}"]
    return []
