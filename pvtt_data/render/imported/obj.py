"""Load Wavefront OBJ files that nobody vouches for: triangles and polygons with one picture a material."""

from __future__ import annotations

import io
import math
from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pvtt_data.errors import InputError
from pvtt_data.render.imported.assembly import Model, assemble
from pvtt_data.render.imported.geometry import TO_Z_UP, clean_mesh, smooth_normals
from pvtt_data.render.imported.limits import DEFAULT_MODEL_LIMITS, ModelLimits
from pvtt_data.render.imported.materials import film
from pvtt_data.render.imported.pictures import PictureReader
from pvtt_data.render.imported.resources import Resources, read_bounded
from pvtt_data.render.material import Material, Texture
from pvtt_data.render.meshes import Mesh

_ROUGHNESS = 0.6
"""Ns is ignored: exporters write whatever they like, and scans have their highlights in the picture already."""
_FILM_OPACITY = 0.7
_MAX_CORNERS = 255
_MAX_LINE_BYTES = 1 << 16
_ABSENT = -1


def read_obj(
    path: Path,
    root: Path,
    picture_folders: Sequence[str] = (),
    z_up: bool = False,
    limits: ModelLimits = DEFAULT_MODEL_LIMITS,
) -> Model:
    """Load a model.

    Args:
        path: a .obj file below ``root``.
        root: nothing outside is read.
        picture_folders: relative to ``root``; pictures that are not beside the model are looked for there.
        z_up: whether z is up and the front to -y, as scans have it; else y is up and the front to +z.
        limits: bounds of what is loaded.

    Raises:
        InputError: the model is broken, hostile or too large; `docs/models.md` lists the reasons.
    """
    shape = _read_shape(read_bounded(path, limits.max_file_bytes), limits)
    here = path.parent.resolve().relative_to(root.resolve()).as_posix()
    resources = Resources(root, limits.max_file_bytes)
    notes: set[str] = set()
    library = _Library(resources, [here, *picture_folders], limits, notes.add)
    for name in shape.libraries:
        library.read(name)
    turn = np.eye(3) if z_up else TO_Z_UP
    surfaces: list[tuple[Mesh, Material, bool]] = []
    for name, corners in shape.corners.items():
        mesh = _mesh(shape, np.frombuffer(corners, np.int64).reshape(-1, 3), turn)
        if mesh is not None:
            surfaces.append((mesh, library.material(name), False))
    return assemble(surfaces, sorted(notes), limits)


def _lines(data: bytes) -> Iterator[list[bytes]]:
    """The words of each line that has any."""
    file = io.BytesIO(data)
    while line := file.readline(_MAX_LINE_BYTES):
        if len(line) == _MAX_LINE_BYTES:
            raise InputError("broken-model", "a line of the model never ends")
        words = line.split()
        if words:
            yield words


def _name(words: Sequence[bytes]) -> str:
    return b" ".join(words).decode("utf-8", errors="replace")


@dataclass(slots=True)
class _Shape:
    """What the OBJ file says; corners are (place, uv, normal) by material, three a face."""

    places: array[float] = field(default_factory=lambda: array("d"))
    uv: array[float] = field(default_factory=lambda: array("d"))
    normals: array[float] = field(default_factory=lambda: array("d"))
    corners: dict[str, array[int]] = field(default_factory=dict)
    libraries: list[str] = field(default_factory=list)


def _read_shape(data: bytes, limits: ModelLimits) -> _Shape:
    shape = _Shape()
    material = ""
    faces = 0
    # Corners have texture coordinates and normals of their own: there may be more of them than vertices.
    most = {"v": 3 * limits.max_vertices, "vt": 6 * limits.max_vertices, "vn": 9 * limits.max_vertices}
    lists = {"v": (shape.places, 3), "vt": (shape.uv, 2), "vn": (shape.normals, 3)}
    for words in _lines(data):
        key = words[0].decode("ascii", errors="replace")
        if key in lists:
            values, width = lists[key]
            if len(values) >= most[key]:
                raise InputError("too-complex", f"the model has more than {most[key] // width} lines {key}")
            values.extend(_numbers(words[1:], width))
        elif key == "f":
            faces += max(len(words) - 3, 0)
            if faces > limits.max_triangles or len(words) > _MAX_CORNERS:
                raise InputError("too-complex", f"the model has more than {limits.max_triangles} triangles")
            corners = [_corner(word, shape) for word in words[1:]]
            target = shape.corners.setdefault(material, array("q"))
            for second, third in pairwise(corners[1:]):
                target.extend((*corners[0], *second, *third))
        elif key == "usemtl":
            material = _name(words[1:])
            if len(shape.corners) > limits.max_materials:
                raise InputError("too-complex", f"the model has more than {limits.max_materials} materials")
        elif key == "mtllib" and len(shape.libraries) < limits.max_pictures:
            shape.libraries.append(_name(words[1:]))
    return shape


def _numbers(words: Sequence[bytes], count: int) -> list[float]:
    try:
        numbers = [float(word) for word in words[:count]]
    except ValueError as error:
        raise InputError("broken-model", "a number of the model cannot be read") from error
    if len(numbers) < count:
        raise InputError("broken-model", "a line of the model has too few numbers")
    return numbers


def _corner(word: bytes, shape: _Shape) -> tuple[int, int, int]:
    counts = (len(shape.places) // 3, len(shape.uv) // 2, len(shape.normals) // 3)
    given = (*word.split(b"/"), b"", b"")[:3]
    try:
        found = [int(number) if number else 0 for number in given]
    except ValueError as error:
        raise InputError("broken-model", "a face of the model cannot be read") from error
    # Numbers start at 1; negative ones count from the latest.
    place, uv, normal = (
        number - 1 if number > 0 else number + count if number < 0 else _ABSENT
        for number, count in zip(found, counts, strict=True)
    )
    for number, said, count in zip((place, uv, normal), found, counts, strict=True):
        if said != 0 and not 0 <= number < count:
            raise InputError("bad-geometry", "a face has a corner that does not exist")
    if place == _ABSENT:
        raise InputError("broken-model", "a face of the model has a corner without a place")
    return place, uv, normal


def _mesh(shape: _Shape, corners: npt.NDArray[np.int64], turn: npt.NDArray[np.float64]) -> Mesh | None:
    places = np.frombuffer(shape.places, np.float64).reshape(-1, 3)
    if not np.isfinite(places).all():
        raise InputError("bad-geometry", "coordinates are not finite")
    kinds, faces = np.unique(corners, axis=0, return_inverse=True)
    faces = faces.reshape(-1, 3).astype(np.int64)
    if (kinds[:, 2] != _ABSENT).all():
        normals = np.frombuffer(shape.normals, np.float64).reshape(-1, 3)[kinds[:, 2]]
    else:
        # By place, so that the seams of the picture do not show in the shading.
        used, compact = np.unique(kinds[:, 0], return_inverse=True)
        by_place = compact.reshape(-1)
        with np.errstate(over="ignore", invalid="ignore"):
            normals = smooth_normals(places[used], by_place[faces])[by_place]
    uv = None
    if (kinds[:, 1] != _ABSENT).any():
        listed = np.frombuffer(shape.uv, np.float64).reshape(-1, 2)[np.maximum(kinds[:, 1], 0)]
        uv = np.stack([listed[:, 0], 1 - listed[:, 1]], -1)
    return clean_mesh(places[kinds[:, 0]] @ turn.T, faces, normals @ turn.T, uv)


def _shares(lines: dict[str, list[bytes]], key: str, otherwise: tuple[float, ...]) -> tuple[float, ...]:
    """A line's numbers, brought between 0 and 1."""
    if key not in lines:
        return otherwise
    numbers = _numbers(lines[key], len(otherwise))
    if not all(map(math.isfinite, numbers)):
        raise InputError("broken-model", "a material has numbers that are not finite")
    return tuple(min(max(number, 0.0), 1.0) for number in numbers)


class _Library:
    """The materials of an OBJ file."""

    def __init__(
        self, resources: Resources, folders: Sequence[str], limits: ModelLimits, note: Callable[[str], None]
    ) -> None:
        self._resources = resources
        self._folders = folders
        self._limits = limits
        self._note = note
        self._reader = PictureReader(limits)
        self._pictures: dict[str, Texture] = {}
        self._lines: dict[str, dict[str, list[bytes]]] = {}
        self._made: dict[str, Material] = {}

    def read(self, name: str) -> None:
        """Add the materials of an .mtl file; one that is missing is noted."""
        try:
            data = self._find(name)
        except InputError as error:
            if error.reason != "missing-file":
                raise
            self._note("a file of materials is missing")
            return
        current: dict[str, list[bytes]] = {}
        for words in _lines(data):
            if words[0] == b"newmtl":
                current = self._lines.setdefault(_name(words[1:]), {})
                if len(self._lines) > self._limits.max_materials:
                    raise InputError("too-complex", f"the model has more than {self._limits.max_materials} materials")
            else:
                current[words[0].decode("ascii", errors="replace")] = words[1:]

    def material(self, name: str) -> Material:
        """A material by its name; a plain one if there is none."""
        if name not in self._made:
            self._made[name] = self._material(self._lines.get(name, {}))
        return self._made[name]

    def _material(self, lines: dict[str, list[bytes]]) -> Material:
        (roughness,) = _shares(lines, "Pr", (_ROUGHNESS,))
        (metallic,) = _shares(lines, "Pm", (0.0,))
        (opacity,) = _shares(lines, "d", (1.0,))
        red, green, blue = _shares(lines, "Kd", (0.8, 0.8, 0.8))
        made = Material(roughness=roughness, metallic=metallic)
        if opacity < _FILM_OPACITY:
            return film(made, (red, green, blue), opacity)
        if lines.get("map_Kd"):
            # The picture alone: exporters leave a grey of their own beside it.
            return replace(made, colour=self._picture(_name(lines["map_Kd"][-1:])))
        return replace(made, colour=(red, green, blue))

    def _picture(self, name: str) -> Texture:
        if name not in self._pictures:
            if len(self._pictures) >= self._limits.max_pictures:
                raise InputError("too-complex", f"the model has more than {self._limits.max_pictures} pictures")
            pixels = self._reader.rgba(self._find(name))
            self._pictures[name] = Texture(np.ascontiguousarray(pixels[..., :3]))
        return self._pictures[name]

    def _find(self, name: str) -> bytes:
        paths = [name if folder == "." else f"{folder}/{name}" for folder in self._folders]
        found = next((path for path in paths if self._resources.path(path).is_file()), paths[0])
        return self._resources.read(found)
