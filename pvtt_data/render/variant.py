"""Which Mitsuba variant renders here: CUDA where OptiX answers, else LLVM, else the slow scalar one."""

from __future__ import annotations

import ctypes
import os
import re
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from pvtt_data.errors import PreflightError
from pvtt_data.render.products.fonts import missing_fonts

Variant = Literal["cuda_ad_rgb", "llvm_ad_rgb", "scalar_rgb"]
VARIANTS: tuple[Variant, ...] = ("cuda_ad_rgb", "llvm_ad_rgb", "scalar_rgb")

_LIBRARY_FOLDERS = ("/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/usr/lib", "/lib64")
_LIBRARY_NAME = re.compile(r"^libLLVM(?:-(\d+)|\.so\.(\d+))(?:[.\d]*)?(?:\.so)?(?:\.\d+)*$")
_OLDEST_LLVM = 17
"""LLVM 14 to 16 crash while compiling Mitsuba's kernels for processors with AVX-512."""
_PACKAGES = ("mitsuba", "drjit", "pyoidn")


@dataclass(frozen=True, slots=True)
class ChosenVariant:
    """The variant to use and, in words, why."""

    name: Variant
    why: str
    libllvm: str = ""
    """Path of LLVM's library, for the variant that needs it."""


def missing_packages() -> list[str]:
    """Distributions of the extra ``render`` that are not installed."""
    return [name for name in _PACKAGES if find_spec(name) is None] + missing_fonts()


def choose_variant(wanted: str = "auto") -> ChosenVariant:
    """The variant that renders here.

    Args:
        wanted: a variant's name, or "auto" for the fastest that can run.

    Raises:
        PreflightError: the extra is not installed, or the wanted variant cannot run here.
    """
    absent = missing_packages()
    if absent:
        raise PreflightError(f"rendering needs {', '.join(absent)}, not installed: pip install 'pvtt[render]'")
    if wanted not in ("auto", *VARIANTS):
        raise PreflightError(f"there is no rendering variant {wanted!r}; there are: auto, {', '.join(VARIANTS)}")
    if wanted in ("auto", "cuda_ad_rgb"):
        trouble = _optix_trouble()
        if not trouble:
            return ChosenVariant("cuda_ad_rgb", "OptiX answers")
        if wanted == "cuda_ad_rgb":
            raise PreflightError(f"render.variant = cuda_ad_rgb cannot run here: {trouble}")
    if wanted in ("auto", "llvm_ad_rgb"):
        library = find_libllvm()
        if library is not None:
            why = "named by DRJIT_LIBLLVM_PATH" if "DRJIT_LIBLLVM_PATH" in os.environ else "found"
            return ChosenVariant("llvm_ad_rgb", f"no OptiX here; {library} {why}", str(library))
        if wanted == "llvm_ad_rgb":
            raise PreflightError(f"render.variant = llvm_ad_rgb cannot run here: {NO_LLVM}")
    why = "the recipe names it" if wanted == "scalar_rgb" else f"about ten times slower than LLVM: {NO_LLVM}"
    return ChosenVariant("scalar_rgb", why)


NO_LLVM = (
    f"no LLVM {_OLDEST_LLVM} or newer was found (older ones crash); on Debian and Ubuntu: apt-get install libllvm19, "
    "elsewhere name the library with DRJIT_LIBLLVM_PATH"
)
"""What to do where there is no LLVM that works."""


def find_libllvm() -> Path | None:
    """LLVM's library: what DRJIT_LIBLLVM_PATH names, else the newest in the usual folders that works.

    Raises:
        PreflightError: DRJIT_LIBLLVM_PATH names no library that can be loaded.
    """
    named = os.environ.get("DRJIT_LIBLLVM_PATH")
    if named:
        path = Path(named)
        if not path.is_file() or not _loads(path):
            raise PreflightError(f"DRJIT_LIBLLVM_PATH = {named} is not a library that can be loaded")
        return path
    found: list[tuple[int, str, Path]] = []
    for folder in map(Path, _LIBRARY_FOLDERS):
        for path in folder.glob("libLLVM*") if folder.is_dir() else ():
            major = llvm_major(path.name)
            if major is not None and major >= _OLDEST_LLVM:
                found.append((major, path.name, path))
    return next((path for _, _, path in sorted(found, reverse=True) if _loads(path)), None)


def llvm_major(name: str) -> int | None:
    """LLVM's major version from a library's file name, None for other files."""
    match = _LIBRARY_NAME.match(name)
    return int(match[1] or match[2]) if match else None


def _loads(path: Path) -> bool:
    try:
        return hasattr(ctypes.CDLL(str(path)), "LLVMContextCreate")
    except OSError:
        return False


def _optix_trouble() -> str:
    """Why OptiX cannot be used here; empty if it can."""
    for name in ("libcuda.so.1", "libnvoptix.so.1"):
        try:
            library = ctypes.CDLL(name)
        except OSError:
            return f"the NVIDIA driver's {name} is not there"
        if name == "libcuda.so.1":
            count = ctypes.c_int(0)
            if library.cuInit(0) != 0 or library.cuDeviceGetCount(ctypes.byref(count)) != 0 or count.value == 0:
                return "no CUDA device answers"
    return ""


def start(variant: ChosenVariant, threads: int = 1) -> None:
    """Set Mitsuba's variant and the threads of this process; once a process, before any scene is made.

    Raises:
        PreflightError: another variant is already in use in this process.
    """
    if variant.libllvm:
        os.environ["DRJIT_LIBLLVM_PATH"] = variant.libllvm
    import drjit
    import mitsuba

    current = mitsuba.variant()
    if current not in (None, variant.name):
        raise PreflightError(f"Mitsuba already renders with {current} in this process, not with {variant.name}")
    mitsuba.set_variant(variant.name)
    drjit.set_thread_count(threads)
    mitsuba.set_log_level(mitsuba.LogLevel.Error)
