"""The typefaces of labels."""

from __future__ import annotations

import subprocess
import sys

import pytest

from pvtt_data.errors import PreflightError
from pvtt_data.render.products import fonts


@pytest.mark.parametrize("face", sorted(fonts.FACES))
def test_every_face_is_installed_and_draws_letters_and_digits(face: str) -> None:
    drawn = fonts.font(face, 40)
    for text in ("Abc", "XYZ", "0123456789", "& % . , -"):
        left, top, right, bottom = drawn.getbbox(text)
        assert right - left > 10
        assert bottom > top


def test_fonts_carry_free_licences() -> None:
    assert {package.licence for package in fonts.PACKAGES} <= {"OFL-1.1", "Apache-2.0"}
    assert fonts.missing_fonts() == []


def test_a_missing_package_is_named_with_the_command_that_mends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fonts, "find_spec", lambda name: None)
    with pytest.raises(PreflightError, match=r"font-caladea: pip install 'pvtt\[render\]'"):
        fonts.font_file("slab")
    assert "font-caladea" in fonts.missing_fonts()


def test_packages_of_fonts_are_found_without_running_their_code() -> None:
    code = (
        "import sys; from pvtt_data.render.products.fonts import FACES, font_file\n"
        "assert all(font_file(face).is_file() for face in FACES)\n"
        "assert not [name for name in sys.modules if name.startswith('font_')]"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
