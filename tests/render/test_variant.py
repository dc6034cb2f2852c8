"""The variant that can render here is found, and where none can, the message says what to do."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from pvtt_data.errors import PreflightError
from pvtt_data.render import variant
from pvtt_data.render.variant import VARIANTS, ChosenVariant, choose_variant, find_libllvm, llvm_major, start


@pytest.mark.parametrize(
    ("name", "major"),
    [
        ("libLLVM.so.19.1", 19),
        ("libLLVM.so.20.1", 20),
        ("libLLVM-19.so", 19),
        ("libLLVM-19.so.1", 19),
        ("libLLVM-14.0.6.so", 14),
        ("libLLVM-15.so.1", 15),
        ("libLLVMSupport.a", None),
        ("libLLVM.so", None),
        ("libLLVM-19.so.bak", None),
        ("libclang-19.so.19", None),
    ],
)
def test_llvm_s_version_is_read_from_its_file_name(name: str, major: int | None) -> None:
    assert llvm_major(name) == major


def library(path: Path, *, llvm: bool = True) -> Path:
    """A shared library with LLVM's entry point, or without."""
    if shutil.which("cc") is None:
        pytest.skip("there is no C compiler to make a library with")
    source = path.with_suffix(".c")
    source.write_text(f"void *{'LLVMContextCreate' if llvm else 'other'}(void) {{ return 0; }}\n")
    subprocess.run(["cc", "-shared", "-fPIC", "-o", path, source], check=True, capture_output=True)
    return path


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only place in which libraries are looked for."""
    monkeypatch.setattr(variant, "_LIBRARY_FOLDERS", (str(tmp_path / "gone"), str(tmp_path)))
    monkeypatch.delenv("DRJIT_LIBLLVM_PATH", raising=False)
    monkeypatch.setattr(variant, "missing_packages", list)
    monkeypatch.setattr(variant, "_optix_trouble", lambda: "the NVIDIA driver's libcuda.so.1 is not there")
    return tmp_path


def test_the_newest_llvm_that_loads_is_taken_and_those_that_crash_are_not(folder: Path) -> None:
    library(folder / "libLLVM-15.so.1")
    assert find_libllvm() is None
    library(folder / "libLLVM.so.19.1")
    (folder / "libLLVM.so.21.1").write_bytes(b"torn")
    library(folder / "libLLVM.so.22.1", llvm=False)
    assert find_libllvm() == folder / "libLLVM.so.19.1"
    library(folder / "libLLVM.so.20.1")
    chosen = choose_variant()
    assert chosen.name == "llvm_ad_rgb" and chosen.libllvm == str(folder / "libLLVM.so.20.1")
    assert "no OptiX" in chosen.why and chosen.libllvm in chosen.why


def test_the_library_that_the_environment_names_comes_first(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    library(folder / "libLLVM.so.19.1")
    mine = library(folder / "mine.so")
    monkeypatch.setenv("DRJIT_LIBLLVM_PATH", str(mine))
    assert find_libllvm() == mine
    assert "DRJIT_LIBLLVM_PATH" in choose_variant("llvm_ad_rgb").why


@pytest.mark.parametrize("content", [None, b"", b"not a library"])
def test_a_named_library_that_cannot_be_loaded_is_an_error_and_not_passed_over(
    folder: Path, monkeypatch: pytest.MonkeyPatch, content: bytes | None
) -> None:
    named = folder / "named.so"
    if content is not None:
        named.write_bytes(content)
    monkeypatch.setenv("DRJIT_LIBLLVM_PATH", str(named))
    with pytest.raises(PreflightError, match="DRJIT_LIBLLVM_PATH") as caught:
        choose_variant()
    assert str(named) in str(caught.value)


def test_without_llvm_the_scalar_variant_is_the_last_resort_and_says_how_to_mend_that(folder: Path) -> None:
    chosen = choose_variant("auto")
    assert chosen.name == "scalar_rgb" and chosen.libllvm == ""
    assert "slower" in chosen.why and "libllvm19" in chosen.why
    with pytest.raises(PreflightError, match="apt-get install libllvm19"):
        choose_variant("llvm_ad_rgb")


def test_a_variant_that_is_wished_for_is_taken_or_refused_with_the_reason(folder: Path) -> None:
    assert choose_variant("scalar_rgb") == ChosenVariant("scalar_rgb", "the recipe names it")
    with pytest.raises(PreflightError, match=r"cuda_ad_rgb cannot run here: .*libcuda\.so\.1"):
        choose_variant("cuda_ad_rgb")


def test_where_optix_answers_it_is_preferred(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(variant, "_optix_trouble", lambda: "")
    library(folder / "libLLVM.so.19.1")
    assert choose_variant("auto").name == "cuda_ad_rgb"
    assert choose_variant("llvm_ad_rgb").name == "llvm_ad_rgb"


def test_an_unknown_variant_is_an_error_that_names_the_known_ones(folder: Path) -> None:
    with pytest.raises(PreflightError, match="'nonsense'") as caught:
        choose_variant("nonsense")
    assert all(name in str(caught.value) for name in ("auto", *VARIANTS))


def test_a_missing_extra_is_an_error_that_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(variant, "_PACKAGES", ("numpy", "no_such_package_here"))
    with pytest.raises(PreflightError, match=r"no_such_package_here.*pip install 'pvtt\[render\]'") as caught:
        choose_variant("auto")
    assert "numpy" not in str(caught.value)


def test_a_process_stays_with_its_variant(render_variant: ChosenVariant) -> None:
    import mitsuba

    start(render_variant)
    with pytest.raises(PreflightError, match=f"already renders with {render_variant.name}"):
        start(ChosenVariant("scalar_rgb", "for the test"))
    assert mitsuba.variant() == render_variant.name
    if render_variant.libllvm:
        assert os.environ["DRJIT_LIBLLVM_PATH"] == render_variant.libllvm
