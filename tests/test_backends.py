"""Which backend runs, and that nobody has to guess why it was not another one."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
from grounded_stand_ins import H100, NO_GPU, pretend, registry_with

from pvtt_data.backends import ChosenBackend, choose_backend
from pvtt_data.errors import PreflightError
from pvtt_data.gpu import Gpu
from pvtt_data.records import Blob, canonical_json
from pvtt_data.segmenters.grounded.settings import FindSettings, GroundedSettings
from pvtt_data.stages.pictures import ListingItem, ListingPictures, PicturesConfig
from pvtt_data.stages.segment import Segment, SegmentItem

GROUNDED = ("grounding-dino-tiny", "bert-vocabulary", "sam2.1-large")
ALL = ("u2net", *GROUNDED)


def test_auto_takes_grounded_sam2_where_everything_is_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch, H100)
    backend, why = choose_backend("auto", registry_with(tmp_path, ALL))
    assert (backend.name, backend.device, backend.choice) == ("grounded-sam2", "cuda", "auto")
    assert set(backend.weights) == set(GROUNDED)
    assert {role: Path(path).parent.name for role, path in backend.files.items()} == {
        "detector": "grounding-dino-tiny",
        "tokenizer": "bert-vocabulary",
        "tracker": "sam2.1-large",
    }
    assert "grounding-dino-tiny@" in why and why.endswith(", the best backend there is (auto), on a GPU")


def test_auto_without_what_it_takes_is_u2net_and_says_all_that_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pretend(monkeypatch, NO_GPU, missing=("torch", "sam2"))
    backend, why = choose_backend("auto", registry_with(tmp_path, ("u2net", "bert-vocabulary")))
    assert (backend.name, backend.choice) == ("u2net", "auto, without grounded-sam2")
    assert not backend.takes_target
    assert "torch, sam2 (not installed): pip install 'pvtt[gpu]'" in why
    assert "weights of grounding-dino-tiny, sam2.1-large: pvtt-data models pull grounded-sam2" in why
    assert "a CUDA GPU: no GPU answers" in why


@pytest.mark.parametrize(
    ("gpu", "missing", "here", "words"),
    [
        (NO_GPU, (), ALL, "a CUDA GPU: no GPU answers"),
        (H100, ("transformers",), ALL, "transformers (not installed)"),
        (H100, (), ("u2net",), "pvtt-data models pull grounded-sam2"),
    ],
)
def test_one_missing_thing_is_enough_for_auto_to_do_without(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    gpu: Gpu,
    missing: tuple[str, ...],
    here: tuple[str, ...],
    words: str,
) -> None:
    pretend(monkeypatch, gpu, missing)
    backend, why = choose_backend("auto", registry_with(tmp_path, here))
    assert backend.name == "u2net"
    assert words in why
    assert why.count(";") == 1


def test_named_it_runs_on_a_cpu_and_says_that_this_is_slow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch, NO_GPU)
    backend, why = choose_backend("grounded-sam2", registry_with(tmp_path, GROUNDED))
    assert (backend.device, backend.numeric_class, backend.choice) == ("cpu", "cpu", "named")
    assert "on the CPU (no GPU answers), which is slow" in why
    with pytest.raises(PreflightError, match=r"segment\.device = cuda cannot run here: no GPU answers"):
        choose_backend("grounded-sam2", registry_with(tmp_path, GROUNDED), device="cuda")


@pytest.mark.parametrize(
    ("settings", "command"),
    [
        (GroundedSettings(), "pvtt-data models pull grounded-sam2"),
        (
            GroundedSettings(detector="grounding-dino-base", tracker="sam2.1-tiny"),
            "pvtt-data models pull grounding-dino-base bert-vocabulary sam2.1-tiny",
        ),
        (
            GroundedSettings(detector="owlv2-base", implementation="transformers"),
            "pvtt-data models pull owlv2-base clip-merges clip-vocabulary sam2.1-large-transformers",
        ),
    ],
)
def test_named_without_weights_it_fails_with_the_command_that_gets_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: GroundedSettings, command: str
) -> None:
    pretend(monkeypatch, H100)
    models = registry_with(tmp_path, ("u2net",))
    with pytest.raises(PreflightError) as caught:
        choose_backend("grounded-sam2", models, settings=settings)
    assert command in str(caught.value)
    for name in command.removeprefix("pvtt-data models pull ").split():
        assert models.named(name)


def test_libraries_that_are_too_old_are_named_with_their_versions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pretend(monkeypatch, H100)
    monkeypatch.setattr("pvtt_data.grounded_backend._version", lambda name: (4, 57))
    with pytest.raises(PreflightError, match=r"transformers ≥ 5\.23 \(here is 4\.57\): pip install 'pvtt\[gpu\]'"):
        choose_backend("grounded-sam2", registry_with(tmp_path, GROUNDED))


def test_sam2_is_not_asked_for_where_transformers_run_the_tracker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pretend(monkeypatch, H100, missing=("sam2",))
    models = registry_with(tmp_path, (*GROUNDED, "sam2.1-large-transformers"))
    backend, _ = choose_backend("auto", models, settings=GroundedSettings(implementation="transformers"))
    assert backend.name == "grounded-sam2"
    assert "sam2" not in backend.libraries


def test_a_prompt_is_never_answered_by_a_backend_that_cannot_be_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pretend(monkeypatch, NO_GPU)
    models = registry_with(tmp_path, ("u2net",))
    with pytest.raises(PreflightError, match="cannot be told"):
        choose_backend("u2net", models, told=True)
    with pytest.raises(PreflightError, match=r"a prompt needs grounded-sam2(.|\n)*models pull grounded-sam2"):
        choose_backend("auto", models, told=True)
    backend, _ = choose_backend("auto", registry_with(tmp_path, ALL), told=True)
    assert (backend.name, backend.device) == ("grounded-sam2", "cpu")


def test_an_unknown_backend_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PreflightError, match="there are: auto, grounded-sam2, u2net"):
        choose_backend("sam", registry_with(tmp_path, ALL))


def grounded(folder: Path, settings: GroundedSettings | None = None) -> ChosenBackend:
    models = registry_with(folder, (*ALL, "grounding-dino-base"))
    return choose_backend("grounded-sam2", models, settings=settings or GroundedSettings())[0]


def key(backend: ChosenBackend) -> dict[str, object]:
    return Segment(backend).fingerprint()


def test_masks_depend_on_what_shapes_them_and_on_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch, H100)
    usual = key(grounded(tmp_path))
    assert usual["numeric_class"] == "cuda:sm_90"
    assert usual["config"]["precision"] == "bfloat16"  # type: ignore[index]
    assert key(grounded(tmp_path / "elsewhere", GroundedSettings(batch=2))) == usual
    assert key(grounded(tmp_path, GroundedSettings(precision="bfloat16"))) == usual
    others = [
        GroundedSettings(detector="grounding-dino-base"),
        GroundedSettings(precision="float32"),
        GroundedSettings(compile=True),
        GroundedSettings(find=FindSettings(min_score=0.3)),
    ]
    keys = [key(grounded(tmp_path, settings)) for settings in others]
    pretend(monkeypatch, NO_GPU)
    keys += [usual, key(grounded(tmp_path))]
    assert all(one != other for n, one in enumerate(keys) for other in keys[:n])
    assert str(tmp_path) not in str(keys)


def test_a_tracker_of_ones_own_counts_by_its_content_and_not_by_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pretend(monkeypatch, H100)

    def with_folder(name: str, weights: str, side: int) -> ChosenBackend:
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        (folder / "model.safetensors").write_text(weights)
        (folder / "config.json").write_text('{"model_type": "sam2_video"}')
        (folder / "preprocessor_config.json").write_text(f'{{"size": {side}}}')
        return grounded(tmp_path, GroundedSettings(tracker_folder=folder))

    one = with_folder("one", "weights", 1024)
    assert Path(one.files["tracker"]) == tmp_path / "one" / "model.safetensors"
    assert {name for name in one.weights if name.startswith("own-")} == {
        "own-tracker/model.safetensors",
        "own-tracker/config.json",
        "own-tracker/preprocessor_config.json",
    }
    assert key(with_folder("two", "weights", 1024)) == key(one)
    assert key(with_folder("two", "WEIGHTS", 1024)) != key(one)
    assert key(with_folder("two", "weights", 512)) != key(one)


def test_a_folder_that_holds_no_video_tracker_is_refused_before_the_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pretend(monkeypatch, H100)
    settings = GroundedSettings(tracker_folder=tmp_path)
    with pytest.raises(PreflightError, match=r"tracker_folder = .* lacks model\.safetensors, config\.json, processor_"):
        grounded(tmp_path, settings)
    for name, text in (("model.safetensors", ""), ("processor_config.json", "{}"), ("config.json", "{")):
        (tmp_path / name).write_text(text)
    with pytest.raises(PreflightError, match=r"config\.json cannot be read"):
        grounded(tmp_path, settings)
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(PreflightError, match="holds a model of type 'bert'; a video tracker is sam2_video or"):
        grounded(tmp_path, settings)


def test_one_process_at_a_time_uses_a_gpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch, H100)
    backend = grounded(tmp_path)
    for stage in (Segment(backend), ListingPictures(PicturesConfig(), backend)):
        assert (stage.resources.processes, stage.resources.isolated) == (1, True)
        assert stage.numeric_class == "cuda:sm_90"
        assert "torch" in stage.fingerprint()["libraries"]
        assert pickle.loads(pickle.dumps(stage)).fingerprint() == stage.fingerprint()


def test_as_many_processes_share_a_cpu_as_have_room_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch, NO_GPU)
    backend = grounded(tmp_path)
    for gigabytes, processes in ((4, 1), (25, 4)):
        monkeypatch.setattr("pvtt_data.backends.memory_bytes", lambda found=gigabytes * 10**9: found)
        assert Segment(backend).resources.processes == processes


def test_what_u2net_made_before_there_were_targets_stays_valid() -> None:
    backend = ChosenBackend("u2net", "2", {"u2net": "ab" * 32}, {})
    segment, listing = Segment(backend), ListingPictures(PicturesConfig(), backend)
    assert segment.fingerprint()["config"] == {"name": "u2net", "version": "2"}
    assert listing.fingerprint()["config"]["backend"] == {"name": "u2net", "version": "2"}
    assert canonical_json(ListingItem("p", "d")) == '{"image_sha256":"d","product_id":"p"}'
    assert canonical_json(SegmentItem("c", Blob("d", 1, "mp4"), 16.0)) == (
        '{"clip_id":"c","fps":16.0,"video":{"sha256":"d","size_bytes":1,"suffix":"mp4"}}'
    )
