"""Writes the page: what is to be seen as files by content, what is known of it as data in the one HTML file."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined

from pvtt_curation.media import MediaCache, MediaRef
from pvtt_curation.page.drawing import Drawing, draw_all
from pvtt_curation.subjects import Reviewed, Subject
from pvtt_data import __version__
from pvtt_data.errors import DatasetError, InputError, PreflightError
from pvtt_data.files import sha256_file, write_whole
from pvtt_data.records import to_plain
from pvtt_data.reviews.log import scan
from pvtt_data.reviews.records import ACTIONS_OF, REASONS, Review, check_reviewer
from pvtt_data.words import bytes_text

PAGE = "index.html"
TOOL = f"pvtt page {__version__}"
"""What the page calls itself in a verdict."""

_MARK = b'<meta name="generator" content="pvtt review">'
_FOLDERS = ("media", "overlays", "strips", "posters")
_SCRIPTS = ("sha256.js", "reviews.js", "players.js", "filters.js", "dialogs.js", "page.js")
_MADE_NAME = re.compile(r"[0-9a-f]{64}\.(mp4|png|jpg)")
# Control characters, and marks that turn the direction of what follows: they would garble the text around them.
_UNPRINTABLE = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]"
)
_MOST_DIGITS = 5
_SPARE_BYTES = 64 << 20

Progress = Callable[[int, int], None]


@dataclass
class PageWritten:
    """What became of a page.

    Attributes:
        path: of the HTML file.
        subjects: how many it shows, by kind.
        size_bytes: of all files together.
        broken: why some of them cannot be shown, by name.
    """

    path: Path
    subjects: Mapping[str, int]
    size_bytes: int
    broken: dict[str, str] = field(default_factory=dict)


def write_page(
    reviewed: Reviewed,
    media: MediaCache,
    folder: Path,
    *,
    reviewer: str,
    verdicts: Path,
    workers: int = 1,
    on_drawn: Progress = lambda done, total: None,
) -> PageWritten:
    """Write the page into a folder that may be copied anywhere: it needs a browser and nothing else.

    Args:
        reviewed: what is shown.
        media: where overlays are kept, so that the next page is quick.
        folder: a new or empty one, or one that holds such a page; files that this one does not need go.
        reviewer: the name that the page begins with.
        verdicts: folder of verdicts that the page shows; need not exist.
        workers: processes that draw overlays.
        on_drawn: told how many masks are drawn, and of how many.

    Raises:
        InputError: that is no reviewer's name.
        PreflightError: there is nothing to show, the folder holds something else or cannot be written, or the disk has
            no room.
    """
    check_reviewer(reviewer)
    if not reviewed.subjects:
        raise PreflightError(f"{reviewed.name} has nothing to review")
    _check_folder(folder)
    drawings = {drawing.name: drawing for subject in reviewed.subjects for drawing in _drawings(subject)}
    wrong = draw_all(list(drawings.values()), media, workers, on_drawn)
    shelf = _Shelf(folder, media, wrong)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        shelf.check_room(reviewed.subjects)
        rows = [_subject_row(subject, shelf) for subject in reviewed.subjects]
        write_whole(folder / PAGE, _html(reviewed, rows, reviewer, verdicts).encode())
        shelf.drop_others()
    except OSError as error:
        raise PreflightError(f"the page cannot be written to {folder}: {error.strerror}") from error
    size_bytes = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    return PageWritten(folder / PAGE, Counter(s.kind for s in reviewed.subjects), size_bytes, shelf.broken)


def _check_folder(folder: Path) -> None:
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return
    page = folder / PAGE
    if not page.is_file() or _MARK not in page.read_bytes()[:4096]:
        raise PreflightError(f"{folder} holds something else than a review page; name a new or an empty folder")


def _drawings(subject: Subject) -> list[Drawing]:
    return [Drawing(*parts) for parts in subject.overlays.values()]


class _Shelf:
    """The media of a page, each placed once.

    Args:
        wrong: name of a drawing → why it cannot be made.
    """

    def __init__(self, folder: Path, media: MediaCache, wrong: Mapping[str, str]) -> None:
        self._folder, self._media, self._wrong = folder, media, wrong
        self._placed: dict[str, str] = {}
        self.broken: dict[str, str] = {}

    def check_room(self, subjects: Iterable[Subject]) -> None:
        """Whether the disk has room for what is not there yet.

        Raises:
            PreflightError: it has not.
        """
        sizes = {ref.name: ref.length for subject in subjects for ref in _shown(subject).values()}
        needed = sum(size for name, size in sizes.items() if not (self._folder / "media" / name).is_file())
        free = shutil.disk_usage(self._folder).free
        if needed + _SPARE_BYTES > free:
            raise PreflightError(
                f"the page needs about {bytes_text(needed)} in {self._folder}, where {bytes_text(free)} are free"
            )

    def medium(self, ref: MediaRef) -> str:
        """Path of a video or picture in the page's folder; empty where its bytes are gone or damaged."""
        name = f"media/{ref.name}"
        if name not in self._placed:
            self._placed[name] = self._place(ref, name)
        return self._placed[name]

    def drawn(self, drawing: Drawing) -> dict[str, str]:
        """Paths of overlay, strip and poster; or ``wrong``, why there are none."""
        if drawing.name in self._wrong:
            return {"wrong": self._wrong[drawing.name]}
        parts = (drawing.video, drawing.mask, drawing.whose)
        return {
            "overlay": self._copied("overlays", self._media.overlay(*parts)),
            "strip": self._copied("strips", self._media.strip(*parts)),
            "poster": self._copied("posters", self._media.poster(*parts)),
        }

    def poster(self, video: MediaRef) -> str:
        """Path of the poster of a video; empty where it cannot be made."""
        try:
            return self._copied("posters", self._media.poster(video))
        except (DatasetError, InputError):
            return ""

    def drop_others(self) -> None:
        """Delete files that an earlier page in this folder needed and this one does not."""
        kept = set(self._placed.values())
        for name in _FOLDERS:
            if not (self._folder / name).is_dir():
                continue
            for path in (self._folder / name).iterdir():
                if f"{name}/{path.name}" not in kept and _MADE_NAME.fullmatch(path.name):
                    path.unlink()

    def _place(self, ref: MediaRef, name: str) -> str:
        target = self._folder / name
        if target.is_file() and target.stat().st_size == ref.length and sha256_file(target) == ref.sha256:
            return name
        try:
            data = ref.read()
        except DatasetError:
            return ""
        if hashlib.sha256(data).hexdigest() != ref.sha256:
            return ""
        write_whole(target, data)
        return name

    def _copied(self, what: str, made: Path) -> str:
        name = f"{what}/{made.name}"
        if name not in self._placed:
            target = self._folder / name
            if not target.is_file() or target.stat().st_size != made.stat().st_size:
                write_whole(target, made.read_bytes())
            self._placed[name] = name
        return name


def _shown(subject: Subject) -> dict[str, MediaRef]:
    """What of a subject the page shows as it is; masks are seen in overlays."""
    names = ("video", "source", "target")
    return {name: ref for name, ref in subject.media.items() if name in names or name.startswith("reference_")}


def _subject_row(subject: Subject, shelf: _Shelf) -> dict[str, Any]:
    """A subject as the page's script knows it."""
    files = {name: shelf.medium(ref) for name, ref in _shown(subject).items()}
    drawn = {name: shelf.drawn(Drawing(*parts)) for name, parts in subject.overlays.items()}
    problems = [f"{name}: its bytes are gone or damaged" for name, path in files.items() if not path]
    problems += [entry["wrong"] for entry in drawn.values() if "wrong" in entry]
    if problems:
        shelf.broken[f"{subject.kind} {subject.name}"] = "; ".join(problems)
    posters = [entry["poster"] for name, entry in sorted(drawn.items(), reverse=True) if "poster" in entry]
    if subject.kind == "clip":
        posters = [shelf.poster(subject.media["video"])]
    judged = {rule.number for rule in subject.rules}
    return {
        "kind": subject.kind,
        "key": subject.key,
        "row": subject.row_id,
        "name": _text(subject.name),
        "category": _text(subject.category),
        "product": _text(subject.product),
        "a": _text(subject.product_a),
        "b": _text(subject.product_b),
        "titleA": _text(subject.title_a),
        "titleB": _text(subject.title_b),
        "engine": subject.engine,
        "made": subject.triple_kind,
        "split": subject.split,
        "difficulty": subject.difficulty,
        "verdict": subject.verdict,
        "stage": subject.stage,
        "reasons": [_text(reason) for reason in subject.reasons],
        "message": _text(subject.message),
        "limits": [
            [rule.number, _short(subject.numbers[rule.number]), rule.broken, _short(rule.limit), rule.verdict,
             rule.reason, int(rule.is_broken(subject.numbers))]
            for rule in subject.rules
            if rule.number in subject.numbers
        ],
        "numbers": {name: _short(value) for name, value in sorted(subject.numbers.items()) if name not in judged},
        "prompt": _text(subject.prompt),
        "sourcePrompt": _text(subject.source_prompt),
        "parts": dict(subject.parts),
        "fps": subject.fps,
        "frames": subject.frames,
        "width": subject.width,
        "height": subject.height,
        "files": {name: path for name, path in files.items() if not name.startswith("reference_")},
        "references": [path for name, path in files.items() if name.startswith("reference_") and path],
        "drawn": drawn,
        "posters": [path for path in posters if path],
        "problem": _text("; ".join(problems)),
        "nearest": [[neighbour.row_id, neighbour.likeness, neighbour.why] for neighbour in subject.nearest],
    }  # fmt: skip


def _short(value: float) -> float:
    return float(f"{value:.{_MOST_DIGITS}g}")


def _text(text: str) -> str:
    """Text from outside, printable; the page's script never takes it for HTML."""
    return _UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", text)


def _html(reviewed: Reviewed, rows: list[dict[str, Any]], reviewer: str, verdicts: Path) -> str:
    style = _packaged("review.css").strip()
    script = "\n".join(_packaged(name).strip() for name in _SCRIPTS)
    content = scan(verdicts)
    shown = {key for row in rows for key in row["parts"].values()}
    notes = [_text(note) for note in reviewed.notes]
    if content.damaged:
        notes.append(f"{len(content.damaged)} lines in {_text(str(verdicts))} are damaged; verdicts may be missing")
    data = {
        "name": _text(reviewed.name),
        "identity": reviewed.identity,
        "reviewer": reviewer,
        "tool": TOOL,
        "reasons": list(REASONS),
        "actions": {kind: list(actions) for kind, actions in ACTIONS_OF.items()},
        "notes": notes,
        "reviews": [_plain(review) for review in content.reviews if review.key in shown],
        "subjects": rows,
    }
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(_packaged("review.html")).render(
        name=data["name"],
        style=style,
        style_hash=_csp_hash(style),
        script=script,
        script_hash=_csp_hash(script),
        data=_json_for_html(data),
    )


def _plain(review: Review) -> dict[str, Any]:
    plain: dict[str, Any] = to_plain(review)
    return plain


def _csp_hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")


def _json_for_html(value: Any) -> str:
    """JSON in ASCII that cannot end the element it stands in."""
    text = json.dumps(value, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


@cache
def _packaged(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")
