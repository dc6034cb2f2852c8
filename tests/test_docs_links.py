"""Every link, anchor and picture in the repository's Markdown leads somewhere, and settings that pages name exist."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner
from PIL import Image

from pvtt_data.cli import cli
from pvtt_data.recipe import Recipe, read_recipe
from pvtt_data.recipe_file import recipe_schema
from pvtt_data.settings_page import settings_page

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
PICTURES = DOCS / "pictures"
_FENCE = re.compile(r"^( *)```.*?^\1```$", re.MULTILINE | re.DOTALL)
_INDENTED = re.compile(r"(?<=\n\n)(?:(?:    |\t).*\n|\n)+")
_CODE = re.compile(r"`[^`\n]+`")
_LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(\s*([^()\s]+(?:\([^()]*\))?)\s*\)")
_HEADING = re.compile(r"^#{1,6} (.+?)\s*$", re.MULTILINE)


def _pages() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "-z", "*.md"], cwd=ROOT, capture_output=True, check=True
    ).stdout.decode()
    return [ROOT / name for name in sorted(filter(None, listed.split("\0"))) if (ROOT / name).is_file()]


PAGES = _pages()
each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())


@cache
def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def prose(page: Path) -> str:
    """A page without its blocks of code, in which brackets mean something else."""
    return _INDENTED.sub("\n", _FENCE.sub("", text_of(page)))


def links(page: Path) -> Iterator[tuple[bool, str]]:
    """(is a picture, target) of every link."""
    for match in _LINK.finditer(_CODE.sub("", prose(page))):
        yield bool(match[1]), match[3]
        # A picture may be the text of a link.
        yield from ((bool(inner[1]), inner[3]) for inner in _LINK.finditer(match[2]))


@cache
def anchors(page: Path) -> frozenset[str]:
    """The anchors that GitHub gives a page's headings."""
    seen: dict[str, int] = {}
    found = set()
    for match in _HEADING.finditer(prose(page)):
        words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", match[1]).replace("`", "")
        slug = re.sub(r"[^\w\- ]", "", words.lower(), flags=re.UNICODE).replace(" ", "-")
        count = seen.get(slug, 0)
        seen[slug] = count + 1
        found.add(slug if count == 0 else f"{slug}-{count}")
    return frozenset(found)


@each_page
def test_links_lead_to_files_and_headings(page: Path) -> None:
    wrong = []
    for _, target in links(page):
        if re.match(r"[a-z]+:", target):
            assert target.startswith(("https://", "mailto:")), f"{target} is not encrypted"
            continue
        name, _, anchor = target.partition("#")
        file = (page.parent / name).resolve() if name else page
        if not file.is_relative_to(ROOT) or not file.exists():
            wrong.append(f"{target}: there is no such file")
        elif anchor and anchor not in anchors(file):
            wrong.append(f"{target}: {file.name} has no such heading; it has {', '.join(sorted(anchors(file)))}")
    assert not wrong, "\n".join(wrong)


def test_every_page_of_the_docs_is_in_the_index() -> None:
    for index, ending in (("README.md", ".md"), ("README.zh-CN.md", ".zh-CN.md")):
        listed = {target.partition("#")[0] for _, target in links(DOCS / index)}
        pages = {path.name for path in DOCS.glob("*.md") if path.name.endswith(".zh-CN.md") == (ending == ".zh-CN.md")}
        missing = pages - listed - {index}
        assert not missing, f"docs/{index} does not list {sorted(missing)}"


def test_every_picture_is_shown_and_small() -> None:
    shown = {(page.parent / target).resolve() for page in PAGES for picture, target in links(page) if picture}
    for path in sorted(PICTURES.iterdir()):
        assert path in shown, f"no page shows {path.name}"
        assert path.stat().st_size <= 400_000, f"{path.name} is large"
        with Image.open(path) as image:
            image.load()
    assert not (DOCS / "images").exists()


def test_the_page_of_settings_is_what_the_code_says() -> None:
    assert text_of(DOCS / "settings.md") == settings_page(recipe_schema(Recipe)), (
        "write it anew: pvtt-data schema --page > docs/settings.md"
    )


def test_the_schema_command_writes_both_forms() -> None:
    page, schema = (CliRunner().invoke(cli, ["schema", *options]) for options in (["--page"], []))
    assert page.output == text_of(DOCS / "settings.md")
    assert json.loads(schema.output) == recipe_schema(Recipe)


@cache
def settings() -> tuple[frozenset[str], frozenset[str]]:
    """Names of all settings and sections, of recipes and trainings, and of those below which any name may stand."""
    pages = "".join(text_of(DOCS / name) for name in ("settings.md", "training_settings.md"))
    rows = re.findall(r"^\| `([\w.]+)` \|(.*)$", pages, re.MULTILINE)
    names = {".".join(name.split(".")[:count]) for name, _ in rows for count in range(1, name.count(".") + 2)}
    return frozenset(names), frozenset(name for name, rest in rows if "names with" in rest)


@pytest.mark.parametrize(
    "page", [page for page in PAGES if page.name != "CHANGELOG.md"], ids=lambda page: page.relative_to(ROOT).as_posix()
)
def test_settings_that_a_page_names_exist(page: Path) -> None:
    """Code such as `filter.min_luma` is a setting where it begins with a section's name."""
    known, free = settings()
    sections = {name.partition(".")[0] for name in known if "." in name}
    named = re.findall(r"`([a-z_]+(?:\.[a-z_]+)+)(?:[:=][^`]*)?`", prose(page))
    wrong = [
        name
        for name in named
        if name.partition(".")[0] in sections
        and name not in known
        and name.rpartition(".")[0] not in free
        and not re.search(r"\.(?:md|py|yaml|parquet|mp4|png|jsonl?|config)$", name)
    ]
    assert not wrong, f"no such settings: {wrong}"


def test_the_recipe_page_shows_settings_that_a_recipe_takes() -> None:
    page = text_of(DOCS / "recipe.md")
    table = page.partition("## Settings that people change")[2].partition("## Writing one")[0]
    shown = [code for code in re.findall(r"`([^`]+)`", table) if re.match(r"[a-z_.]+: \S", code)]
    assert len(shown) >= 15
    for code in shown:
        key, _, value = code.partition(": ")
        read_recipe(ROOT / "recipes" / "ecommerce.yaml", [f"{key}={value}"])


@pytest.mark.parametrize("page", [page for page in PAGES if "```yaml" in text_of(page)], ids=lambda page: page.name)
def test_recipes_that_a_page_shows_load(page: Path, tmp_path: Path) -> None:
    (tmp_path / "recipes").symlink_to(ROOT / "recipes")
    for block in re.findall(r"^```yaml\n(.*?)^```$", text_of(page), re.MULTILINE | re.DOTALL):
        whole = block if "include:" in block else f"include: recipes/ecommerce.yaml\n{block}"
        (tmp_path / "shown.yaml").write_text(whole, encoding="utf-8")
        read_recipe(tmp_path / "shown.yaml")


def test_the_recipe_page_names_every_recipe_and_each_loads() -> None:
    page = text_of(DOCS / "recipe.md")
    for path in sorted((ROOT / "recipes").glob("*.yaml")):
        assert f"(../recipes/{path.name})" in page
        assert yaml.safe_load(path.read_text(encoding="utf-8"))["name"] == read_recipe(path).name
