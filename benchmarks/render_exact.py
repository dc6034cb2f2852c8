"""What masks and flow promise, checked: nothing changes outside an effect mask, flow leads on, reruns are equal."""

from __future__ import annotations

import dataclasses
import multiprocessing
from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import render_scenes as scenes
from PIL import Image
from render_scenes import Case, Setting

from pvtt_data.render.camera import CameraMove
from pvtt_data.render.flow import geometry
from pvtt_data.render.look import Floats, Look, develop
from pvtt_data.render.material import Material, Part
from pvtt_data.render.presets import PRESETS, Preset, PresetName
from pvtt_data.render.shoot import Shoot
from pvtt_data.render.variant import choose_variant, start

Array = npt.NDArray[np.generic]
Mask = npt.NDArray[np.bool_]

STATIC, MOVING = 0, 3
"""Which of `SCENES` are looked at: a product at rest under a still camera, and one that spins in an orbit."""
_BOX_PX = 5
_ERRORS, _LEVELS = 3.0, 1.0
_SEED = 700_001
_VISIBLE_LEVELS = 3.0
"""What the effect mask's thresholds call just visible over a wide area."""
_CHUNK = 16
_FLOW_TARGET_DB = 35.0


def check_exactness(setting: Setting, name: PresetName, samples: int, pictures: Path | None) -> list[dict[str, object]]:
    """Print what was found; the rows as plain values."""
    preset = PRESETS[name]
    chosen = [_still(scenes.draw_case(setting, *scenes.SCENES[STATIC]))]
    chosen.append(scenes.draw_case(setting, *scenes.SCENES[MOVING]))
    rows: list[dict[str, object]] = []
    for case in chosen:
        rows += [{"check": "outside", "scene": case.name, **row} for row in outside(case, preset, setting, samples)]
        rows += [{"check": "flow", "scene": case.name, **row} for row in flow(case, preset, setting, samples, pictures)]
        rows.append({"check": "rerun", "scene": case.name, **rerun(case, name, setting)})
        for row in rows:
            if row["scene"] == case.name:
                print(_line(row), flush=True)
    return rows


def _line(row: dict[str, object]) -> str:
    facts = ", ".join(f"{key} {value}" for key, value in row.items() if key not in ("check", "scene"))
    return f"- {row['check']}, {row['scene']}: {facts}"


def _still(case: Case) -> Case:
    """The case with a camera that stays where it begins, on a tripod."""
    moving = case.scene.move
    move = CameraMove(
        kind="static",
        azimuth_deg=(moving.azimuth_deg[0],) * 2,
        elevation_deg=(moving.elevation_deg[0],) * 2,
        distance=(moving.distance[0],) * 2,
        aim_x=(moving.aim_x[0],) * 2,
        aim_z=(moving.aim_z[0],) * 2,
        focus_shift=(moving.focus_shift[0],) * 2,
    )
    return dataclasses.replace(case, name=f"{case.name} (still)", scene=dataclasses.replace(case.scene, move=move))


def _looked_at(case: Case) -> list[int]:
    """One frame where nothing moves, else two."""
    last = case.scene.frames - 1
    return [last // 2] if case.scene.move.kind == "static" else [last // 3, 2 * last // 3]


def outside(case: Case, preset: Preset, setting: Setting, samples: int) -> Iterator[dict[str, object]]:
    """How far frames with and without the product differ where the effect mask says that they do not.

    Both are traced anew with seeds that the mask never saw, the same for both, so that only paths that meet the product
    differ. Light is averaged over 5×5 pixels outside the mask, then developed, without denoiser and grain. What lies
    beyond noise differs by more than three standard errors (from the spread over chunks of paths) and by more than one
    level in some channel. The same count with every other chunk's difference turned around tells what chance does.
    """
    shoot = scenes.open_shoot(case, preset, setting.denoiser(preset.denoise))
    frames = _looked_at(case)
    masks = [moment.effect for moment in shoot.moments(frames)]
    for frame, mask in zip(frames, masks, strict=True):
        share = _box_mean((~mask).astype(np.float32))

        def steady(light: Floats, mask: Mask = mask, share: Floats = share) -> Floats:
            outer = np.where(mask[..., None], 0, light).astype(np.float32)
            mean = np.asarray(_box_mean(outer) / np.maximum(share, 1e-6)[..., None], np.float32)
            return develop(mean, case.scene.look)

        differences, sums = [], np.zeros((2, *mask.shape, 3), np.float64)
        pairs = zip(
            *(scenes.chunks(shoot, frame, actor, samples, _SEED + frame, _CHUNK) for actor in (None, 0)), strict=True
        )
        for (bare, count), (shown, _) in pairs:
            lights = [scenes.as_pictures(layers, case.scene)[0] for layers in (bare, shown)]
            sums += np.stack(lights) * count
            differences.append(255 * (steady(lights[1]) - steady(lights[0])))
        means = [steady((one / samples).astype(np.float32)) for one in sums]
        found = np.abs(255 * (means[1] - means[0])).max(axis=-1)[~mask]
        yield {
            "frame": frame,
            "paths": samples,
            "effect mask %": round(100 * float(mask.mean()), 1),
            "beyond noise %": round(100 * _beyond(differences, mask), 4),
            "by chance %": round(100 * _beyond([d * (-1) ** n for n, d in enumerate(differences)], mask), 4),
            f"beyond noise and {_VISIBLE_LEVELS:g} levels %": round(
                100 * _beyond(differences, mask, _VISIBLE_LEVELS), 4
            ),
            "p99.9 levels": round(float(np.percentile(found, 99.9)), 3),
            "largest level": round(float(found.max()), 2),
        }


def _box_mean(picture: Floats) -> Floats:
    return np.asarray(cv2.blur(picture, (_BOX_PX, _BOX_PX), borderType=cv2.BORDER_REFLECT), np.float32)


def _beyond(differences: Sequence[Floats], mask: Mask, levels: float = _LEVELS) -> float:
    """Share of pixels outside a mask whose mean difference is more than noise."""
    stack = np.stack(differences)
    mean = np.abs(stack.mean(axis=0))
    error = stack.std(axis=0, ddof=1) / np.sqrt(len(stack)) if len(stack) > 1 else np.zeros_like(mean)
    return float(((mean > _ERRORS * error) & (mean > levels)).any(axis=-1)[~mask].mean())


def flow(
    case: Case, preset: Preset, setting: Setting, samples: int, pictures: Path | None
) -> Iterator[dict[str, object]]:
    """PSNR of a frame against the next one fetched back along the flow, where it says that the surface stays visible.

    Through a pinhole, with an instant shutter, without vignette and grain, denoised, with other seeds in each frame; as
    it is and with all surfaces matt, because highlights and reflections do not move with the surface that shows them.
    Shading changes where products turn. "away from edges" leaves out pixels within 2 of one that is not visible: those
    mix two surfaces.
    """
    for name, shown in (("as it is", case), ("matt", _matt(case))):
        pinhole = _pinhole(shown)
        shoot = scenes.open_shoot(pinhole, dataclasses.replace(preset, samples=samples), setting.denoiser())
        frame = _looked_at(case)[0]
        now, then = (_clean(shoot, f, samples) for f in (frame, frame + 1))
        found = geometry(pinhole.scene, shoot.stage, frame, 0, shoot.heights[0])
        del shoot
        row, column = np.mgrid[0 : now.shape[0], 0 : now.shape[1]].astype(np.float32)
        fetched = cv2.remap(
            then,
            column + found.flow[..., 0],
            row + found.flow[..., 1],
            cv2.INTER_CUBIC,
            borderMode=cv2.BORDER_REPLICATE,
        )
        inner = cv2.erode(found.visible.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
        whole = scenes.psnr(now, fetched, found.visible)
        if pictures is not None:
            error = np.where(found.visible[..., None], 0.5 + 4 * (now - fetched), 0)
            sheet = [scenes.as_bytes(np.asarray(picture, np.float32)) for picture in (now, fetched, error)]
            Image.fromarray(np.concatenate(sheet, axis=1)).save(pictures / f"flow-{case.name}-{name}.png")
        yield {
            "surfaces": name,
            "visible %": round(100 * float(found.visible.mean()), 1),
            "median flow px": round(float(np.median(np.linalg.norm(found.flow, axis=-1))), 2),
            "PSNR dB": round(whole, 1),
            "away from edges dB": round(scenes.psnr(now, fetched, inner), 1),
            "unwarped dB": round(scenes.psnr(now, then, found.visible), 1),
            "target 35 dB": "met" if whole >= _FLOW_TARGET_DB else "missed",
        }


def _clean(shoot: Shoot, frame: int, samples: int) -> Floats:
    """Denoised display values of a frame."""
    layers = np.zeros((3, shoot.scene.lens.height_px, shoot.scene.lens.width_px, 3), np.float64)
    for part, count in scenes.chunks(shoot, frame, 0, samples, _SEED + 4096 * frame):
        layers += np.stack(scenes.as_pictures(part, shoot.scene)) * (count / samples)
    light, albedo, normal = layers.astype(np.float32)
    return develop(shoot.denoiser(light, np.clip(albedo, 0, 1), normal), shoot.scene.look)


def _pinhole(case: Case) -> Case:
    scene = case.scene
    look = Look(scene.look.exposure, scene.look.white_balance, scene.look.contrast, scene.look.saturation, 0.0, 0.0)
    lens = dataclasses.replace(scene.lens, aperture=0.0, shutter=0.0)
    return dataclasses.replace(case, scene=dataclasses.replace(scene, lens=lens, look=look))


def _matt(case: Case) -> Case:
    """The case with chalk in the colours of its surfaces."""

    def matt(part: Part) -> Part:
        material = part.material
        return Part(
            part.mesh,
            Material(
                material.colour, roughness=1.0, specular=0.0, opacity=material.opacity, emission=material.emission
            ),
        )

    scene, product = case.scene, case.product
    stage_set = dataclasses.replace(scene.stage_set, parts=tuple(matt(part) for part in scene.stage_set.parts))
    return dataclasses.replace(
        case,
        scene=dataclasses.replace(scene, stage_set=stage_set),
        product=dataclasses.replace(product, parts=tuple(matt(part) for part in product.parts)),
    )


def rerun(case: Case, name: PresetName, setting: Setting) -> dict[str, object]:
    """Whether frames and masks come out the same when everything is made afresh, here and in another process."""
    facts = case, name, setting, _looked_at(case)
    first, again = shot(*facts), shot(*facts)
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        elsewhere = pool.apply(_started_shot, facts)
    return {"same process": _unlike(first, again), "other process": _unlike(first, elsewhere)}


def shot(case: Case, name: PresetName, setting: Setting, frames: Sequence[int]) -> dict[str, Array]:
    """The pictures and masks of frames."""
    preset = PRESETS[name]
    shoot = scenes.open_shoot(case, preset, setting.denoiser(preset.denoise))
    moments = list(shoot.moments(frames))
    return {
        "bare": np.stack([moment.bare for moment in moments]),
        "picture": np.stack([moment.shown[0].picture for moment in moments]),
        "mask": np.stack([moment.shown[0].mask for moment in moments]),
        "effect": np.stack([moment.shown[0].effect for moment in moments]),
    }


def _started_shot(case: Case, name: PresetName, setting: Setting, frames: Sequence[int]) -> dict[str, Array]:
    start(choose_variant(setting.variant), setting.threads)
    return shot(case, name, setting, frames)


def _unlike(one: dict[str, Array], other: dict[str, Array]) -> str:
    """ "equal", or what differs in how many places."""
    counts = {name: int((one[name] != other[name]).sum()) for name in one}
    return "; ".join(f"{name} differs in {count} values" for name, count in counts.items() if count) or "equal"
