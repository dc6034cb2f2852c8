"""The quickstart's commands and examples, in both languages, run as they are written; no page names an option that
does not exist."""

from __future__ import annotations

import ast
import importlib
import re
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path

import click
import numpy as np
import pytest
from catalogue_builds import SMALL, Builder
from click.testing import CliRunner
from PIL import Image
from remembered_answers import remembering
from test_docs_links import PAGES, ROOT, text_of

from pvtt_data.build import BuildOutcome
from pvtt_data.cli import cli
from pvtt_data.recipe import read_recipe
from pvtt_data.shards import ShardDataset, read_manifest

_BLOCK = re.compile(r"^```(sh|python)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(page: str) -> list[tuple[str, str]]:
    return _BLOCK.findall(text_of(ROOT / "docs" / page))


def commands(page: str) -> Iterator[list[str]]:
    for kind, code in blocks(page):
        if kind == "sh":
            yield from (shlex.split(line, comments=True) for line in code.splitlines() if line.strip())


def test_its_recipe_is_the_one_to_copy_in_small() -> None:
    """What makes the commands below quick here: the builds of other tests have computed all of it."""
    small = read_recipe(ROOT / "recipes" / "ecommerce.yaml", [*SMALL, "name=quickstart"])
    assert read_recipe(ROOT / "recipes" / "quickstart.yaml") == small


def test_the_quickstart_runs_as_it_is_written(
    catalogue_build: tuple[Builder, BuildOutcome], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    builder, _ = catalogue_build
    shutil.copytree(builder.folder / "work", tmp_path / "work")
    for name in ("recipes", "samples"):
        (tmp_path / name).symlink_to(ROOT / name)
    monkeypatch.chdir(tmp_path)
    for variable, value in remembering(builder.answers).items():
        monkeypatch.setenv(variable, value)

    said: dict[str, str] = {}
    made: dict[str, object] = {}
    for kind, code in blocks("quickstart.md"):
        if kind == "python":
            made = {"__name__": "quickstart"}
            exec(compile(code, "quickstart.md", "exec"), made)
            continue
        for line in filter(None, code.splitlines()):
            program, *words = shlex.split(line)
            assert program == "pvtt-data"
            done = CliRunner().invoke(cli, words)
            assert done.exit_code == 0, f"{line}\n{done.output}"
            said[f"{words[0]} {len([name for name in said if name.startswith(words[0])])}"] = done.output

    assert "made v1" in said["build 0"]
    with Image.open("sheet.png") as sheet:
        assert sheet.width > 1000
    assert "mask-too-large" in said["show 0"]
    assert "everything is cached" in said["plan 0"]
    assert "made v2" in said["build 1"]
    assert "background-made-up" in said["diff 0"]
    assert "triple_qc.max_made_up: 0.6 → 0.3" in said["diff 0"]
    assert "no problem found" in said["verify 0"]
    assert read_manifest(Path("shards/v2")).recipe["triple_qc"]["max_made_up"] == 0.3
    last = ShardDataset("shards/v2", split="train")[-1]
    assert isinstance(made["video"], np.ndarray)
    assert np.array_equal(made["video"], last.target)
    assert made["video"].shape == (17, 448, 256, 3)
    assert len(list(Path("exports/videofolder/train/target").iterdir())) == len(ShardDataset("shards/v2"))


def test_both_languages_have_the_same_commands() -> None:
    def without_comments(page: str) -> list[tuple[str, str]]:
        return [(kind, re.sub(r" *#.*", "", code)) for kind, code in blocks(page)]

    assert without_comments("quickstart.md") == without_comments("quickstart.zh-CN.md")
    assert len(list(commands("quickstart.md"))) >= 8


def test_both_languages_answer_the_same_questions_with_the_same_commands() -> None:
    def shape(page: str) -> list[str]:
        lines = text_of(ROOT / "docs" / page).splitlines()
        kept = (re.sub(r" +#.*", "", line) for line in lines if line.startswith(("    ", "## ", "### ")))
        return [line if line.startswith(" ") else line.partition(" ")[0] for line in kept]

    assert shape("faq.md") == shape("faq.zh-CN.md")


def _called(page: Path) -> Iterator[list[str]]:
    """Words of all commands of ours that a page shows, in code within a line, too."""
    for text in re.findall(
        r"(?:^(?: {4,}|\t)?|`|&& |\.venv/bin/)(pvtt-(?:data|train)(?: [^`\n]*)?)", text_of(page), re.MULTILINE
    ):
        try:
            yield shlex.split(re.split(r" (?:&&|\||>) ", text)[0], comments=True)
        except ValueError:  # prose after an apostrophe
            continue


@pytest.mark.parametrize(
    "page", [p for p in PAGES if p.name != "CHANGELOG.md"], ids=lambda p: p.relative_to(ROOT).as_posix()
)
def test_commands_and_options_that_a_page_shows_exist(page: Path) -> None:
    wrong = []
    for program, *words in _called(page):
        command: click.Command = importlib.import_module("pvtt_train.cli").cli if program == "pvtt-train" else cli
        context = click.Context(command)
        while isinstance(command, click.Group) and words and re.fullmatch(r"[a-z]+", words[0]):
            name, *words = words
            found = command.get_command(context, name)
            if found is None:
                if not getattr(command, "invoke_without_command", False):
                    wrong.append(f"{program} {name}")
                break
            command, context = found, click.Context(found, parent=context)
        options = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
        shown = {re.split(r"[=\]]", word.strip("[]"))[0] for word in words if re.match(r"\[?--[a-z]", word)}
        wrong += [
            f"{program} {context.info_name} {option}" for option in sorted(shown - options - {"--help", "--version"})
        ]
    assert not wrong, wrong


@pytest.mark.parametrize("page", [p for p in PAGES if "```python" in text_of(p)], ids=lambda p: p.name)
def test_names_that_examples_import_exist(page: Path) -> None:
    """Of pages whose examples are not run, too."""
    for code in re.findall(r"^```python\n(.*?)^```$", text_of(page), re.MULTILINE | re.DOTALL):
        for node in ast.walk(ast.parse(code)):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("pvtt_"):
                try:
                    module = importlib.import_module(str(node.module))
                except ModuleNotFoundError as error:
                    assert not str(error.name).startswith("pvtt_"), ast.unparse(node)
                    pytest.skip(f"{error.name} is not installed")
                assert {alias.name for alias in node.names} <= set(dir(module)), ast.unparse(node)
