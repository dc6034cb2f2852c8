"""Experiment logs: what a reader finds, whatever happens to the run, and what must never be in them."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from PIL import Image

import pvtt_data.experiment_log.log as log_module
from pvtt_data.experiment_log import (
    Experiment,
    ExperimentLog,
    Input,
    Iteration,
    Output,
    Picture,
    Related,
    Remark,
    Setting,
    Step,
    Table,
)
from pvtt_data.experiment_log.machine import find_commit
from pvtt_data.experiment_log.markdown import cell, code, fenced, line, table, text
from pvtt_data.experiment_log.pictures import slug
from pvtt_data.experiment_log.privacy import Privacy

ROOT = Path(__file__).resolve().parents[1]
NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
EXPERIMENT = Experiment(
    model="vace-1.3b",
    task="inpainting",
    subject="teapot",
    test_case="duck",
    device="a GPU",
    command=["pvtt-eval", "run"],
)
SECTIONS = {
    "en": ["Background", "Configuration", "Inputs", "Processing", "Results", "Iterations", "Output files",
           "Technical details", "Key findings", "Conclusion", "Related files"],
    "zh": ["实验背景", "实验配置", "输入", "处理统计", "结果", "迭代过程", "输出文件", "技术细节",
           "关键发现", "结论", "相关文件"],
}  # fmt: skip
MARKDOWN = MarkdownIt("commonmark").enable(["table", "strikethrough"])


class Page(HTMLParser):
    """What a reader of the rendered page sees."""

    def __init__(self, markdown: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.links: list[str] = []
        self._open: list[tuple[str, list[str]]] = []
        self.texts: list[tuple[str, str]] = []
        self.feed(MARKDOWN.render(markdown))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [str(value) for name, value in attrs if name in ("src", "href")]
        if tag == "br":
            self.handle_data("\n")
        elif tag != "img":
            self._open.append((tag, []))

    def handle_endtag(self, tag: str) -> None:
        if tag not in ("br", "img"):
            name, parts = self._open.pop()
            self.texts.append((name, "".join(parts)))

    def handle_data(self, data: str) -> None:
        for _, parts in self._open:
            parts.append(data)

    def of(self, *tags: str) -> list[str]:
        return [words for tag, words in self.texts if tag in tags]


def rendered(log: ExperimentLog) -> Page:
    return Page(log.path.read_text(encoding="utf-8"))


def started(folder: Path, experiment: Experiment = EXPERIMENT) -> ExperimentLog:
    return ExperimentLog(experiment, folder / "experiments", now=lambda: NOW)


def picture(
    level: int = 200, shape: tuple[int, ...] = (600, 900, 3)
) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    made = np.full(shape, level, np.uint8)
    made[..., : shape[-2] // 2 if len(shape) > 2 else shape[-1] // 2, :] = 30
    return made


# ---- what a reader finds


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_log_has_all_its_sections_in_order_in_its_language(tmp_path: Path, language: str) -> None:
    experiment = Experiment(model="m", task="t", device="d", language=language)  # type: ignore[arg-type]
    with started(tmp_path, experiment) as log:
        log.add(Step("sampling", 2.0, 49))
    assert rendered(log).of("h2") == SECTIONS[language]
    assert log.path == tmp_path / "experiments" / "logs" / "m-t_2026-03-04.md"


def test_what_was_added_is_found_where_it_belongs(tmp_path: Path) -> None:
    result = tmp_path / "out.mp4"
    result.write_bytes(b"x" * 2000)
    with started(tmp_path) as log:
        log.add(
            Input("source", "49 frames", tmp_path / "in.mp4"),
            Step("sampling", 24.5, 49, 3_000_000_000, 20_000_000_000),
            Table("Scores", ["mask", "RSD", "good"], [["precise", 0.25, False], ["grown", None, True]], "of one case"),
            Remark("The duck floats."),
            Iteration("precise mask", "a teapot", "it tells the shape"),
            Output(result, "the duck", "server:/data/duck.mp4"),
            Output(tmp_path / "gone.mp4"),
            Setting("steps", 50),
            Setting("cfg", 5.5),
            Related(tmp_path / "docs" / "speed.md", "speeds"),
            Related("https://example.org/a_b_c", "paper"),
        )
    page = rendered(log)
    assert page.of("h1") == ["vace-1.3b: inpainting"]
    cells = page.of("td", "th")
    for row in (
        ["Subject", "teapot"],
        ["Test case", "duck"],
        ["Status", "finished"],
        ["source", "49 frames", "in.mp4"],
        ["sampling", "24 s", "49", "2", "3.0 GB", "20 GB"],
        ["mask", "RSD", "good", "precise", "0.25", "no", "grown", "–", "yes"],
        ["1", "precise mask", "a teapot", "it tells the shape"],
        ["out.mp4", "2.0 kB", "server:/data/duck.mp4", "the duck"],
        ["gone.mp4", "not there", "–"],
        ["steps", "50", "cfg", "5.5"],
    ):
        assert any(cells[place : place + len(row)] == row for place in range(len(cells))), row
    assert "pvtt-eval run\n" in page.of("code")
    assert {"of one case", "The duck floats."} <= set(page.of("p"))
    assert page.links == ["../../docs/speed.md", "https://example.org/a_b_c"]
    assert page.of("li") == ["docs/speed.md: speeds", "https://example.org/a_b_c: paper"]


def test_a_file_that_is_too_large_for_git_is_marked(tmp_path: Path) -> None:
    with (tmp_path / "weights.pt").open("wb") as file:
        file.truncate(100_000_001)
    with started(tmp_path) as log:
        log.add(Output(tmp_path / "weights.pt"))
    assert "100 MB, too large for git (100 MB)" in rendered(log).of("td")


def test_a_row_that_does_not_fit_its_table_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match="row 1 of the table 'Scores' has 1 cells for 2 columns"):
        Table("Scores", ["a", "b"], [[1, 2], [3]])
    with pytest.raises(ValueError, match="no columns"):
        Table("Scores", [], [])


def test_names_that_cannot_name_a_file_and_unknown_languages_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="named by"):
        started(tmp_path, Experiment(model="...", task="t"))
    with pytest.raises(ValueError, match="en or zh"):
        started(tmp_path, Experiment(model="m", task="t", language="de"))  # type: ignore[arg-type]


def test_a_step_is_measured_also_when_it_raises(tmp_path: Path) -> None:
    with pytest.raises(KeyError), started(tmp_path) as log, log.step("decoding", frames=8):
        raise KeyError("x")
    cells = rendered(log).of("td")
    place = cells.index("decoding")
    assert re.fullmatch(r"\d+\.\d s", cells[place + 1])
    assert cells[place + 2] == "8"
    assert re.fullmatch(r"[\d.]+ [MG]B", cells[place + 4])


# ---- files


def test_taken_names_get_a_number_and_nothing_is_overwritten(tmp_path: Path) -> None:
    logs = tmp_path / "experiments" / "logs"
    logs.mkdir(parents=True)
    (logs / "vace-1.3b-inpainting_2026-03-04.md").write_text("mine")
    with started(tmp_path) as second, started(tmp_path) as third:
        pass
    assert (logs / "vace-1.3b-inpainting_2026-03-04.md").read_text() == "mine"
    assert second.path.name == "vace-1.3b-inpainting_2026-03-04-2.md"
    assert third.path.name == "vace-1.3b-inpainting_2026-03-04-3.md"
    with started(tmp_path) as log:
        assert [log.result_path("duck").name, log.result_path("duck").name] == ["duck.mp4", "duck-2.mp4"]


def test_pictures_are_small_jpegs_that_the_log_links_to(tmp_path: Path) -> None:
    Image.fromarray(picture()).save(tmp_path / "reference.png")
    with started(tmp_path) as log:
        log.add(
            Input("reference", picture=tmp_path / "reference.png"),
            Picture("duck, result", picture(shape=(2000, 3000, 3))),
            Picture("frames", picture(shape=(20, 480, 270, 3))),
            Picture("mask", np.zeros((64, 32), np.uint8)),
        )
    links = rendered(log).links
    assert links == [
        f"../results/vace-1.3b/images/{name}.jpg" for name in ("reference", "duck-result", "frames", "mask")
    ]
    sizes = []
    for link in links:
        with Image.open(log.path.parent / link) as image:
            assert image.format == "JPEG"
            sizes.append(image.size)
    assert sizes == [(360, 240), (1280, 853), (5 * 202 + 4 * 4, 360), (32, 64)]


def test_the_same_picture_is_stored_once_and_another_one_beside_it(tmp_path: Path) -> None:
    for level in (200, 200, 90):
        with started(tmp_path) as log:
            log.add(Picture("a", picture(level)), Picture("a-b", picture(level)))
    names = sorted(path.name for path in log.images.iterdir())
    assert names == ["a-2.jpg", "a-b-2.jpg", "a-b.jpg", "a.jpg"]


def test_a_picture_that_cannot_be_read_is_told_and_the_run_goes_on(tmp_path: Path) -> None:
    (tmp_path / "torn.png").write_bytes(b"no picture")
    with started(tmp_path) as log:
        log.add(Picture("torn", tmp_path / "torn.png"), Input("gone", picture=tmp_path / "gone.png"))
        with pytest.raises(ValueError, match=r"\(H, W\)"):
            log.add(Picture("wrong", np.zeros((4, 4), np.float32)))  # type: ignore[arg-type]
    assert {"torn (the file is not a JPEG, PNG or WebP picture)", "gone (gone.png is not a file)"} <= set(
        rendered(log).of("p")
    )


@given(st.text(min_size=1, max_size=150))
def test_every_name_is_refused_or_safe(words: str) -> None:
    try:
        name = slug(words)
    except ValueError:
        assert not re.search(r"[^\W_]", words)
        return
    assert re.fullmatch(r"[\w.-]+", name)
    assert name[0] not in "-." and "--" not in name
    assert len(name.encode()) <= 100
    assert slug(name) == name


# ---- runs that end badly


def test_the_log_is_whole_after_each_step(tmp_path: Path) -> None:
    with started(tmp_path) as log:
        assert log.status == "running"
        assert "running (last written 2026-03-04 05:06:07)" in log.path.read_text()
        log.add(Remark("half way"))
        page = rendered(log)
        assert page.of("h2") == SECTIONS["en"]
        assert "half way" in page.of("p")
    assert log.status == "finished"
    assert "running" not in log.path.read_text()
    assert [path.name for path in log.path.parent.iterdir()] == [log.path.name]


class _DeepError(RuntimeError):
    pass


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (_DeepError("no *memory* left on | device"), "failed"),
        (KeyboardInterrupt(), "interrupted"),
        (SystemExit(143), "interrupted"),
        (SystemExit(1), "failed"),
        (SystemExit(0), "finished"),
    ],
)
def test_how_a_run_ended_is_told_and_its_error_goes_on(tmp_path: Path, error: BaseException, status: str) -> None:
    with pytest.raises(type(error)) as caught, started(tmp_path) as log:
        log.add(Remark("before"))
        raise error
    assert caught.value is error
    assert log.status == status
    page = rendered(log)
    assert "before" in page.of("p")
    told = page.of("td")[page.of("td").index("Status") + 1]
    assert told.startswith(status)
    with pytest.raises(RuntimeError, match="closed"):
        log.add(Remark("after"))
    if isinstance(error, _DeepError):
        assert told == "failed: test_experiment_log._DeepError: no *memory* left on | device"
        (trace,) = [block for block in page.of("code") if block.startswith("Traceback")]
        assert "raise error" in trace and str(Path.home()) not in trace


def test_of_a_long_traceback_the_end_is_kept(tmp_path: Path) -> None:
    def fall(depth: int) -> None:
        if depth == 0:
            raise ValueError("the bottom")
        # Told apart, so that Python does not sum the frames up.
        (fall if depth % 2 else lambda rest: fall(rest))(depth - 1)

    with pytest.raises(ValueError, match="bottom"), started(tmp_path) as log:
        fall(200)
    (trace,) = [block for block in rendered(log).of("code") if "ValueError" in block]
    assert trace.endswith("ValueError: the bottom\n")
    assert trace.count("\n") == 40


def test_a_killed_run_leaves_what_was_written(tmp_path: Path) -> None:
    program = (
        "import os, signal, sys; from pathlib import Path; from pvtt_data.experiment_log import *\n"
        "with ExperimentLog(Experiment(model='m', task='t', device='d'), Path(sys.argv[1])) as log:\n"
        "    log.add(Remark('half way')); os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", program, str(tmp_path / "experiments")], cwd=ROOT, check=False)
    assert done.returncode == -signal.SIGKILL
    (path,) = (tmp_path / "experiments" / "logs").iterdir()
    page = Page(path.read_text())
    assert page.of("h2") == SECTIONS["en"]
    assert "half way" in page.of("p")
    assert any(words.startswith("running (last written") for words in page.of("td"))


def test_a_log_that_cannot_be_written_warns_and_the_next_write_has_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, data: bytes) -> None:
        raise OSError(28, "No space left on device")

    with started(tmp_path) as log:
        with monkeypatch.context() as patch:
            patch.setattr(log_module, "write_whole", full)
            with pytest.warns(RuntimeWarning, match="No space left"):
                log.add(Remark("lost?"))
        log.add(Remark("later"))
        assert {"lost?", "later"} <= set(rendered(log).of("p"))
    assert "finished" in rendered(log).of("td")


# ---- what a person wrote


def written_by_a_person(path: Path, change: Callable[[str], str]) -> bytes:
    changed = change(path.read_bytes().decode()).encode()
    path.write_bytes(changed)
    return changed


def test_a_conclusion_written_while_the_run_goes_on_stays_to_the_byte(tmp_path: Path) -> None:
    mine = "It works.\r\n\r\n| a |\n<!-- mine -->\n## Another heading\n\ttab  "
    with started(tmp_path) as log:
        written_by_a_person(log.path, lambda words: words.replace("*To be written by a person.*", mine).rstrip())
        log.add(Remark("later"))
        log.add(Remark("latest"))
    found = log.path.read_bytes().decode()
    assert found.count(mine) == 2
    assert "latest" in found and "finished" in found
    assert "To be written" not in found
    assert len(list(log.path.parent.iterdir())) == 1


def test_a_log_that_was_edited_elsewhere_is_left_alone_and_the_run_goes_on_beside_it(tmp_path: Path) -> None:
    with started(tmp_path) as log:
        edited = log.path
        content = written_by_a_person(edited, lambda words: words.replace("teapot", "red teapot"))
        log.add(Remark("later"))
        log.add(Remark("latest"))
    assert edited.read_bytes() == content
    assert log.path.name == "vace-1.3b-inpainting_2026-03-04-2.md"
    paragraphs = rendered(log).of("p")
    assert {"later", "latest"} <= set(paragraphs)
    assert any(edited.name in words for words in paragraphs)
    assert len(list(edited.parent.iterdir())) == 2


# ---- any text shows as that text


SPECIAL = st.text(alphabet="\\`*_[]()<>|~&$#+-=.!:1a \n\té中\u202e", max_size=40)
WORDS = SPECIAL | st.text(max_size=40)


def visible(words: str) -> str:
    """Text as it is printed: what garbles its surroundings is replaced."""
    lines = words.replace("\r\n", "\n").replace("\r", "\n")
    return re.sub(
        r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufffe\uffff]",
        "\N{REPLACEMENT CHARACTER}",
        lines,
    )


def words_in(words: str) -> list[str]:
    return visible(words).split()


@given(st.lists(st.lists(WORDS, min_size=3, max_size=3), min_size=1, max_size=4))
@settings(deadline=None)
def test_cells_of_any_text_make_one_table_that_shows_it(rows: list[list[str]]) -> None:
    page = Page(table([cell(word) for word in rows[0]], [[cell(w) for w in r] for r in rows]))
    assert page.tags.count("table") == 1 and page.tags.count("tr") == len(rows) + 1
    assert set(page.tags) <= {"table", "thead", "tbody", "tr", "th", "td", "br"}
    found = page.of("th", "td")
    assert [words.split() for words in found] == [words_in(word) for row in (rows[0], *rows) for word in row]


@given(WORDS)
@settings(deadline=None)
def test_a_line_of_any_text_is_a_heading_a_list_item_or_a_paragraph_that_shows_it(words: str) -> None:
    for mark, tags in (("# ", ["h1"]), ("- ", ["ul", "li"]), ("before\n\n", None)):
        page = Page(f"{mark}{line(words)}\n")
        if tags is not None and words_in(words):
            assert page.tags == tags
        assert set(page.tags) <= {"h1", "ul", "li", "p"}
        assert " ".join(part for _, part in page.texts[-1:]).split() == words_in(words) or not words_in(words)


@given(WORDS)
@settings(deadline=None)
def test_paragraphs_of_any_text_are_paragraphs_that_show_it(words: str) -> None:
    page = Page(text(words))
    assert set(page.tags) <= {"p"}
    assert " ".join(page.of("p")).split() == words_in(words)


@given(WORDS)
@settings(deadline=None)
def test_code_of_any_text_shows_it(words: str) -> None:
    page = Page(table(["a"], [[code(words)]]))
    assert page.tags.count("td") == 1
    assert set(page.tags) <= {"table", "thead", "tbody", "tr", "th", "td", "br", "code"}
    assert page.of("td")[0].split() == words_in(words)
    block = Page(fenced(words, "sh") + "\n\nafter")
    assert block.tags == ["pre", "code", "p"]
    assert block.of("p") == ["after"]
    assert block.of("code")[0].split() == words_in(words)


@given(WORDS, WORDS, WORDS)
@settings(deadline=None, max_examples=25)
def test_no_text_breaks_a_log(tmp_path_factory: pytest.TempPathFactory, one: str, other: str, third: str) -> None:
    experiment = Experiment(
        model="m", task="t", device=one, title=other, subject=third, background=one, settings={other: third},
        command=["x", one, other], environment={one: other},
    )  # fmt: skip
    with started(tmp_path_factory.mktemp("log"), experiment) as log:
        log.add(Table(one, [other], [[third]], one), Remark(other), Iteration(one, other, third))
        log.add(Input(one, other), Setting(one, other), Related(other, third), Step(third, 1.0))
    page = rendered(log)
    assert page.of("h2") == SECTIONS["en"]
    assert page.tags.count("h1") == 1
    assert set(page.tags) <= {
        "h1", "h2", "h3", "p", "table", "thead", "tbody", "tr", "th", "td", "br", "pre", "code", "ul", "li", "a", "em",
    }  # fmt: skip


# ---- what must not be in a log


SECRETS = [
    "hf_AbCdEfGhIjKlMnOp", "ghp_abcdefghijklmnopqrst", "sk-proj-abcdefghijklmnop", "AKIAABCDEFGHIJKLMNOP",
    "LTAI5tAbCdEfGhIjKlMnOpQr",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0.c2lnbmF0dXJl", "github_pat_abcdefghijklmnop1234",
]  # fmt: skip


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize("words", ["{}", "failed with {}.", "https://x.org/a?b={}", "['{}']", "头{} 尾"])
def test_tokens_of_known_forms_are_found_in_any_text(secret: str, words: str, tmp_path: Path) -> None:
    assert secret not in Privacy([tmp_path], environment={}).clean(words.format(secret))


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ("--token abc1", "--token REDACTED"),
        ("run --hf-token abc1 --steps 5", "run --hf-token REDACTED --steps 5"),
        ("x --set=upload.token=abc1", "x --set=upload.token=REDACTED"),
        ('{"api_key": "abc1", "n": 3}', '{"api_key": REDACTED, "n": 3}'),
        ("password=abc1, user=me", "password=REDACTED, user=me"),
        ("https://me:abc1@x.org/a", "https://REDACTED@x.org/a"),
        ("https://x.org/a?X-Amz-Signature=abc1&b=2", "https://x.org/a?X-Amz-Signature=REDACTED&b=2"),
        ("Authorization: Bearer abcdef1", "Authorization: REDACTED REDACTED"),
        ("--tokenizer wan --max-tokens 77", "--tokenizer wan --max-tokens 77"),
        ("the key point: yes", "the key point: yes"),
        ("seed=1 steps=50", "seed=1 steps=50"),
        ("the value s3cretvalue is", "the value REDACTED is"),
        ("the name Tina is", "the name Tina is"),
    ],
)
def test_values_named_like_secrets_are_not_written(words: str, shown: str, tmp_path: Path) -> None:
    variables = {"MY_API_KEY": "s3cretvalue", "USER": "Tina", "GAME_TOKEN": "5"}
    assert Privacy([tmp_path], environment=variables).clean(words) == shown


@pytest.mark.parametrize(
    ("command", "shown"),
    [
        (["pvtt-eval", "--token", "a b", "--out", "x"], "pvtt-eval --token REDACTED --out x"),
        (["env", "HF_TOKEN=abc", "LANG=C", "run", "seed=1"], "env HF_TOKEN=REDACTED LANG=REDACTED run seed=1"),
        ("HF_HOME=/x run --api-key=k 'two words'", "HF_HOME=REDACTED run --api-key=REDACTED 'two words'"),
        (["run", "--set", "a.password=two words"], "run --set a.password=REDACTED"),
        (["run", "--verbose", "--auth", "--dry"], "run --verbose --auth --dry"),
        ("run 'no end", "run 'no end"),
    ],
)
def test_the_command_is_written_without_secrets(command: list[str] | str, shown: str, tmp_path: Path) -> None:
    assert Privacy([tmp_path], environment={}).command(command) == shown


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ("at {root}/a/b.mp4:3", "at a/b.mp4:3"),
        ("in {root}", "in ."),
        ('File "{root}/a.py", line 1', 'File "a.py", line 1'),
        ("{home}/.cache and {home}", "~/.cache and ~"),
        ("{home}works", "{home}works"),
        ("/home/alice/x and C:\\Users\\bob\\y", "~/x and ~\\y"),
        ("open /mnt/disk7/wan/a.pt", "open …/a.pt"),
        ("在 {root}/甲/乙.mp4", "在 甲/乙.mp4"),
        ("file://{root}/a", "a"),
        ("server:/data/x/y and s3://bucket/x/y and/or 3/4/5", "server:/data/x/y and s3://bucket/x/y and/or 3/4/5"),
    ],
)
def test_folders_of_this_machine_are_shortened(words: str, shown: str, tmp_path: Path) -> None:
    home = tmp_path / "house" / "me"
    root = home / "code" / "pvtt"
    root.mkdir(parents=True)
    privacy = Privacy([root], home=home, environment={})
    if "works" in words:  # a folder whose name only begins like the home
        assert "~" not in privacy.clean(words.format(home=home))
    else:
        assert privacy.clean(words.format(root=root, home=home)) == shown
    assert privacy.path(root / "a" / "b.mp4") == "a/b.mp4"
    assert privacy.path(home / "models") == "~/models"
    assert privacy.path(Path("/mnt/disk7/wan/a.pt")) == "…/wan/a.pt"


def test_a_log_tells_neither_secrets_nor_where_it_was_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "quite-a-secret")
    folder = tmp_path / "house"
    experiment = Experiment(
        model="m", task="t", device="d", background=f"{folder}/x quite-a-secret", title="quite-a-secret",
        command=["run", "--token", "abc1", f"--out={folder}/out"], settings={"hf_token": "abc1", "path": folder / "y"},
        environment={"password": "abc1"},
    )  # fmt: skip
    with pytest.raises(ValueError, match="quite"), started(folder, experiment) as log:
        log.add(Input("a", path=folder / "z"), Output(folder / "o", remote="https://me:abc1@x.org/o"), Related(folder))
        raise ValueError(f"quite-a-secret in {folder}/z")
    found = log.path.read_text()
    assert "quite-a-secret" not in found and "abc1" not in found
    assert str(tmp_path) not in found and str(ROOT) not in found
    assert os.uname().nodename not in found or len(os.uname().nodename) < 4


# ---- git


def git(folder: Path, *words: str) -> str:
    names = ["-c", "user.name=x", "-c", "user.email=x@example.org", "-c", "init.defaultBranch=main"]
    return subprocess.run(
        ["git", "-C", str(folder), *names, *words], capture_output=True, text=True, check=True
    ).stdout  # fmt: skip


def test_the_commit_is_told_with_what_differs_from_it_but_logs_do_not_count(tmp_path: Path) -> None:
    assert find_commit(tmp_path) is None
    git(tmp_path, "init", "-q")
    assert find_commit(tmp_path) is None, "a package in an environment inside a checkout is not the checkout"
    (tmp_path / "pyproject.toml").write_text("")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "first")
    (tmp_path / "experiments" / "logs").mkdir(parents=True)
    (tmp_path / "experiments" / "logs" / "a.md").write_text("")
    clean = find_commit(tmp_path)
    assert clean is not None
    assert (clean.sha, clean.changed_files) == (git(tmp_path, "rev-parse", "HEAD").strip(), 0)
    (tmp_path / "pyproject.toml").write_text("changed")
    (tmp_path / "new.py").write_text("")
    dirty = find_commit(tmp_path)
    assert dirty is not None and dirty.changed_files == 2


def test_git_keeps_logs_and_results_and_leaves_out_what_gets_large(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    folder = tmp_path / "experiments"
    kept = ["logs/m-t_2026-03-04.md", "results/m/duck.mp4", "results/m/images/duck.jpg", "README.md"]
    left_out = ["results/m/lora.safetensors", "results/m/frames.npz", "results/m/all.tar.gz", "results/m/raw.mkv"]
    for name in (*kept, *left_out):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("")
    (folder / ".gitignore").write_bytes((ROOT / "experiments" / ".gitignore").read_bytes())
    git(tmp_path, "add", ".")
    assert set(git(tmp_path, "ls-files").split()) == {f"experiments/{name}" for name in (*kept, ".gitignore")}


def test_no_tracked_file_is_too_large_for_git() -> None:
    if (ROOT / ".git").exists():
        paths = [ROOT / name for name in git(ROOT, "ls-files", "-z").split("\0") if name]
    else:
        paths = [path for path in (ROOT / "experiments").rglob("*") if path.is_file()]
    assert paths
    assert not [path for path in paths if path.is_file() and path.stat().st_size > 100_000_000]
