"""What a build needs, checked before the work: each failure says what is missing and what mends it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from pvtt_data.errors import PreflightError, RecipeError
from pvtt_data.matting import matting_is_there
from pvtt_data.models import ModelRegistry
from pvtt_data.recipe import Recipe
from pvtt_data.stages.render import RenderConfig, variant_for
from pvtt_data.stages.segment import SegmentConfig, backend_for
from pvtt_data.stages.synthesise import CompositeSettings
from pvtt_data.transitions import missing_packages
from pvtt_data.vlm.answerer import describe_model
from pvtt_data.vocabulary import load_vocabulary

_MIN_FREE_BYTES = 500 * 10**6


def preflight(recipe: Recipe, work: Path, out: Path, registry: ModelRegistry | None = None) -> None:
    """Check inputs, folders, disk space, codecs, and what models need.

    Args:
        registry: where weights are looked for; the one that the environment describes if None.

    Raises:
        PreflightError: all that is missing, one line each.
    """
    problems = []
    if recipe.mine is not None:
        problems += _feed_problems(recipe.mine.folder)
        problems += _segment_problems(recipe.segment, registry or ModelRegistry.default())
        problems += _fill_problems(recipe.synthesise.composite)
        try:
            recipe.looks_embedder()
        except PreflightError as error:
            problems.append(f"looks.embedder: {error}")
    for name, folder in (("--work", work), ("--out", out)):
        problems += _folder_problems(name, folder)
    problems += _codec_problems()
    if recipe.split.transitions == "transnetv2":
        problems += _transnet_problems()
    if recipe.pictures.matting != "none" and not matting_is_there():
        problems.append(
            f"pictures.matting = {recipe.pictures.matting} needs PyMatting, not installed: pip install 'pvtt[matting]'"
        )
    if recipe.render is not None:
        problems += _render_problems(recipe.render)
    problems += _model_problems(recipe)
    try:
        recipe.triple_qc.chosen_embedder()
    except PreflightError as error:
        problems.append(f"triple_qc.embedder: {error}")
    if problems:
        raise PreflightError("the build cannot start:\n" + "\n".join(f"  {problem}" for problem in problems))


def _folder_problems(name: str, folder: Path) -> list[str]:
    existing = folder.resolve()
    while not existing.exists():
        existing = existing.parent
    if not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK):
        return [f"{name} {folder} cannot be written; choose another one or mend its permissions"]
    free = shutil.disk_usage(existing).free
    if free < _MIN_FREE_BYTES:
        return [
            f"{name} {folder}: only {free / 1e6:.0f} MB are free, {_MIN_FREE_BYTES / 1e6:.0f} MB is the least to "
            "begin with; free some or choose another disk"
        ]
    return []


def _feed_problems(folder: Path) -> list[str]:
    if not folder.is_dir():
        return [f"mine.folder = {folder} is not a folder; set it with --set mine.folder=PATH"]
    if not os.access(folder, os.R_OK | os.X_OK):
        return [f"mine.folder = {folder} cannot be read; mend its permissions"]
    return []


def _fill_problems(config: CompositeSettings) -> list[str]:
    try:
        config.filler()
    except PreflightError as error:
        return [f"synthesise.composite: {error}"]
    return []


def _segment_problems(config: SegmentConfig, registry: ModelRegistry) -> list[str]:
    """What keeps the wanted backend from running; weights that the build fetches by itself are not asked for."""
    problems = []
    try:
        backend_for(config, registry, fetch=False)
    except PreflightError as error:
        problems.append(str(error))
    if config.vocabulary is not None:
        try:
            load_vocabulary(config.vocabulary)
        except RecipeError as error:
            problems += [f"segment.vocabulary: {line}" for line in str(error).splitlines()]
    return problems


def _model_problems(recipe: Recipe) -> list[str]:
    """Local models whose stored answers cannot be told apart, because their folders are gone."""
    problems = []
    for key, config in (("captions.captioner", recipe.captions.captioner), ("judge", recipe.judge)):
        try:
            if config is not None:
                describe_model(config)
        except PreflightError as error:
            problems.append(f"{key}.local.folder: {error}")
    return problems


def _render_problems(config: RenderConfig) -> list[str]:
    """What is missing or misspelt, where renders are going to be made."""
    try:
        if variant_for(config)[0] is None:
            return []
    except PreflightError as error:
        return [str(error)]
    from pvtt_data.render.products.library import FAMILIES
    from pvtt_data.render.sets.library import STYLES

    problems = []
    for key, wanted, known in (("families", config.families, FAMILIES), ("styles", config.styles, STYLES)):
        problems += [
            f"render.{key}: there is no {name!r}; there are: {', '.join(known)}" for name in wanted if name not in known
        ]
    for key, folder in (("models", config.models), ("hdris", config.hdris)):
        if folder is not None and not folder.is_dir():
            problems.append(f"render.{key} = {folder} is not a folder")
    if config.identities < 2 and config.models is None:
        problems.append("render.identities: at least 2 products are needed to make a pair")
    return problems


def _codec_problems() -> list[str]:
    import av

    missing = [name for name in ("libx264",) if name not in av.codecs_available]
    return [f"PyAV lacks the encoder {name}; reinstall it: pip install --force-reinstall av" for name in missing]


def _transnet_problems() -> list[str]:
    missing = missing_packages()
    if not missing:
        return []
    return [
        f"split.transitions = transnetv2 needs {' and '.join(missing)}, not installed: pip install 'pvtt[transnet]' (a "
        "CPU build of torch is enough: install that first), or set split.transitions to none"
    ]
