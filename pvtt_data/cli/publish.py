"""`pvtt-data publish` and `rebuild`."""

from __future__ import annotations

import sys
from pathlib import Path

import click
from rich.console import Console

from pvtt_data.cli.lazy_bar import download_bar, sample_bar
from pvtt_data.progress import TerminalReporter
from pvtt_data.publish.config import PublishConfig
from pvtt_data.publish.rebuild import RebuildRequest, missing_text, rebuild
from pvtt_data.publish.remote import Target
from pvtt_data.publish.run import (
    PublishOutcome,
    PublishRequest,
    config_of,
    default_tag,
    hub_api,
    loading_text,
    publish_version,
)
from pvtt_data.publish.upload import Upload
from pvtt_data.recipe import read_recipe
from pvtt_data.words import bytes_text, printable

_SHOWN = 20


@click.command("publish")
@click.argument("dataset", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--repo", required=True, metavar="ORG/NAME", help="Dataset repository on the Hub; made if it is missing.")
@click.option("--private", is_flag=True, help="Make it private; refused where it is public already.")
@click.option("--tag", help="Name of the version on the Hub; the folder's name (v3) by default. Tags never move.")
@click.option("--no-tag", is_flag=True, help="Set no tag.")
@click.option("--dry-run", is_flag=True, help="Check everything, here and on the Hub, and send nothing.")
@click.option(
    "--withhold", is_flag=True, help="Publish samples that must not be shared as addresses, recipe and hashes."
)
@click.option("--allow-flagged", is_flag=True, help="Publish flagged samples, too; as publish.flagged: allow.")
@click.option("--faces", type=click.Choice(["refuse", "note", "allow"]), help="As publish.faces in the recipe.")
@click.option(
    "--licence",
    "licences",
    multiple=True,
    metavar="NAME=SPDX",
    help="What a licence without an SPDX identifier allows.",
)
@click.option(
    "--allow-text", "texts", multiple=True, metavar="TEXT", help="A text that may be public, such as a mail address."
)
@click.option("--sample", type=click.IntRange(min=1), help="Decode only so many samples; all else is checked for all.")
@click.option("--workers", type=click.IntRange(min=1), default=1, show_default=True, help="Processes that check.")
def publish_command(
    dataset: Path,
    repo: str,
    private: bool,
    tag: str | None,
    no_tag: bool,
    dry_run: bool,
    withhold: bool,
    allow_flagged: bool,
    faces: str | None,
    licences: tuple[str, ...],
    texts: tuple[str, ...],
    sample: int | None,
    workers: int,
) -> None:
    """Check a dataset version and put it on the Hugging Face Hub.

    Everything that speaks against it is told at once, and then nothing is sent. The token is the one of HF_TOKEN or of
    `hf auth login`. Running it again sends nothing.
    """
    if tag and no_tag:
        raise click.UsageError("give --tag or --no-tag, not both")
    chosen = None if no_tag else tag or default_tag(dataset)
    config = _config(dataset, allow_flagged, faces, licences, texts)
    target = Target(repo, True if private else None, chosen)
    request = PublishRequest(dataset, target, config, withhold, sample, workers, dry_run)
    console = Console(soft_wrap=True, highlight=False)
    with download_bar(console) as on_download, sample_bar(console, "samples looked at") as on_progress:
        outcome = publish_version(
            request,
            hub_api(),
            say=lambda text: console.print(printable(text), markup=False),
            on_progress=on_progress,
            on_download=on_download,
            on_checked=lambda found: _tell_found(console, found),
        )
    if outcome.upload is not None:
        _tell_sent(console, request.target, outcome.upload, outcome.splits)
    elif not outcome.obstacles:
        console.print("nothing speaks against it; nothing was sent (--dry-run)")
    sys.exit(1 if outcome.obstacles else 0)


def _config(
    dataset: Path, allow_flagged: bool, faces: str | None, licences: tuple[str, ...], texts: tuple[str, ...]
) -> PublishConfig:
    config = config_of(dataset)
    own = dict(config.licences)
    for text in licences:
        name, found, terms = text.rpartition("=")
        if not found or not name or not terms:
            raise click.UsageError(f"--licence {text!r} is not NAME=SPDX")
        own[name] = terms
    plain = config.model_dump() | {"licences": own, "allowed_texts": (*config.allowed_texts, *filter(None, texts))}
    if allow_flagged:
        plain["flagged"] = "allow"
    if faces is not None:
        plain["faces"] = faces
    return PublishConfig.model_validate(plain)


def _tell_found(console: Console, outcome: PublishOutcome) -> None:
    """What was found, before anything is sent."""

    def say(text: str) -> None:
        console.print(printable(text, newlines=True), markup=False)

    for note in outcome.notes:
        say(note)
    if outcome.licences is not None:
        for name, count in sorted(outcome.licences.counts.items()):
            say(f"  {count} samples under {name}")
    if outcome.obstacles:
        count = len(outcome.obstacles)
        say(f"not published, nothing was sent: {count} {'thing speaks' if count == 1 else 'things speak'} against it")
        for obstacle in outcome.obstacles[:_SHOWN]:
            say(f"  {obstacle}")
        if count > _SHOWN:
            say(f"  and {count - _SHOWN} more")


def _tell_sent(console: Console, target: Target, upload: Upload, splits: list[str]) -> None:
    """What was sent, and how to load it."""
    tag = f", tag {target.tag}" if target.tag else ""
    if upload.status == "published":
        gone = f", {upload.removed} removed" if upload.removed else ""
        what = f"{upload.files} files, {bytes_text(upload.size_bytes)}{gone}"
        text = f"published {what}: {target.repo}{tag}, commit {upload.commit}"
    elif upload.status == "tagged":
        text = f"{target.repo} held this version already; set the tag {target.tag}"
    else:
        text = f"{target.repo} is up to date{tag}: nothing was sent"
    console.print(f"{text}\n\nto load it:\n", markup=False)
    console.print(loading_text(target, upload.commit, splits), markup=False)


@click.command("rebuild")
@click.argument("dataset", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option(
    "--originals", type=click.Path(path_type=Path, file_okay=False), required=True, help="Folder with them, any names."
)
@click.option(
    "--work", type=click.Path(path_type=Path), default=Path("work"), show_default=True, help="Work directory."
)
@click.option(
    "--out", type=click.Path(path_type=Path), default=Path("shards"), show_default=True, help="Folder of the versions."
)
@click.option("--recipe", type=click.Path(path_type=Path, exists=True), help="If the version's recipe named files.")
@click.option("--workers", type=click.IntRange(min=1), help="Processes; one per processor by default.")
@click.option("--partial", is_flag=True, help="Make and write what can be made, even if originals are missing.")
def rebuild_command(
    dataset: Path, originals: Path, work: Path, out: Path, recipe: Path | None, workers: int | None, partial: bool
) -> None:
    """Make the withheld samples of a published dataset again from their originals, and write the whole version.

    Originals are known by their SHA-256, whatever they are called. Every member and every shard must come out with the
    published SHA-256; nothing is written otherwise.
    """
    request = RebuildRequest(dataset, originals, work, out, read_recipe(recipe) if recipe else None, workers, partial)
    console = Console(soft_wrap=True, highlight=False)
    with download_bar(console) as on_download, TerminalReporter(console) as reporter:
        outcome = rebuild(request, reporter, on_download=on_download)
    if outcome.missing:
        console.print(printable(missing_text(outcome.missing), newlines=True), markup=False)
    for key, why in sorted(outcome.failed.items())[:_SHOWN]:
        console.print(printable(f"{key}: {why}"), markup=False)
    if len(outcome.failed) > _SHOWN:
        console.print(f"and {len(outcome.failed) - _SHOWN} more")
    total = len(outcome.remade) + len(outcome.failed)
    if outcome.publication is None and outcome.missing and not partial:
        console.print("nothing was made: get the missing originals first, or do without them (--partial)")
        sys.exit(1)
    console.print(f"{len(outcome.remade)} of {total} withheld samples came out with the published SHA-256")
    if outcome.publication is None:
        console.print("nothing was written: all have to be there (or --partial); what was made is kept in --work")
        sys.exit(1)
    console.print(f"wrote {outcome.publication.path} ({outcome.publication.status})", markup=False)
    if outcome.failed:
        console.print(
            f"the {len(outcome.failed)} samples that could not be made stay withheld: rebuild that version for them"
        )
    elif outcome.same_root:
        console.print("its root is that of the version which was published from: the same bytes throughout")
    else:
        console.print("shards are the same; card or tables differ from the version which was published from")
