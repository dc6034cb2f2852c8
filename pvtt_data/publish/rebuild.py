"""Making withheld samples again, from originals that one got oneself.

Only what a withheld sample was made of is made again, by the very stages of a build and with the recipe and the tables
of the published version, so no other original is needed and no decision is taken anew. Everything is compared with its
SHA-256: clips, masks and cut-outs on the way, members and shards at the end. A sample that comes out otherwise is not
written.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from pvtt_data.backends import BACKENDS, ChosenBackend
from pvtt_data.errors import BuildError, DatasetError, PreflightError, full_disk_told
from pvtt_data.executor import LocalExecutor
from pvtt_data.items import listing_items, named_targets, segment_item, swap_item
from pvtt_data.mirrors import Progress
from pvtt_data.models import ModelRegistry
from pvtt_data.progress import Reporter, SilentReporter
from pvtt_data.publish.needs import Needs, Original, VersionTables, needs_of, originals_text, read_tables
from pvtt_data.publish.withhold import (
    TABLE,
    Withheld,
    read_withheld,
    settings_of,
    shard_sample,
    shard_sample_of,
    write_withheld,
)
from pvtt_data.recipe import Recipe
from pvtt_data.records import Blob, Clip, Cut, MaskTrack, Picture
from pvtt_data.runner import Runner
from pvtt_data.shards import (
    Publication,
    SampleMeta,
    ShardDataset,
    ShardSample,
    publish,
    read_manifest,
    verify,
    write_dataset,
)
from pvtt_data.shards.building import building_folder
from pvtt_data.shards.format import JSON_MEMBER
from pvtt_data.shards.versions import latest_version
from pvtt_data.stage import MapStage, Named, Resources
from pvtt_data.stages.normalise import NormaliseConfig, store_clip
from pvtt_data.stages.panzoom import Panzoom, panzoom_item
from pvtt_data.stages.pictures import ClipPictureItem, ClipPictures, ListingPictures
from pvtt_data.stages.segment import Segment, backend_for
from pvtt_data.stages.synthesise import Synthesise
from pvtt_data.stated_recipe import stated_section, without_machine
from pvtt_data.store import BlobStore, original_sha256
from pvtt_data.words import printable
from pvtt_data.workspace import Workspace

_SHOWN = 20


@dataclass(frozen=True, slots=True)
class RebuildRequest:
    """What a person asks for.

    Attributes:
        version: folder of the published version.
        originals: folder with the originals, under any names.
        work: the work directory.
        out: folder of dataset versions, which gets the whole one.
        recipe: where the version's own recipe named files (a vocabulary, an inpainting network), the recipe with them.
        workers: worker processes.
        partial: write the samples that could be made even if others could not; those stay withheld.
    """

    version: Path
    originals: Path
    work: Path
    out: Path
    recipe: Recipe | None = None
    workers: int | None = None
    partial: bool = False


@dataclass
class RebuildOutcome:
    """What came of it.

    Attributes:
        remade: keys of the samples that came out with the very same bytes.
        failed: key → why a sample could not be made, or differs.
        missing: originals that were not found.
        publication: the version with these samples; None where nothing was written, since one is missing.
        same_root: whether that version has the root of the one that was published from.
    """

    remade: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    missing: list[Original] = field(default_factory=list)
    publication: Publication | None = None
    same_root: bool = False


@dataclass(frozen=True, slots=True)
class CutItem:
    """A clip as the version's table states it."""

    clip_id: str
    media_sha256: str
    declared_fps: float | None
    cut: Cut


class CutAgain(MapStage[CutItem]):
    """The video of a clip that is known already, cut out of its original."""

    name = "cut_again"
    version = 1
    kind = "clip"
    libraries = ("av", "numpy")
    resources = Resources(memory_bytes=6 * 2**30, timeout_s=600.0)
    config: NormaliseConfig

    def run(self, item: CutItem, store: BlobStore) -> Sequence[Clip]:
        """The `Clip`, of which only identifiers, cut and video are told."""
        video = store_clip(item.cut, item.media_sha256, item.declared_fps, self.config.crf, store)
        return [Clip(item.clip_id, "", item.media_sha256, item.declared_fps, 0, 0, 0.0, item.cut, video, {})]


def rebuild(
    request: RebuildRequest,
    reporter: Reporter | None = None,
    registry: ModelRegistry | None = None,
    on_download: Progress = lambda done, total: None,
) -> RebuildOutcome:
    """Make the withheld samples of a published version again and write the whole version.

    Unless ``request.partial``, nothing is made while an original is missing, and nothing written while a sample is.

    Raises:
        DatasetError: the version withholds nothing, is damaged, or its tables do not suffice.
        PreflightError: the models, the work directory or the originals' folder cannot be had, or the version would be
            written where it does not belong.
        BuildError: too many faults.
        DiskFullError: there is no room; what was made is kept.
    """
    _check(request)
    with full_disk_told():
        return _rebuild(request, reporter, registry, on_download)


def _rebuild(
    request: RebuildRequest, reporter: Reporter | None, registry: ModelRegistry | None, on_download: Progress
) -> RebuildOutcome:
    withheld, root = read_withheld(request.version)
    tables = read_tables(request.version)
    recipe = request.recipe or recipe_of(request.version)
    outcome = RebuildOutcome()
    needs = needs_of(tables, [row.key for row in withheld], recipe.synthesise.composite.distractor_share)
    _check_filler(recipe, request.version, needs)
    outcome.failed |= needs.problems
    found = find_originals(request.originals, set(needs.originals))
    outcome.missing = [needs.originals[sha256] for sha256 in sorted(set(needs.originals) - set(found))]
    for key, used in needs.of_sample.items():
        gone = [needs.originals[sha256] for sha256 in sorted(used - set(found))]
        if gone:
            outcome.failed[key] = f"originals are missing: {', '.join(one.name or one.sha256[:12] for one in gone)}"
    makeable = [row.key for row in withheld if row.key not in outcome.failed]
    if makeable and (request.partial or not outcome.failed):
        _make(request, recipe, tables, makeable, found, withheld, outcome, reporter, registry, on_download)
    outcome.remade.sort()
    if len(outcome.remade) == len(withheld) or (request.partial and outcome.remade):
        workspace = Workspace(request.work)
        outcome.publication = _write(request, withheld, root, set(outcome.remade), workspace.store)
        outcome.same_root = outcome.publication.root == root
    return outcome


def recipe_of(version: Path) -> Recipe:
    """The recipe that a version was built with, as far as making samples again needs it.

    Files and programs that it names are left out: a version may be a stranger's.

    Raises:
        DatasetError: this version of pvtt does not understand it.
    """
    plain = without_machine(read_manifest(version).recipe)
    try:
        return Recipe.model_validate({**plain, "mine": {"folder": Path()}})
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise DatasetError(
            f"the recipe of {version.name} is not understood ({where}: {first['msg']}): use the version of pvtt that "
            f"made it, {read_manifest(version).tools.get('pvtt', 'which it does not say')}"
        ) from error


def _check_filler(recipe: Recipe, version: Path, needs: Needs) -> None:
    """Whether the background of composites would be filled by what filled it.

    Raises:
        PreflightError: it was another network or program.
    """
    composite = stated_section(read_manifest(version).recipe, "synthesise", "composite")
    stated = {name: composite.get(name) or None for name in ("fill_model", "fill_command")}
    own = {name: value or None for name, value in recipe.synthesise.composite.filled_by.items()}
    if stated == own or all(pair.engine != "composite" for pair in needs.pairs.values()):
        return
    for name, value in stated.items():
        if value is not None:
            raise PreflightError(
                f"the background of composites was filled by a {name} of the recipe's ({printable(str(value))[:80]}): "
                "name the recipe that has it with --recipe"
            )
    raise PreflightError("the recipe names a filler for the background of composites, and the version's had none")


def find_originals(folder: Path, wanted: set[str]) -> dict[str, Path]:
    """Where files (or folders of frames) with these SHA-256 lie below a folder; their names do not matter.

    Links to files count, links to folders do not. What cannot be read is passed over.
    """
    found: dict[str, Path] = {}
    for parent, folders, files in os.walk(folder):
        folders.sort()
        paths = [path for name in sorted(files) if (path := Path(parent) / name).is_file()]
        paths += [path for name in folders if not (path := Path(parent) / name).is_symlink()]
        for path in paths:
            if len(found) == len(wanted):
                return found
            with contextlib.suppress(OSError):
                digest = original_sha256(path)
                if digest in wanted:
                    found.setdefault(digest, path.resolve())
    return found


def _make(
    request: RebuildRequest,
    recipe: Recipe,
    tables: VersionTables,
    keys: Sequence[str],
    found: Mapping[str, Path],
    withheld: Sequence[Withheld],
    outcome: RebuildOutcome,
    reporter: Reporter | None,
    registry: ModelRegistry | None,
    on_download: Progress,
) -> None:
    """Run the stages, and note which samples came out as they were."""
    needs = needs_of(tables, keys, recipe.synthesise.composite.distractor_share)
    recipe = _as_segmented(recipe, tables, needs)
    backend, why = backend_for(recipe.segment, registry or ModelRegistry.default(), on_download)
    workspace = Workspace(request.work)
    workspace.acquire()
    executor = LocalExecutor(request.workers or os.cpu_count() or 1, workspace.store)
    try:
        for sha256, path in found.items():
            workspace.store.add_original(sha256, path)
        runner = Runner(workspace, executor, reporter or SilentReporter(), recipe=f"{recipe.name}-rebuild")
        runner.note(why)
        maker = _Maker(recipe, tables, needs, runner, backend)
        maker.through()
        for row in withheld:
            if row.key not in keys:
                continue
            lost = [name for name, blob in _blobs(row).items() if not workspace.store.has(blob)]
            if lost:
                outcome.failed[row.key] = maker.why(row.key, lost)
            else:
                outcome.remade.append(row.key)
    finally:
        executor.close()
        workspace.release()


def _as_segmented(recipe: Recipe, tables: VersionTables, needs: Needs) -> Recipe:
    """The recipe with the backend that made the published masks and cut-outs, whatever ``auto`` would take here."""
    labels = {tables.shelf.tracks[name].backend for name in needs.tracks}
    labels |= {tables.shelf.pictures[name].backend for name in needs.listing}
    names = {label.partition(" ")[0] for label in labels}
    if len(names) != 1 or not names <= set(BACKENDS):
        return recipe
    return recipe.model_copy(update={"segment": recipe.segment.model_copy(update={"backend": names.pop()})})


def _blobs(row: Withheld) -> dict[str, Blob]:
    """The members of a withheld sample that are media, as blobs."""
    return {
        name: Blob(sha256, length, name.rpartition(".")[2])
        for name, (length, sha256) in row.members.items()
        if name != JSON_MEMBER
    }


class _Maker:
    """Takes what is needed through the stages."""

    def __init__(
        self, recipe: Recipe, tables: VersionTables, needs: Needs, run: Runner, backend: ChosenBackend
    ) -> None:
        self.recipe = recipe
        self.tables = tables
        self.needs = needs
        self.run = run
        self.backend = backend
        self.shelf = tables.shelf
        self.targets = named_targets(tables.sources, backend, recipe.segment)
        self.differs: dict[str, str] = {}
        """Clip, track or picture → what is wrong with it."""

    def through(self) -> None:
        """Run all stages that the samples need."""
        self._clips()
        self._tracks()
        self._pictures()
        self._swaps()

    def why(self, key: str, lost: Sequence[str]) -> str:
        """Why a sample did not come out as it was."""
        pair = self.needs.pairs[key]
        rows = [
            self.shelf.tracks[name].clip_id for name in (pair.track_id, pair.track_id_a) if name in self.needs.tracks
        ]
        rows += [pair.track_id, pair.track_id_a, pair.cutout_id, pair.photo_id, *pair.reference_ids, *pair.heldout_ids]
        reasons = [self.differs[row] for row in rows if row in self.differs]
        failed = [
            one.message for result in self.run.results for one in result.rejections if one.subject_id == pair.pair_id
        ]
        return "; ".join(dict.fromkeys([*reasons, *failed])) or f"{', '.join(lost)} came out with other bytes"

    def _usable_tracks(self, names: set[str]) -> list[MaskTrack]:
        tracks = [self.shelf.tracks[name] for name in sorted(names)]
        return [track for track in tracks if track.clip_id not in self.differs and track.track_id not in self.differs]

    def _compare(self, what: str, wanted: Mapping[str, Blob], found: Mapping[str, Blob]) -> None:
        for name, blob in wanted.items():
            if name not in found:
                self.differs[name] = f"{what} {name} could not be made"
            elif found[name].sha256 != blob.sha256:
                self.differs[name] = f"{what} {name} came out with other bytes (other libraries or processor?)"

    def _clips(self) -> None:
        wanted = {name: self.shelf.clips[name] for name in sorted(self.needs.clips)}
        items = [
            Named(CutItem(clip.clip_id, clip.media_sha256, clip.declared_fps, clip.cut), name, name)
            for name, clip in wanted.items()
        ]
        made: list[Clip] = self.run.map(CutAgain(self.recipe.normalise), items) if items else []
        videos = {name: clip.video for name, clip in wanted.items()}
        self._compare("clip", videos, {clip.clip_id: clip.video for clip in made})

    def _tracks(self) -> None:
        items, again = [], self.tables.told_again
        for track in self._usable_tracks(self.needs.tracks):
            clip = self.shelf.clips[track.clip_id]
            item = segment_item(clip, self.targets.get(clip.source_id), again.get(clip.clip_id))
            items.append(Named(item, clip.clip_id, clip.clip_id))
        made: list[MaskTrack] = (
            self.run.map(Segment(self.backend, self.recipe.segment.smoothing_px), items) if items else []
        )
        masks = {track.clip_id: track.mask for track in made}
        usable = self._usable_tracks(self.needs.tracks)
        self._compare(
            "mask",
            {track.track_id: track.mask for track in usable},
            {track.track_id: masks[track.clip_id] for track in usable if track.clip_id in masks},
        )

    def _pictures(self) -> None:
        listed = listing_items(self.tables.sources, self.targets)
        wanted = [self.shelf.pictures[name] for name in sorted(self.needs.listing)]
        items = [listed[picture.product_id, picture.image_sha256] for picture in wanted]
        made: list[Picture] = self.run.map(ListingPictures(self.recipe.pictures, self.backend), items) if items else []
        framed = []
        for track in self._usable_tracks(self.needs.framed):
            clip = self.shelf.clips[track.clip_id]
            framed_item = ClipPictureItem.of(clip, track, self.shelf.sources[clip.source_id].product_id)
            framed.append(Named(framed_item, track.track_id, track.track_id))
        made = [*made, *(self.run.map(ClipPictures(self.recipe.pictures), framed) if framed else [])]
        found = {picture.picture_id: picture.cutout for picture in made}
        needed = {
            name
            for pair in self.needs.pairs.values()
            for name in (*pair.reference_ids, *pair.heldout_ids, pair.cutout_id, pair.photo_id)
            if name
        } | set(self.needs.distractors.values())
        self._compare("picture", {name: self.shelf.pictures[name].cutout for name in sorted(needed)}, found)

    def _swaps(self) -> None:
        """Each engine makes its pairs, of those of which all parts are there.

        A crosspair is its clip and its mask, so there is nothing left to make.
        """
        recipe = self.recipe
        ready = {pair.pair_id: pair for pair in self.needs.pairs.values() if not self._lacks(pair)}
        composites, panzooms = [], []
        for pair_id, pair in sorted(ready.items()):
            if pair.engine == "composite" and pair.kind != "reconstruct":
                third = self.needs.distractors.get(pair_id)
                item = swap_item(pair, self.shelf, self.shelf.pictures[third].cutout if third else None)
                composites.append(Named(item, pair_id, pair_id))
            elif pair.engine == "panzoom":
                item_of_photo = panzoom_item(pair, self.shelf.pictures, recipe.normalise)
                panzooms.append(Named(item_of_photo, pair_id, pair_id))
        if composites:
            self.run.map(Synthesise(recipe.synthesise, recipe.normalise.crf), composites)
        if panzooms:
            self.run.map(Panzoom(recipe.synthesise.panzoom, recipe.normalise.crf), panzooms)

    def _lacks(self, pair: Any) -> bool:
        names = [pair.track_id, pair.track_id_a, pair.cutout_id, pair.photo_id, *pair.reference_ids, *pair.heldout_ids]
        names += [
            self.shelf.tracks[name].clip_id for name in (pair.track_id, pair.track_id_a) if name in self.needs.tracks
        ]
        names.append(self.needs.distractors.get(pair.pair_id, ""))
        return any(name in self.differs for name in names if name)


def _write(
    request: RebuildRequest, withheld: Sequence[Withheld], root: str, remade: set[str], store: BlobStore
) -> Publication:
    """The version with the samples that were made; shards that have all theirs must have the published SHA-256."""
    published = ShardDataset(request.version, check_sha256=True)
    manifest = published.manifest
    tables = {Path(name).stem: request.version / name for name in manifest.tables if Path(name).stem != TABLE}
    counts = {row.split: int(Path(row.shard).stem.rpartition("-")[2]) for row in withheld}
    settings = replace(
        settings_of(request.version, manifest),
        shard_count={**{split: entry.shards for split, entry in manifest.counts.items()}, **counts},
    )
    made = [row for row in withheld if row.key in remade]
    left = [row for row in withheld if row.key not in remade]
    with building_folder(request.out) as folder, building_folder(request.out) as scratch:
        if left:
            tables[TABLE] = scratch / f"{TABLE}.parquet"
            write_withheld(tables[TABLE], left, root)
        write_dataset(folder, _all_samples(published, made, store), settings, tables)
        written = read_manifest(folder)
        lacking = {row.shard for row in left}
        for row in made:
            entry = written.shards.get(row.shard)
            if row.shard not in lacking and (entry is None or entry.sha256 != row.shard_sha256):
                raise BuildError(f"{row.shard} came out with other bytes than the version that was published from has")
        report = verify(folder)
        if not report.ok:
            raise BuildError(f"the rebuilt dataset does not verify, which is a defect:\n{report.text()}")
        return publish(folder, request.out)


def _all_samples(published: ShardDataset, withheld: Sequence[Withheld], store: BlobStore) -> Iterator[ShardSample]:
    for number in range(len(published)):
        yield shard_sample_of(published[number])
    for row in withheld:
        data = row.json.encode()
        try:
            meta = SampleMeta.from_bytes(data)
        except ValidationError as error:
            raise DatasetError(f"the JSON of the withheld sample {row.key} is damaged") from error
        blobs = _blobs(row)
        members = {name: store.path(blob) for name, blob in blobs.items()}
        yield shard_sample(row.key, row.split, meta, members, {name: blob.sha256 for name, blob in blobs.items()})


def missing_text(missing: Sequence[Original]) -> str:
    """Which originals to get, for a person."""
    more = f"\n  and {len(missing) - _SHOWN} more" if len(missing) > _SHOWN else ""
    return f"{len(missing)} originals are missing:\n{originals_text(missing[:_SHOWN])}{more}"


def _check(request: RebuildRequest) -> None:
    """Refuse what cannot work, before anything is made.

    Raises:
        PreflightError: the originals' folder is not there, the work directory or the new version would lie inside the
            published one, or the folder of versions cannot be written or holds those of another dataset.
        DatasetError: the published version is damaged.
    """
    if not request.originals.is_dir():
        raise PreflightError(f"{request.originals} is no folder with originals")
    version = request.version.resolve()
    for option, folder in (("--out", request.out.resolve()), ("--work", request.work.resolve())):
        if version == folder or version in folder.parents:
            raise PreflightError(f"{option} lies in the published version itself: name a folder outside of it")
    place = next(folder for folder in (request.out.resolve(), *request.out.resolve().parents) if folder.exists())
    if not (place.is_dir() and os.access(place, os.W_OK)):
        raise PreflightError(f"{place} cannot be written, and the version would go there: name another --out")
    latest = latest_version(request.out)
    if latest is not None:
        name, own = read_manifest(request.out / f"v{latest}").name, read_manifest(request.version).name
        if name != own:
            raise PreflightError(f"{request.out} holds versions of {name}, and this is {own}: name another --out")
