"""Questions to a model of transformers on this machine, out of a folder as `save_pretrained` writes it.

Chat models (Qwen2.5-VL and others that `AutoModelForImageTextToText` knows and whose processor has a chat template) get
the whole question. BLIP cannot follow one: it is given the first words of a sentence and goes on with it. Weights are
read as safetensors only, nothing is fetched, and no code that lies beside them is run.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from PIL import Image

from pvtt_data.errors import PreflightError
from pvtt_data.models import ModelRegistry
from pvtt_data.vlm.config import LocalConfig
from pvtt_data.vlm.errors import AskingError

_CONTINUING = frozenset({"blip"})
"""Model types that go on with a sentence instead of answering."""
_FILES = ("*.safetensors", "*.json", "*.txt", "*.jinja", "*.model")


class LocalModel:
    """A model in a folder.

    Args:
        config: the folder and where it runs.

    Raises:
        PreflightError: the folder holds no model.
    """

    def __init__(self, config: LocalConfig) -> None:
        self.config = config
        self.model_type = _model_type(config.folder)
        self._loaded: tuple[Any, Any, Any] | None = None

    @cached_property
    def digest(self) -> str:
        """SHA-256 over names and hashes of the files that shape its answers."""
        known = ModelRegistry.default().digests
        paths = sorted({path for pattern in _FILES for path in self.config.folder.glob(pattern)})
        text = "".join(f"{path.name}\0{known.sha256(path)}\n" for path in paths)
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def name(self) -> str:
        """What its answers are kept under."""
        return f"local:{self.model_type}@{self.digest[:12]}"

    @property
    def place(self) -> str:
        """Where questions go."""
        return f"{self.config.folder} (on this machine)"

    @property
    def continues(self) -> bool:
        """Whether it goes on with a sentence instead of answering a question."""
        return self.model_type in _CONTINUING

    def ask(self, system: str, text: str, pictures: Sequence[bytes]) -> str:
        """The answer's text, decoded greedily, so that the same machine answers the same.

        Args:
            system: what the model is told to be; one that continues is not told.
            text: the question, or the beginning of the sentence.
            pictures: JPEG files; one that continues sees the last one.

        Raises:
            AskingError: the model cannot be loaded.
        """
        model, processor, device = self._load()
        images = [Image.open(io.BytesIO(data)).convert("RGB") for data in pictures]
        if self.continues:
            inputs = processor(images=images[-1], text=text, return_tensors="pt")
        else:
            content = [{"type": "image"} for _ in images] + [{"type": "text", "text": text}]
            chat = [
                {"role": "system", "content": [{"type": "text", "text": system}]},
                {"role": "user", "content": content},
            ]
            prompt = processor.apply_chat_template(chat, tokenize=False, add_generation_prompt=True)
            inputs = processor(text=[prompt], images=images, return_tensors="pt")
        inputs = inputs.to(device)
        import torch

        with torch.inference_mode():
            made = model.generate(**inputs, do_sample=False, num_beams=1, max_new_tokens=self.config.max_tokens)
        if not self.continues:
            made = made[:, inputs["input_ids"].shape[1] :]
        said: str = processor.batch_decode(made, skip_special_tokens=True)[0]
        return said.strip()

    def _load(self) -> tuple[Any, Any, Any]:
        if self._loaded is not None:
            return self._loaded
        try:
            import torch
            from transformers import AutoModelForImageTextToText, AutoProcessor
        except ImportError as error:
            raise AskingError(f"{self.config.folder} needs torch and transformers: pip install 'pvtt[gpu]'") from error
        device = torch.device(self._device(torch.cuda.is_available()))
        options: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
        try:
            processor = AutoProcessor.from_pretrained(self.config.folder, **options)
            model, told = AutoModelForImageTextToText.from_pretrained(
                self.config.folder,
                use_safetensors=True,
                dtype=torch.bfloat16 if device.type == "cuda" else torch.float32,
                output_loading_info=True,
                **options,
            )
        except (OSError, ValueError, KeyError, ImportError) as error:
            first = str(error).strip().splitlines()[:1]
            raise AskingError(f"{self.config.folder} cannot be loaded: {' '.join(first)}") from error
        missing = sorted(told["missing_keys"])
        if missing:
            shown = ", ".join(missing[:3])
            raise AskingError(f"{self.config.folder} lacks {len(missing)} weights of a {self.model_type}: {shown}")
        self._loaded = (model.to(device).eval(), processor, device)
        return self._loaded

    def _device(self, has_gpu: bool) -> str:
        if self.config.device == "cuda" and not has_gpu:
            raise AskingError("local.device = cuda cannot run here: no GPU answers")
        return "cuda" if has_gpu and self.config.device != "cpu" else "cpu"


def _model_type(folder: Path) -> str:
    try:
        config = json.loads((folder / "config.json").read_bytes())
        kind = config.get("model_type") if isinstance(config, dict) else None
    except (OSError, ValueError) as error:
        raise PreflightError(f"{folder} is no folder of a model: config.json cannot be read ({error})") from error
    if not isinstance(kind, str) or not kind.replace("_", "").replace("-", "").isalnum():
        raise PreflightError(f"{folder}/config.json names no model_type")
    if not any(folder.glob("*.safetensors")):
        raise PreflightError(f"{folder} holds no *.safetensors; other formats of weights are not read")
    return kind
