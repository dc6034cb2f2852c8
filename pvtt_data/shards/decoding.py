"""Decoding members that another reader hands out: `webdataset`, `datasets`, or a tar opened by hand.

Only what the format names is decoded, as MP4, PNG and JSON. Any other member is an error and goes to no other decoder:
`webdataset` has decoders of its own that unpickle.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from pvtt_data.errors import DatasetError, InputError
from pvtt_data.images import read_rgba
from pvtt_data.media import decode_masks, decode_video
from pvtt_data.shards.format import JSON_MEMBER, MASK_MEMBERS, VIDEO_MEMBERS, SampleMeta

_PICTURE = re.compile(r"(?:reference|heldout)_[0-9]{1,2}\.png")

Decoded = npt.NDArray[np.uint8] | npt.NDArray[np.bool_] | SampleMeta


def decode_member(member: str, data: bytes) -> Decoded:
    """A member of a sample, decoded.

    Args:
        member: its name without the key, such as ``source.mp4``.
        data: its bytes.

    Returns:
        - ``source.mp4``, ``target.mp4``: ``(T, H, W, 3)`` uint8 RGB;
        - ``source_mask.mp4``, ``target_mask.mp4``, ``effect_mask.mp4``: ``(T, H, W)`` bool;
        - ``reference_K.png``, ``heldout_K.png``: ``(H, W, 3)`` uint8 RGB, or ``(H, W, 4)`` RGBA with straight alpha if
          any part is transparent;
        - ``json``: `SampleMeta`.

    Raises:
        DatasetError: the format has no such member, or it is damaged.
    """
    try:
        if member in VIDEO_MEMBERS:
            return decode_video(data)
        if member in MASK_MEMBERS:
            return decode_masks(data)
        if member == JSON_MEMBER:
            return SampleMeta.from_bytes(data)
        if _PICTURE.fullmatch(member):
            return without_opaque_alpha(read_rgba(data))
    except (InputError, ValueError) as error:
        raise DatasetError(f"{member}: {error}") from error
    raise DatasetError(f"{member}: the shard format has no such member")


def webdataset_decoder(member: str, data: bytes) -> Decoded:
    """For ``webdataset.WebDataset(urls).decode(webdataset_decoder)``: see `decode_member`.

    Args:
        member: as `webdataset` names it, with a point in front.
        data: its bytes.

    Raises:
        DatasetError: as `decode_member`.
    """
    return decode_member(member.removeprefix("."), data)


def decode_row(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of `datasets` with its members decoded as by `decode_member`; ``__key__`` and ``__url__`` stay.

    Args:
        row: of a version that was loaded as its card declares: media undecoded, as ``{"bytes", "path"}``.

    Raises:
        DatasetError: as `decode_member`; or a medium is decoded already, which would not give these arrays.
    """
    decoded: dict[str, Any] = {}
    for name, value in row.items():
        if name.startswith("__"):
            decoded[name] = value
        elif name == JSON_MEMBER:
            decoded[name] = _meta(value)
        elif value is not None:  # held-out views, which a split does not have
            if not isinstance(value, Mapping) or not isinstance(value.get("bytes"), bytes):
                raise DatasetError(f"{name} does not come as bytes: load the folder, without casting its columns")
            decoded[name] = decode_member(name, value["bytes"])
    return decoded


def without_opaque_alpha(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """``(H, W, 4)`` RGBA as it is, or ``(H, W, 3)`` RGB if nothing of it is transparent."""
    return pixels if pixels[..., 3].min() < 255 else np.ascontiguousarray(pixels[..., :3])


def _meta(value: object) -> SampleMeta:
    try:
        return SampleMeta.model_validate(value)
    except ValueError as error:
        raise DatasetError(f"{JSON_MEMBER}: {error}") from error
