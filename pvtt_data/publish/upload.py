"""Putting a version on the Hub: one commit, a tag, and a second look at what is there.

`HfApi.upload_folder` of huggingface_hub 2 splits a folder into several commits, between which a reader finds half a
version. So the files go into one commit of our own: large files are sent first (and need not be sent again after a
break), the commit makes them visible at once, if nobody else committed meanwhile, and the tag comes last.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pvtt_data.errors import PublishError
from pvtt_data.publish.patience import (
    ATTEMPTS,
    LONGEST_WAIT_S,
    Say,
    Sleep,
    asked_wait_s,
    is_passing,
    patiently,
    reason,
    status_of,
)
from pvtt_data.publish.remote import HubDesk, RemoteState, changed_files, hub_files, local_files, stale_files
from pvtt_data.shards.manifest import read_manifest


@dataclass(frozen=True, slots=True)
class Upload:
    """What was done.

    Attributes:
        status: ``published``; ``tagged``: only the tag was missing; ``up-to-date``: nothing was done.
        commit: name of the commit that holds the version.
        files: how many were new or changed.
        size_bytes: of these.
        removed: files of the version before that are gone.
    """

    status: Literal["published", "tagged", "up-to-date"]
    commit: str
    files: int = 0
    size_bytes: int = 0
    removed: int = 0


class Uploader:
    """Uploads one version.

    Args:
        desk: asks the Hub.
        say: told what happens.
        sleep: waits.
    """

    def __init__(self, desk: HubDesk, say: Say = lambda text: None, sleep: Sleep = time.sleep) -> None:
        self.desk = desk
        self.api: Any = desk.api
        self.target = desk.target
        self._say = say
        self._sleep = sleep

    def run(self, version: Path, state: RemoteState) -> Upload:
        """Bring the repository to hold ``version``, as far as it does not yet.

        Args:
            version: folder that passed the preflight.
            state: what the preflight found on the Hub.

        Raises:
            PublishError: the Hub refused, or did not answer in the end; what was sent is kept there.
        """
        tag = self.target.tag
        if tag is not None and tag in state.tags:
            return Upload("up-to-date", state.tags[tag])  # the preflight compared every file
        if not state.exists:
            state = self._create()
        changed, stale = changed_files(version, state.files), stale_files(version, state)
        commit = state.head
        if changed or stale:
            commit = self._commit(version, changed, stale, state)
        if tag is not None:
            self._tag(tag, commit)
        if changed or stale:
            size_bytes = sum((version / name).stat().st_size for name in changed)
            return Upload("published", commit, len(changed), size_bytes, len(stale))
        return Upload("up-to-date" if tag is None else "tagged", commit)

    def check(self, version: Path, commit: str) -> int:
        """Compare what the Hub lists at a commit with the version, file by file; how many files.

        Raises:
            PublishError: a file is missing or has other bytes.
        """
        files = hub_files(self.api, self.target.repo, commit, self._say, self._sleep)
        wrong = changed_files(version, files)
        if wrong:
            raise PublishError(
                f"the Hub lists other bytes than were sent for {', '.join(wrong[:5])}"
                f"{' and more' if len(wrong) > 5 else ''} at {commit[:12]}: run publish again"
            )
        return len(local_files(version))

    def _create(self) -> RemoteState:
        private = bool(self.target.private)
        patiently(
            lambda: self._refusable(
                "the repository could not be made",
                lambda: self.api.create_repo(self.target.repo, repo_type="dataset", private=private, exist_ok=True),
            ),
            "new repository",
            self._say,
            self._sleep,
        )
        self._say(f"made {self.target.repo}, {'private' if private else 'public'}")
        state, obstacles = self.desk.look()
        if obstacles or not state.exists:
            raise PublishError(f"{self.target.repo} was made and cannot be read: run publish again")
        if private and not state.private:
            raise PublishError(f"{self.target.repo} came out public, and --private was asked for: nothing was uploaded")
        return state

    def _commit(self, version: Path, changed: Sequence[str], stale: Sequence[str], state: RemoteState) -> str:
        """Send what changed and commit it; the commit's name."""
        manifest = read_manifest(version)
        wait_s = 1.0
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return self._send(version, changed, stale, state.head, f"{manifest.name}, root {manifest.root[:12]}")
            except Exception as error:
                if status_of(error) == 412:
                    now, _ = self.desk.look()
                    if not changed_files(version, now.files) and not stale_files(version, now):
                        self._say(f"somebody else published this very version to {self.target.repo} meanwhile")
                        return now.head
                    raise PublishError(
                        f"somebody else committed to {self.target.repo} meanwhile; large files are kept, run publish "
                        "again"
                    ) from error
                if not is_passing(error):
                    raise PublishError(f"the upload was refused: {reason(error)}") from error
                now, _ = self.desk.look()
                if now.head != state.head and not changed_files(version, now.files):
                    self._say("the answer to the commit was lost; it is there")
                    return now.head
                asked = asked_wait_s(error)
                if attempt == ATTEMPTS or (asked or 0.0) > LONGEST_WAIT_S:
                    raise PublishError(
                        f"the upload broke off: {reason(error)}; what was sent is kept, run publish again"
                    ) from error
                pause = wait_s if asked is None else asked + 0.5
                self._say(
                    f"the upload broke off: {reason(error)}; again in {pause:.0f} s ({attempt} of {ATTEMPTS - 1})"
                )
                self._sleep(pause)
                wait_s *= 2
        raise AssertionError("the last attempt returns or raises")

    def _send(self, version: Path, changed: Sequence[str], stale: Sequence[str], parent: str, title: str) -> str:
        from huggingface_hub import CommitOperationAdd, CommitOperationDelete

        operations: list[Any] = [CommitOperationAdd(name, version / name) for name in changed]
        operations += [CommitOperationDelete(name, is_folder=False) for name in stale]
        made = self.api.create_commit(
            self.target.repo, operations, commit_message=title, repo_type="dataset", parent_commit=parent
        )
        return str(made.oid)

    def _tag(self, tag: str, commit: str) -> None:
        def make() -> None:
            try:
                self.api.create_tag(self.target.repo, tag=tag, revision=commit, repo_type="dataset")
            except Exception as error:
                if status_of(error) != 409:
                    raise
                refs = self.api.list_repo_refs(self.target.repo, repo_type="dataset")
                if commit not in [ref.target_commit for ref in refs.tags if ref.name == tag]:
                    raise PublishError(
                        f"the tag {tag} was taken meanwhile by another version: choose another"
                    ) from error

        patiently(lambda: self._refusable(f"the tag {tag} could not be made", make), "tag", self._say, self._sleep)

    def _refusable(self, what: str, call: Any) -> Any:
        try:
            return call()
        except PublishError:
            raise
        except Exception as error:
            if is_passing(error):
                raise
            raise PublishError(f"{what}: {reason(error)}") from error
