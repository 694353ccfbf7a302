"""TOML from a stranger: bounded in size, depth and length of keys before the parser sees it."""

import os
import re
import stat
import tomllib
from pathlib import Path
from typing import Any

from scorax._errors import InputError, refusal
from scorax._text import quote

MAXIMUM_BYTES = 2**20
MAXIMUM_DEPTH = 32

_TOKEN = re.compile(
    r'"""(?:[^"\\]|\\.|"(?!""))*"""'
    r"|'''(?:[^']|'(?!''))*'''"
    r'|"(?:[^"\\\n]|\\.)*"'
    r"|'[^'\n]*'"
    r"|(?P<comment>#[^\n]*)"
    r"|(?P<blank>[ \t]+)"
    r"|(?P<dot>\.)"
    r"|(?P<open>[\[{])"
    r"|(?P<close>[\]}])"
    r"|(?P<word>[\w+-]+)"
    r"|(?P<other>.)",
    re.DOTALL,
)


def read_toml(path: str | os.PathLike[str]) -> dict[str, Any]:
    """The tables of a TOML file of at most 1 MiB and 32 levels.

    Raises:
        InputError: the file is missing, too large, nests too deep or is not TOML; the line of the file is named.
    """
    path = Path(path)
    try:
        # A pipe would be waited for, and a device read for ever.
        if not stat.S_ISREG(path.stat().st_mode):
            raise refusal(path, "a TOML file", "a folder, pipe or device", "name a file")
        with path.open("rb") as file:
            data = file.read(MAXIMUM_BYTES + 1)
    except (OSError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        got = getattr(error, "strerror", None) or "no such path"
        raise refusal(path, "a TOML file", got, "check the path") from None
    return parse_toml(data, path)


def parse_toml(data: bytes, where: object) -> dict[str, Any]:
    """``read_toml`` of bytes that are in memory already."""
    if len(data) > MAXIMUM_BYTES:
        raise refusal(where, f"at most {MAXIMUM_BYTES} bytes", "more", "check the file")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise refusal(where, "UTF-8 text", f"other bytes at line {line}", "save it as UTF-8") from None
    _check_depth(text, where)
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise refusal(where, "TOML", quote(error, 120), "correct the file") from None
    except (RecursionError, ValueError, OverflowError) as error:
        raise refusal(where, "TOML", f"a value out of range ({type(error).__name__})", "correct the file") from None


def _check_depth(text: str, where: object) -> None:
    """Counts brackets and the parts of dotted keys: ``tomllib`` takes seconds and gigabytes on thousands of parts."""
    level = parts = 0
    for token in _TOKEN.finditer(text):
        kind = token.lastgroup
        if kind == "open":
            level += 1
        elif kind == "close":
            level = max(level - 1, 0)
        elif kind == "dot":
            parts += 1
        if kind in ("open", "close", "other", "comment"):
            parts = 0
        if max(level, parts) >= MAXIMUM_DEPTH:
            line = text.count("\n", 0, token.start()) + 1
            raise refusal(where, f"at most {MAXIMUM_DEPTH} levels", f"more at line {line}", "make it flatter")
