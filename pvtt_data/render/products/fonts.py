"""The typefaces of labels: free fonts from PyPI packages that hold nothing but font files.

Licences (SPDX): Source Sans Pro, Source Serif Pro, Amatic SC, Fredoka One, Manrope, Hanken Grotesk: OFL-1.1;
Caladea: Apache-2.0. Fonts of the system are never read, so that a label looks the same on every machine.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType

from PIL import ImageFont

from pvtt_data.errors import PreflightError


@dataclass(frozen=True, slots=True)
class FontPackage:
    """A package of fonts: its distribution on PyPI, its module, and the fonts' SPDX licence."""

    distribution: str
    module: str
    licence: str


_SANS = FontPackage("font-source-sans-pro", "font_source_sans_pro", "OFL-1.1")
_SERIF = FontPackage("font-source-serif-pro", "font_source_serif_pro", "OFL-1.1")
_CALADEA = FontPackage("font-caladea", "font_caladea", "Apache-2.0")
_AMATIC = FontPackage("font-amatic-sc", "font_amatic_sc", "OFL-1.1")
_FREDOKA = FontPackage("font-fredoka-one", "font_fredoka_one", "OFL-1.1")
_MANROPE = FontPackage("font-manrope", "font_manrope", "OFL-1.1")
_HANKEN = FontPackage("font-hanken-grotesk", "font_hanken_grotesk", "OFL-1.1")

PACKAGES = (_SANS, _SERIF, _CALADEA, _AMATIC, _FREDOKA, _MANROPE, _HANKEN)

FACES = MappingProxyType(
    {
        "sans": (_SANS, "SourceSansPro-Regular.ttf"),
        "sans-light": (_SANS, "SourceSansPro-Light.ttf"),
        "sans-semibold": (_SANS, "SourceSansPro-Semibold.ttf"),
        "sans-bold": (_SANS, "SourceSansPro-Bold.ttf"),
        "sans-black": (_SANS, "SourceSansPro-Black.ttf"),
        "serif": (_SERIF, "SourceSerifPro-Regular.ttf"),
        "serif-light": (_SERIF, "SourceSerifPro-Light.ttf"),
        "serif-semibold": (_SERIF, "SourceSerifPro-Semibold.ttf"),
        "serif-black": (_SERIF, "SourceSerifPro-Black.ttf"),
        "serif-italic": (_SERIF, "SourceSerifPro-It.ttf"),
        "slab": (_CALADEA, "Caladea-Regular.ttf"),
        "slab-bold": (_CALADEA, "Caladea-Bold.ttf"),
        "slab-italic": (_CALADEA, "Caladea-Italic.ttf"),
        "hand": (_AMATIC, "AmaticSC-Bold.ttf"),
        "round": (_FREDOKA, "FredokaOne-Regular.ttf"),
        "geometric-light": (_MANROPE, "Manrope-Light.ttf"),
        "geometric": (_MANROPE, "Manrope-Medium.ttf"),
        "geometric-bold": (_MANROPE, "Manrope-ExtraBold.ttf"),
        "grotesque-light": (_HANKEN, "HankenGrotesk-Light.otf"),
        "grotesque": (_HANKEN, "HankenGrotesk-Medium.otf"),
        "grotesque-bold": (_HANKEN, "HankenGrotesk-Bold.otf"),
    }
)
"""Name of a face: its package and file."""


def missing_fonts() -> list[str]:
    """Distributions of fonts that are not installed."""
    return [package.distribution for package in PACKAGES if _folder(package) is None]


def font_file(face: str) -> Path:
    """The file of a face.

    Raises:
        PreflightError: its package is not installed.
    """
    package, name = FACES[face]
    folder = _folder(package)
    if folder is None or not (folder / name).is_file():
        raise PreflightError(f"labels need the fonts of {package.distribution}: pip install 'pvtt[render]'")
    return folder / name


@lru_cache(maxsize=512)
def font(face: str, size_px: int) -> ImageFont.FreeTypeFont:
    """A face at a size. Pillow's own layout engine draws it, so that results don't depend on libraqm."""
    return ImageFont.truetype(str(font_file(face)), size_px, layout_engine=ImageFont.Layout.BASIC)


def _folder(package: FontPackage) -> Path | None:
    """Where a package keeps its files; found without running the package's own code."""
    spec = find_spec(package.module)
    places = spec.submodule_search_locations if spec is not None else None
    return Path(next(iter(places))) / "files" if places else None
