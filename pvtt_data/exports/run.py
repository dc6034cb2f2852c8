"""From a dataset version to an export: samples one by one, resumable, and at the end what was written and what not."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pvtt_data import __version__
from pvtt_data.errors import DatasetError, InputError, PreflightError, full_disk_told
from pvtt_data.exports.folder import MANIFEST_FILE, ExportFolder, Files, Finished, check_export, read_export
from pvtt_data.exports.formats import Format, Row
from pvtt_data.exports.selection import select
from pvtt_data.process_pool import single_threaded_pool
from pvtt_data.records import Split
from pvtt_data.shards.format import SPLITS, SampleMeta, canonical_json
from pvtt_data.shards.reader import Sample, ShardDataset
from pvtt_data.stage import library_version

SAMPLES_FILE = "samples.jsonl"
_BYTE_SHAPING = ("av", "numpy", "opencv-python-headless", "pillow", "pyarrow")

Made = Mapping[Split, Sequence[tuple[SampleMeta, Row]]]
OnSample = Callable[[int, int], None]
"""Called with how many samples are done and how many there are."""


@dataclass(frozen=True)
class Exported:
    """What an export did.

    Attributes:
        path: its folder.
        samples: written, by split.
        skipped: samples that the format could not hold, by reason; and for each reason one message.
        left_out: parts of samples that were left out, by reason.
        flagged: how many of the written samples are flagged.
        files, bytes: written in all, now or by an earlier run.
        was_complete: nothing was written: the same export was there and is unchanged.
        resumed: samples that an interrupted run had finished.
        licences: of the written samples, with counts.
        advice: how to load it.
    """

    path: Path
    samples: dict[str, int]
    skipped: dict[str, tuple[int, str]]
    left_out: dict[str, int]
    flagged: int
    files: int
    bytes: int
    was_complete: bool
    resumed: int
    licences: dict[str, int]
    advice: str = field(repr=False)


def export_dataset(
    dataset: Path,
    out: Path,
    form: Format,
    *,
    split: Split | None = None,
    where: str | None = None,
    workers: int = 1,
    on_sample: OnSample = lambda done, total: None,
) -> Exported:
    """Export samples of a version.

    Every member that is read is checked against the index. Interrupted at any moment, it goes on where it was when it
    is called again with the same arguments.

    Args:
        dataset: folder of the version.
        out: folder of the export: new, empty, or an interrupted or finished one of the same kind.
        form: the format with its settings.
        split: only this one; all by default.
        where: see `pvtt_data.exports.selection.select`.
        workers: processes.
        on_sample: for progress.

    Raises:
        PreflightError: the folder holds something else, a library is missing, or a finished export was changed.
        DatasetError: the version is damaged, or no sample is left.
        DiskFullError: there is no room; what was finished is kept.
    """
    if dataset.resolve() in out.resolve().parents:
        raise PreflightError(f"{out} lies in the version itself, which holds nothing else: name a folder outside of it")
    opened = ShardDataset(dataset, split, check_sha256=True)
    samples = select(opened, where)
    form.prepare([sample.meta for sample in samples])
    head = {
        "format": form.name,
        "layout": form.layout,
        "settings": form.model_dump(mode="json"),
        "dataset": {"name": opened.manifest.name, "root": opened.manifest.root},
        "split": split,
        "where": where,
        "tools": {"pvtt": __version__, **{name: library_version(name) for name in _BYTE_SHAPING}},
    }
    with full_disk_told(), ExportFolder(out, head) as folder:
        if folder.is_complete:
            return _found(out, form, samples)
        resumed = sum(sample.key in folder.finished for sample in samples)
        _make_all(folder, form, samples, workers, on_sample)
        return _complete(folder, form, samples, resumed)


def _make_all(folder: ExportFolder, form: Format, samples: Sequence[Sample], workers: int, on_sample: OnSample) -> None:
    """Export what no earlier run has finished."""
    todo = [sample for sample in samples if sample.key not in folder.finished]
    done = len(samples) - len(todo)
    on_sample(done, len(samples))
    for key, entry in _each(folder.path, form, todo, workers):
        folder.add(key, entry)
        done += 1
        on_sample(done, len(samples))


def _each(out: Path, form: Format, todo: Sequence[Sample], workers: int) -> Iterator[tuple[str, Finished]]:
    """Key and outcome of each sample, in the order in which they end."""
    if workers <= 1 or len(todo) <= 1:
        yield from ((sample.key, make_one(out, form, sample)) for sample in todo)
        return
    waiting = iter(todo)
    with single_threaded_pool(min(workers, len(todo))) as pool:
        # A few at a time: an interruption need not wait for a queue.
        running: dict[Future[Finished], str] = {
            pool.submit(make_one, out, form, sample): sample.key for sample in itertools.islice(waiting, 2 * workers)
        }
        while running:
            ended, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in ended:
                yield running.pop(future), future.result()
                for sample in itertools.islice(waiting, 1):
                    running[pool.submit(make_one, out, form, sample)] = sample.key


def make_one(out: Path, form: Format, sample: Sample) -> Finished:
    """Write the files of one sample, or say why not; then none of its files is left.

    Raises:
        DatasetError: the sample is not what the index says.
    """
    # A fresh one: what it decodes is kept by it, and would stay in memory for all samples.
    sample = Sample(sample.key, sample.split, sample.spans, sample.check_sha256)
    files = Files(out)
    try:
        row = form.make(sample, files)
    except InputError as error:
        for file in files.written:
            (out / file.path).unlink(missing_ok=True)
        return Finished(None, error.reason, error.message, ())
    files.settle()
    return Finished(row, "", "", tuple(files.written))


def _made(folder: ExportFolder, samples: Sequence[Sample]) -> dict[Split, list[tuple[SampleMeta, Row]]]:
    """What was written of which sample, by split, in the order of the dataset."""
    made: dict[Split, list[tuple[SampleMeta, Row]]] = {}
    for sample in samples:
        row = folder.finished[sample.key].row
        if row is not None:
            made.setdefault(sample.split, []).append((sample.meta, row))
    return {split: made[split] for split in SPLITS if split in made}


def _complete(folder: ExportFolder, form: Format, samples: Sequence[Sample], resumed: int) -> Exported:
    made = _made(folder, samples)
    entries = [folder.finished[sample.key] for sample in samples]
    skipped = _skipped(entries)
    if not made:
        reasons = "; ".join(f"{count} {reason}: {text}" for reason, (count, text) in skipped.items())
        raise DatasetError(f"format {form.name} can hold none of the {len(samples)} samples ({reasons})")
    files = Files(folder.path)
    form.finish(made, files)
    lines = [
        canonical_json({"key": meta.key, "split": split, "export": row, "meta": meta.model_dump(mode="python")}) + b"\n"
        for split, rows in made.items()
        for meta, row in rows
    ]
    files.write(SAMPLES_FILE, b"".join(lines))
    files.settle()
    written = [file for entry in entries for file in entry.files] + files.written
    metas = [meta for rows in made.values() for meta, _ in rows]
    facts = {
        "samples": {split: len(rows) for split, rows in made.items()},
        "skipped": {reason: {"samples": count, "such_as": text} for reason, (count, text) in skipped.items()},
        "left_out": _left_out(made),
        "flagged": sum(meta.verdict == "flag" for meta in metas),
        "licences": dict(sorted(Counter(name for meta in metas for name in set(meta.licences)).items())),
        "file_count": len(written),
        "bytes": sum(file.bytes for file in written),
    }
    folder.complete(written, facts)
    return _exported(folder.path, form, facts, made, was_complete=False, resumed=resumed)


def _found(out: Path, form: Format, samples: Sequence[Sample]) -> Exported:
    """The same export is there: look whether it is whole."""
    problems = check_export(out)
    if problems:
        more = f" and {len(problems) - 3} more" if len(problems) > 3 else ""
        raise PreflightError(
            f"{out} holds this export, but {'; '.join(problems[:3])}{more}; name a new folder, or delete this one"
        )
    rows = _stored_rows(out)
    made: dict[Split, list[tuple[SampleMeta, Row]]] = {}
    for sample in samples:
        if sample.key in rows:
            made.setdefault(sample.split, []).append((sample.meta, rows[sample.key]))
    try:
        return _exported(out, form, read_export(out), made, was_complete=True, resumed=0)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise PreflightError(f"{out / MANIFEST_FILE} was changed; name a new folder, or delete this one") from error


def _stored_rows(out: Path) -> dict[str, Row]:
    with (out / SAMPLES_FILE).open(encoding="utf-8") as lines:
        plain = [json.loads(line) for line in lines]
    return {entry["key"]: entry["export"] for entry in plain}


def _exported(
    out: Path, form: Format, facts: Mapping[str, Any], made: Made, *, was_complete: bool, resumed: int
) -> Exported:
    return Exported(
        path=out,
        samples=dict(facts["samples"]),
        skipped={reason: (entry["samples"], entry["such_as"]) for reason, entry in facts["skipped"].items()},
        left_out=dict(facts["left_out"]),
        flagged=facts["flagged"],
        files=facts["file_count"],
        bytes=facts["bytes"],
        was_complete=was_complete,
        resumed=resumed,
        licences=dict(facts["licences"]),
        advice=form.how_to_load(out, made),
    )


def _skipped(entries: Sequence[Finished]) -> dict[str, tuple[int, str]]:
    """How many samples were skipped for each reason, and what the first was told."""
    counts = Counter(entry.reason for entry in entries if entry.row is None)
    first = {entry.reason: entry.message for entry in reversed(entries) if entry.row is None}
    return {reason: (count, first[reason]) for reason, count in sorted(counts.items())}


def _left_out(made: Made) -> dict[str, int]:
    reasons = (reason for rows in made.values() for _, row in rows for reason in row.get("left_out", {}).values())
    return dict(sorted(Counter(reasons).items()))
