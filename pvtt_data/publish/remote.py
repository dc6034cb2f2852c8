"""What the Hub says before anything is sent: who asks, with which rights, and what is there already."""

from __future__ import annotations

import hashlib
import re
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from pvtt_data.files import sha256_file
from pvtt_data.publish.patience import Say, Sleep, is_passing, patiently, reason, status_of
from pvtt_data.publish.preflight import Obstacle
from pvtt_data.shards.format import LINEAGE_FILE, MANIFEST_FILE
from pvtt_data.shards.manifest import Manifest, read_lineage, read_manifest

_REPO = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9_][\w.-]{0,95}", re.ASCII)
_TAG = re.compile(r"(?!.*(?:\.\.|@\{|//|\.lock$))[A-Za-z0-9_][\w.+-]{0,127}", re.ASCII)
_WRITING_ROLES = ("admin", "write", "contributor")


@dataclass(frozen=True, slots=True)
class Target:
    """Where a version shall go.

    Attributes:
        repo: ``ORG/NAME``.
        private: True for a private repository; None leaves one that exists as it is, and makes a public one.
        tag: name for the commit; None for none.
    """

    repo: str
    private: bool | None = None
    tag: str | None = None


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file as the Hub states it."""

    size_bytes: int
    blob_id: str
    sha256: str | None
    """Of large files."""

    def is_same(self, path: Path, sha256: str | None = None) -> bool:
        """Whether a local file has the same bytes.

        Args:
            sha256: of the local file, if it is known.
        """
        if path.stat().st_size != self.size_bytes:
            return False
        if self.sha256 is not None:
            return (sha256 or sha256_file(path)) == self.sha256
        data = path.read_bytes()
        return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest() == self.blob_id


@dataclass
class RemoteState:
    """What a repository holds.

    Attributes:
        head: name of the latest commit; empty where there is no repository.
        tags: tag → commit.
        files: of the latest commit.
        manifest: of the version that it holds; None if it holds none.
    """

    head: str = ""
    private: bool = False
    tags: dict[str, str] = field(default_factory=dict)
    files: dict[str, RemoteFile] = field(default_factory=dict)
    manifest: Manifest | None = None

    @property
    def exists(self) -> bool:
        """Whether there is such a repository."""
        return bool(self.head)


def local_files(version: Path) -> dict[str, str | None]:
    """The files of a version, and the SHA-256 that the manifest states of them."""
    listed: dict[str, str | None] = dict(read_manifest(version).listed_files())
    return {**listed, MANIFEST_FILE: None, LINEAGE_FILE: None}


def changed_files(version: Path, files: Mapping[str, RemoteFile]) -> list[str]:
    """Files of a version that a commit does not have, or has with other bytes."""
    local = local_files(version)
    return sorted(
        name for name, sha256 in local.items() if name not in files or not files[name].is_same(version / name, sha256)
    )


def stale_files(version: Path, state: RemoteState) -> list[str]:
    """Files of the version before that this one does not have; files of others stay."""
    before = set(state.manifest.listed_files()) if state.manifest else set()
    return sorted(before & set(state.files) - set(local_files(version)))


def hub_files(
    api: Any, repo: str, revision: str, say: Say = lambda text: None, sleep: Sleep = time.sleep
) -> dict[str, RemoteFile]:
    """The files of a revision, with sizes and hashes.

    Raises:
        PublishError: the Hub does not answer.
    """
    from huggingface_hub.hf_api import RepoFile

    def ask() -> dict[str, RemoteFile]:
        entries = api.list_repo_tree(repo, repo_type="dataset", revision=revision, recursive=True)
        return {
            entry.path: RemoteFile(entry.size, entry.blob_id, entry.lfs.sha256 if entry.lfs else None)
            for entry in entries
            if isinstance(entry, RepoFile)
        }

    return patiently(ask, "list of files", say, sleep)


class HubDesk:
    """Asks the Hub on behalf of one publication.

    Args:
        api: a `huggingface_hub.HfApi`; it finds the token itself.
        target: where the version shall go.
        say: told about waits.
    """

    def __init__(self, api: Any, target: Target, say: Say, sleep: Sleep) -> None:
        self.api = api
        self.target = target
        self._say = say
        self._sleep = sleep

    def _ask(self, what: str, call: Any) -> Any:
        return patiently(call, what, self._say, self._sleep)

    def check(self, version: Path) -> tuple[RemoteState, list[Obstacle], list[str]]:
        """What is there, and what of it speaks against publishing ``version``; nothing is changed.

        Raises:
            PublishError: the Hub does not answer.
        """
        obstacles = list(_name_obstacles(self.target))
        notes: list[str] = []
        if obstacles:
            return RemoteState(), obstacles, notes
        user, problem = self._user()
        if user is None:
            assert problem is not None
            return RemoteState(), [problem], notes
        obstacles += self._right_obstacles(user)
        state, problems = self.look()
        obstacles += problems
        if state.exists:
            obstacles += self._write_obstacles()
            obstacles += list(self._content_obstacles(version, state, notes))
        notes.append(f"{user['name']} publishes to {self.target.repo}, which {_described(state, self.target)}")
        return state, obstacles, notes

    def look(self) -> tuple[RemoteState, list[Obstacle]]:
        """What the repository holds now.

        Raises:
            PublishError: the Hub does not answer.
        """
        from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError

        repo = self.target.repo
        try:
            info = self._ask("repository", lambda: self.api.dataset_info(repo))
        except GatedRepoError:
            return RemoteState(), [Obstacle("rights", f"{repo} is gated and this account has no access to it")]
        except RepositoryNotFoundError:
            return RemoteState(), []
        refs = self._ask("tags", lambda: self.api.list_repo_refs(repo, repo_type="dataset"))
        state = RemoteState(
            head=info.sha,
            private=bool(info.private),
            tags={ref.name: ref.target_commit for ref in refs.tags},
            files=hub_files(self.api, repo, info.sha, self._say, self._sleep),
        )
        if MANIFEST_FILE in state.files:
            state.manifest = self._manifest(info.sha)
        return state, []

    def _manifest(self, revision: str) -> Manifest | None:
        with tempfile.TemporaryDirectory() as folder:
            path = self._ask(
                MANIFEST_FILE,
                lambda: self.api.hf_hub_download(
                    self.target.repo, MANIFEST_FILE, repo_type="dataset", revision=revision, local_dir=folder
                ),
            )
            try:
                return Manifest.model_validate_json(Path(path).read_bytes())
            except ValidationError:
                return None

    def _user(self) -> tuple[dict[str, Any] | None, Obstacle | None]:
        from huggingface_hub.errors import LocalTokenNotFoundError

        try:
            user = self._ask("who am I", self.api.whoami)
            if not isinstance(user, dict) or not isinstance(user.get("name"), str):
                return None, Obstacle(
                    "hub", f"{self.api.endpoint} does not say who you are: is it a hub (HF_ENDPOINT)?"
                )
            return user, None
        except LocalTokenNotFoundError:
            return None, Obstacle("token", "no token: set HF_TOKEN, or log in with: hf auth login")
        except Exception as error:
            if status_of(error) != 401:
                raise
            return None, Obstacle(
                "token", f"{reason(error)} Make one at https://huggingface.co/settings/tokens (HF_TOKEN wins over "
                "hf auth login)"
            )  # fmt: skip

    def _right_obstacles(self, user: Mapping[str, Any]) -> list[Obstacle]:
        """Whether the account and the token may write to the namespace."""
        namespace = self.target.repo.partition("/")[0]
        roles = {org.get("name"): org.get("roleInOrg") for org in user.get("orgs", [])}
        found = []
        if namespace != user.get("name"):
            if namespace not in roles:
                known = ", ".join(sorted(str(name) for name in roles)) or "none"
                text = f"{user.get('name')} is no member of {namespace} (organisations: {known})"
                found.append(Obstacle("rights", text))
            elif roles[namespace] is not None and roles[namespace] not in _WRITING_ROLES:
                text = f"{user.get('name')} is only {roles[namespace]} in {namespace}: ask for the role write"
                found.append(Obstacle("rights", text))
        token = (user.get("auth") or {}).get("accessToken") or {}
        if token.get("role") == "read":
            found.append(Obstacle("token", "the token only reads: make one that writes"))
        elif token.get("role") == "fineGrained" and not _may_write(token.get("fineGrained") or {}, self.target.repo):
            found.append(
                Obstacle("token", f"the fine-grained token may not write to {self.target.repo} or {namespace}")
            )
        return found

    def _write_obstacles(self) -> list[Obstacle]:
        try:
            self._ask("rights", lambda: self.api.auth_check(self.target.repo, repo_type="dataset", write=True))
        except Exception as error:
            if is_passing(error) or status_of(error) not in (401, 403, 404):
                raise
            return [Obstacle("rights", f"this account may not write to {self.target.repo}: {reason(error)}")]
        return []

    def _content_obstacles(self, version: Path, state: RemoteState, notes: list[str]) -> Iterator[Obstacle]:
        manifest, repo, tag = read_manifest(version), self.target.repo, self.target.tag
        if self.target.private and not state.private:
            yield Obstacle("private-repo", f"{repo} is public, and --private was asked for: make it private on the Hub")
        foreign = sorted(set(state.files) - {".gitattributes", "README.md", "LICENSE"})
        if state.manifest is None and foreign:
            text = f"{repo} holds {len(foreign)} files that are no dataset version ({', '.join(foreign[:3])}, …)"
            yield Obstacle("repository", f"{text}: choose another name, or empty it yourself")
        elif state.manifest is not None and state.manifest.name != manifest.name:
            text = f"{repo} holds the dataset {state.manifest.name!r}, this one is {manifest.name!r}"
            yield Obstacle("repository", text)
        if tag is not None and tag in state.tags and changed_files(version, self._files_at(state, tag)):
            text = f"the tag {tag} names another version ({state.tags[tag][:12]}); tags do not move: choose another"
            yield Obstacle("tag", text)
        if state.manifest is not None and state.manifest.root != manifest.root:
            parent = read_lineage(version).parent
            if parent is None or parent.root != state.manifest.root:
                notes.append(
                    f"main of {repo} holds a version (root {state.manifest.root[:12]}) that this one did not grow "
                    "from; main will hold this one, tags keep theirs"
                )
        others = sorted(set(state.files) - set(local_files(version)) - set(stale_files(version, state)))
        kept = [name for name in others if name != ".gitattributes"]
        if state.manifest is not None and kept:
            notes.append(f"{len(kept)} files of others stay as they are: {', '.join(kept[:5])}")

    def _files_at(self, state: RemoteState, tag: str) -> Mapping[str, RemoteFile]:
        commit = state.tags[tag]
        return (
            state.files if commit == state.head else hub_files(self.api, self.target.repo, tag, self._say, self._sleep)
        )


def _name_obstacles(target: Target) -> Iterator[Obstacle]:
    if not _REPO.fullmatch(target.repo) or ".." in target.repo or "--" in target.repo or target.repo.endswith(".git"):
        yield Obstacle("repository", f"{target.repo!r} is no name of a repository: ORG/NAME, letters, digits, - _ .")
    if target.tag is not None and not _TAG.fullmatch(target.tag):
        yield Obstacle("tag", f"{target.tag!r} is no name of a tag: letters, digits, - _ . +")


def _may_write(rights: Mapping[str, Any], repo: str) -> bool:
    """Whether a fine-grained token may write to a repository, as far as whoami tells."""
    namespace = repo.partition("/")[0]
    for scope in rights.get("scoped") or []:
        entity = scope.get("entity") or {}
        name = str(entity.get("name", "")).removeprefix("datasets/")
        if name in (repo, namespace) and "repo.write" in (scope.get("permissions") or []):
            return True
    return False


def _described(state: RemoteState, target: Target) -> str:
    if not state.exists:
        return f"will be made, {'private' if target.private else 'public'}"
    return f"is {'private' if state.private else 'public'} and holds {len(state.files)} files"
