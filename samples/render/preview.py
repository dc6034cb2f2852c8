"""A contact sheet of all shots in draft quality, for choosing seeds and cameras."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw

from pvtt_data.render.filming import Quality, record
from pvtt_data.render.packshots import Picture, packshots
from samples.render import teapot
from samples.render.adverts import ADVERTS, LISTING, TEAPOT_SHOT, Shot
from samples.render.articles import ARTICLES, TEAPOT, Article
from samples.render.staging import stage_shot

_TILE_PX = 300
_TEXT_PX = 14


def preview(path: Path, quality: Quality, only: Sequence[str]) -> None:
    """Write a sheet: a row for each shot with its first, a middle and its last frame, and a row of listing pictures.

    Args:
        only: product ids; all if empty.
    """
    quick = dataclasses.replace(
        quality, preset=dataclasses.replace(quality.preset, reference_samples=quality.preset.samples)
    )
    strips = []
    for article in (*ARTICLES.values(), TEAPOT):
        if only and article.product_id not in only:
            continue
        shots: list[tuple[Shot, int, int, int, int]] = [
            (shot, *advert.picture_rect[2:], advert.fps, advert.seed(index))
            for advert in ADVERTS
            if advert.product_id == article.product_id
            for index, shot in enumerate(advert.shots)
        ]
        if article is TEAPOT:
            shots = [(TEAPOT_SHOT, teapot.WIDTH_PX, teapot.HEIGHT_PX, teapot.FPS, teapot.SEED)]
        strips += [_shot_strip(article, *shot, quality) for shot in shots]
        pictures = packshots(article.build(), LISTING, quick, 1)
        strips.append(_strip(f"{article.product_id}: {article.build().title}", pictures))
    width = max(strip.shape[1] for strip in strips)
    padded = [np.pad(s, ((0, 0), (0, width - s.shape[1]), (0, 0)), constant_values=255) for s in strips]
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.concatenate(padded)).save(path, quality=90)


def _shot_strip(
    article: Article, shot: Shot, width: int, height: int, fps: int, seed: int, quality: Quality
) -> Picture:
    scene, product = stage_shot(shot, article, width, height, fps, seed)
    footage = record(scene, product, quality, (0, shot.frames // 2, shot.frames - 1))
    masks = footage.coverage >= 0.5
    area = masks.mean(axis=(1, 2))
    border = [masks[:, 0], masks[:, -1], masks[:, :, 0], masks[:, :, -1]]
    whole = not any(bool(side.any()) for side in border)
    near, far = scene.move.distance
    text = (
        f"{article.product_id} {shot.style} {shot.set_seed} {shot.move.kind}, {shot.motion.kind}: area "
        f"{area.min():.3f}-{area.max():.3f}, {'whole' if whole else 'CUT OFF'}, distance {near:.2f}-{far:.2f}"
    )
    print(text, flush=True)
    outlined = footage.frames[1].copy()
    outlines, _ = cv2.findContours(masks[1].astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(outlined, outlines, -1, (255, 0, 0), 1)
    return _strip(text, [*footage.frames, outlined])


def _strip(text: str, pictures: Sequence[Picture]) -> Picture:
    tiles = [
        cv2.resize(p, (round(p.shape[1] * _TILE_PX / p.shape[0]), _TILE_PX), interpolation=cv2.INTER_AREA)
        for p in pictures
    ]
    line = np.concatenate(tiles, axis=1)
    head = Image.new("RGB", (line.shape[1], _TEXT_PX), "white")
    ImageDraw.Draw(head).text((2, 1), text, fill="black")
    return np.concatenate([np.asarray(head), line])
