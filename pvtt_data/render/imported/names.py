"""Titles, categories and identifiers from the names of files and folders."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Sequence

_MAX_SLUG_CHARS = 48
_MAX_TITLE_CHARS = 200
_ID_DIGITS = 12
_NO_CATEGORY = "products"
_SAYS_NOTHING = frozenset(
    {"3d", "3dmodels", "asset", "assets", "export", "glb", "gltf", "main", "mesh", "meshes", "model", "models"}
    | {"object", "objects", "original", "output", "scene", "source", "texture", "textured", "textures", "untitled"}
)


def tidy(text: str) -> str:
    """One line of printable text, not too long."""
    printable = "".join(char if char.isprintable() else " " for char in unicodedata.normalize("NFC", text))
    return " ".join(printable.split())[:_MAX_TITLE_CHARS]


def title_and_category(parts: Sequence[str]) -> tuple[str, str]:
    """A title as a shop would list it, and a category, from a model's path.

    Args:
        parts: folders below the library's, then the file's name without its suffix.
    """
    telling = [part for part in parts if _words(part) and not set(_words(part)) <= _SAYS_NOTHING]
    if not telling:
        return "Model", _NO_CATEGORY
    title = " ".join(word if word.isupper() else word.capitalize() for word in _words(telling[-1], keep_case=True))
    # Folders of one letter only spread many files.
    above = [part for part in telling[:-1] if len(part) > 1]
    category = " ".join(_words(above[-1])) if above else _NO_CATEGORY
    return tidy(title), tidy(category)


def product_id(relative_path: str, digest: str) -> str:
    """An identifier that is safe as a file name: readable, and different for different paths or content."""
    stem = relative_path.rpartition("/")[2].rpartition(".")[0] or relative_path.rpartition("/")[2]
    plain = unicodedata.normalize("NFKD", stem).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:_MAX_SLUG_CHARS].strip("-") or "model"
    # Names of files need not be UTF-8.
    content = f"{relative_path}\n{digest}".encode(errors="surrogateescape")
    return f"{slug}-{hashlib.sha256(content).hexdigest()[:_ID_DIGITS]}"


def _words(name: str, keep_case: bool = False) -> list[str]:
    apart = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    words = re.split(r"[\W_]+", apart)
    return [word if keep_case else word.lower() for word in words if word]
