"""Everything that speaks against publishing a version, found on this machine and told all at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import pyarrow as pa
import pyarrow.parquet as pq

from pvtt_data.errors import InputError
from pvtt_data.process_pool import single_threaded_pool
from pvtt_data.publish.card_head import card_licence
from pvtt_data.publish.config import PublishConfig
from pvtt_data.publish.faces import THRESHOLD, FaceFinder, frames_of, picture_of
from pvtt_data.publish.licences import (
    LICENCES,
    IncompatibleError,
    LicenceBook,
    LicenceSurvey,
    UnknownLicenceError,
    survey_licences,
    terms_of,
)
from pvtt_data.publish.private import private_bytes, private_in, texts_in, texts_of_member, texts_of_table
from pvtt_data.shards import ShardDataset, verify
from pvtt_data.shards.format import (
    JSON_MEMBER,
    LINEAGE_FILE,
    MANIFEST_FILE,
    PRESENTING_FILES,
    STRIP_FILE,
    VIDEO_MEMBERS,
    SampleMeta,
)
from pvtt_data.shards.manifest import Manifest
from pvtt_data.shards.reader import Sample
from pvtt_data.words import bytes_text

MOST_FILE_BYTES = 50_000_000_000
ADVISED_FILE_BYTES = 20_000_000_000
MOST_FOLDER_FILES = 10_000
MOST_COMMIT_FILES = 25_000
"""Large files; https://huggingface.co/docs/hub/storage-limits. A repository takes four times as many."""

_NAMED_KEYS = 10
_WITHHOLD = "--withhold publishes hashes in its place"
_CHUNK = 16
_PEOPLE = "reviewer"

Progress = Callable[[int, int], None]
"""Called with (samples so far, samples in all)."""


@dataclass(frozen=True, slots=True)
class Obstacle:
    """One thing that speaks against publishing.

    Attributes:
        check: short slug, such as ``licence``, ``flagged``, ``private``, ``faces``, ``size``, ``token``, ``rights``.
        message: what was found, and what mends it.
        keys: the samples, if it is about some.
    """

    check: str
    message: str
    keys: tuple[str, ...] = ()

    def __str__(self) -> str:
        if not self.keys:
            return f"{self.check}: {self.message}"
        more = f", and {len(self.keys) - _NAMED_KEYS} more" if len(self.keys) > _NAMED_KEYS else ""
        return f"{self.check}: {self.message} [{', '.join(self.keys[:_NAMED_KEYS])}{more}]"


@dataclass
class Findings:
    """What was found.

    Attributes:
        obstacles: empty if nothing speaks against it.
        notes: what a person should know.
        licences: None where samples could not be read.
    """

    obstacles: list[Obstacle] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    licences: LicenceSurvey | None = None

    @property
    def ok(self) -> bool:
        """Whether nothing speaks against it."""
        return not self.obstacles


@dataclass(frozen=True, slots=True)
class _Task:
    dataset: Path
    keys: tuple[str, ...]
    allowed: tuple[str, ...]
    face_weights: Path | None


@dataclass
class _Seen:
    """What was seen in some samples."""

    metas: list[SampleMeta] = field(default_factory=list)
    private: dict[str, list[str]] = field(default_factory=dict)
    """What and where → keys."""
    faces: dict[str, float] = field(default_factory=dict)
    """Key → highest score."""
    damaged: dict[str, str] = field(default_factory=dict)
    """Key → what cannot be read."""


def licences_of(metas: Iterator[SampleMeta] | Sequence[SampleMeta], book: LicenceBook) -> LicenceSurvey:
    """What the licences of samples come to, with those of the models that made, masked or captioned them."""
    return survey_licences(
        (
            (meta.key, meta.licences, [*meta.models, *_captioner(meta)])
            for meta in sorted(metas, key=lambda meta: meta.key)
        ),
        book,
    )


def _captioner(meta: SampleMeta) -> list[str]:
    return [] if meta.captioner in ("", "template") else [f"{meta.captioner}@"]


def check_version(
    dataset: Path,
    config: PublishConfig,
    *,
    face_weights: Path | None = None,
    decode: int | None = None,
    workers: int = 1,
    on_progress: Progress = lambda done, total: None,
) -> Findings:
    """Look at everything that can be seen without the Hub.

    Args:
        dataset: folder of the version that is to be published.
        config: what the recipe and the command line say.
        face_weights: of `FaceFinder`; None where faces are not looked for.
        decode: decode so many samples to verify them; None decodes all. Nothing else is done for some samples only.
        workers: processes.

    Raises:
        UnknownLicenceError: what ``config.licences`` says is unknown.
    """
    findings = Findings()
    book = LicenceBook(config.licences)
    report = verify(dataset, decode, workers=workers)
    findings.notes += report.notes
    if not report.ok:
        findings.obstacles += [Obstacle("verify", str(problem)) for problem in report.problems]
        findings.notes.append("samples were not looked at: first mend what verify found")
        return findings
    opened = ShardDataset(dataset)
    findings.obstacles += _size_obstacles(opened.manifest, findings.notes)
    findings.obstacles += _file_obstacles(dataset, opened.manifest, (*config.allowed_texts, *_contact(opened.manifest)))
    findings.notes += _named_people(dataset, opened.manifest)

    seen = _look(dataset, opened.keys(), config, face_weights, workers, on_progress)
    survey = findings.licences = licences_of(seen.metas, book)
    findings.obstacles += _licence_obstacles(survey, card_licence(dataset), book, findings.notes)
    findings.obstacles += _flagged(seen.metas, config, findings.notes)
    findings.obstacles += [
        Obstacle("private", f"{what}; if it may be public: publish.allowed_texts", tuple(sorted(keys)))
        for what, keys in sorted(seen.private.items())
    ]
    findings.obstacles += _faces(seen, config, findings.notes)
    findings.obstacles += [Obstacle("verify", text, (key,)) for key, text in sorted(seen.damaged.items())]
    return findings


def _look(
    dataset: Path,
    keys: Sequence[str],
    config: PublishConfig,
    face_weights: Path | None,
    workers: int,
    on_progress: Progress,
) -> _Seen:
    """Go through all samples."""
    tasks = [
        _Task(dataset, tuple(keys[at : at + _CHUNK]), config.allowed_texts, face_weights)
        for at in range(0, len(keys), _CHUNK)
    ]
    together = _Seen()
    done = 0
    for task, seen in zip(tasks, _each(tasks, workers), strict=True):
        together.metas += seen.metas
        together.faces |= seen.faces
        together.damaged |= seen.damaged
        for what, where in seen.private.items():
            together.private.setdefault(what, []).extend(where)
        done += len(task.keys)
        on_progress(done, len(keys))
    return together


def _each(tasks: list[_Task], workers: int) -> Iterator[_Seen]:
    if workers <= 1 or len(tasks) <= 1:
        yield from map(_look_at, tasks)
        return
    with single_threaded_pool(min(workers, len(tasks))) as pool:
        yield from pool.map(_look_at, tasks)


def _look_at(task: _Task) -> _Seen:
    seen = _Seen()
    dataset = ShardDataset(task.dataset)
    finder = None if task.face_weights is None else FaceFinder(task.face_weights)
    for key in task.keys:
        sample = dataset[key]
        seen.metas.append(sample.meta)
        try:
            _look_at_sample(sample, task.allowed, finder, seen)
        except (InputError, OSError) as error:  # where not everything was decoded to verify it
            seen.damaged[key] = f"a member cannot be read: {error}"
    return seen


def _look_at_sample(sample: Sample, allowed: Collection[str], finder: FaceFinder | None, seen: _Seen) -> None:
    pictures = []
    digests: set[str] = set()
    for name, span in sample.spans.items():
        if span.sha256 in digests:
            continue
        digests.add(span.sha256)
        data = sample.read(name)
        for what in _private_in_member(name, data, allowed):
            seen.private.setdefault(what, []).append(sample.key)
        if finder is not None and name in VIDEO_MEMBERS:
            pictures += frames_of(data)
        elif finder is not None and name.endswith(".png"):
            pictures.append(picture_of(data))
    if finder is not None:
        seen.faces[sample.key] = max(finder.score(picture) for picture in pictures)


def _private_in_member(name: str, data: bytes, allowed: Collection[str]) -> list[str]:
    found = []
    for place, text in texts_of_member(name, data):
        found += [f"{what} in {name}, {place}" for what in private_in(_without(text, allowed))]
    if name != JSON_MEMBER:
        found += [f"{what} among the bytes of {name}" for what in private_bytes(data)]
    return list(dict.fromkeys(found))


def _without(text: str, allowed: Collection[str]) -> str:
    for words in allowed:
        text = text.replace(words, "")
    return text


def _file_obstacles(dataset: Path, manifest: Manifest, allowed: Collection[str]) -> Iterator[Obstacle]:
    """Private texts in what presents the version, manifest, lineage and tables; secrets among the bytes of pictures.

    Facts and preview say what the samples' JSON says, which `verify` checks and which is looked at with the samples.
    """
    plain = [name for name in (*PRESENTING_FILES, LINEAGE_FILE) if (dataset / name).is_file()]
    texts = [(name, "", line) for name in plain for line in (dataset / name).read_text(encoding="utf-8").splitlines()]
    texts += [(MANIFEST_FILE, *found) for found in texts_in(manifest.model_dump(mode="json"))]
    if STRIP_FILE in manifest.files:
        for what in private_bytes((dataset / STRIP_FILE).read_bytes()):
            yield Obstacle("private", f"{what} among the bytes of {STRIP_FILE}")
    for table in manifest.tables:
        try:
            texts += [(table, *found) for found in texts_of_table(dataset / table)]
        except (OSError, pa.ArrowException) as error:
            yield Obstacle("verify", f"{table} cannot be read: {error}")
    found: Counter[str] = Counter()
    for name, place, text in texts:
        for what in private_in(_without(text, allowed)):
            found[f"{what} in {name}" + (f", {place}" if place else "")] += 1
    for what, count in sorted(found.items()):
        times = f" ({count} times)" if count > 1 else ""
        yield Obstacle("private", f"{what}{times}; if it may be public: publish.allowed_texts")


def _contact(manifest: Manifest) -> list[str]:
    """The address for takedowns: it is in the recipe to be published."""
    card = manifest.recipe.get("card")
    return [str(card["contact"])] if isinstance(card, dict) and card.get("contact") else []


def _named_people(dataset: Path, manifest: Manifest) -> Iterator[str]:
    """Tables that name the people who judged samples."""
    for table in sorted(manifest.tables):
        if _PEOPLE in pq.read_schema(dataset / table).names:
            column = pq.read_table(dataset / table, columns=[_PEOPLE]).column(_PEOPLE)
            names = sorted({str(name) for name in column.to_pylist()})
            if names:
                yield f"{table} names {len(names)} reviewers ({', '.join(names[:_NAMED_KEYS])}): they become public"


def _size_obstacles(manifest: Manifest, notes: list[str]) -> Iterator[Obstacle]:
    """What the Hub does not take."""
    sizes = manifest.listed_bytes()
    samples = sum(counts.samples for counts in manifest.counts.values())
    parts = ", ".join(f"{counts.samples} {split}" for split, counts in manifest.counts.items())
    notes.append(
        f"{samples} samples ({parts}), {len(manifest.shards)} shards, {len(sizes) + 2} files, "
        f"{bytes_text(sum(sizes.values()))}"
    )
    for name, size in sorted(sizes.items()):
        if size > MOST_FILE_BYTES:
            yield Obstacle("size", f"{name} has {bytes_text(size)}; the Hub takes {bytes_text(MOST_FILE_BYTES)} a file")
        elif size > ADVISED_FILE_BYTES:
            notes.append(f"{name} has {bytes_text(size)}; the Hub advises at most {bytes_text(ADVISED_FILE_BYTES)}")
    folders = Counter(str(PurePosixPath(name).parent) for name in sizes)
    for folder, count in sorted(folders.items()):
        if count > MOST_FOLDER_FILES:
            yield Obstacle("size", f"{folder}/ has {count} files; the Hub takes {MOST_FOLDER_FILES} a folder")
    if len(sizes) > MOST_COMMIT_FILES:
        yield Obstacle("size", f"{len(sizes)} files; one commit takes {MOST_COMMIT_FILES}: choose fewer shards.count")


def _licence_obstacles(survey: LicenceSurvey, card: str, book: LicenceBook, notes: list[str]) -> Iterator[Obstacle]:
    for text, keys in sorted(survey.unknown.items()):
        yield Obstacle("licence", _unknown(text), tuple(keys))
    for text, keys in sorted(survey.incompatible.items()):
        yield Obstacle("licence", f"{text}, so there is no licence to share it under; {_WITHHOLD}", tuple(keys))
    by_licence: dict[str, list[str]] = {}
    for key, text in survey.unshareable.items():
        by_licence.setdefault(text, []).append(key)
    for text, keys in sorted(by_licence.items()):
        message = f"{text} does not allow to share what was made from it; {_WITHHOLD}"
        yield Obstacle("licence", message, tuple(keys))
    strictest = survey.strictest
    if strictest is None:
        notes.append("no one licence covers all samples: each sample's JSON states its own, and the card says other")
    elif strictest.licences:
        notes.append(f"the strictest licence of all parts: {strictest.spdx} ({strictest.kind})")
    yield from _card_obstacles(survey, card, book, notes)


def _unknown(text: str) -> str:
    if text.startswith("model:"):
        return f"the licence of {text.replace(':', ' ')} is not known: publish.licences: {{'{text}': SPDX}}"
    shown = (
        f"the licence {text!r} is not known" if text.strip().lower() not in ("", "unknown") else "no licence is stated"
    )
    return f"{shown}: state an SPDX identifier in the feed (or mine.licence), or publish.licences: {{{text!r}: …}}"


def _card_obstacles(survey: LicenceSurvey, card: str, book: LicenceBook, notes: list[str]) -> Iterator[Obstacle]:
    """Whether the card grants no more than the parts do."""
    if survey.unknown or survey.incompatible:
        return
    if card == "other":
        if survey.hub != "other":
            notes.append(f"the card says license: other; shards.card_licence: {survey.hub} would say more")
        return
    known = next((one for one in LICENCES.values() if one.hub == card), None)
    try:
        promised = terms_of(known) if known else book.terms(card)
    except UnknownLicenceError:
        yield Obstacle("licence", f"the card's license {card!r} is none that is known; the parts come to {survey.hub}")
        return
    if survey.strictest is None:
        yield Obstacle(
            "licence", f"the card says license: {card}, but no one licence covers all parts: it must say other"
        )
        return
    try:
        joined = promised.joined(survey.strictest)
        enough = joined.kind == promised.kind and joined.family == promised.family
    except IncompatibleError:
        enough = False
    if not enough:
        yield Obstacle(
            "licence",
            f"the card says license: {card}, which grants more than {survey.strictest.spdx}, the strictest of the "
            f"parts: shards.card_licence: {survey.hub}",
        )


def _flagged(metas: Sequence[SampleMeta], config: PublishConfig, notes: list[str]) -> Iterator[Obstacle]:
    flagged = sorted(meta.key for meta in metas if meta.verdict == "flag")
    if not flagged:
        return
    reasons = Counter(reason for meta in metas if meta.verdict == "flag" for reason in meta.reasons)
    why = ", ".join(f"{count} {reason}" for reason, count in reasons.most_common(5))
    if config.flagged == "allow":
        notes.append(f"{len(flagged)} samples are flagged and published all the same ({why})")
        return
    yield Obstacle(
        "flagged",
        f"{len(flagged)} samples wait for a person ({why}): review them, leave them out with "
        "shards.include_flagged: false, or publish them with publish.flagged: allow",
        tuple(flagged),
    )


def _faces(seen: _Seen, config: PublishConfig, notes: list[str]) -> Iterator[Obstacle]:
    if config.faces == "allow":
        notes.append("faces were not looked for (publish.faces: allow)")
        return
    if not seen.faces:  # the model is missing, which is told elsewhere
        return
    found = sorted(key for key, score in seen.faces.items() if score >= THRESHOLD)
    highest = max(seen.faces.values(), default=0.0)
    notes.append(
        f"faces: {len(found)} of {len(seen.faces)} samples seem to show one (highest score {highest:.2f}, limit "
        f"{THRESHOLD}); small, covered and turned ones are missed"
    )
    if found and config.faces == "refuse":
        yield Obstacle(
            "faces",
            "a face seems to be seen: look at these samples, and reject them or publish them with publish.faces: note",
            tuple(found),
        )
    elif found:
        notes.append(f"samples that seem to show a face: {', '.join(found[:_NAMED_KEYS])}")
