"""Google Scanned Objects: one folder an object, as Gazebo Fuel hands them out.

Layout: ``meshes/model.obj``, ``meshes/*.mtl``, ``materials/textures/texture.png``, ``metadata.pbtxt``,
``model.config``. Scans have z up.
"""

from __future__ import annotations

import re
from pathlib import Path

from pvtt_data.errors import InputError
from pvtt_data.render.imported.assembly import Model
from pvtt_data.render.imported.licences import Licence, known_licences
from pvtt_data.render.imported.limits import ModelLimits
from pvtt_data.render.imported.names import tidy
from pvtt_data.render.imported.obj import read_obj
from pvtt_data.render.imported.resources import read_bounded

MESH = Path("meshes", "model.obj")
_PICTURES = "materials/textures"
_STATEMENTS = ("metadata.pbtxt", "model.config")
_MAX_BYTES = 1 << 20
_MAX_FILES = 64
_CATEGORY = re.compile(r"categories\s*\{\s*first:\s*\"([^\"]*)\"")
_NAME = re.compile(r"^\s*name:\s*\"([^\"]*)\"", re.M)
_CONFIG_NAME = re.compile(r"<name>([^<]*)</name>")
_COPYRIGHT = re.compile(r"(copyright [^\"<\n]*)", re.I)


def is_gso(folder: Path) -> bool:
    """Whether a folder is one scanned object."""
    return (folder / MESH).is_file()


def title_and_category(folder: Path) -> tuple[str, str]:
    """What the object's descriptions say; empty where they are silent."""
    words = _statements(folder)
    name = _NAME.search(words) or _CONFIG_NAME.search(words)
    category = _CATEGORY.search(words)
    title = tidy(name[1].replace("_", " ")) if name else ""
    return title, tidy(category[1].lower()) if category else ""


def stated_licence(folder: Path) -> Licence | None:
    """The licence that the object's own descriptions state, None if there is not exactly one."""
    words = _statements(folder)
    found = known_licences(words)
    if len(found) != 1:
        return None
    owner = _COPYRIGHT.search(words)
    return Licence(next(iter(found)), tidy(f"Google Scanned Objects; {owner[1]}" if owner else ""))


def files(folder: Path) -> list[Path]:
    """The files that make up the object, sorted.

    Raises:
        InputError: ``too-complex`` or ``unsafe-uri``.
    """
    found = sorted(path for part in ("meshes", _PICTURES) for path in (folder / part).glob("*") if path.is_file())
    if len(found) > _MAX_FILES:
        raise InputError("too-complex", f"{folder.name} has more than {_MAX_FILES} files")
    root = folder.resolve()
    if not all(path.resolve().is_relative_to(root) for path in found):
        raise InputError("unsafe-uri", f"{folder.name} has a link that leads out of it")
    return found


def read_scan(folder: Path, limits: ModelLimits) -> Model:
    """Load an object.

    Raises:
        InputError: as `read_obj`.
    """
    return read_obj(folder / MESH, folder, (_PICTURES,), z_up=True, limits=limits)


def _statements(folder: Path) -> str:
    texts = []
    for name in _STATEMENTS:
        try:
            texts.append(read_bounded(folder / name, _MAX_BYTES).decode("utf-8", errors="replace"))
        except InputError:
            continue
    return "\n".join(texts)
