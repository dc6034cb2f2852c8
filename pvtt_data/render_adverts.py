"""Rendered adverts as a feed that builds can mine, with the truth about them beside it.

The feed is a catalogue (docs/sources.md): ``{category}/{PRODUCT_ID}.json`` and ``{category}/media/``. What is known of
the videos stands in ``truth/``, which mining passes over.
"""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pvtt_data.errors import BuildError
from pvtt_data.files import write_whole
from pvtt_data.images import read_image
from pvtt_data.media import decode_masks, decode_video
from pvtt_data.progress import Reporter
from pvtt_data.records import AdvertPlan, AdvertShot, FilmedAdvert
from pvtt_data.render.contact_sheet import AdvertRow, contact_sheet
from pvtt_data.render_request import RenderRequest, open_studio
from pvtt_data.sources.folder import TRUTH_FILE
from pvtt_data.stages.adverts import Adverts, advert_item, plan_adverts
from pvtt_data.store import BlobStore

_CONVENTIONS = {
    "paths": "keys are relative to the catalogue, mask is relative to this file's folder",
    "frames": "number of frames; frame numbers count from 0",
    "cuts": "first frame of every shot that follows another without a transition; all cuts are hard",
    "dissolves": "frames that show two shots: first is inclusive, last is exclusive; frame i shows "
    "(i - first + 1) / (last - first + 1) of the later shot's display value and the rest of the earlier one's",
    "shots": "frames that show this shot alone: first is inclusive, last is exclusive; whole_product: the product "
    "never touches the picture's edge; mask_area: smallest and largest share of the picture that it covers; camera "
    "and motion: how camera and product move; close: a close view, which may cut the product off; occluder: something "
    "passes in front",
    "mask": "lossless H.264 of the frame's size and frame count; luma is 255 where the product is visible in at least "
    "half of the pixel while the shutter is open, else 0; in dissolves the shares of both shots are mixed as their "
    "pictures are",
}


@dataclass(frozen=True, slots=True)
class AdvertFeed:
    """What was made."""

    adverts: int
    rejected: int
    sheet: Path


def render_adverts(request: RenderRequest, reporter: Reporter) -> AdvertFeed:
    """Render adverts, write them as a catalogue with its truth, and draw a contact sheet; a preview is a sheet alone.

    Files of the same name are overwritten, others are left alone.

    Raises:
        PreflightError: something that rendering needs is missing.
        BuildError: no advert could be rendered.
    """
    clip = request.recipe.normalise
    with open_studio(request, reporter) as studio:
        runner, config = studio.runner, studio.config
        plans = runner.table(plan_adverts(studio.articles, studio.casting, studio.count, config, clip))
        if len(plans) < studio.count:
            runner.note(f"there are {len(plans)} products, so there are no more adverts: see render.identities")
        items = [advert_item(plan, studio.hdris, clip, preview=request.preview) for plan in plans]
        made = runner.map(Adverts(config, studio.variant), items)
        if not made:
            raise BuildError("no advert could be rendered; the lines above say why")
        by_id = {plan.advert_id: plan for plan in plans}
        if not request.preview:
            truths = dict(_export(advert, by_id[advert.advert_id], studio.store, request.out) for advert in made)
            document = {"conventions": _CONVENTIONS, "videos": dict(sorted(truths.items()))}
            _write_json(document, request.out / "truth" / TRUTH_FILE)
        sheet = request.out / "sheet.jpg"
        sheet.parent.mkdir(parents=True, exist_ok=True)
        write_whole(sheet, contact_sheet([_row(advert, studio.store) for advert in made]))
        return AdvertFeed(len(made), studio.rejected, sheet)


def _export(advert: FilmedAdvert, plan: AdvertPlan, store: BlobStore, out: Path) -> tuple[str, dict[str, Any]]:
    """Write an advert's files; its key in the truth, and its truth."""
    article = plan.article
    name = article.product_id
    folder = out / folder_name(article.category)
    video, mask = f"media/videos/{name}_ad.mp4", f"masks/{name}_ad.mp4"
    pictures = [f"media/images/{name}_{number}.jpg" for number, _ in enumerate(advert.pictures, start=1)]
    blobs = [advert.video, advert.mask, *advert.pictures]
    paths = [folder / video, out / "truth" / mask, *(folder / picture for picture in pictures)]
    for blob, path in zip(blobs, paths, strict=True):
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(store.path(blob), path)
    listing = {
        "product_id": name,
        "title": advert.title,
        "category": article.category,
        "licence": article.licence,
        "images": pictures,
        "videos": [video],
    }
    _write_json(listing, folder / f"{name}.json")
    truth = {
        "product_id": name,
        "width_px": plan.width_px,
        "height_px": plan.height_px,
        "fps": advert.fps,
        "frames": advert.frames,
        "cuts": list(advert.cuts),
        "dissolves": [{"first": span.first, "last": span.last} for span in advert.dissolves],
        "shots": [_shot(shot, advert.fps) for shot in advert.shots],
        "mask": mask,
    }
    return f"{folder.name}/{video}", truth


def folder_name(category: str) -> str:
    """A category as the name of a folder."""
    return re.sub(r"[^a-z0-9]+", "-", category.lower()).strip("-") or "products"


def _shot(shot: AdvertShot, fps: int) -> dict[str, Any]:
    first, last = shot.frames.first, shot.frames.last
    return {
        "first": first,
        "last": last,
        "duration_s": round((last - first) / fps, 4),
        "set": shot.style,
        "camera": shot.camera,
        "motion": shot.motion,
        "close": shot.close,
        "occluder": shot.occluded,
        "whole_product": shot.whole_product,
        "mask_area": [round(shot.least_area, 4), round(shot.most_area, 4)],
    }


def _write_json(value: dict[str, Any], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, (json.dumps(value, indent=1, ensure_ascii=False) + "\n").encode())


def _row(advert: FilmedAdvert, store: BlobStore) -> AdvertRow:
    """The first, the middle and the last frame of every shot, and the listing pictures."""
    spans = [shot.frames for shot in advert.shots]
    shown = [frame for span in spans for frame in (span.first, (span.first + span.last - 1) // 2, span.last - 1)]
    shots = "; ".join(
        f"{shot.style}, {shot.camera}, {shot.motion}{', close' if shot.close else ''}" for shot in advert.shots
    )
    slow = f"; {len(advert.dissolves)} dissolved" if advert.dissolves else ""
    return AdvertRow(
        advert.title,
        f"{advert.frames} frames at {advert.fps}: {shots}{slow}",
        decode_video(store.path(advert.video))[shown],
        decode_masks(store.path(advert.mask))[shown],
        [read_image(store.path(picture)) for picture in advert.pictures],
    )
