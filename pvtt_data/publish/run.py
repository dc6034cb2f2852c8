"""One publication from beginning to end: check, and only if nothing speaks against it upload, tag and read back."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from pvtt_data.errors import DatasetError, PreflightError, PublishError, full_disk_told
from pvtt_data.models import ModelRegistry
from pvtt_data.publish.config import PublishConfig
from pvtt_data.publish.faces import MODEL
from pvtt_data.publish.licences import LicenceBook, LicenceSurvey, UnknownLicenceError
from pvtt_data.publish.patience import Say, Sleep, is_hub_error, reason
from pvtt_data.publish.preflight import Obstacle, Progress, check_version, licences_of
from pvtt_data.publish.remote import HubDesk, RemoteState, Target
from pvtt_data.publish.upload import Upload, Uploader
from pvtt_data.publish.withhold import write_published
from pvtt_data.shards import ShardDataset, read_manifest
from pvtt_data.shards.building import building_folder
from pvtt_data.shards.reload import reload_with_datasets

_VERSION = re.compile(r"v[1-9][0-9]*")


@dataclass(frozen=True, slots=True)
class PublishRequest:
    """What a person asks for.

    Attributes:
        version: folder of the version.
        target: where it shall go.
        config: what may be published.
        withhold: publish samples that must not be shared as addresses, recipe and hashes.
        decode: decode so many samples to verify them; None decodes all.
        dry_run: check everything and send nothing.
        reload: load some of it from the Hub afterwards, with `datasets`.
    """

    version: Path
    target: Target
    config: PublishConfig
    withhold: bool = False
    decode: int | None = None
    workers: int = 1
    dry_run: bool = False
    reload: bool = True


@dataclass
class PublishOutcome:
    """What was found and done.

    Attributes:
        obstacles: what speaks against it; nothing was sent if there is any.
        notes: what a person should know.
        withheld: key → the licence because of which it is.
        splits: of what is published.
        upload: None where nothing was sent.
    """

    obstacles: list[Obstacle] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    licences: LicenceSurvey | None = None
    withheld: dict[str, str] = field(default_factory=dict)
    splits: list[str] = field(default_factory=list)
    upload: Upload | None = None


def config_of(version: Path) -> PublishConfig:
    """What the recipe of a version says about publishing; the defaults if it says nothing.

    Raises:
        DatasetError: the manifest is damaged, or says something that is not understood.
    """
    try:
        return PublishConfig.model_validate(read_manifest(version).recipe.get("publish", {}))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise DatasetError(f"manifest.json: recipe.publish: {first['msg']}") from error


def default_tag(version: Path) -> str | None:
    """``v3`` for a folder of that name."""
    name = version.resolve().name
    return name if _VERSION.fullmatch(name) else None


def hub_api(endpoint: str | None = None) -> Any:
    """A client of the Hub; it finds ``HF_ENDPOINT`` and the token itself.

    Raises:
        PreflightError: huggingface_hub is not installed.
    """
    if importlib.util.find_spec("huggingface_hub") is None:
        raise PreflightError('huggingface_hub is not installed: pip install "pvtt[publish]"')
    from huggingface_hub import HfApi

    return HfApi(endpoint=endpoint, library_name="pvtt")


def publish_version(
    request: PublishRequest,
    api: Any,
    *,
    registry: ModelRegistry | None = None,
    say: Say = lambda text: None,
    sleep: Sleep = time.sleep,
    on_progress: Progress = lambda done, total: None,
    on_download: Callable[[int, int], None] = lambda done, total: None,
    on_checked: Callable[[PublishOutcome], None] = lambda outcome: None,
) -> PublishOutcome:
    """Check a version and, if nothing speaks against it, publish it.

    Args:
        api: see `hub_api`.
        say: told what happens while it uploads.
        on_checked: called with what was found, before anything is sent.

    Raises:
        DatasetError: the version is damaged.
        DiskFullError: there is no room for the version without what is withheld.
        PublishError: the Hub refused, did not answer in the end, or holds something else afterwards.
    """
    outcome = PublishOutcome()
    try:
        LicenceBook(request.config.licences)
    except UnknownLicenceError as error:
        raise PreflightError(f"publish.licences: {error}") from error
    weights = _face_weights(request, registry, on_download, outcome)
    with full_disk_told(), _published_version(request, outcome) as version:
        findings = check_version(
            version,
            request.config,
            face_weights=weights,
            decode=request.decode,
            workers=request.workers,
            on_progress=on_progress,
        )
        outcome.notes += findings.notes
        outcome.obstacles += findings.obstacles
        outcome.licences = findings.licences
        manifest = read_manifest(version)
        outcome.splits = list(manifest.counts)
        named = str((manifest.recipe.get("card") or {}).get("repository", ""))
        if named not in ("", request.target.repo):
            outcome.notes.append(f"the card's examples load {named}, not {request.target.repo} (card.repository)")
        desk = HubDesk(api, request.target, say, sleep)
        state = _ask_hub(desk, version, outcome)
        on_checked(outcome)
        if outcome.obstacles or request.dry_run or state is None:
            return outcome
        upload = _upload(Uploader(desk, say, sleep), version, state, say)
        if request.reload:
            _reload(version, request.target, upload, say)
        outcome.upload = upload
    return outcome


def _upload(uploader: Uploader, version: Path, state: RemoteState, say: Say) -> Upload:
    """Send it, and compare what the Hub lists then."""
    try:
        upload = uploader.run(version, state)
        say(f"compared {uploader.check(version, upload.commit)} files with what the Hub lists")
    except Exception as error:
        if not is_hub_error(error):
            raise
        text = f"{uploader.api.endpoint} refuses: {reason(error)}; what was sent is kept, run publish again"
        raise PublishError(text) from error
    return upload


def _ask_hub(desk: HubDesk, version: Path, outcome: PublishOutcome) -> RemoteState | None:
    """What the Hub says; if it cannot be asked, that is one more obstacle beside the others."""
    try:
        state, obstacles, notes = desk.check(version)
    except PublishError as error:
        outcome.obstacles.append(Obstacle("hub", str(error)))
        return None
    except Exception as error:
        if not is_hub_error(error):
            raise
        outcome.obstacles.append(Obstacle("hub", f"{desk.api.endpoint} refuses: {reason(error)}"))
        return None
    outcome.obstacles += obstacles
    outcome.notes += notes
    return state


def _face_weights(
    request: PublishRequest,
    registry: ModelRegistry | None,
    on_download: Callable[[int, int], None],
    outcome: PublishOutcome,
) -> Path | None:
    if request.config.faces == "allow":
        return None
    try:
        return (registry or ModelRegistry.default()).pull(MODEL, on_download)
    except PreflightError as error:
        text = f"faces cannot be looked for: {error}; pvtt-data models pull {MODEL}, or publish.faces: allow"
        outcome.obstacles.append(Obstacle("faces", text))
        return None


@contextlib.contextmanager
def _published_version(request: PublishRequest, outcome: PublishOutcome) -> Iterator[Path]:
    """The folder that is published: the version, or one without the samples that must not be shared."""
    if not request.withhold:
        yield request.version
        return
    dataset = ShardDataset(request.version)
    metas = [dataset[number].meta for number in range(len(dataset))]
    survey = licences_of(metas, LicenceBook(request.config.licences))
    outcome.withheld = {
        **{key: text for text, keys in survey.incompatible.items() for key in keys},
        **survey.unshareable,
    }
    if not outcome.withheld:
        outcome.notes.append("every licence allows sharing: nothing had to be withheld")
        yield request.version
        return
    if len(outcome.withheld) == len(metas):
        raise DatasetError("no licence of any sample allows sharing: there is nothing to publish but hashes")
    outcome.notes.append(
        f"{len(outcome.withheld)} of {len(metas)} samples are withheld: tables/withheld.parquet says from what and how "
        "they are made again"
    )
    parent = request.version.resolve().parent
    if not os.access(parent, os.W_OK):
        raise PreflightError(f"{parent} cannot be written: the version without the withheld samples is made there")
    with building_folder(parent) as folder:
        write_published(request.version, folder, outcome.withheld)
        yield folder


def _reload(version: Path, target: Target, upload: Upload, say: Say) -> None:
    """Load it as a user does, from the Hub."""
    revision = target.tag or upload.commit
    try:
        reload = reload_with_datasets(version, read_manifest(version), target.repo, revision)
    except Exception as error:  # of whatever lies between the Hub and this machine's disk
        raise PublishError(
            f"it was uploaded, commit {upload.commit[:12]}; loading it from the Hub did not work here: {reason(error)}"
        ) from error
    if reload.problems:
        lines = "\n".join(f"  {problem}" for problem in reload.problems[:5])
        raise PublishError(f"it was uploaded, but loading it from the Hub gives something else:\n{lines}")
    say(f"{reload.note}, from {target.repo} at {revision[:40]}")


def loading_text(target: Target, commit: str, splits: list[str]) -> str:
    """How to load what was published."""
    revision = target.tag or commit
    return "\n".join(
        [
            "import datasets",
            f'rows = datasets.load_dataset("{target.repo}", split="{splits[0]}", revision="{revision}", '
            "streaming=True)",
            "",
            "from huggingface_hub import snapshot_download",
            "from pvtt_data.shards import ShardDataset",
            f'folder = snapshot_download("{target.repo}", repo_type="dataset", revision="{revision}", '
            f'local_dir="{target.repo.partition("/")[2]}")',
            f'dataset = ShardDataset(folder, split="{splits[0]}")',
        ]
    )
