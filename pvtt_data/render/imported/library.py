"""A folder of models as a library of products."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pvtt_data.errors import InputError
from pvtt_data.files import sha256_file
from pvtt_data.render.imported import abo, gso
from pvtt_data.render.imported.assembly import Model
from pvtt_data.render.imported.container import read_container
from pvtt_data.render.imported.gltf import read_gltf
from pvtt_data.render.imported.licences import Licence, find_licence
from pvtt_data.render.imported.limits import DEFAULT_MODEL_LIMITS, ModelLimits
from pvtt_data.render.imported.names import product_id, tidy, title_and_category
from pvtt_data.render.imported.resources import is_embedded
from pvtt_data.render.material import Part
from pvtt_data.render.product import Product

_MODELS = frozenset({".glb", ".gltf"})
_OTHER_MODELS = frozenset(
    {".3ds", ".3mf", ".abc", ".blend", ".dae", ".fbx", ".max", ".obj", ".ply"}
    | {".step", ".stl", ".stp", ".usd", ".usda", ".usdc", ".usdz", ".x3d"}
)
_MAX_FOLDER_DEPTH = 16


@dataclass(frozen=True, slots=True)
class ModelFile:
    """A model that was found, not loaded.

    Attributes:
        path: a .glb or .gltf file, or the folder of a scanned object.
        kind: how to load it.
        product_id: from its path below the library and its content; safe as a file name.
        title: as a shop would list it.
        category: as a shop would file it.
        licence: SPDX identifier.
        attribution: whom to name, as its licence or its file says; may be empty.
        digest: SHA-256 (hex) of all its files.
    """

    path: Path
    kind: Literal["gltf", "scan"]
    product_id: str
    title: str
    category: str
    licence: str
    attribution: str
    digest: str


@dataclass(frozen=True, slots=True)
class RejectedModel:
    """A model that was found and cannot be used, and why."""

    path: Path
    reason: str
    message: str


def scan_models(
    folder: Path, limits: ModelLimits = DEFAULT_MODEL_LIMITS
) -> tuple[list[ModelFile], list[RejectedModel]]:
    """The models in a folder and below, in the order of their paths; hidden files and linked folders are passed over.

    Descriptions are read and files are hashed; neither geometry nor pictures are decoded, so a model that is found may
    still turn out to be broken.

    Raises:
        InputError: ``missing-file``: there is no such folder.
    """
    if not folder.is_dir():
        raise InputError("missing-file", f"{folder} is not a folder")
    root = folder.resolve()
    found: list[ModelFile] = []
    rejected: list[RejectedModel] = []
    for candidate in _candidates(root):
        try:
            found.append(_inspect(candidate, root, limits))
        except InputError as error:
            rejected.append(RejectedModel(candidate.path, error.reason, error.message))
        except OSError as error:
            message = f"{candidate.path.name} cannot be read: {error.strerror}"
            rejected.append(RejectedModel(candidate.path, "missing-file", message))
    return found, rejected


def load_model(model: ModelFile, limits: ModelLimits = DEFAULT_MODEL_LIMITS) -> Product:
    """Load a model that was found.

    Raises:
        InputError: the model is broken, hostile, too large or asks for what is not supported.
        PreflightError: it is compressed with Draco and DracoPy is not installed.
    """
    parts = read_model(model, limits).parts
    return Product(model.product_id, model.title, model.category, model.licence, parts)


def read_model(model: ModelFile, limits: ModelLimits = DEFAULT_MODEL_LIMITS) -> Model:
    """As `load_model`, but the bare parts with notes on what was left out."""
    return _read(model.path, limits)


def read_parts(path: Path, limits: ModelLimits = DEFAULT_MODEL_LIMITS) -> tuple[Part, ...]:
    """The parts of a model: a .glb or .gltf file, or the folder of a scanned object; errors as of `load_model`."""
    return _read(path, limits).parts


def model_digest(path: Path, limits: ModelLimits = DEFAULT_MODEL_LIMITS) -> str:
    """SHA-256 (hex) of all files of a model, as `ModelFile.digest` has it; errors as of `load_model`."""
    return _digest(gso.files(path) if path.is_dir() else _gltf_files(path, limits)[0])


def _read(path: Path, limits: ModelLimits) -> Model:
    return gso.read_scan(path, limits) if path.is_dir() else read_gltf(path, limits)


@dataclass(frozen=True, slots=True)
class _Candidate:
    path: Path
    kind: Literal["gltf", "scan", "other"]
    listing: abo.Listing | None = None
    in_abo: bool = False


def _candidates(root: Path) -> Iterator[_Candidate]:
    listings: dict[Path, dict[str, abo.Listing]] = {}
    for name, folders, files in os.walk(root):
        here = Path(name)
        depth = len(here.relative_to(root).parts)
        folders[:] = sorted(entry for entry in folders if not entry.startswith(".") and depth < _MAX_FOLDER_DEPTH)
        if gso.is_gso(here):
            folders.clear()
            yield _Candidate(here, "scan")
            continue
        if abo.is_abo(here):
            listings[here / "3dmodels" / "original"] = abo.read_listings(here)
        collection = next((base for base in listings if here == base or base in here.parents), None)
        for file in sorted(entry for entry in files if not entry.startswith(".")):
            path = here / file
            suffix = path.suffix.lower()
            if suffix in _MODELS:
                listing = None
                if collection is not None:
                    listing = listings[collection].get(path.relative_to(collection).as_posix())
                yield _Candidate(path, "gltf", listing, collection is not None)
            elif suffix in _OTHER_MODELS:
                yield _Candidate(path, "other")


def _inspect(candidate: _Candidate, root: Path, limits: ModelLimits) -> ModelFile:
    path = candidate.path
    if candidate.kind == "other":
        raise InputError("unsupported-format", f"{path.name}: only .glb and .gltf files and scans in folders are read")
    if not path.resolve().is_relative_to(root):
        raise InputError("unsafe-uri", f"{path.name} is a link that leads out of the library")
    relative = path.relative_to(root)
    if candidate.kind == "scan":
        licence = gso.stated_licence(path) or find_licence(path / gso.MESH, root)
        title, category = gso.title_and_category(path)
        files, credit = gso.files(path), ""
    else:
        licence = find_licence(path, root)
        title, category = (candidate.listing.title, candidate.listing.category) if candidate.listing else ("", "")
        files, credit = _gltf_files(path, limits)
        credit = credit or (abo.CREDIT if candidate.in_abo else "")
    named, filed = title_and_category((*relative.parent.parts, path.stem if path.is_file() else path.name))
    for file in files:
        if file.stat().st_size > limits.max_file_bytes:
            raise InputError("too-large", f"{file.name} has more than {limits.max_file_bytes} bytes")
    digest = _digest(files)
    return ModelFile(
        path,
        candidate.kind,
        product_id(relative.as_posix(), digest),
        title or named,
        category or filed,
        licence.spdx,
        _attribution(licence, credit),
        digest,
    )


def _attribution(licence: Licence, credit: str) -> str:
    return "; ".join(dict.fromkeys(text for text in (credit, licence.attribution) if text))


def _gltf_files(path: Path, limits: ModelLimits) -> tuple[list[Path], str]:
    """All files of a model, and its copyright."""
    container = read_container(path, limits)
    document = container.document
    uris = [buffer.uri for buffer in document.buffers] + [image.uri for image in document.images]
    named = [container.resources.path(uri) for uri in uris if uri is not None and not is_embedded(uri)]
    for file in named:
        if not file.is_file():
            raise InputError("missing-file", f"{path.name} names {file.name}, which is not there")
    return [path, *dict.fromkeys(named)], tidy(document.asset.copyright)


def _digest(files: Sequence[Path]) -> str:
    together = hashlib.sha256()
    for file in files:
        together.update(bytes.fromhex(sha256_file(file)))
    return together.hexdigest()
