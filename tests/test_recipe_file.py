"""A recipe file either gives exactly what its author wrote, or says what is wrong, where, and what to write."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
import yaml
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from pydantic import (
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    FilePath,
    PositiveFloat,
    PositiveInt,
    Tag,
    model_validator,
)

from pvtt_data.errors import RecipeError
from pvtt_data.recipe_file import load_recipe, recipe_schema


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class FolderSource(Section):
    kind: Literal["folder"]
    folder: Path
    licence: str = "unknown"


class UrlSource(Section):
    kind: Literal["url"]
    addresses: list[str]
    timeout_s: PositiveFloat = 30


class Filter(Section):
    max_blur: float = Field(default=0.5, gt=0, le=1, description="Largest blur that a clip may have.")
    min_luma: int = Field(default=10, ge=0, le=255)
    detector: Literal["fast", "accurate"] = "fast"
    drop_static: bool = True

    @model_validator(mode="after")
    def _accurate_when_strict(self) -> Filter:
        if self.max_blur < 0.01 and self.detector == "fast":
            raise ValueError("max_blur below 0.01 needs detector: accurate")
        return self


class Normalise(Section):
    fps: PositiveFloat
    frame_size: tuple[PositiveInt, PositiveInt] = (480, 848)
    background: Path | Literal["none"] = "none"


class Variant(Section):
    shade: str
    texture: Path | None = None


class Recipe(Section):
    """Everything that a build needs."""

    name: str = Field(min_length=1)
    sources: list[Annotated[FolderSource | UrlSource, Field(discriminator="kind")]] = []
    filter: Filter = Filter()
    normalise: Normalise
    review: Filter | None = None
    variants: dict[str, Variant] = {}
    extra_folders: list[Path] = []
    named_folders: dict[str, Path] = {}
    threshold: float | Literal["auto"] = "auto"
    aspect: str = "16:9"
    weights: FilePath | None = None
    fallbacks: list[FolderSource | UrlSource] = []


MINIMAL = "name: demo\nnormalise: {fps: 24}\n"

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write_file(text: str | bytes, name: str = "recipe.yaml") -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path

    return write_file


def problems(path: Path, overrides: Sequence[str] = (), model: type[BaseModel] = Recipe) -> list[str]:
    """The lines of the error, with the folder of `path` taken off."""
    with pytest.raises(RecipeError) as caught:
        load_recipe(path, model, overrides)
    return str(caught.value).replace(f"{path.parent}/", "").splitlines()


def only_problem(path: Path, *overrides: str) -> str:
    found = problems(path, overrides)
    assert len(found) == 1, found
    return found[0]


# What a value means


def test_reads_values_of_every_kind(write: Write) -> None:
    path = write(
        """
        name: "Café 杯"
        sources:
          - {kind: folder, folder: /data/cups}
          - kind: url
            addresses: [https://example.com/a.mp4]
        filter: {max_blur: .25, min_luma: 0o20, drop_static: false}
        normalise: {fps: 2.5e1, frame_size: [320, 576]}
        threshold: 3
        """
    )
    recipe = load_recipe(path, Recipe)
    assert recipe.name == "Café 杯"
    assert recipe.sources == [
        FolderSource(kind="folder", folder=Path("/data/cups")),
        UrlSource(kind="url", addresses=["https://example.com/a.mp4"]),
    ]
    assert recipe.filter == Filter(max_blur=0.25, min_luma=16, drop_static=False)
    assert recipe.normalise == Normalise(fps=25, frame_size=(320, 576))
    assert recipe.threshold == 3


@pytest.mark.parametrize(
    "text",
    ["on", "off", "yes", "No", "16:9", "480x848", "2024-01-01", "0012", "1.10", "1e3", "1_000", "=", "a#b", "0o17"],
)
def test_unquoted_text_stays_as_written(write: Write, text: str) -> None:
    assert load_recipe(write(f"{MINIMAL}aspect: {text}\n"), Recipe).aspect == text


@pytest.mark.parametrize("text", ["true", "~", "null", ""])
def test_booleans_and_null_are_not_taken_for_text(write: Write, text: str) -> None:
    assert "recipe.yaml:3:" in only_problem(write(f"{MINIMAL}aspect: {text}\n"))


def test_true_is_not_taken_for_a_number(write: Write) -> None:
    path = write("name: a\nnormalise:\n  fps: true\n")
    assert only_problem(path) == "recipe.yaml:3:8  normalise.fps = true — expected a number greater than 0"


def test_nan_is_not_taken_for_a_number(write: Write) -> None:
    assert "threshold = .nan" in only_problem(write(MINIMAL + "threshold: .nan\n"))


def test_anchors_repeat_values(write: Write) -> None:
    path = write(MINIMAL + "filter: &f {max_blur: 0.2}\nreview: *f\n")
    assert load_recipe(path, Recipe).review == Filter(max_blur=0.2)


# Errors of the model


def test_unknown_key_names_the_nearest_key_here(write: Write) -> None:
    path = write(MINIMAL + "filter:\n  max_blurr: 3\n")
    assert only_problem(path) == (
        "recipe.yaml:4:3  filter.max_blurr = 3 — unknown key; did you mean 'max_blur'? "
        "(keys here: max_blur, min_luma, detector, drop_static)"
    )


def test_unknown_key_names_where_the_key_belongs(write: Write) -> None:
    found = problems(write(MINIMAL + "filter:\n  fps: 3\n  include: x.yaml\n"))
    assert found[0].startswith(
        "recipe.yaml:4:3  filter.fps = 3 — unknown key; it belongs under 'normalise' (keys here: max_blur"
    )
    assert "it belongs at the top level" in found[1]


def test_unknown_key_of_another_kind_names_the_kind(write: Write) -> None:
    path = write(MINIMAL + "sources:\n- kind: folder\n  folder: a\n  timeout_s: 3\n")
    assert only_problem(path) == (
        "recipe.yaml:6:3  sources[0].timeout_s = 3 — unknown key; it goes with kind: 'url' "
        "(keys here: kind, folder, licence)"
    )


def test_misspelt_and_misplaced_key_is_found(write: Write) -> None:
    assert "did you mean 'frame_size', which belongs under 'normalise'?" in only_problem(
        write(MINIMAL + "review: {frame_sizes: [1, 2]}\n")
    )


def test_misspelt_required_key_is_one_problem(write: Write) -> None:
    assert "did you mean 'fps'?" in only_problem(write("name: a\nnormalise: {fsp: 24}\n"))


def test_missing_key_says_what_belongs_there(write: Write) -> None:
    path = write("name: a\nnormalise:\n  background: none\n")
    assert only_problem(path) == (
        "recipe.yaml:2:1  normalise.fps — the key is missing; expected a number greater than 0"
    )


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("name: ''", '1:7  name = "" — expected text of at least 1 character'),
        ("threshold: atuo", "1:12  threshold = \"atuo\" — expected 'auto' or a number; did you mean 'auto'?"),
        (
            "filter: {detector: fats}",
            "1:20  filter.detector = \"fats\" — expected one of 'fast', 'accurate'; did you mean 'fast'?",
        ),
        ("filter: {min_luma: 300}", "1:20  filter.min_luma = 300 — expected a whole number from 0 to 255"),
        ("filter: {min_luma: 1.5}", "1:20  filter.min_luma = 1.5 — expected a whole number from 0 to 255"),
        ("filter: {max_blur: 2}", "1:20  filter.max_blur = 2 — expected a number greater than 0 and of at most 1"),
        ("filter: {drop_static: maybe}", '1:23  filter.drop_static = "maybe" — expected true or false'),
        (
            "filter: {max_blur: 0.001}",
            "1:1  filter = {max_blur: 0.001} — max_blur below 0.01 needs detector: accurate",
        ),
        (
            "sources: [{kind: url, addresses: a.mp4}]",
            '1:34  sources[0].addresses = "a.mp4" — expected a list of text; write ["a.mp4"] for a list of one',
        ),
        (
            "sources: [{kind: urll}]",
            "1:18  sources[0].kind = \"urll\" — expected one of 'folder', 'url'; did you mean 'url'?",
        ),
        ("sources: [{folder: a}]", "1:11  sources[0].kind — the key is missing; expected one of 'folder', 'url'"),
        (
            "fallbacks: [{kind: url, addresses: [{}]}]",
            "1:37  fallbacks[0].addresses[0] = {} — expected text",
        ),
        ("weights: no.onnx", '1:10  weights = "no.onnx" — expected the path of an existing file or null'),
        (
            "normalise: {fps: 1, frame_size: 3}",
            "1:33  normalise.frame_size = 3 — expected a list of 2 items (a whole number greater than 0, "
            "a whole number greater than 0)",
        ),
        (
            "normalise: {fps: 1, frame_size: [3]}",
            "1:21  normalise.frame_size[1] — the item is missing; expected a whole number greater than 0",
        ),
        ("named_folders: 3", "1:16  named_folders = 3 — expected a mapping of names to a path"),
        (
            "variants: {red: {texture: a.png}}",
            "1:12  variants.red.shade — the key is missing; expected text",
        ),
        (
            f"aspect: [{'long, ' * 30}]",
            "1:1  aspect = [" + '"long", ' * 7 + '"l… — expected text',
        ),
    ],
)
def test_wrong_values_say_what_was_expected(write: Write, line: str, expected: str) -> None:
    rest = "".join(each for each in MINIMAL.splitlines(True) if each.split(":")[0] != line.split(":")[0])
    assert only_problem(write(f"{line}\n{rest}")) == f"recipe.yaml:{expected}"


def test_all_problems_are_listed_in_the_order_of_the_file(write: Write) -> None:
    path = write(
        "name: ''\n"
        "filter: {max_blur: 9, max_blur: 8}\n"
        "normalise: {fps: fast, size: 3}\n"
        "extra_folders: ['${PVTT_NOT_SET}']\n"
        "sources: [{kind: urll}]\n"
    )
    lines = [int(line.split(":")[1]) for line in problems(path)]
    assert lines == [1, 2, 2, 3, 3, 4, 5]


def test_error_text_is_safe_to_print(write: Write) -> None:
    path = write(MINIMAL + 'aspect: {"\\e[31m\\u202e": "\\ud800"}\n')
    found = "".join(problems(path))
    assert found.isprintable()
    found.encode()


# Errors of YAML and of the file


def test_syntax_error_names_the_place(write: Write) -> None:
    found = only_problem(write("name: a\nnormalise: {fps: 24\nfilter: {}\n"))
    assert found.startswith("recipe.yaml:3:7 — YAML syntax error: ")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"", "1:1 — the file is empty; expected a mapping with the keys include, name, "),
        (b"# only a comment\n", "1:1 — the file is empty"),
        (b"- a\n- b\n", '1:1 — the file holds ["a", "b"]; expected a mapping'),
        (b"name: a\nx: \xff\n", "2:4 — byte 0xff is not UTF-8"),
        (b"name: a\nx: \x07\n", "2:4 — character U+0007 is not allowed"),
        (b"name: *nowhere\n", "1:7  name — alias *nowhere has no anchor"),
        (b"name: &a [*a]\n", "1:11  name[0] — alias *a stands inside the value"),
        (b"name:\n\ta: 1\n", "2:1 — YAML syntax error"),
        (b'name: "\\UFFFFFFFF"\n', "an escape sequence after this place names no character"),
        (b"a: " + b"[" * 100 + b"]" * 100, "more than 40 levels of nesting"),
        (b"a: " + b"9" * 2_000_000, "larger than 1048576 bytes"),
    ],
)
def test_unusable_files_say_why(write: Write, text: bytes, expected: str) -> None:
    assert expected in only_problem(write(text))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("filter: {}\nfilter: {}\n", "recipe.yaml:4:1  filter = {} — the key is given twice; line 3 has it"),
        ("named_folders: {1: a}\n", 'recipe.yaml:3:17  named_folders.1 = "a" — expected text as the key'),
        ("named_folders: {[a]: a}\n", "expected text as the key, not an alias, a list or a mapping"),
        ("filter: &f {}\nreview: {<<: *f}\n", "recipe.yaml:4:10  review.<< = {} — merge keys are not part"),
        ("aspect: !!python/name:os.system x\n", "the tag tag:yaml.org,2002:python/name:os.system is not allowed"),
        ("--- {}\n", "recipe.yaml:3:1 — a second YAML document begins here"),
    ],
)
def test_yaml_that_means_something_else_elsewhere_is_refused(write: Write, text: str, expected: str) -> None:
    assert expected in only_problem(write(MINIMAL + text))


def test_alias_bomb_is_refused_quickly(write: Write) -> None:
    lines = ["l0: &l0 [a, a, a, a, a, a, a, a, a, a]"]
    lines += [f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 10)}]" for n in range(1, 12)]
    start = time.perf_counter()
    assert "more than 20000 values" in only_problem(write("\n".join(lines)))
    assert time.perf_counter() - start < 2


def test_missing_file_and_folder(tmp_path: Path) -> None:
    assert only_problem(tmp_path / "no.yaml").startswith("no.yaml — no such file: ")
    (tmp_path / "folder.yaml").mkdir()
    assert only_problem(tmp_path / "folder.yaml") == "folder.yaml — a folder, not a recipe file"


def test_file_that_the_system_refuses(tmp_path: Path) -> None:
    (tmp_path / "loop.yaml").symlink_to("loop.yaml")
    assert only_problem(tmp_path / "loop.yaml").startswith("loop.yaml — cannot be read: ")
    assert "cannot be read: File name too long" in only_problem(tmp_path / f"{'a' * 300}.yaml")


def test_aliases_do_not_get_around_the_limit_of_nesting(write: Write) -> None:
    lists = "[" * 30 + "]" * 30
    assert "more than 40 levels of nesting" in only_problem(write(f"a: &a {lists}\nb: {'[' * 30}*a{']' * 30}\n"))


def test_byte_order_mark_and_crlf_are_read(write: Write) -> None:
    path = write(b"\xef\xbb\xbfname: demo\r\nnormalise:\r\n  fps: 24\r\n")
    assert load_recipe(path, Recipe).normalise.fps == 24


# Includes


def test_own_keys_and_later_files_win(write: Write) -> None:
    write("name: a\nfilter: {max_blur: 0.1, min_luma: 1}\nnormalise: {fps: 10}\n", "base/a.yaml")
    write("include: a.yaml\nfilter: {min_luma: 2, detector: accurate}\nextra_folders: [x, y]\n", "base/b.yaml")
    path = write("include: [base/a.yaml, base/b.yaml]\nfilter: {detector: fast}\nextra_folders: [z]\n")
    recipe = load_recipe(path, Recipe)
    assert recipe.filter == Filter(max_blur=0.1, min_luma=2, detector="fast")
    assert recipe.extra_folders == [path.parent / "z"]
    assert (recipe.name, recipe.normalise.fps) == ("a", 10)


def test_errors_point_into_the_included_file(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    write("name: a\nfilter:\n  max_blur: 9\n", "shared/base.yaml")
    path = write("include: ../shared/base.yaml\nnormalise: {fps: 0}\n", "mine/recipe.yaml")
    monkeypatch.chdir(path.parent.parent)
    assert [line.split("  ")[0] for line in problems(Path("mine/recipe.yaml"))] == [
        "recipe.yaml:2:18",
        "shared/base.yaml:3:13",
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("include: no.yaml\n", 'recipe.yaml:1:10  include = "no.yaml" — no such file: '),
        ("include: [other.yaml, 3]\n", "recipe.yaml:1:23  include[1] = 3 — expected the path of a recipe file"),
        ("include: ''\n", 'recipe.yaml:1:10  include = "" — expected a path, the text is empty'),
        ("include: other.yaml\nname: 3\n", 'other.yaml:1:10  include = "recipe.yaml" — files include each other'),
        ("include: broken.yaml\n", "broken.yaml:1:4 — YAML syntax error"),
        ("include: empty.yaml\n", "empty.yaml:1:1 — the file is empty"),
        ("include: ${PVTT_NOT_SET}\n", 'recipe.yaml:1:10  include = "${PVTT_NOT_SET}" — the environment'),
    ],
)
def test_unusable_includes_name_the_including_line(write: Write, text: str, expected: str) -> None:
    write("include: recipe.yaml\n" if "name" in text else MINIMAL, "other.yaml")
    write("a: ]", "broken.yaml")
    write("", "empty.yaml")
    found = only_problem(write(text))
    assert found.startswith(expected)


def test_circle_is_spelled_out(write: Write) -> None:
    write("include: c.yaml\n", "b.yaml")
    write("include: a.yaml\n", "c.yaml")
    assert only_problem(write("include: b.yaml\n", "a.yaml")).endswith("a.yaml → b.yaml → c.yaml → a.yaml")


def test_long_chain_of_includes_is_refused(write: Write) -> None:
    for number in range(30):
        write(f"include: {number + 1}.yaml\n", f"{number}.yaml")
    assert "more than 16 files include one another" in only_problem(write(MINIMAL, "30.yaml").with_name("0.yaml"))


def test_files_included_many_times_are_read_once(write: Write) -> None:
    for number in range(14):
        write(f"include: [{number + 1}.yaml, {number + 1}.yaml, {number + 1}.yaml]\n", f"{number}.yaml")
    start = time.perf_counter()
    load_recipe(write(MINIMAL, "14.yaml").with_name("0.yaml"), Recipe)
    assert time.perf_counter() - start < 2


# Variables and paths


def test_variables_are_replaced(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PVTT_A", "alpha")
    monkeypatch.setenv("PVTT_EMPTY", "")
    monkeypatch.delenv("PVTT_NOT_SET", raising=False)
    path = write(
        'name: "${PVTT_A}-${PVTT_EMPTY:-b}-${PVTT_NOT_SET:-c:-d}-$${PVTT_A}-$x-$$"\nnormalise:\n  fps: ${FPS:-24}\n'
    )
    recipe = load_recipe(path, Recipe)
    assert recipe.name == "alpha-b-c:-d-${PVTT_A}-$x-$"
    assert recipe.normalise.fps == 24


@pytest.mark.parametrize("text", ["${", "${}", "${a b}", "${1}", "${A:+b}"])
def test_broken_variables_are_refused(write: Write, text: str) -> None:
    assert "is no variable" in only_problem(write(f"{MINIMAL}aspect: '{text}'\n"))


def test_unset_variable_is_named(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PVTT_NOT_SET", raising=False)
    assert only_problem(write(MINIMAL + "aspect: a/${PVTT_NOT_SET}\n")) == (
        'recipe.yaml:3:9  aspect = "a/${PVTT_NOT_SET}" — the environment variable PVTT_NOT_SET is not set; '
        "set it or write ${PVTT_NOT_SET:-default}"
    )


def test_paths_belong_to_the_file_that_they_are_written_in(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    write("extra_folders: [up, ~/x, /abs, ~]\n".replace(", ~]", ", '~']"), "base/base.yaml")
    weights = write("onnx", "mine/net.onnx")
    write(
        "include: ../base/base.yaml\n"
        "name: a\n"
        "weights: net.onnx\n"
        "normalise: {fps: 24, background: sky.png}\n"
        "named_folders: {a: one, b: ./2024}\n"
        "variants: {red: {shade: ~/not-a-path, texture: red.png}}\n"
        "sources: [{kind: folder, folder: 2024}]\n"
        "fallbacks: [{kind: folder, folder: clips, licence: cc0}]\n",
        "mine/recipe.yaml",
    )
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    mine, home = tmp_path / "mine", tmp_path / "home"
    recipe = load_recipe(Path("../mine/recipe.yaml"), Recipe, ["named_folders.c=here"])
    assert recipe.extra_folders == [tmp_path / "base/up", home / "x", Path("/abs"), home]
    assert recipe.weights == weights
    assert recipe.normalise.background == mine / "sky.png"
    assert recipe.named_folders == {"a": mine / "one", "b": mine / "2024", "c": tmp_path / "elsewhere/here"}
    assert recipe.variants["red"] == Variant(shade="~/not-a-path", texture=mine / "red.png")
    assert recipe.sources == [FolderSource(kind="folder", folder=mine / "2024")]
    assert recipe.fallbacks == [FolderSource(kind="folder", folder=mine / "clips", licence="cc0")]


def test_fixed_word_is_not_taken_for_a_path(write: Write) -> None:
    assert load_recipe(write("name: a\nnormalise: {fps: 2, background: none}\n"), Recipe).normalise.background == "none"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("''", "the text is empty"),
        ("https://example.com/a", "not an address"),
        ('"a\\0b"', "NUL"),
        ("~", 'write "~" in quotes for the home folder'),
        ("~nobody-has-this-name/x", "the home folder of ~nobody-has-this-name is not known"),
    ],
)
def test_unusable_paths_are_refused(write: Write, text: str, expected: str) -> None:
    assert expected in only_problem(write(f"{MINIMAL}named_folders:\n  a: {text}\n"))


# Overrides


@pytest.mark.parametrize(
    ("override", "place", "value"),
    [
        ("filter.max_blur=.25", ("filter", "max_blur"), 0.25),
        ("review.max_blur=0.25", ("review", "max_blur"), 0.25),
        ("normalise.frame_size=[1, 2]", ("normalise", "frame_size"), (1, 2)),
        ('aspect="4:3"', ("aspect",), "4:3"),
        ("aspect=a=b", ("aspect",), "a=b"),
        ("aspect = on", ("aspect",), "on"),
        ('variants."dark.red".shade=x', ("variants", "dark.red", "shade"), "x"),
        ("filter={min_luma: 7}", ("filter",), Filter(min_luma=7)),
        ("review=null", ("review",), None),
    ],
)
def test_overrides_win(write: Write, override: str, place: tuple[str, ...], value: object) -> None:
    found: Any = load_recipe(write(MINIMAL + "filter: {max_blur: 0.1}\nreview:\n"), Recipe, [override])
    for key in place:
        found = found[key] if isinstance(found, dict) else getattr(found, key)
    assert found == value


def test_override_of_a_list_item(write: Write) -> None:
    path = write(MINIMAL + "sources: [{kind: folder, folder: /a, licence: x}, {kind: folder, folder: /b}]\n")
    recipe = load_recipe(path, Recipe, ["sources[1].folder=/c", "sources[0].licence=cc0"])
    assert recipe.sources == [
        FolderSource(kind="folder", folder=Path("/a"), licence="cc0"),
        FolderSource(kind="folder", folder=Path("/c")),
    ]


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("filter.max_blurr=3", "--set filter.max_blurr=3 — unknown key; did you mean 'max_blur'? (keys here: "),
        ("filterr.max_blur=3", "--set filterr.max_blur=3  filterr = {max_blur: 3} — unknown key; did you mean"),
        ("filter.max_blur=3", "--set filter.max_blur=3 — expected a number greater than 0 and of at most 1"),
        ("filter={min: 3}", "--set filter={min: 3}  filter.min = 3 — unknown key"),
        ("normalise.fps.x=3", "--set normalise.fps.x=3 — no key 'x' can be set: 'normalise.fps' holds 24, not"),
        ("aspect.x=3", "--set aspect.x=3 — no key 'x' can be set: 'aspect' takes text, not a mapping"),
        ("sources[0].kind=url", "--set sources[0].kind=url — no item [0]: 'sources' holds no items"),
        ("aspect", "--set aspect — expected KEY=VALUE"),
        ("=3", "--set =3 — expected KEY=VALUE"),
        (".aspect=3", "--set .aspect=3 — expected KEY=VALUE"),
        ("a..b=3", "--set a..b=3 — expected KEY=VALUE"),
        ("[0]=3", "--set [0]=3 — expected KEY=VALUE"),
        ("aspect=", '--set aspect= — no value after "="'),
        ("aspect=#fff", '--set aspect=#fff — no value after "="'),
        ("aspect=red #fff", "--set aspect=red #fff — the value is not one YAML value"),
        ("aspect=a: b", "--set aspect=a: b — the value is not one YAML value"),
        ("aspect=[1", "--set aspect=[1 — YAML syntax error"),
        ("include=x.yaml", "--set include=x.yaml — 'include' works in recipe files only"),
        ("aspect=${PVTT_NOT_SET}", "--set aspect=${PVTT_NOT_SET} — the environment variable PVTT_NOT_SET is not set"),
    ],
)
def test_wrong_overrides_are_named(write: Write, override: str, expected: str) -> None:
    assert only_problem(write(MINIMAL), override).startswith(expected)


def test_mended_value_is_no_problem_any_more(write: Write) -> None:
    path = write("name: a\nnormalise: {fps: fast}\n")
    assert load_recipe(path, Recipe, ["normalise.fps=24"]).normalise.fps == 24


# Other shapes of models


class Black(Section):
    animal: Literal["cat"]
    colour: Literal["black"]
    shade: int


class White(Section):
    animal: Literal["cat"]
    colour: Literal["white"]
    glare: int


class Dog(Section):
    animal: Literal["dog"]
    breed: str


class Node(Section):
    name: str
    children: list[Node] = []
    file: Path | None = None


Cat = Annotated[Black | White, Field(discriminator="colour")]


class Zoo(Section):
    pet: Annotated[Cat | Dog, Field(discriminator="animal")] | None = None
    pet_or_count: Annotated[Black | Dog, Field(discriminator="animal")] | int = 0
    nested: dict[str, list[Dog | list[int]]] = {}
    codes: dict[Annotated[str, Field(pattern="^[a-z]+$")], int] = {}
    corners: list[float] = Field(default=[], min_length=2, max_length=2)
    ratio: float = Field(default=1, allow_inf_nan=False, multiple_of=0.5)
    hook: Callable[[], None] | None = None
    by_function: Annotated[
        Annotated[Black, Tag("b")] | Annotated[Dog, Tag("d")], Discriminator(lambda value: value.get("tag"))
    ] = Dog(animal="dog", breed="any")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("pet: {animal: cat, colour: black, shad: 1}", "1:35  pet.shad = 1 — unknown key; did you mean 'shade'?"),
        ("pet: {animal: cat, colour: blak}", "1:28  pet.colour = \"blak\" — expected one of 'black', 'white'; did"),
        ("pet: {animal: dgo}", "1:15  pet.animal = \"dgo\" — expected one of 'cat', 'dog'; did you mean 'dog'?"),
        ("pet_or_count: {animal: dog}", "1:1  pet_or_count.breed — the key is missing; expected text"),
        ("pet_or_count: many", '1:15  pet_or_count = "many" — expected a mapping with the keys'),
        ("nested: {a: [[1, b]]}", '1:18  nested.a[0][1] = "b" — expected a whole number'),
        ("codes: {a: b}", '1:12  codes.a = "b" — expected a whole number'),
        ("corners: [1]", "1:1  corners = [1] — expected a list of a number, with exactly 2 items"),
        ("ratio: .inf", "1:8  ratio = .inf — expected a finite number"),
        ("ratio: 0.3", "1:8  ratio = 0.3 — expected a number divisible by 0.5"),
        ("hook: 3", "1:7  hook = 3 — expected callable"),
        ("by_function: {tag: x}", "1:1  by_function — expected a mapping of one of the kinds 'b', 'd'"),
        ("by_function: {}", "1:1  by_function — expected a mapping with the keys animal, colour, shade or a mapping"),
        ("codes: {A1: 3}", "1:9  codes.A1 — as a key expected text that matches ^[a-z]+$"),
    ],
)
def test_unions_in_unions_report_the_member_that_was_meant(write: Write, text: str, expected: str) -> None:
    found = problems(write(text), model=Zoo)
    assert len(found) == 1, found
    assert found[0].startswith(f"recipe.yaml:{expected}")


def test_model_that_contains_itself(write: Write) -> None:
    path = write("name: a\nchildren: [{name: b, children: [{name: c, file: x.txt}]}]\n")
    assert load_recipe(path, Node).children[0].children[0].file == path.parent / "x.txt"
    path = write("name: a\nchildren: [{name: b, children: [{nam: c}]}]\n")
    assert "children[0].children[0].nam" in problems(path, model=Node)[0]


# Schema for editors


def test_schema_knows_include_and_keeps_descriptions() -> None:
    schema = recipe_schema(Recipe)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["title"] == "Recipe"
    assert schema["description"] == "Everything that a build needs."
    assert {"type": "string"} in schema["properties"]["include"]["anyOf"]
    assert schema["$defs"]["Filter"]["properties"]["max_blur"]["description"].startswith("Largest blur")
    assert schema["additionalProperties"] is False
    json.dumps(schema)


def test_schema_of_a_caller_is_not_shared() -> None:
    recipe_schema(Recipe)["properties"]["include"]["anyOf"].clear()
    assert recipe_schema(Recipe)["properties"]["include"]["anyOf"]


def test_model_with_a_field_named_include_is_refused() -> None:
    class Clash(Section):
        include: str = ""

    with pytest.raises(TypeError, match="include"):
        recipe_schema(Clash)


# Cost


def test_loading_is_quick(write: Write) -> None:
    sources = "".join(f"  - {{kind: folder, folder: data/{n}}}  # shop {n}\n" for n in range(30))
    path = write(f"{MINIMAL}filter:\n  max_blur: 0.2\nsources:\n{sources}")
    load_recipe(path, Recipe)
    seconds = []
    for _ in range(5):
        start = time.perf_counter()
        load_recipe(path, Recipe)
        seconds.append(time.perf_counter() - start)
    assert min(seconds) < 0.05


def test_loader_imports_nothing_heavy() -> None:
    code = "import sys, pvtt_data.recipe_file; print(*(name for name in sys.modules if '.' not in name))"
    # The interpreter is this one and the code is fixed.
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"numpy", "av", "cv2", "pyarrow", "duckdb", "onnxruntime", "PIL"} & set(loaded)


# Properties


class Yaml12Dumper(yaml.SafeDumper):
    """Quotes text that only YAML 1.2 reads as a number."""


Yaml12Dumper.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"^(0o[0-7]+|[-+]?[0-9.]+([eE][-+]?[0-9]+)?)$"), list("-+.0123456789")
)


def dumped(value: object, **style: Any) -> str:
    text: str = yaml.dump(value, Dumper=Yaml12Dumper, sort_keys=False, **style)
    return text


any_text = st.text(max_size=12)
file_names = st.text("abz09 ~$.-_:#é", min_size=1, max_size=8).filter(str.strip)
absolute_paths = file_names.map(lambda name: f"/data/{name}")
positive = st.floats(min_value=1e-3, max_value=1e6)

sources = st.one_of(
    st.fixed_dictionaries({"kind": st.just("folder"), "folder": absolute_paths}, optional={"licence": any_text}),
    st.fixed_dictionaries(
        {"kind": st.just("url"), "addresses": st.lists(any_text, max_size=3)}, optional={"timeout_s": positive}
    ),
)
filters = st.fixed_dictionaries(
    {},
    optional={
        "max_blur": st.floats(min_value=0.01, max_value=1),
        "min_luma": st.integers(0, 255),
        "detector": st.sampled_from(["fast", "accurate"]),
        "drop_static": st.booleans(),
    },
)
recipes = st.fixed_dictionaries(
    {
        "name": st.text(min_size=1, max_size=12),
        "normalise": st.fixed_dictionaries(
            {"fps": positive},
            optional={
                "frame_size": st.lists(st.integers(1, 9999), min_size=2, max_size=2),
                "background": st.one_of(st.just("none"), absolute_paths),
            },
        ),
    },
    optional={
        "sources": st.lists(sources, max_size=3),
        "filter": filters,
        "review": st.one_of(st.none(), filters),
        "variants": st.dictionaries(
            any_text.filter(lambda key: key != "<<"),
            st.fixed_dictionaries({"shade": any_text}, optional={"texture": absolute_paths}),
            max_size=2,
        ),
        "extra_folders": st.lists(absolute_paths, max_size=2),
        "threshold": st.one_of(st.just("auto"), st.floats(allow_nan=False)),
        "aspect": any_text,
        "fallbacks": st.lists(sources, max_size=2),
    },
)


def escaped(value: Any) -> Any:
    """The same value with dollar signs doubled in text."""
    match value:
        case str():
            return value.replace("$", "$$")
        case list():
            return [escaped(item) for item in value]
        case dict():
            return {key: escaped(item) for key, item in value.items()}
    return value


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("recipes") / "recipe.yaml"


@given(
    values=recipes,
    style=st.fixed_dictionaries(
        {"default_flow_style": st.sampled_from([True, False, None]), "width": st.sampled_from([20, 80])}
    ),
)
@settings(deadline=None)
def test_written_recipe_is_read_back(scratch: Path, values: dict[str, Any], style: dict[str, Any]) -> None:
    scratch.write_text(dumped(escaped(values), **style), encoding="utf-8")
    assert load_recipe(scratch, Recipe) == Recipe.model_validate(values)


def model_keys(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Paths of all keys of `value` that the model fixes."""
    if isinstance(value, list):
        return [found for number, item in enumerate(value) for found in model_keys(item, (*path, number))]
    if not isinstance(value, dict):
        return []
    own = [] if path[-1:] == ("variants",) else [(*path, key) for key in value]
    return own + [found for key, item in value.items() for found in model_keys(item, (*path, key))]


def misspelt(data: st.DataObject, key: str) -> str:
    at = data.draw(st.integers(1, len(key) - 1), label="position")
    return data.draw(
        st.sampled_from(
            [
                key[:at] + key[at + 1 :],
                key[:at] + key[at - 1] + key[at:],
                key[: at - 1] + key[at] + key[at - 1] + key[at + 1 :],
                key.replace("_", "-"),
                key.capitalize(),
            ]
        ),
        label="misspelt",
    )


@given(values=recipes, data=st.data())
@settings(deadline=None)
def test_misspelt_key_is_found(scratch: Path, values: dict[str, Any], data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(model_keys(values)), label="path")
    key = str(path[-1])
    wrong = misspelt(data, key)
    known = [str(each[-1]) for each in model_keys(values)]
    assume(wrong not in known and len(wrong) > 1)
    holder: Any = values
    for step in path[:-1]:
        holder = holder[step]
    items = [(wrong if name == key else name, value) for name, value in holder.items()]
    holder.clear()
    holder.update(items)
    text = dumped(escaped(values))
    lines = [n for n, line in enumerate(text.splitlines(), 1) if re.match(rf"[ -]*{re.escape(wrong)}:", line)]
    assume(len(lines) == 1)
    scratch.write_text(text, encoding="utf-8")
    with pytest.raises(RecipeError) as caught:
        load_recipe(scratch, Recipe)
    found = str(caught.value).splitlines()
    assert len(found) == 1, found
    assert found[0].startswith(f"{scratch}:{lines[0]}:")
    assert f"did you mean '{key}'" in found[0]


yaml_pieces = st.lists(
    st.one_of(
        st.sampled_from(
            [
                *"-?:,[]{}#&*!|>'\"%@`~ \n\t\\$=<",
                *(": ", "- ", "\n  ", "---\n", "...\n", "&a ", "*a", "<<: ", "!!int ", "!!binary ", "%TAG ! x\n"),
                *("name", "sources", "filter", "kind: folder", "folder", "include", "recipe.yaml", "${A", ":-b}"),
                *("1e9", "0x", ".inf", ".nan", "true", "null", "~/", '"\\U0011FFFF"', '"\\ud800"', "\ufeff", "\x85"),
            ]
        ),
        st.text(max_size=3),
    ),
    max_size=40,
).map("".join)


def loads_or_explains(path: Path, overrides: Sequence[str] = ()) -> None:
    try:
        load_recipe(path, Recipe, overrides)
    except RecipeError as error:
        text = str(error)
        assert text.strip()
        assert all(line.isprintable() and " — " in line for line in text.split("\n"))


@given(content=st.one_of(st.binary(max_size=60), yaml_pieces.map(lambda text: text.encode("utf-8", "replace"))))
@settings(deadline=None, max_examples=300)
def test_any_bytes_are_read_or_explained(scratch: Path, content: bytes) -> None:
    scratch.write_bytes(content)
    loads_or_explains(scratch)


@given(values=recipes, data=st.data())
@settings(deadline=None)
def test_any_damage_to_a_recipe_is_explained(scratch: Path, values: dict[str, Any], data: st.DataObject) -> None:
    text = dumped(values)
    at = data.draw(st.integers(0, len(text)))
    until = data.draw(st.integers(at, min(len(text), at + 10)))
    scratch.write_text(text[:at] + data.draw(yaml_pieces) + text[until:], encoding="utf-8", errors="replace")
    loads_or_explains(scratch)


@given(
    override=st.one_of(
        st.text(max_size=20),
        st.tuples(
            st.sampled_from(["name", "filter", "filter.max_blur", "sources[0]", "variants.x.shade", 'a."b"[3]']),
            yaml_pieces,
        ).map("=".join),
    )
)
@example(override="\xa0")
@settings(deadline=None)
def test_any_override_is_applied_or_explained(scratch: Path, override: str) -> None:
    scratch.write_text(MINIMAL + "sources: [{kind: folder, folder: a}]\n")
    loads_or_explains(scratch, [override])
