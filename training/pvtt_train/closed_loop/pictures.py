"""What the models made of held-out cases, side by side."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from pvtt_train.closed_loop.experiment import ASKED, BASE, HIDDEN, HIDDEN_GREYED, Answers, Outcome
from pvtt_train.closed_loop.judge import Question, as_asked
from pvtt_train.closed_loop.pool import prepared
from pvtt_train.closed_loop.setup import ARMS, TEACHING

UInt8 = NDArray[np.uint8]
_GAP, _LABEL_PX, _HEAD_PX = 4, 150, 18


def sheet(outcome: Outcome, question: Question, cases: int = 6, enlarge: int = 1) -> UInt8:
    """A row for each input and model, two frames of each case side by side, ``(H, W, 3) uint8`` RGB.

    Cases are spread evenly over all, whatever they score.
    """
    chosen = np.unique(np.linspace(0, len(outcome.cases) - 1, cases).round().astype(int)).tolist()
    asked = [as_asked(outcome.cases[number], question) for number in chosen]
    frames = (0, asked[0].source.shape[0] - 1)
    size_px = asked[0].source.shape[1:3]
    rows: list[tuple[str, list[UInt8]]] = [
        ("source (A)", [case.source[t] for case in asked for t in frames]),
        ("mask on it", [_masked(case.source[t], case.conditioning_mask[t]) for case in asked for t in frames]),
        ("references of B", [picture for case in asked for picture in prepared(case.references, 2, size_px)]),
        ("true target", [case.target[t] for case in asked for t in frames]),
    ]
    greyed = HIDDEN_GREYED if question == HIDDEN else Question(content="grey")
    for model, put, label in (
        (BASE, question, "pretrained"),
        (BASE, greyed, "  greyed"),
        *((arm, question, f"arm: {arm}") for arm in (*ARMS, *TEACHING)),
    ):
        answers = _found(outcome, model, put)
        if answers is not None:
            rows.append((label, [answers.results[number][t] for number in chosen for t in frames]))
    return _laid_out(rows, enlarge)


def _found(outcome: Outcome, model: str, question: Question) -> Answers | None:
    if question not in ASKED[model]:
        return None
    return next((a for a in outcome.answers if (a.model, a.question, a.seen) == (model, question, False)), None)


def _masked(frame: UInt8, mask: NDArray[np.bool_]) -> UInt8:
    shown = frame.copy()
    shown[mask] = shown[mask] // 2 + np.array([127, 0, 0], np.uint8)
    return shown


def _laid_out(rows: Sequence[tuple[str, Sequence[UInt8]]], enlarge: int) -> UInt8:
    height, width = rows[0][1][0].shape[:2]
    height, width = height * enlarge, width * enlarge
    count = len(rows[0][1])
    canvas = np.full((len(rows) * (height + _GAP), _LABEL_PX + count * (width + _GAP), 3), 255, np.uint8)
    for y, (_, cells) in enumerate(rows):
        for x, cell in enumerate(cells):
            top, left = y * (height + _GAP), _LABEL_PX + x * (width + _GAP)
            canvas[top : top + height, left : left + width] = cv2.resize(
                cell, (width, height), interpolation=cv2.INTER_NEAREST
            )
    image = Image.fromarray(canvas)
    pen = ImageDraw.Draw(image)
    for y, (label, _) in enumerate(rows):
        pen.text((4, y * (height + _GAP) + height // 2 - _HEAD_PX // 2), label, fill=(0, 0, 0))
    return np.asarray(image)
