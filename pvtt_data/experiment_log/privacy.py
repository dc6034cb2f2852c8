"""What must not be in a log: secrets, and where things lie on this machine."""

from __future__ import annotations

import itertools
import os
import re
import shlex
import sys
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path

REDACTED = "REDACTED"

_SECRET_WORDS = frozenset(
    {"apikey", "auth", "authorization", "cookie", "credential", "credentials", "passphrase", "passwd", "password",
     "secret", "secrets", "signature", "token"}
)  # fmt: skip
_KEY_OWNERS = frozenset({"access", "api", "auth", "encryption", "private", "secret", "signing"})
_WORDS_IN_NAME = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[A-Z]")
_SHORTEST_SECRET = 6
"""Shorter values of variables, such as a lone digit, would be found in the middle of other words."""

_TOKENS = re.compile(
    r"""
    \b(?:hf|api_org)_[A-Za-z0-9]{8,}
    | \bgh[oprsu]_[A-Za-z0-9]{16,} | \bgithub_pat_\w{16,} | \bglpat-[\w-]{16,}
    | \bsk-[\w-]{16,} | \bxox[a-z]-[\w-]{8,} | \bAIza[\w-]{30,} | \b(?:AKIA|ASIA)[A-Z0-9]{12,}
    | \b(?:LTAI|AKID)[A-Za-z0-9]{16,}
    | \beyJ[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]*)?
    | -----BEGIN[ ][A-Z ]*PRIVATE[ ]KEY-----.*?(?:-----END[ ][A-Z ]*PRIVATE[ ]KEY-----|\Z)
    """,
    re.VERBOSE | re.DOTALL | re.ASCII,
)
_BEARER = re.compile(r"\b(Bearer|Basic)\s+[\w.~+/=-]{6,}", re.IGNORECASE | re.ASCII)
_USER_IN_ADDRESS = re.compile(r"(?<=://)[^\s/@]+(?=@)")
_NAME = re.compile(r"""([A-Za-z_][\w.-]*)["']?\s?[=:]\s?""")
_OPTION_AND_SPACE = re.compile(r"(?<!\S)-{1,2}([A-Za-z][\w.-]*)\s+(?!--)")
_VALUE = re.compile(r"""("[^"]*"|'[^']*'|[^\s"'`,;&)}\]]+)""")
_OPTION = re.compile(r"-{1,2}[A-Za-z][\w.-]*")
_NAME_IN_WORD = re.compile(r"([A-Za-z_][\w.-]*)=")
_ENVIRONMENT_ASSIGNMENT = re.compile(r"([A-Za-z_]\w*)=.*", re.DOTALL)

_BEFORE_PATH = r"""(?:^|(?<=[\s'"`=(\[{<,:;|：，；（「“]))"""
_AFTER_PATH = r"""(?=$|[\s'"`:,;)\]}>|])"""
_OTHER_HOME = re.compile(
    _BEFORE_PATH + r"(?:(?:/home|/Users)/[^\s/:'\"`]+|[A-Za-z]:\\Users\\[^\s\\:'\"`]+)", re.MULTILINE
)
# Not after a colon: that is a path on a server.
_ABSOLUTE = re.compile(
    r"""(?:^|(?<=[\s'"`=(\[{<,;|：，；（「“]))/(?:[^\s/:'"`<>|,;)\]}]+/)+([^\s/:'"`<>|,;)\]}]+)""", re.MULTILINE
)


class Privacy:
    """Takes secrets and this machine's folders out of what is written.

    Args:
        roots: folders that paths are told relative to, the first before the others.
        home: the folder that is told as ``~``.
        environment: variables whose values may be secrets.
    """

    def __init__(
        self, roots: Sequence[Path], home: Path | None = None, environment: Mapping[str, str] | None = None
    ) -> None:
        self._roots = [root.resolve() for root in roots]
        self._home = (home or Path.home()).resolve()
        shortened = {str(root): "" for folder in roots for root in (folder.absolute(), folder.resolve())}
        shortened |= {str(Path(prefix).absolute()): "<python>" for prefix in (sys.prefix, sys.base_prefix)}
        shortened = {str(home or Path.home()): "~", str(self._home): "~"} | shortened
        prefixes = [prefix for prefix in shortened if len(Path(prefix).parts) > 2 or shortened[prefix] == "~"]
        self._prefixes = [
            (re.compile(_BEFORE_PATH + re.escape(prefix) + rf"(?:{after})", re.MULTILINE), short)
            for prefix in sorted(prefixes, key=lambda prefix: (-len(prefix), prefix))
            for after, short in (
                ("/", f"{shortened[prefix]}/" if shortened[prefix] else ""),
                (_AFTER_PATH, shortened[prefix] or "."),
            )
        ]
        values = os.environ if environment is None else environment
        self._secrets = sorted(
            {value for name, value in values.items() if is_secret(name) and len(value) >= _SHORTEST_SECRET},
            key=lambda value: (-len(value), value),
        )

    def clean(self, words: str) -> str:
        """A text without secrets, and with this machine's folders shortened."""
        found = self.without_secrets(words).replace("file:///", "/")
        for prefix, short in self._prefixes:
            found = prefix.sub(short, found)
        found = _OTHER_HOME.sub("~", found)
        return _ABSOLUTE.sub(r"…/\1", found)

    def without_secrets(self, words: str) -> str:
        """A text without tokens, passwords and values of secret variables; its paths stay."""
        for value in self._secrets:
            words = words.replace(value, REDACTED)
        words = _TOKENS.sub(REDACTED, words)
        words = _BEARER.sub(rf"\1 {REDACTED}", words)
        words = _USER_IN_ADDRESS.sub(REDACTED, words)
        return _without_values(_without_values(words, _OPTION_AND_SPACE), _NAME)

    def path(self, path: Path) -> str:
        """A path relative to a root, from ``~``, or only its last two names."""
        whole = path.expanduser().absolute()
        for folder, short in [*((root, "") for root in self._roots), (self._home, "~/")]:
            for spelling in (whole, whole.resolve()):
                if spelling.is_relative_to(folder):
                    return self.without_secrets(short + spelling.relative_to(folder).as_posix())
        return self.without_secrets("…/" + "/".join(whole.parts[1:][-2:]))

    def command(self, command: Sequence[str] | str | None) -> str:
        """A command line as it can be typed again, without secrets and without the values of variables."""
        if command is None:
            words = [*_program(), *sys.argv[1:]]
        elif isinstance(command, str):
            try:
                words = shlex.split(command)
            except ValueError:
                return self.clean(command)
        else:
            words = list(command)
        shown, in_front, hide_next = [], True, False
        for word in words:
            assigned = _ENVIRONMENT_ASSIGNMENT.fullmatch(word) if in_front else None
            in_front = assigned is not None or (in_front and word == "env")
            if hide_next and not word.startswith("--"):
                shown.append(REDACTED)
            elif assigned:
                shown.append(f"{assigned[1]}={REDACTED}")
            else:
                shown.append(self.clean(_without_last_value(word)))
            hide_next = bool(_OPTION.fullmatch(word)) and is_secret(word)
        return " ".join(_quoted(word) for word in shown)


def tokens_in(words: str) -> list[str]:
    """What of a text is a token, a private key, or a name and password in an address."""
    return [found[0] for rule in (_TOKENS, _BEARER, _USER_IN_ADDRESS) for found in rule.finditer(words)]


def folders_in(words: str) -> list[str]:
    """What of a text is a path from the root of some machine."""
    plain = words.replace("file:///", "/")
    return [found[0] for rule in (_OTHER_HOME, _ABSOLUTE) for found in rule.finditer(plain)]


@lru_cache(maxsize=4096)
def is_secret(name: str) -> bool:
    """Whether the value behind a name of a variable, an option or a setting is a secret.

    >>> is_secret("HF_TOKEN"), is_secret("--api-key"), is_secret("max_tokens"), is_secret("tokenizer")
    (True, True, False, False)
    """
    words = [word.lower() for word in _WORDS_IN_NAME.findall(name)]
    if _SECRET_WORDS & set(words) or ("pwd" in words and len(words) > 1):  # PWD alone is the folder of a shell
        return True
    return any(one in _KEY_OWNERS and other in ("key", "keys") for one, other in itertools.pairwise(words))


def _without_values(words: str, names: re.Pattern[str]) -> str:
    """Hide what follows a name that ``names`` finds, where that is the name of a secret."""
    parts, done = [], 0
    for found in names.finditer(words):
        value = _VALUE.match(words, found.end()) if found.start() >= done and is_secret(found[1]) else None
        if value is not None:
            parts += [words[done : found.end()], REDACTED]
            done = value.end()
    return "".join([*parts, words[done:]])


def _without_last_value(word: str) -> str:
    """Hide all of a command's word behind ``NAME=``, spaces and quotes too, where that is the name of a secret."""
    for found in _NAME_IN_WORD.finditer(word):
        if is_secret(found[1]):
            return word[: found.end()] + REDACTED
    return word


def _quoted(word: str) -> str:
    """As `shlex.quote`, but a home folder stays one and other languages stay readable."""
    plain = re.fullmatch(r"[\w@%+=:,./~…-]+", word)
    return word if plain else shlex.quote(word)


def _program() -> list[str]:
    """How this process was started, up to its arguments."""
    spec = getattr(sys.modules.get("__main__"), "__spec__", None)
    if spec is not None:
        return ["python", "-m", spec.name.removesuffix(".__main__")]
    program = Path(sys.argv[0] or "python")
    if program.name == "-c":
        return ["python", "-c", "…"]
    return ["python", str(program.absolute())] if program.suffix == ".py" else [program.name]
