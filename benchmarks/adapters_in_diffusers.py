"""Does diffusers say the same with an exported adapter, and make the same of a model's inputs? Its own VACE model,
tiny, with our weights, on the processor.

pip install diffusers
python benchmarks/adapters_in_diffusers.py
"""

from __future__ import annotations

import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import AutoencoderKLWan, FlowMatchEulerDiscreteScheduler, WanVACEPipeline, WanVACETransformer3DModel
from PIL import Image
from pvtt_train.adapters import AdapterInfo, write_adapters
from pvtt_train.export import export
from pvtt_train.wan.architecture import SIZES, WanVace, random_model
from pvtt_train.wan.lora import LoraConfig, add_lora, lora_parameters, lora_state

from pvtt_data.vace.conditioning import ConditioningConfig, condition_for_evaluation
from pvtt_data.vace.context import from_unit

SIZE = SIZES["tiny"]
CONFIGS = {
    "rank 4": LoraConfig(targets="both", rank=4),
    "rank 4, alpha 2": LoraConfig(targets="both", rank=4, alpha=2),
    "DoRA": LoraConfig(targets="both", rank=4, dora=True),
}
RENAMED = {
    "time_embedding.0.": "condition_embedder.time_embedder.linear_1.",
    "time_embedding.2.": "condition_embedder.time_embedder.linear_2.",
    "text_embedding.0.": "condition_embedder.text_embedder.linear_1.",
    "text_embedding.2.": "condition_embedder.text_embedder.linear_2.",
    "time_projection.1.": "condition_embedder.time_proj.",
    "head.modulation": "scale_shift_table",
    "head.head.": "proj_out.",
    "modulation": "scale_shift_table",
    "norm3.": "norm2.",
    "ffn.0.": "ffn.net.0.proj.",
    "ffn.2.": "ffn.net.2.",
    "before_proj.": "proj_in.",
    "after_proj.": "proj_out.",
    **{f"self_attn.norm_{name}.": f"attn1.norm_{name}." for name in "qk"},
    **{f"cross_attn.norm_{name}.": f"attn2.norm_{name}." for name in "qk"},
    **{f"self_attn.{name}.": f"attn1.to_{name}." for name in "qkv"},
    **{f"cross_attn.{name}.": f"attn2.to_{name}." for name in "qkv"},
    "self_attn.o.": "attn1.to_out.0.",
    "cross_attn.o.": "attn2.to_out.0.",
}
"""As diffusers' scripts/convert_wan_to_diffusers.py has it."""


def base() -> WanVace:
    """Random weights, with hints and answers that are not small."""
    model = random_model(SIZE, device=torch.device("cpu"), dtype=torch.float32)
    for layer in (model.dit.head.head, *(block.after_proj for block in model.vace.vace_blocks)):
        torch.nn.init.normal_(layer.weight, std=0.1)
    return model.requires_grad_(False)


def in_diffusers(model: WanVace) -> Any:
    """The same model in diffusers."""
    theirs = WanVACETransformer3DModel(
        num_attention_heads=SIZE.heads,
        attention_head_dim=SIZE.dim // SIZE.heads,
        in_channels=SIZE.channels,
        out_channels=SIZE.channels,
        text_dim=SIZE.text_dim,
        freq_dim=SIZE.freq_dim,
        ffn_dim=SIZE.ffn_dim,
        num_layers=SIZE.layers,
        vace_layers=list(SIZE.vace_layers),
        vace_in_channels=SIZE.context_channels,
    ).float()
    state = {}
    for name, value in {**model.dit.state_dict(), **model.vace.state_dict()}.items():
        for old, new in RENAMED.items():
            name = name.replace(old, new)
        state[name] = value
    theirs.load_state_dict(state, strict=True)
    return theirs.eval()


def pipeline(model: Any, vae: Any = None) -> Any:
    """Of diffusers, with the shift that validation has."""
    parts = {"tokenizer": None, "text_encoder": None, "vae": vae}
    return WanVACEPipeline(**parts, scheduler=FlowMatchEulerDiscreteScheduler(shift=5.0), transformer=model)


def compare_inputs(pipe: Any) -> None:
    """What the pipeline makes of our inputs before its autoencoder; then a video, to see that the call takes them."""
    dice = np.random.default_rng(0)
    frames, height, width = 5, 64, 96
    source = dice.integers(0, 256, (frames, height, width, 3), np.uint8)
    mask = np.zeros((frames, height, width), np.bool_)
    mask[:, 20:40, 30:60] = True
    product = np.full((40, 50, 4), 255, np.uint8)
    product[..., :3] = dice.integers(0, 256, (40, 50, 3), np.uint8)
    ours = condition_for_evaluation(source, mask, [product, product[:, ::-1]], ConditioningConfig())

    def pictures(video: torch.Tensor) -> list[Image.Image]:
        return [Image.fromarray(frame) for frame in from_unit(video).numpy()]

    given = {
        "video": pictures(ours.video),
        "mask": pictures(ours.mask.expand(3, -1, -1, -1) * 2 - 1),
        "reference_images": [picture for reference in ours.references for picture in pictures(reference)],
        "height": height,
        "width": width,
        "num_frames": frames,
    }
    video, masks, references = pipe.preprocess_conditions(**given, dtype=torch.float32, device=torch.device("cpu"))
    apart = {
        "video": (video[0] - ours.video).abs().max(),
        "mask": (masks[0] - ours.mask).abs().max(),
        "references": (torch.stack(references[0]) - torch.stack([one[:, 0] for one in ours.references])).abs().max(),
    }
    print("largest difference of inputs: " + ", ".join(f"{name} {value:.1e}" for name, value in apart.items()))
    embeds = torch.randn(1, SIZE.text_tokens, SIZE.text_dim)
    call = {"conditioning_scale": 1.0, "num_inference_steps": 3, "guidance_scale": 1.0, "prompt_embeds": embeds}
    pipe.set_progress_bar_config(disable=True)
    print(f"a video of {pipe(**given, **call).frames.shape[1:]}")


@torch.no_grad()
def main() -> None:
    """Print a row for the base model and for each kind of adapter, and how far inputs are apart."""
    torch.manual_seed(0)
    plain = base()
    given = {
        "hidden_states": torch.randn(1, SIZE.channels, 3, 4, 6),
        "timestep": torch.tensor([500.0]),
        "encoder_hidden_states": torch.randn(1, SIZE.text_tokens, SIZE.text_dim),
        "control_hidden_states": torch.randn(1, SIZE.context_channels, 3, 4, 6),
    }
    said = plain(*given.values())
    apart = (in_diffusers(plain)(**given, return_dict=False)[0] - said).abs().max()
    print(f"diffusers {version('diffusers')}, peft {version('peft')}, torch {version('torch')}")
    print(f"{'adapters':18}{'largest difference':>20}{'mean change by them':>22}")
    print(f"{'none':18}{apart:20.1e}{0:22.3f}")
    for name, config in CONFIGS.items():
        ours = base()
        ours.load_state_dict(plain.state_dict())
        add_lora(ours, config)
        for key, value in lora_parameters(ours).items():
            if ".lora_A." not in key:
                value.add_(torch.randn(value.shape) * 0.1)
        with tempfile.TemporaryDirectory() as scratch:
            file, out = Path(scratch) / "adapter.safetensors", Path(scratch) / "diffusers.safetensors"
            write_adapters(file, lora_state(ours), AdapterInfo.of(config, "tiny", "random"))
            export(file, "diffusers", out)
            theirs = in_diffusers(plain)
            pipeline(theirs).load_lora_weights(scratch, weight_name=out.name)
        mine = ours(*given.values())
        apart = (theirs(**given, return_dict=False)[0] - mine).abs().max()
        print(f"{name:18}{apart:20.1e}{(mine - said).abs().mean():22.3f}")
    compare_inputs(pipeline(in_diffusers(plain), AutoencoderKLWan(base_dim=8, z_dim=16, num_res_blocks=1).eval()))


if __name__ == "__main__":
    main()
