"""Files that a model names: only inside its own folder."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote_to_bytes

from pvtt_data.errors import InputError

_BASE64_DATA = re.compile(r"data:[\w.+-]*(?:/[\w.+-]+)?(?:;[\w.+-]+=[\w.+-]*)*;base64,", re.ASCII)
_MAX_URI_CHARS = 1024
_UNSAFE = re.compile(r"[\x00-\x1f\x7f/\\:]")


@dataclass(frozen=True, slots=True)
class Resources:
    """What a model may read besides itself.

    Attributes:
        folder: nothing outside it is read.
        max_bytes: of one file or one embedded block.
    """

    folder: Path
    max_bytes: int

    def read(self, uri: str) -> bytes:
        """The bytes that a ``data:`` URI holds or a relative path leads to.

        Raises:
            InputError: ``unsafe-uri``, ``missing-file``, ``too-large`` or ``broken-model``.
        """
        if is_embedded(uri):
            return self._embedded(uri)
        return read_bounded(self.path(uri), self.max_bytes)

    def path(self, uri: str) -> Path:
        """The file that a relative URI means, which may be missing.

        Raises:
            InputError: ``unsafe-uri``: it is absolute, has a scheme, climbs, or leaves the folder through a link.
        """
        if not uri or len(uri) > _MAX_URI_CHARS:
            raise InputError("unsafe-uri", f"the model names a file with a path of {len(uri)} characters")
        names = [_decoded(part) for part in uri.split("/")]
        if any(name in ("", "..") or _UNSAFE.search(name) for name in names):
            raise InputError("unsafe-uri", "the model names a file by a path that does not stay inside its folder")
        try:
            root = self.folder.resolve(strict=True)
            target = root.joinpath(*names).resolve()
        except (OSError, RuntimeError, ValueError) as error:
            raise InputError("unsafe-uri", "the model names a file by a path that leads nowhere") from error
        if not target.is_relative_to(root):
            raise InputError("unsafe-uri", "the model names a file that is a link out of its folder")
        return target

    def _embedded(self, uri: str) -> bytes:
        head = _BASE64_DATA.match(uri[:256])
        if head is None:
            raise InputError("broken-model", "an embedded block is not base64")
        # Four characters hold three bytes.
        if (len(uri) - head.end()) // 4 * 3 > self.max_bytes:
            raise InputError("too-large", f"an embedded block has more than {self.max_bytes} bytes")
        try:
            return base64.b64decode(uri[head.end() :], validate=True)
        except (binascii.Error, ValueError) as error:
            raise InputError("broken-model", "an embedded block is not base64") from error


def is_embedded(uri: str) -> bool:
    """Whether a URI holds the data itself."""
    return uri[:5].lower() == "data:"


def _decoded(name: str) -> str:
    try:
        return unquote_to_bytes(name).decode()
    except UnicodeError as error:
        raise InputError("unsafe-uri", "the model names a file by a path that is not UTF-8") from error


def read_bounded(path: Path, max_bytes: int) -> bytes:
    """A regular file's bytes.

    Raises:
        InputError: ``missing-file`` or ``too-large``.
    """
    try:
        if not path.is_file():
            raise InputError("missing-file", f"{path.name} is not there")
        with path.open("rb") as file:
            data = file.read(max_bytes + 1)
    except (OSError, ValueError) as error:
        raise InputError("missing-file", f"{path.name} cannot be read") from error
    if len(data) > max_bytes:
        raise InputError("too-large", f"{path.name} has more than {max_bytes} bytes", {"max_bytes": max_bytes})
    return data
