"""Published weights: from a folder, checked, on the device in the precision asked for; random ones only by name."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest
import torch
from pvtt_train.wan.architecture import SIZES
from pvtt_train.wan.text import StandInText, padded
from pvtt_train.wan.weights import (
    RandomWeightsWarning,
    WeightsConfig,
    describe,
    find_files,
    identity,
    load_model,
    load_text_encoder,
    load_vae,
    missing_files,
    registry,
    tokenizer_folder,
)
from wan_files import CPU, inputs, lively_model, published_names, write_model, write_text, write_vae

from pvtt_data.errors import InputError, PreflightError
from pvtt_data.mirrors import Hub, ModelScope

pytestmark = pytest.mark.usefixtures("diffsynth", "own_cache")


def config_of(folder: Path) -> WeightsConfig:
    return WeightsConfig(size="tiny", folder=folder)


@pytest.mark.parametrize("parts", [1, 3])
def test_a_model_under_published_names_says_the_same(tmp_path: Path, parts: int) -> None:
    model = lively_model()
    # What is published of VACE is bfloat16 already.
    model.vace.bfloat16().float()
    write_model(tmp_path, published_names(model), parts)
    loaded = load_model(config_of(tmp_path), CPU, torch.float32)
    assert torch.equal(loaded(*inputs()), model(*inputs()))
    assert not any(parameter.requires_grad for parameter in loaded.parameters())


def test_a_model_is_loaded_in_the_precision_asked_for(tmp_path: Path) -> None:
    model = lively_model()
    write_model(tmp_path, published_names(model))
    loaded = load_model(config_of(tmp_path), CPU, torch.bfloat16)
    assert {value.dtype for value in loaded.parameters()} == {torch.bfloat16}
    assert torch.equal(loaded(*inputs(dtype=torch.bfloat16)), model.bfloat16()(*inputs(dtype=torch.bfloat16)))


def test_missing_and_unexpected_keys_are_named(tmp_path: Path) -> None:
    tensors = published_names(lively_model())
    tensors["blocks.0.self_attn.query.weight"] = tensors.pop("blocks.0.self_attn.q.weight")
    write_model(tmp_path, tensors)
    with pytest.raises(InputError) as told:
        load_model(config_of(tmp_path), CPU, torch.float32)
    assert told.value.reason == "weights-keys"
    assert "1 missing (dit.blocks.0.self_attn.q.weight)" in str(told.value)
    assert "1 unexpected (blocks.0.self_attn.query.weight)" in str(told.value)


def test_a_plain_t2v_model_is_refused_for_what_it_lacks(tmp_path: Path) -> None:
    write_model(tmp_path, {k: v for k, v in published_names(lively_model()).items() if not k.startswith("vace")})
    with pytest.raises(InputError, match=r"missing \(vace\.vace_blocks\.0\.after_proj\.bias"):
        load_model(config_of(tmp_path), CPU, torch.float32)


def test_another_size_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    tensors = published_names(lively_model())
    tensors["text_embedding.0.weight"] = torch.zeros(96, 48)
    write_model(tmp_path, tensors)
    with pytest.raises(InputError, match=r"dit\.text_embedding\.0\.weight is \[96, 48\] and should be \[96, 32\]"):
        load_model(config_of(tmp_path), CPU, torch.float32)


def test_names_of_diffusers_are_recognised(tmp_path: Path) -> None:
    write_model(tmp_path, {"blocks.0.attn1.to_q.weight": torch.zeros(2, 2)})
    with pytest.raises(InputError, match="names of diffusers"):
        load_model(config_of(tmp_path), CPU, torch.float32)


def test_a_part_that_was_not_downloaded_is_missed(tmp_path: Path) -> None:
    write_model(tmp_path, published_names(lively_model()), parts=3)
    (tmp_path / "diffusion_pytorch_model-00002-of-00003.safetensors").unlink()
    assert missing_files(config_of(tmp_path), ["model"]) == ["diffusion_pytorch_model-00002-of-00003.safetensors"]
    with pytest.raises(InputError, match="lacks diffusion_pytorch_model-00002-of-00003"):
        load_model(config_of(tmp_path), CPU, torch.float32)


def test_a_torn_file_is_said_to_be_torn(tmp_path: Path) -> None:
    write_model(tmp_path, published_names(lively_model()))
    path = tmp_path / "diffusion_pytorch_model.safetensors"
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(InputError, match="cannot be read as safetensors") as told:
        load_model(config_of(tmp_path), CPU, torch.float32)
    assert told.value.reason == "weights-broken"


class Trap:
    def __reduce__(self) -> tuple[object, ...]:
        return (Path.touch, (Path("sprung"),))


def test_a_pickle_is_not_executed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save({"conv1.weight": Trap()}, tmp_path / "Wan2.1_VAE.pth")
    with pytest.raises(InputError, match="no file of tensors"):
        load_vae(config_of(tmp_path), CPU, torch.float32)
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize("pth", [True, False])
def test_the_autoencoder_gives_what_diffsynths_gives(tmp_path: Path, pth: bool) -> None:
    vae = write_vae(tmp_path, pth)
    codec = load_vae(config_of(tmp_path), CPU, torch.float32)
    torch.manual_seed(0)
    video = torch.rand(2, 3, 5, 32, 48) * 2 - 1
    latents = codec.encode(video)
    assert latents.shape == (2, 16, 2, 4, 6)
    assert torch.allclose(latents, vae.encode(list(video), CPU), atol=1e-5)
    assert torch.allclose(codec.decode(latents), vae.decode(list(latents), CPU), atol=1e-5)


def test_tiles_give_the_same_video_where_one_tile_is_enough(tmp_path: Path) -> None:
    write_vae(tmp_path)
    codec = load_vae(config_of(tmp_path), CPU, torch.float32)
    latents = torch.randn(1, 16, 2, 4, 6, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(codec.decode(latents, tiled=True), codec.decode(latents), atol=1e-5)


def test_prompts_become_what_diffsynths_pipeline_makes_of_them(tmp_path: Path) -> None:
    from diffsynth.models.wan_video_text_encoder import HuggingfaceTokenizer
    from diffsynth.pipelines.wan_video import WanVideoPipeline, WanVideoUnit_PromptEmbedder

    pipe = WanVideoPipeline(device="cpu", torch_dtype=torch.float32)
    pipe.text_encoder = write_text(tmp_path)
    text = load_text_encoder(config_of(tmp_path), CPU, torch.float32)
    pipe.tokenizer = HuggingfaceTokenizer(
        name=str(tmp_path / "google" / "umt5-xxl"), seq_len=text.tokens, clean="whitespace"
    )
    prompts = ["a red teapot on the table", "", "a bottle"]
    ours = text.embed(prompts)
    assert [len(embedding) for embedding in ours] == [7, 1, 3]
    for prompt, row in zip(prompts, padded(ours, text.tokens), strict=True):
        stock = WanVideoUnit_PromptEmbedder().encode_prompt(pipe, prompt)[0]
        assert torch.allclose(row, stock, atol=1e-6)


def test_padding_refuses_what_does_not_fit() -> None:
    with pytest.raises(ValueError, match="17 tokens does not fit into 16"):
        padded([torch.zeros(17, 4)], 16)


def test_what_was_loaded_is_recorded_by_its_own_hash(tmp_path: Path) -> None:
    write_model(tmp_path, published_names(lively_model()))
    write_vae(tmp_path)
    told = describe(config_of(tmp_path), ["model", "vae"])
    json.dumps(told)
    digest = hashlib.sha256((tmp_path / "Wan2.1_VAE.pth").read_bytes()).hexdigest()
    files = told["files"]
    assert isinstance(files, list)
    assert [(file["name"], file["pinned"]) for file in files] == [
        ("diffusion_pytorch_model.safetensors", False),
        ("Wan2.1_VAE.pth", False),
    ]
    assert files[1]["sha256"] == digest
    assert str(tmp_path) not in json.dumps(told)


def test_other_weights_or_another_precision_have_another_digest(tmp_path: Path) -> None:
    write_vae(tmp_path)
    first = load_vae(config_of(tmp_path), CPU, torch.float32).digest
    assert load_vae(config_of(tmp_path), CPU, torch.float32).digest == first
    assert load_vae(config_of(tmp_path), CPU, torch.bfloat16).digest != first
    (tmp_path / "Wan2.1_VAE.pth").unlink()
    write_vae(tmp_path, pth=False)
    assert load_vae(config_of(tmp_path), CPU, torch.float32).digest != first


def test_random_weights_are_said_loudly_and_follow_from_the_seed() -> None:
    config = WeightsConfig(size="tiny", weights="random", seed=4)
    with pytest.warns(RandomWeightsWarning, match="RANDOM WEIGHTS: the tiny model knows nothing"):
        model = load_model(config, CPU, torch.float32)
    with pytest.warns(RandomWeightsWarning):
        again = load_model(config, CPU, torch.float32)
        other = load_model(config.model_copy(update={"seed": 5}), CPU, torch.float32)
    assert torch.equal(model(*inputs()), again(*inputs()))
    assert not torch.equal(model(*inputs()), other(*inputs()))
    with pytest.warns(RandomWeightsWarning, match="the video autoencoder"):
        codec = load_vae(config, CPU, torch.float32)
    assert codec.decode(codec.encode(torch.zeros(1, 3, 1, 16, 16))).isfinite().all()
    with pytest.warns(RandomWeightsWarning, match="hashes words"):
        text = load_text_encoder(config, CPU, torch.float32)
    assert isinstance(text, StandInText)
    one, same, longer = text.embed(["a pot", "a pot", "a red pot"])
    assert torch.equal(one, same) and len(longer) == len(one) + 1
    assert describe(config)["files"] == []


def test_nothing_is_random_unless_it_is_said() -> None:
    with pytest.raises(ValueError, match="no weights of tiny are published; set weights: random, or folder"):
        WeightsConfig(size="tiny")
    with pytest.raises(ValueError, match="takes no folder"):
        WeightsConfig(weights="random", folder=Path("weights"))
    assert WeightsConfig().weights == "published"


def test_offline_it_says_what_to_pull_instead_of_fetching() -> None:
    config = WeightsConfig(offline=True)
    assert missing_files(config, ["model"]) == ["wan2.1-vace-1.3b-dit (7.15 GB)"]
    with pytest.raises(PreflightError, match=r"pvtt-data models pull wan2\.1-vace-1\.3b-dit"):
        find_files(config, "model")


def test_published_weights_have_their_name_before_they_are_here() -> None:
    config = WeightsConfig(offline=True)
    registered = registry(config).models
    assert identity(config, "model") == registered["wan2.1-vace-1.3b-dit"].sha256
    assert identity(config, "vae") == registered["wan2.1-vae"].sha256
    assert identity(config, "tokenizer").count("+") == 3


def test_sources_can_be_chosen() -> None:
    kinds = {
        source: {
            type(mirror) for model in registry(WeightsConfig(source=source)).models.values() for mirror in model.mirrors
        }
        for source in ("any", "huggingface", "modelscope")
    }
    assert kinds == {"any": {Hub, ModelScope}, "huggingface": {Hub}, "modelscope": {ModelScope}}


def test_sizes_of_published_files_are_those_of_the_architectures() -> None:
    """float32 for the DiT and bfloat16 for VACE, and names: less than a megabyte."""
    from pvtt_train.wan.architecture import WanVace
    from pvtt_train.wan.weights import _PUBLISHED

    for name, models in _PUBLISHED.items():
        with torch.device("meta"):
            model = WanVace(SIZES[name])
        tensors = sum(4 * value.numel() for value in model.dit.parameters())
        tensors += sum(2 * value.numel() for value in model.vace.parameters())
        assert 0 < sum(file.size_bytes for file in models) - tensors < 1_000_000


def test_published_files_are_found_in_other_programs_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By their hash; the tokenizer's files, which have to lie together, from one folder or from several."""
    import pvtt_train.wan.weights as weights

    write_text(tmp_path)
    written = tmp_path / "google" / "umt5-xxl"
    names = [model.file for model in weights.TOKENIZER]
    small = []
    for model in weights.TOKENIZER:
        path = written / model.file
        if not path.is_file():
            path.write_text("{}")
        data = path.read_bytes()
        small.append(replace(model, sha256=hashlib.sha256(data).hexdigest(), size_bytes=len(data)))
    monkeypatch.setattr(weights, "TOKENIZER", tuple(small))
    monkeypatch.setattr(weights, "WAN_MODELS", tuple(small))
    config = WeightsConfig(offline=True)
    with pytest.raises(PreflightError, match="offline mode is on"):
        tokenizer_folder(config)
    for number, name in enumerate(names):
        # Two downloads of parts, by DiffSynth and by ModelScope's client.
        base = ("DIFFSYNTH_MODEL_BASE_PATH", "") if number % 2 else ("MODELSCOPE_CACHE", "models")
        root = tmp_path / base[0]
        monkeypatch.setenv(base[0], str(root))
        place = root / base[1] / "Wan-AI" / "Wan2.1-T2V-1.3B" / "google" / "umt5-xxl"
        place.mkdir(parents=True, exist_ok=True)
        (written / name).rename(place / name)
    folder = tokenizer_folder(config)
    assert sorted(path.name for path in folder.iterdir()) == sorted(names)
    assert tokenizer_folder(config) == folder
    assert missing_files(config, ["tokenizer"]) == []
    assert [file.pinned for file in find_files(config, "tokenizer")] == [model.sha256 for model in small]


@contextmanager
def hub_of(files: dict[str, bytes]) -> Iterator[tuple[str, list[str]]]:
    """A mirror of the Hub on this machine: its address, and what it was asked for."""
    asked: list[str] = []

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            body = files.get(self.path)
            self.send_response(404 if body is None else 200)
            self.send_header("Content-Length", str(len(body or b"")))
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = HTTPServer(("127.0.0.1", 0), Answer)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_published_files_come_from_a_mirror_of_the_hub_and_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import pvtt_train.wan.vae as vae
    import pvtt_train.wan.weights as weights

    wanted = write_vae(tmp_path)
    data = (tmp_path / "Wan2.1_VAE.pth").read_bytes()
    small = replace(weights.VAE, sha256=hashlib.sha256(data).hexdigest(), size_bytes=len(data))
    monkeypatch.setattr(weights, "VAE", small)
    monkeypatch.setattr(weights, "WAN_MODELS", (small,))
    monkeypatch.setattr(vae, "WIDTHS", {"wan2.1-vace-1.3b": vae.WIDTHS["tiny"]})
    config = WeightsConfig(source="huggingface")
    first = small.mirrors[0]
    assert isinstance(first, Hub)
    place = f"/{first.repository}/resolve/{first.revision}/{first.file}"
    with hub_of({place: data[:-1] + b"x"}) as (address, asked):
        monkeypatch.setenv("HF_ENDPOINT", address)
        with pytest.raises(PreflightError, match="other bytes"):
            load_vae(config, CPU, torch.float32)
    with hub_of({place: data}) as (address, asked):
        monkeypatch.setenv("HF_ENDPOINT", address)
        codec = load_vae(config, CPU, torch.float32)
    assert asked == [place]
    video = torch.rand(1, 3, 5, 16, 16) * 2 - 1
    assert torch.allclose(codec.encode(video), wanted.encode(list(video), CPU), atol=1e-5)
    # The mirror is gone; the file is not.
    assert load_vae(config, CPU, torch.float32).digest == codec.digest
    assert describe(config, ["vae"])["files"] == [
        {"part": "vae", "name": f"{small.sha256[:16]}-Wan2.1_VAE.pth", "bytes": len(data), "sha256": small.sha256}
        | {"pinned": True}
    ]
