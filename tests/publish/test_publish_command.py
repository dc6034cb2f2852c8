"""The commands as a user runs them, against a hub on this machine named by HF_ENDPOINT, with the unmodified clients."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hub_server import TOKEN, HubServer

from pvtt_data.cli import cli
from pvtt_data.shards import ShardDataset, verify


def environment(hub: HubServer, home: Path, **more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "HUGGING"))}
    return {
        **kept, "HF_ENDPOINT": hub.url, "HF_TOKEN": TOKEN, "HF_HOME": str(home), "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1", "HF_HUB_DISABLE_PROGRESS_BARS": "1", **more,
    }  # fmt: skip


@pytest.mark.slow
def test_a_user_publishes_and_another_one_loads(hub: HubServer, api: Any, make_version: Any, tmp_path: Path) -> None:
    pytest.importorskip("datasets")
    from huggingface_hub import snapshot_download

    card = {"contact": "rights@shop.example", "repository": "shop/cups"}
    version = make_version(
        [1, 2, 3], {2: {"verdict": "flag", "reasons": ["residue"]}}, recipe={"name": "mugs", "card": card}
    )
    command = [
        sys.executable,
        "-m",
        "pvtt_data.cli",
        "publish",
        str(version),
        "--repo",
        "shop/mugs",
        "--faces",
        "allow",
    ]
    env = environment(hub, tmp_path / "home")
    done = subprocess.run([*command, "--allow-flagged"], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (
        "datasets: reloaded every sample, streaming and map-style, and the preview, from shop/mugs at v1" in done.stdout
    )
    assert "the strictest licence of all parts: CC-BY-4.0" in done.stdout
    assert 'load_dataset("shop/mugs", split="train", revision="v1", streaming=True)' in done.stdout
    assert "the card's examples load shop/cups, not shop/mugs (card.repository)" in done.stdout
    assert TOKEN not in done.stdout + done.stderr

    folder = snapshot_download(
        "shop/mugs", repo_type="dataset", revision="v1", local_dir=tmp_path / "mugs", endpoint=hub.url
    )
    assert ShardDataset(folder, check_sha256=True)[0].read("target.mp4")
    report = verify(folder)
    assert report.ok, report.text()
    assert hub.asked(r"^GET /datasets/shop/mugs/resolve/") and hub.asked("^GET /cdn/")


def test_what_speaks_against_it_is_shown_and_the_command_fails(
    hub: HubServer, api: Any, make_version: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pvtt_data.cli.publish.hub_api", lambda: api)
    version = make_version([1, 2], {2: {"verdict": "flag", "reasons": ["residue"], "title_a": "\x1b[31mred"}})
    shown = CliRunner().invoke(cli, ["publish", str(version), "--repo", "museum/mugs", "--faces", "allow"])
    assert shown.exit_code == 1
    assert "not published, nothing was sent: 2 things speak against it" in shown.output
    assert "flagged: 1 samples wait for a person (1 residue)" in shown.output
    assert "rights: ann is only read in museum" in shown.output
    assert not hub.repos


def test_options_of_the_command_win_over_the_recipe(
    hub: HubServer, api: Any, make_version: Any, monkeypatch: pytest.MonkeyPatch, waits: Any
) -> None:
    monkeypatch.setattr("pvtt_data.cli.publish.hub_api", lambda: api)
    recipe = {"name": "mugs", "publish": {"faces": "allow", "licences": {"House": "CC-BY-4.0"}}}
    told = {"licences": ["House", "Own words"], "title_a": "from jo@shop.example"}
    version = make_version([1], {1: told}, recipe=recipe)
    command = ["publish", str(version), "--repo", "shop/mugs", "--dry-run"]
    assert "'Own words' is not known" in CliRunner().invoke(cli, command).output
    assert "e-mail address j…@shop.example" in CliRunner().invoke(cli, command).output
    command += ["--allow-text", "jo@shop.example"]
    good = CliRunner().invoke(cli, [*command, "--licence", "Own words=attribution"])
    assert good.exit_code == 0 and "nothing speaks against it; nothing was sent (--dry-run)" in good.output
    assert not hub.repos
    wrong = CliRunner().invoke(cli, [*command, "--licence", "Own words=whatever"])
    assert wrong.exit_code == 1 and "publish.licences" in str(wrong.exception)
