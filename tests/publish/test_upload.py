"""Uploading: one commit, a tag, the same bytes read back; breaks, refusals and busy hubs; nothing twice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hub_server import TOKEN, Fault, HubServer, StoredFile

from pvtt_data.errors import PublishError
from pvtt_data.publish.config import PublishConfig
from pvtt_data.publish.remote import HubDesk, RemoteState, Target, changed_files
from pvtt_data.publish.run import PublishRequest, default_tag, publish_version
from pvtt_data.publish.upload import Upload, Uploader
from pvtt_data.shards import read_manifest

REPO = "shop/mugs"


@pytest.fixture
def slept() -> list[float]:
    """How long publishing would have waited itself."""
    return []


class Shop:
    """Publishes to one repository without the checks of the version itself."""

    def __init__(self, api: Any, slept: list[float]) -> None:
        self.api = api
        self.said: list[str] = []
        self._slept = slept

    def look(self, version: Path, **target: Any) -> tuple[RemoteState, list[str], list[str]]:
        desk = HubDesk(
            self.api,
            Target(**{"repo": REPO, "tag": default_tag(version), **target}),
            self.said.append,
            self._slept.append,
        )
        state, obstacles, notes = desk.check(version)
        return state, [str(obstacle) for obstacle in obstacles], notes

    def publish(self, version: Path, **target: Any) -> Upload:
        desk = HubDesk(
            self.api,
            Target(**{"repo": REPO, "tag": default_tag(version), **target}),
            self.said.append,
            self._slept.append,
        )
        state, obstacles, _ = desk.check(version)
        assert not obstacles, obstacles
        uploader = Uploader(desk, self.said.append, self._slept.append)
        upload = uploader.run(version, state)
        uploader.check(version, upload.commit)
        return upload


@pytest.fixture
def shop(api: Any, slept: list[float], waits: list[float]) -> Shop:
    return Shop(api, slept)


def held(hub: HubServer, revision: str = "main", repo: str = REPO) -> dict[str, bytes]:
    at = hub.repos[repo].at(revision)
    assert at is not None
    return {path: file.data for path, file in at[1].items() if path != ".gitattributes"}


def on_disk(version: Path) -> dict[str, bytes]:
    return {path.relative_to(version).as_posix(): path.read_bytes() for path in version.rglob("*") if path.is_file()}


def test_a_version_arrives_byte_for_byte_in_one_commit_with_its_tag(
    hub: HubServer, shop: Shop, make_version: Any
) -> None:
    version = make_version([1, 2, 3])
    upload = shop.publish(version)
    assert upload.status == "published" and upload.files == len(on_disk(version))
    assert held(hub) == on_disk(version) == held(hub, "v1")
    assert len(hub.repos[REPO].commits) == 2, "the hub's own and ours"
    assert hub.repos[REPO].tags == {"v1": upload.commit}
    assert not hub.repos[REPO].private


def test_publishing_again_sends_nothing(hub: HubServer, shop: Shop, make_version: Any) -> None:
    version = make_version([1, 2, 3])
    first = shop.publish(version)
    hub.log.clear()
    again = shop.publish(version)
    assert again == Upload("up-to-date", first.commit)
    assert not hub.asked("^(PUT|POST .*(preupload|batch|commit|tag|create))")
    assert shop.publish(version, tag=None).status == "up-to-date"
    assert shop.publish(version, tag="same").status == "tagged"
    assert hub.repos[REPO].tags["same"] == first.commit
    assert not hub.asked("^(PUT|POST .*(batch|commit))")


def test_the_next_version_replaces_the_files_of_the_last_and_leaves_those_of_others(
    hub: HubServer, shop: Shop, make_version: Any
) -> None:
    first = make_version([1, 2, 3])
    shop.publish(first)
    repo = hub.repos[REPO]
    repo.commit({**repo.commits[-1][1], "LICENSE": StoredFile(b"words", False)}, "by hand")
    second = make_version([1, 2, 4, 5], shards=1)
    upload = shop.publish(second)
    assert upload.removed == 2 and held(hub) == {**on_disk(second), "LICENSE": b"words"}
    assert held(hub, "v1") == on_disk(first), "the tag keeps the version before"


def test_large_files_go_in_parts_where_the_hub_wants_them_so(hub: HubServer, shop: Shop, make_version: Any) -> None:
    hub.part_bytes = 4096
    version = make_version([1, 2])
    shop.publish(version)
    assert hub.asked("^PUT /lfs/.*/2$") and held(hub) == on_disk(version)


def test_a_private_repository_stays_private_and_a_public_one_is_refused(
    hub: HubServer, shop: Shop, make_version: Any
) -> None:
    version = make_version([1])
    shop.publish(version, private=True)
    assert hub.repos[REPO].private
    shop.publish(version, repo="ann/mugs", tag=None)
    _, obstacles, _ = shop.look(version, repo="ann/mugs", private=True)
    assert "is public, and --private was asked for" in "".join(obstacles)


@pytest.mark.parametrize(
    ("fault", "retry_after"),
    [
        (Fault("POST", "/preupload/", 503), None),
        (Fault("POST", "objects/batch", 429, {"Retry-After": "7"}), 7),
        (Fault("PUT", "/lfs/", 500), None),
        (Fault("PUT", "/lfs/", after_bytes=2000), None),
        (Fault("PUT", "/lfs/", done=True), None),
        (Fault("POST", "/commit/", 502), None),
        (Fault("POST", "/commit/", 429, {"Retry-After": "9"}), 9),
        (Fault("POST", "/commit/"), None),
        (Fault("POST", "/commit/", done=True), None),
        (Fault("POST", "repos/create", 500), None),
        (Fault("POST", "repos/create", done=True), None),
        (Fault("POST", "/tag/", 503), None),
        (Fault("POST", "/tag/", done=True), None),
        (Fault("GET", "whoami", 429, {"RateLimit": '"api";r=0;t=3'}), 3),
        (Fault("GET", "/tree/", after_bytes=20), None),
    ],
)
def test_a_busy_hub_and_a_broken_line_are_waited_for(
    hub: HubServer,
    shop: Shop,
    make_version: Any,
    waits: list[float],
    slept: list[float],
    fault: Fault,
    retry_after: int | None,
) -> None:
    version = make_version([1, 2])
    hub.faults.append(fault)
    upload = shop.publish(version)
    assert upload.status == "published" and not hub.faults
    assert held(hub) == on_disk(version) == held(hub, "v1")
    assert len(hub.repos[REPO].commits) == 2, "a commit whose answer was lost is not made twice"
    lost_answer = fault.path == "/commit/" and fault.done  # it looked, and the commit was there
    assert bool(waits + slept) != lost_answer, "it waited before it asked again"
    if retry_after is not None:
        assert max(waits + slept) >= retry_after


def test_what_was_sent_before_a_break_is_not_sent_again(
    hub: HubServer, shop: Shop, make_version: Any, waits: list[float]
) -> None:
    version = make_version(list(range(1, 9)), shards=4)
    hub.faults += [Fault("POST", "/commit/", 503) for _ in range(6)]
    with pytest.raises(PublishError, match="what was sent is kept, run publish again"):
        shop.publish(version)
    assert held(hub) == {} and hub.objects, "no half version is seen"
    sent = hub.sent_bytes
    assert shop.publish(version).status == "published"
    assert hub.sent_bytes == sent and held(hub) == on_disk(version)


def test_a_hub_that_wants_a_long_wait_is_not_waited_for(hub: HubServer, shop: Shop, make_version: Any) -> None:
    hub.faults.append(Fault("GET", "whoami", 429, {"Retry-After": "4000"}))
    with pytest.raises(PublishError, match="the Hub asks to wait 4000 s"):
        shop.look(make_version([1]))


def test_somebody_who_commits_meanwhile_is_not_overwritten(hub: HubServer, shop: Shop, make_version: Any) -> None:
    first, second = make_version([1, 2]), make_version([1, 2, 3])
    shop.publish(first)
    desk = HubDesk(shop.api, Target(REPO, tag="v2"), shop.said.append, lambda seconds: None)
    state, _, _ = desk.check(second)
    repo = hub.repos[REPO]
    repo.commit({**repo.commits[-1][1], "notes.md": StoredFile(b"theirs", False)}, "theirs")
    with pytest.raises(PublishError, match="somebody else committed"):
        Uploader(desk, shop.said.append, lambda seconds: None).run(second, state)
    assert held(hub)["notes.md"] == b"theirs" and "v2" not in repo.tags


def test_two_that_publish_the_same_version_at_once_are_both_content(
    hub: HubServer, shop: Shop, make_version: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    import httpx2
    from huggingface_hub.errors import HfHubHTTPError

    shop.publish(make_version([1]), tag="v0")
    version = make_version([1, 2])
    desk = HubDesk(shop.api, Target(REPO, tag="v1"), shop.said.append, lambda seconds: None)
    state, _, _ = desk.check(version)
    uploader = Uploader(desk, shop.said.append, lambda seconds: None)

    def late(*_: Any) -> str:
        shop.publish(version, tag="v1")
        answer = httpx2.Response(412, request=httpx2.Request("POST", hub.url))
        raise HfHubHTTPError("the branch has moved", response=answer)

    monkeypatch.setattr(uploader, "_send", late)
    assert uploader.run(version, state).commit == hub.repos[REPO].tags["v1"]
    assert "this very version" in "\n".join(shop.said)


def test_what_was_uploaded_and_cannot_be_loaded_here_is_said_to_be_there(
    hub: HubServer, api: Any, make_version: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_cache(*_: Any) -> Any:
        raise PermissionError(13, "Permission denied", "/cache")

    monkeypatch.setattr("pvtt_data.publish.run.reload_with_datasets", no_cache)
    version = make_version([1])
    request = PublishRequest(version, Target(REPO, tag="v1"), PublishConfig(faces="allow"))
    with pytest.raises(PublishError, match=r"it was uploaded, commit .*Permission denied"):
        publish_version(request, api)
    assert held(hub, "v1") == on_disk(version)


@pytest.mark.parametrize(
    ("account", "repo", "said"),
    [
        ({"role": "read", "orgs": {"shop": "write"}}, REPO, "the token only reads"),
        ({"orgs": {"shop": "read"}}, REPO, "is only read in shop"),
        ({}, REPO, "is no member of shop"),
        ({"orgs": {"shop": "write"}}, "shop/", "is no name of a repository"),
        ({"orgs": {"shop": "write"}}, "shop/../x", "is no name of a repository"),
        (
            {
                "role": "fineGrained",
                "orgs": {"shop": "write"},
                "fineGrained": {
                    "scoped": [{"entity": {"type": "org", "name": "shop"}, "permissions": ["repo.content.read"]}]
                },
            },
            REPO,
            "fine-grained token may not write",
        ),
    ],
)
def test_missing_rights_are_told_before_anything_is_made(
    hub: HubServer, shop: Shop, make_version: Any, account: dict[str, Any], repo: str, said: str
) -> None:
    hub.account(TOKEN, "ann", **account)
    _, obstacles, _ = shop.look(make_version([1]), repo=repo)
    assert said in "\n".join(obstacles)
    assert not hub.repos


def test_a_fine_grained_token_that_may_write_is_enough(hub: HubServer, shop: Shop, make_version: Any) -> None:
    scope = {"entity": {"type": "org", "name": "shop"}, "permissions": ["repo.write"]}
    hub.account(TOKEN, "ann", role="fineGrained", orgs={"shop": "write"}, fineGrained={"scoped": [scope]})
    assert shop.publish(make_version([1])).status == "published"


def test_no_token_and_a_wrong_one_are_told(
    hub: HubServer, shop: Shop, make_version: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    version = make_version([1])
    wrong = "hf_" + "WrongTokenOfNobody" * 2
    monkeypatch.setenv("HF_TOKEN", wrong)
    _, obstacles, _ = shop.look(version)
    assert len(obstacles) == 1 and "token: Invalid user token" in obstacles[0] and wrong not in obstacles[0]
    monkeypatch.delenv("HF_TOKEN")
    monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", str(tmp_path / "none"))
    _, obstacles, _ = shop.look(version)
    assert obstacles == ["token: no token: set HF_TOKEN, or log in with: hf auth login"]


def test_tags_do_not_move_and_other_repositories_are_not_overwritten(
    hub: HubServer, shop: Shop, make_version: Any
) -> None:
    first, second = make_version([1, 2]), make_version([1, 2, 3])
    shop.publish(first)
    _, obstacles, _ = shop.look(second, tag="v1")
    assert "the tag v1 names another version" in "".join(obstacles)
    repo = hub.repos[REPO]
    repo.commit({"weights.bin": StoredFile(b"\0" * 9, True)}, "not a dataset version")
    _, obstacles, _ = shop.look(second, tag="v2")
    assert "1 files that are no dataset version (weights.bin" in "".join(obstacles)
    other = make_version([7], name="vases")
    shop.publish(other, repo="shop/vases", tag=None)
    _, obstacles, _ = shop.look(second, repo="shop/vases", tag=None)
    assert "holds the dataset 'vases', this one is 'mugs'" in "".join(obstacles)


def test_a_file_that_arrived_with_other_bytes_is_noticed(hub: HubServer, shop: Shop, make_version: Any) -> None:
    version = make_version([1, 2])
    upload = shop.publish(version)
    files = hub.repos[REPO].commits[-1][1]
    files["README.md"] = StoredFile(files["README.md"].data + b" ", False)
    desk = HubDesk(shop.api, Target(REPO), shop.said.append, lambda seconds: None)
    with pytest.raises(PublishError, match=r"other bytes than were sent for README\.md"):
        Uploader(desk).check(version, upload.commit)


def test_long_lists_of_files_are_read_to_their_end(hub: HubServer, shop: Shop, make_version: Any) -> None:
    hub.page = 2
    version = make_version([1, 2, 3], shards=4)
    shop.publish(version)
    state, obstacles, _ = shop.look(version)
    assert not obstacles and changed_files(version, state.files) == []


def test_a_dry_run_and_a_refused_version_send_nothing(hub: HubServer, api: Any, make_version: Any, waits: Any) -> None:
    good = make_version([1, 2])
    unseen = PublishConfig(faces="allow")
    outcome = publish_version(PublishRequest(good, Target(REPO, tag="v1"), unseen, dry_run=True), api)
    assert not outcome.obstacles and outcome.upload is None
    assert any("will be made, public" in note for note in outcome.notes)
    bad = make_version([1, 2], {2: {"verdict": "flag", "reasons": ["residue"], "licences": ["mystery"]}})
    hub.account(TOKEN, "ann", role="read", orgs={"shop": "write"})
    outcome = publish_version(PublishRequest(bad, Target(REPO, tag="v2"), unseen), api)
    assert {obstacle.check for obstacle in outcome.obstacles} == {"licence", "flagged", "token"}
    assert not hub.repos and not hub.asked("^(PUT|POST)")


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (Fault("GET", "whoami", 403), "refuses: "),
        (Fault("GET", "/refs", 401), "refuses: "),
        (Fault("GET", "whoami", 200), "does not say who you are"),
    ],
)
def test_a_hub_that_refuses_is_told_beside_all_else(
    hub: HubServer, api: Any, make_version: Any, waits: Any, fault: Fault, said: str
) -> None:
    good = make_version([1])
    unseen = PublishConfig(faces="allow")
    assert publish_version(PublishRequest(good, Target(REPO), unseen, reload=False), api).upload is not None
    bad = make_version([1, 2], {2: {"verdict": "flag", "reasons": ["residue"]}})
    hub.faults.append(fault)
    outcome = publish_version(PublishRequest(bad, Target(REPO), unseen), api)
    assert {obstacle.check for obstacle in outcome.obstacles} == {"flagged", "hub"}
    assert said in str(outcome.obstacles[-1])


def test_a_line_that_cannot_be_had_is_told(make_version: Any, api: Any, waits: list[float]) -> None:
    import huggingface_hub

    nowhere = huggingface_hub.HfApi(endpoint="http://127.0.0.1:9")
    outcome = publish_version(
        PublishRequest(make_version([1]), Target(REPO), PublishConfig(faces="allow")), nowhere, sleep=waits.append
    )
    assert [obstacle.check for obstacle in outcome.obstacles] == ["hub"] and waits
    assert "Connection refused" in str(outcome.obstacles[0])


def test_the_token_is_in_no_message(hub: HubServer, shop: Shop, make_version: Any, caplog: Any) -> None:
    version = make_version([1, 2])
    hub.faults += [Fault("POST", "/commit/", 503), Fault("POST", "/tag/", 403)]
    with pytest.raises(PublishError) as raised:
        shop.publish(version)
    assert TOKEN not in str(raised.value) + "".join(shop.said) + caplog.text
    assert "the tag v1 could not be made" in str(raised.value)
    assert read_manifest(version).root


def test_the_unmodified_client_publishes_through_xet_storage(
    hub: HubServer, shop: Shop, make_version: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pytest.importorskip("hf_xet")
    import huggingface_hub
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", False)
    hub.xet_folder = tmp_path / "storage"
    hub.xet_folder.mkdir()
    version = make_version([1, 2, 3])
    upload = shop.publish(version)
    assert held(hub) == on_disk(version) == held(hub, "v1")
    assert hub.asked("xet-write-token") and not hub.asked("^PUT /lfs|objects/batch")
    folder = huggingface_hub.snapshot_download(
        REPO, repo_type="dataset", revision="v1", local_dir=tmp_path / "copy", endpoint=hub.url
    )
    assert hub.asked("xet-read-token")
    assert {path: (Path(folder) / path).read_bytes() for path in on_disk(version)} == on_disk(version)
    assert shop.publish(version).commit == upload.commit
