"""A server on this machine that speaks the Hub's protocol as far as publishing and loading need it, and misbehaves on
demand: accounts and rights, repositories, preupload, LFS (one part or many), commits, trees, files with ranges, tags.

It holds everything in memory. huggingface_hub 2 does not ask the server how to send large files: it takes Xet where
hf_xet is installed, and LFS with ``HF_HUB_DISABLE_XET=1``. For Xet, `HubServer.xet_folder` names a folder that the
server gives out as the address of the storage (``local://``); the unmodified hf_xet keeps its chunks there, without
a network, and the server reads them back with hf_xet.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import re
import shutil
import socket
import struct
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

TOKEN = "hf_" + "TestTokenOfNobody" * 2
"""Of the person whom tests let publish."""

_LARGE = re.compile(r"\.(tar|parquet|mp4|png|zip|bin)$")
_DATASET = r"/api/datasets/(?P<repo>[^/]+/[^/]+)"


@dataclass(frozen=True)
class Fault:
    """What goes wrong with a request that matches.

    Args:
        method: such as ``POST``.
        path: regular expression that is searched in the path.
        status: of the answer; 0 breaks the connection.
        headers: of the answer.
        done: the request is carried out before it is answered so.
        after_bytes: the connection breaks after so many bytes of the answer's body, or of a PUT's.
    """

    method: str
    path: str
    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    done: bool = False
    after_bytes: int | None = None


@dataclass(frozen=True)
class StoredFile:
    """A file of a commit."""

    data: bytes
    large: bool

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.data).hexdigest()

    @property
    def blob_id(self) -> str:
        """Git's name of the blob: of the pointer where the file is large."""
        content = self.data
        if self.large:
            facts = f"oid sha256:{self.sha256}\nsize {len(self.data)}\n"
            content = f"version https://git-lfs.github.com/spec/v1\n{facts}".encode()
        return hashlib.sha1(f"blob {len(content)}\0".encode() + content).hexdigest()

    @property
    def etag(self) -> str:
        return self.sha256 if self.large else self.blob_id


@dataclass
class StoredRepo:
    """A repository: commits on main, the latest last, and tags."""

    private: bool
    commits: list[tuple[str, dict[str, StoredFile], str]] = field(default_factory=list)
    tags: dict[str, str] = field(default_factory=dict)

    def commit(self, files: dict[str, StoredFile], title: str) -> str:
        """Add a commit; its name."""
        facts = "".join(f"{path}\0{files[path].etag}\n" for path in sorted(files))
        oid = hashlib.sha1(f"{len(self.commits)}{title}{facts}".encode()).hexdigest()
        self.commits.append((oid, files, title))
        return oid

    def at(self, revision: str) -> tuple[str, dict[str, StoredFile]] | None:
        """Name and files of a revision."""
        wanted = self.commits[-1][0] if revision in ("main", "HEAD") else self.tags.get(revision, revision)
        return next(((oid, files) for oid, files, _ in self.commits if oid == wanted), None)


@dataclass
class HubServer:
    """A running server: what it holds, what it was asked, and what goes wrong next."""

    url: str = ""
    users: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Token → what whoami says of it."""
    repos: dict[str, StoredRepo] = field(default_factory=dict)
    objects: dict[str, bytes] = field(default_factory=dict)
    """Large files by SHA-256, also those that no commit names."""
    parts: dict[tuple[str, int], bytes] = field(default_factory=dict)
    part_bytes: int | None = None
    """Large files above it are taken in parts of so many bytes."""
    xet_folder: Path | None = None
    """Storage of Xet; None speaks LFS alone."""
    xet_hashes: dict[str, str] = field(default_factory=dict)
    """SHA-256 → hash by which Xet knows the file."""
    page: int = 1000
    """Entries of a page of a tree."""
    faults: list[Fault] = field(default_factory=list)
    """Each goes wrong once, in their order."""
    log: list[str] = field(default_factory=list)
    """``METHOD path`` of every request."""
    sent_bytes: int = 0
    """Bytes of large files that were taken."""
    complaints: list[str] = field(default_factory=list)
    """What the server did not understand."""
    lock: threading.RLock = field(default_factory=threading.RLock)

    def account(
        self, token: str, name: str, role: str = "write", orgs: Mapping[str, str] | None = None, **auth: Any
    ) -> None:
        """Make a token of a person, with the roles in organisations."""
        self.users[token] = {
            "type": "user",
            "name": name,
            "email": f"{name}@example.com",
            "orgs": [{"type": "org", "name": org, "roleInOrg": held} for org, held in (orgs or {}).items()],
            "auth": {"type": "access_token", "accessToken": {"displayName": "test", "role": role, **auth}},
        }

    def asked(self, pattern: str) -> list[str]:
        """Requests whose ``METHOD path`` matches."""
        return [line for line in self.log if re.search(pattern, line)]

    def may_write(self, token: str | None, namespace: str) -> bool:
        """Whether a token may write what belongs to a user or organisation."""
        user = self.users.get(token or "")
        if user is None or user["auth"]["accessToken"]["role"] == "read":
            return False
        held = {org["name"]: org["roleInOrg"] for org in user["orgs"]}
        return namespace == user["name"] or held.get(namespace) in ("write", "admin", "contributor")


@contextlib.contextmanager
def hub_server() -> Iterator[HubServer]:
    """A server on a free port of 127.0.0.1."""
    state = HubServer()

    class Handler(_Handler):
        hub = state

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    state.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    hub: HubServer
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""

    rest: bytes
    """Of the answer: what is sent when nothing is locked. A client may ask for more before it reads on."""

    def do_GET(self) -> None:
        self._serve()

    def do_HEAD(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def do_PUT(self) -> None:
        self._serve()

    def _serve(self) -> None:
        self.rest = b""
        self._answer()
        if self.rest:
            self.wfile.write(self.rest)

    def _answer(self) -> None:
        parts = urlsplit(self.path)
        path, self.query = unquote(parts.path), parse_qs(parts.query)
        with self.hub.lock:
            self.hub.log.append(f"{self.command} {path}")
            fault = next((f for f in self.hub.faults if f.method == self.command and re.search(f.path, path)), None)
            if fault is not None:
                self.hub.faults.remove(fault)
        self.fault = fault
        if fault is not None and fault.after_bytes is not None and self.command == "PUT":
            self.rfile.read(fault.after_bytes)
            self._break()
            return
        self.body = self._read_body()
        if fault is not None and not fault.done and fault.after_bytes is None:
            if fault.status:
                self._say(fault.status, {"error": "as asked"}, fault.headers)
            else:
                self._break()
            return
        with self.hub.lock:
            self._route(path)

    def _read_body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        data = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            data += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return data

    def _route(self, path: str) -> None:
        routes: tuple[tuple[str, str, Any], ...] = (
            ("GET", r"/api/whoami-v2", self._whoami),
            ("POST", r"/api/validate-yaml", lambda: self._say(200, {"errors": [], "warnings": []})),
            ("POST", r"/api/repos/create", self._create),
            ("GET", _DATASET + r"/auth-check(?P<write>/write)?", self._auth_check),
            ("GET", _DATASET + r"(/revision/(?P<revision>.+))?", self._info),
            ("GET", _DATASET + r"/refs", self._refs),
            ("GET", _DATASET + r"/tree/(?P<revision>[^/]+)(/(?P<folder>.*))?", self._tree),
            ("POST", _DATASET + r"/paths-info/(?P<revision>.+)", self._paths_info),
            ("POST", _DATASET + r"/preupload/(?P<revision>.+)", self._preupload),
            ("POST", _DATASET + r"/commit/(?P<revision>.+)", self._commit),
            ("POST", _DATASET + r"/tag/(?P<revision>.+)", self._tag),
            ("POST", r"/datasets/(?P<repo>[^/]+/[^/]+)\.git/info/lfs/objects/batch", self._batch),
            ("GET", _DATASET + r"/xet-(?P<kind>read|write)-token/(?P<revision>.+)", self._xet_token),
            ("PUT", r"/lfs/(?P<oid>[0-9a-f]{64})", self._take),
            ("PUT", r"/lfs/(?P<oid>[0-9a-f]{64})/(?P<part>\d+)", self._take_part),
            ("POST", r"/lfs/(?P<oid>[0-9a-f]{64})/complete", self._complete),
            ("POST", r"/lfs/(?P<oid>[0-9a-f]{64})/verify", self._verify),
            ("GET", r"/datasets/(?P<repo>[^/]+/[^/]+)/resolve/(?P<revision>[^/]+)/(?P<file>.+)", self._resolve),
            ("GET", r"/cdn/(?P<oid>[0-9a-f]{64})", self._cdn),
        )
        for method, pattern, answer in routes:
            match = re.fullmatch(pattern, path)
            if match is not None and (self.command == method or (self.command == "HEAD" and method == "GET")):
                answer(**match.groupdict())
                return
        if not path.startswith("/api/agent-harnesses"):
            self.hub.complaints.append(f"{self.command} {path}")
        self._say(404, {"error": "no such route"})

    # Who asks, and for what.

    @property
    def _token(self) -> str | None:
        kind, _, token = self.headers.get("Authorization", "").partition(" ")
        return token if kind == "Bearer" else None

    def _repo(self, name: str, write: bool = False) -> StoredRepo | None:
        """The repository, or None after the refusal has been sent."""
        repo = self.hub.repos.get(name)
        namespace = name.partition("/")[0]
        known = self._token in self.hub.users
        if self._token is not None and not known:
            self._say(401, {"error": "Invalid credentials in Authorization header"},
                      {"X-Error-Message": "Invalid credentials in Authorization header"})  # fmt: skip
        elif repo is None or (repo.private and not self._may_read(namespace)):
            self._say(404 if known else 401, {"error": "Repository not found"}, {"X-Error-Code": "RepoNotFound"})
        elif write and not self.hub.may_write(self._token, namespace):
            self._say(403 if known else 401, {"error": "no write access"}, {"X-Error-Message": "no write access"})
        else:
            return repo
        return None

    def _may_read(self, namespace: str) -> bool:
        user = self.hub.users.get(self._token or "")
        return user is not None and namespace in (user["name"], *(org["name"] for org in user["orgs"]))

    def _at(self, name: str, revision: str) -> tuple[str, dict[str, StoredFile]] | None:
        repo = self._repo(name)
        if repo is None:
            return None
        found = repo.at(revision)
        if found is None:
            self._say(404, {"error": "Invalid rev id"}, {"X-Error-Code": "RevisionNotFound"})
        return found

    def _whoami(self) -> None:
        user = self.hub.users.get(self._token or "")
        if user is None:
            self._say(401, {"error": "Invalid username or password."})
        else:
            self._say(200, user)

    def _create(self) -> None:
        asked = json.loads(self.body)
        user = self.hub.users.get(self._token or "")
        if user is None:
            self._say(401, {"error": "Invalid username or password."})
            return
        namespace = asked.get("organization") or user["name"]
        name = f"{namespace}/{asked['name']}"
        if not self.hub.may_write(self._token, namespace):
            self._say(403, {"error": f"no right to create under {namespace}"})
        elif name in self.hub.repos:
            self._say(409, {"error": "You already created this dataset repo", "url": f"{self.hub.url}/datasets/{name}"})
        else:
            repo = self.hub.repos[name] = StoredRepo(asked.get("visibility") == "private")
            repo.commit(
                {".gitattributes": StoredFile(b"*.tar filter=lfs diff=lfs merge=lfs -text\n", False)}, "initial commit"
            )
            self._say(200, {"url": f"{self.hub.url}/datasets/{name}", "name": name})

    def _auth_check(self, repo: str, write: str | None) -> None:
        if self._repo(repo, bool(write)) is not None:
            self._say(200, {})

    def _info(self, repo: str, revision: str | None) -> None:
        at = self._at(repo, revision or "main")
        if at is not None:
            oid, files = at
            self._say(200, {
                "_id": "0" * 24, "id": repo, "author": repo.partition("/")[0], "sha": oid, "gated": False,
                "private": self.hub.repos[repo].private, "disabled": False, "tags": [], "downloads": 0, "likes": 0,
                "lastModified": "2026-01-01T00:00:00.000Z", "createdAt": "2026-01-01T00:00:00.000Z",
                "siblings": [{"rfilename": path} for path in sorted(files)],
            })  # fmt: skip

    def _refs(self, repo: str) -> None:
        found = self._repo(repo)
        if found is not None:
            main = {"name": "main", "ref": "refs/heads/main", "targetCommit": found.commits[-1][0]}
            tags = [{"name": n, "ref": f"refs/tags/{n}", "targetCommit": oid} for n, oid in found.tags.items()]
            self._say(200, {"branches": [main], "tags": tags, "converts": []})

    # Files.

    @staticmethod
    def _entry(path: str, file: StoredFile) -> dict[str, Any]:
        entry: dict[str, Any] = {"type": "file", "path": path, "size": len(file.data), "oid": file.blob_id}
        if file.large:
            entry["lfs"] = {"oid": file.sha256, "size": len(file.data), "pointerSize": 134}
        return entry

    def _entries(self, files: Mapping[str, StoredFile]) -> dict[str, dict[str, Any]]:
        entries = {path: self._entry(path, file) for path, file in files.items()}
        for path in files:
            names = path.split("/")[:-1]
            for depth in range(1, len(names) + 1):
                folder = "/".join(names[:depth])
                oid = hashlib.sha1(folder.encode()).hexdigest()
                entries[folder] = {"type": "directory", "path": folder, "size": 0, "oid": oid}
        return entries

    def _tree(self, repo: str, revision: str, folder: str | None) -> None:
        at = self._at(repo, revision)
        if at is None:
            return
        entries = self._entries(at[1])
        prefix = f"{folder.rstrip('/')}/" if folder else ""
        if folder and not any(path.startswith(prefix) for path in entries):
            self._say(404, {"error": "no such folder"}, {"X-Error-Code": "EntryNotFound"})
            return
        recursive = self.query.get("recursive", ["false"])[0].lower() in ("true", "1")
        below = [p for p in sorted(entries) if p.startswith(prefix) and (recursive or "/" not in p[len(prefix) :])]
        first = int(self.query.get("cursor", ["0"])[0])
        page = [entries[path] for path in below[first : first + self.hub.page]]
        headers = {}
        if first + self.hub.page < len(below):
            where = urlsplit(self.path).path
            headers["Link"] = (
                f'<{self.hub.url}{where}?recursive={recursive}&cursor={first + self.hub.page}>; rel="next"'
            )
        self._say(200, page, headers)

    def _paths_info(self, repo: str, revision: str) -> None:
        at = self._at(repo, revision)
        if at is None:
            return
        text = self.body.decode()
        asked = json.loads(text)["paths"] if text.startswith("{") else parse_qs(text)["paths"]
        entries = self._entries(at[1])
        wanted = [asked] if isinstance(asked, str) else asked
        self._say(200, [entries[path.rstrip("/")] for path in wanted if path.rstrip("/") in entries])

    def _preupload(self, repo: str, revision: str) -> None:
        found = self._repo(repo, write=True)
        if found is None:
            return
        files = found.commits[-1][1]
        answers = []
        for file in json.loads(self.body)["files"]:
            large = bool(_LARGE.search(file["path"])) or b"\0" in base64.b64decode(file["sample"])
            answer = {"path": file["path"], "uploadMode": "lfs" if large else "regular", "shouldIgnore": False}
            if file["path"] in files:
                answer["oid"] = files[file["path"]].etag
            answers.append(answer)
        self._say(200, {"files": answers})

    def _batch(self, repo: str) -> None:
        if self._repo(repo, write=True) is None:
            return
        objects = []
        for asked in json.loads(self.body)["objects"]:
            oid, size = asked["oid"], asked["size"]
            entry: dict[str, Any] = {"oid": oid, "size": size}
            if oid not in self.hub.objects:
                upload: dict[str, Any] = {"href": f"{self.hub.url}/lfs/{oid}"}
                if self.hub.part_bytes is not None and size > self.hub.part_bytes:
                    count = -(-size // self.hub.part_bytes)
                    upload = {
                        "href": f"{self.hub.url}/lfs/{oid}/complete",
                        "header": {
                            "chunk_size": str(self.hub.part_bytes),
                            **{f"{n + 1:05d}": f"{self.hub.url}/lfs/{oid}/{n + 1}" for n in range(count)},
                        },
                    }
                entry["actions"] = {"upload": upload, "verify": {"href": f"{self.hub.url}/lfs/{oid}/verify"}}
            objects.append(entry)
        self._say(200, {"transfer": "basic", "objects": objects})

    def _take(self, oid: str) -> None:
        if hashlib.sha256(self.body).hexdigest() != oid:
            self._say(400, {"error": "the bytes have another SHA-256"})
            return
        self.hub.sent_bytes += len(self.body)
        self.hub.objects[oid] = self.body
        self._say(200, {})

    def _take_part(self, oid: str, part: str) -> None:
        self.hub.sent_bytes += len(self.body)
        self.hub.parts[oid, int(part)] = self.body
        self._say(200, {}, {"ETag": f'"{hashlib.md5(self.body).hexdigest()}"'})

    def _complete(self, oid: str) -> None:
        numbers = [part["partNumber"] for part in json.loads(self.body)["parts"]]
        data = b"".join(self.hub.parts[oid, number] for number in numbers)
        if hashlib.sha256(data).hexdigest() != oid:
            self._say(400, {"error": "the parts have another SHA-256"})
            return
        self.hub.objects[oid] = data
        self._say(200, {})

    def _verify(self, oid: str) -> None:
        asked = json.loads(self.body)
        good = oid in self.hub.objects and len(self.hub.objects[oid]) == asked["size"] and asked["oid"] == oid
        self._say(200 if good else 404, {})

    def _xet_token(self, repo: str, kind: str, revision: str) -> None:
        if self._repo(repo, write=kind == "write") is None:
            return
        if self.hub.xet_folder is None:
            self._say(404, {"error": "no Xet here"})
            return
        facts = {"casUrl": f"local://{self.hub.xet_folder}", "accessToken": "xet", "exp": int(time.time()) + 3600}
        headers = {
            "X-Xet-Cas-Url": facts["casUrl"],
            "X-Xet-Access-Token": "xet",
            "X-Xet-Token-Expiration": facts["exp"],
        }
        self._say(200, facts, headers)

    def _commit(self, repo: str, revision: str) -> None:
        found = self._repo(repo, write=True)
        if found is None:
            return
        lines = [json.loads(line) for line in self.body.splitlines()]
        header = lines[0]["value"]
        head, files = found.commits[-1][0], dict(found.commits[-1][1])
        if header.get("parentCommit") not in (None, head):
            self._say(412, {"error": "the branch is at another commit than parentCommit"})
            return
        for line in lines[1:]:
            value = line["value"]
            if line["key"] == "file":
                files[value["path"]] = StoredFile(base64.b64decode(value["content"]), False)
            elif line["key"] == "lfsFile":
                if value["oid"] not in self.hub.objects and self.hub.xet_folder is not None:
                    self._take_from_xet(value["oid"], value["size"])
                if value["oid"] not in self.hub.objects:
                    self._say(400, {"error": f"no object {value['oid']} was uploaded"})
                    return
                files[value["path"]] = StoredFile(self.hub.objects[value["oid"]], True)
            elif line["key"] == "deletedFile" and value["path"] in files:
                del files[value["path"]]
            else:
                self._say(400, {"error": f"cannot do {line['key']} {value}"}, {"X-Error-Code": "EntryNotFound"})
                return
        oid = found.commit(files, header["summary"])
        self._say(200, {"success": True, "commitOid": oid, "commitUrl": f"{self.hub.url}/datasets/{repo}/commit/{oid}"})

    def _take_from_xet(self, oid: str, size: int) -> None:
        """Read a file back that a client put into the storage of Xet."""
        import hf_xet

        assert self.hub.xet_folder is not None
        self.hub.xet_hashes |= xet_files(self.hub.xet_folder)
        if oid not in self.hub.xet_hashes:
            return
        with tempfile.TemporaryDirectory() as scratch:
            copy = Path(scratch) / "storage"  # the client may hold the storage's lock
            shutil.copytree(self.hub.xet_folder, copy)
            with hf_xet.XetSession().new_file_download_group(
                endpoint=f"local://{copy}", token="xet", token_expiry_unix_secs=int(time.time()) + 3600
            ) as group:
                group.start_download_file(hf_xet.XetFileInfo(self.hub.xet_hashes[oid], size), f"{scratch}/file")
            data = (Path(scratch) / "file").read_bytes()
        if hashlib.sha256(data).hexdigest() == oid:
            self.hub.objects[oid] = data

    def _tag(self, repo: str, revision: str) -> None:
        found = self._repo(repo, write=True)
        if found is None:
            return
        name, at = json.loads(self.body)["tag"], found.at(revision)
        if at is None:
            self._say(404, {"error": "Invalid rev id"}, {"X-Error-Code": "RevisionNotFound"})
        elif name in found.tags:
            self._say(409, {"error": "Tag reference exists already"})
        else:
            found.tags[name] = at[0]
            self._say(201, {})

    def _resolve(self, repo: str, revision: str, file: str) -> None:
        at = self._at(repo, revision)
        if at is None:
            return
        oid, files = at
        if file not in files:
            self._say(404, {"error": "Entry not found"}, {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": oid})
            return
        stored = files[file]
        headers = {"X-Repo-Commit": oid, "ETag": f'"{stored.etag}"', "Accept-Ranges": "bytes"}
        if not stored.large:
            self._send_file(stored.data, headers)
            return
        if stored.sha256 in self.hub.xet_hashes:
            headers |= {
                "X-Xet-Hash": self.hub.xet_hashes[stored.sha256],
                "X-Xet-Refresh-Route": f"{self.hub.url}/api/datasets/{repo}/xet-read-token/{oid}",
            }
        headers |= {"X-Linked-Etag": f'"{stored.sha256}"', "X-Linked-Size": str(len(stored.data))}
        # Another host, as the real one's storage is: clients read the headers of this answer and not of that one.
        storage = self.hub.url.replace("127.0.0.1", "localhost")
        self._say(302, {}, {**headers, "Location": f"{storage}/cdn/{stored.sha256}"})

    def _cdn(self, oid: str) -> None:
        self._send_file(self.hub.objects[oid], {"ETag": f'"{oid}"', "Accept-Ranges": "bytes"})

    def _send_file(self, data: bytes, headers: Mapping[str, str]) -> None:
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if asked is None:
            self._send(200, data, headers)
            return
        first, last = int(asked[1]), min(int(asked[2] or len(data) - 1), len(data) - 1)
        if first > last:
            self._send(416, b"", {**headers, "Content-Range": f"bytes */{len(data)}"})
            return
        self._send(206, data[first : last + 1], {**headers, "Content-Range": f"bytes {first}-{last}/{len(data)}"})

    # Answers.

    def _say(self, status: int, content: Any, headers: Mapping[str, str] | None = None) -> None:
        self._send(status, json.dumps(content).encode(), {"Content-Type": "application/json", **(headers or {})})

    def _send(self, status: int, data: bytes, headers: Mapping[str, str]) -> None:
        fault = self.fault
        if fault is not None and fault.done:
            self.fault = None
            if not fault.status:
                self._break()
                return
            status, headers = fault.status, {**headers, **fault.headers}
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command == "HEAD":
            return
        if fault is not None and fault.after_bytes is not None:
            self.wfile.write(data[: fault.after_bytes])
            self._break()
            return
        self.rest = data

    def _break(self) -> None:
        self.close_connection = True
        with contextlib.suppress(OSError):
            self.wfile.flush()
            self.connection.shutdown(socket.SHUT_RDWR)


def xet_files(folder: Path) -> dict[str, str]:
    """SHA-256 → Xet's hash of the files in a storage of Xet: its shards list both (layout as in xet-core's mdb_shard).

    After a head of 48 bytes follow entries of 48 bytes: for each file a head, its segments, as many checks (flag 31),
    and the SHA-256 (flag 30); a head of ones ends them.
    """
    found = {}
    for shard in folder.rglob("*.mdb"):
        data, at = shard.read_bytes(), 48
        while at + 48 <= len(data) and data[at : at + 32] != b"\xff" * 32:
            xet_hash = _hex(data[at : at + 32])
            flags, segments = struct.unpack("<II", data[at + 32 : at + 40])
            at += 48 * (1 + segments * (2 if flags >> 31 & 1 else 1))
            if flags >> 30 & 1:
                found[_hex(data[at : at + 32])] = xet_hash
                at += 48
    return found


def _hex(digest: bytes) -> str:
    """A hash as Xet writes it: four little-endian words."""
    return "".join(f"{word:016x}" for word in struct.unpack("<4Q", digest))
