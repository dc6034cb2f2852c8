"""Rendered pairs in folders, and a contact sheet of them: for looking, not for datasets."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pvtt_data.errors import BuildError
from pvtt_data.files import write_whole
from pvtt_data.images import read_rgba
from pvtt_data.media import decode_masks, decode_video
from pvtt_data.progress import Reporter
from pvtt_data.records import Article, Rendered, RenderPlan, to_plain
from pvtt_data.render.contact_sheet import SheetRow, contact_sheet
from pvtt_data.render_request import RenderRequest, open_studio
from pvtt_data.stages.render import (
    SHADOWLESS,
    Render,
    plan_renders,
    render_item,
)
from pvtt_data.store import BlobStore

_PREVIEW_FRAMES = 3
_VIDEOS = ("source", "target", "source_mask", "target_mask", "effect_mask")


@dataclass(frozen=True, slots=True)
class RenderedPairs:
    """What was made."""

    pairs: int
    rejected: int
    sheet: Path


def render_pairs(request: RenderRequest, reporter: Reporter) -> RenderedPairs:
    """Render pairs, write each into a folder of its own, and draw a contact sheet.

    Raises:
        PreflightError: something that rendering needs is missing.
        BuildError: no pair could be rendered.
    """
    recipe = request.recipe
    with open_studio(request, reporter) as studio:
        runner, config = studio.runner, studio.config
        plans = runner.table(
            plan_renders(studio.articles, studio.casting, studio.count, config, recipe.normalise, recipe.assign_split)
        )
        last = recipe.normalise.frames - 1
        shown = tuple(round(share * last) for share in np.linspace(0, 1, _PREVIEW_FRAMES)) if request.preview else ()
        items = [
            render_item(plan, studio.hdris, recipe.normalise, recipe.pair, shown, request.geometry) for plan in plans
        ]
        renders = runner.map(Render(config, recipe.normalise.crf, studio.variant), items)
        if not renders:
            raise BuildError("no pair could be rendered; the lines above say why")
        by_id = {plan.sample_id: plan for plan in plans}
        rows = [
            _export(render, by_id[render.sample_id], studio.store, request.out / render.sample_id) for render in renders
        ]
        sheet = request.out / "sheet.jpg"
        write_whole(sheet, contact_sheet(rows))
        return RenderedPairs(len(renders), studio.rejected, sheet)


def _export(render: Rendered, plan: RenderPlan, store: BlobStore, folder: Path) -> SheetRow:
    folder.mkdir(parents=True, exist_ok=True)
    for name in _VIDEOS:
        shutil.copyfile(store.path(getattr(render, name)), folder / f"{name}.mp4")
    for kind, views in (("reference", render.references), ("heldout", render.heldout)):
        for number, view in enumerate(views):
            shutil.copyfile(store.path(view.cutout), folder / f"{kind}_{number}.png")
    if render.shadowless is not None:
        shutil.copyfile(store.path(render.shadowless), folder / f"{SHADOWLESS}.mp4")
    if render.geometry is not None:
        shutil.copyfile(store.path(render.geometry), folder / "geometry.npz")
    facts = {
        "sample_id": render.sample_id,
        "a": _listing(plan.a, render.title_a),
        "b": _listing(plan.b, render.title_b),
        "difficulty": plan.difficulty,
        "near_identity": plan.near_identity,
        "split": plan.split,
        "style": render.style,
        "camera": render.camera,
        "motion": render.motion,
        "references": [to_plain(view) for view in render.references],
        "numbers": dict(render.numbers),
    }
    write_whole(folder / "pair.json", (json.dumps(facts, indent=1, ensure_ascii=False) + "\n").encode())
    source, target = (decode_video(store.path(blob)) for blob in (render.source, render.target))
    masks = [decode_masks(store.path(blob)) for blob in (render.source_mask, render.target_mask, render.effect_mask)]
    return SheetRow(
        f"{render.title_a} / {render.title_b}",
        f"{render.style}, {render.camera}, {render.motion}; {plan.difficulty} {plan.near_identity}".strip(),
        source,
        target,
        masks[0],
        masks[1],
        masks[2],
        [read_rgba(store.path(view.cutout)) for view in render.references],
    )


def _listing(article: Article, title: str) -> dict[str, str]:
    return {
        "product_id": article.product_id,
        "title": title,
        "category": article.category,
        "licence": article.licence,
    }
