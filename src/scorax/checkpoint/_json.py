"""JSON from a stranger: bounded in size and depth before it is parsed, no key twice, no NaN; and sealed JSON."""

import errno
import hashlib
import json
import os
import re
import stat
from pathlib import Path
from typing import Any, NoReturn

from scorax import _write
from scorax._errors import EnvironmentFailure, InputError, explain, refusal
from scorax._text import quote, shown_path

MAXIMUM_BYTES = 2**20
MAXIMUM_DEPTH = 32
_SEAL = "sha256_of_the_rest"


def damaged(path: object, expected: str, got: str, do: str = "restore the file from a copy") -> InputError:
    """The refusal of a file of a run folder."""
    return refusal(path, expected=expected, got=got, do=do)


def open_regular(path: str | os.PathLike[str]) -> int:
    """A descriptor of a regular file: a link, folder, pipe or device in its place is refused, not followed."""
    try:
        # O_NONBLOCK: opening a pipe without a writer would wait for ever.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if error.errno == errno.EACCES:
            raise EnvironmentFailure(
                f"{shown_path(path)}: " + explain(expected="a readable file", got="permission denied", do="allow it")
            ) from None
        got = {errno.ENOENT: "no such file", errno.ELOOP: "a link"}.get(error.errno or 0, str(error.strerror))
        raise damaged(path, "a regular file", got) from None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise damaged(path, "a regular file", "something else (folder, pipe or device)")
    return descriptor


def read_bounded(path: str | os.PathLike[str], maximum: int) -> bytes:
    """The bytes of a regular file of at most ``maximum`` bytes."""
    with os.fdopen(open_regular(path), "rb") as file:
        data = file.read(maximum + 1)
    if len(data) > maximum:
        raise damaged(path, f"at most {maximum} bytes", "more", "check the file")
    return data


def parse_json(data: bytes, where: object, *, depth: int = MAXIMUM_DEPTH) -> Any:
    """The value of a JSON text in UTF-8, refused if it nests deeper than ``depth``, repeats a key or holds NaN."""

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(items)
        if len(found) != len(items):
            keys = [key for key, _ in items]
            twice = next(key for i, key in enumerate(keys) if key in keys[:i])
            raise damaged(where, "every key once", f"{quote(twice)} twice")
        return found

    def constant(name: str) -> NoReturn:
        raise damaged(where, "finite numbers", name)

    def number(text: str) -> float:
        value = float(text)
        if value in (float("inf"), float("-inf")):
            raise damaged(where, "finite numbers", quote(text, 20))
        return value

    try:
        text = data.decode()
        if _depth(text) > depth:
            raise damaged(where, f"at most {depth} levels of brackets", "more")
        return json.loads(text, object_pairs_hook=pairs, parse_constant=constant, parse_float=number)
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        place = f"line {error.lineno}" if isinstance(error, json.JSONDecodeError) else f"byte {error.start}"
        raise damaged(where, "JSON", f"something else at {place}") from None
    except InputError:
        raise
    except ValueError:
        # Python refuses integers of more than 4,300 digits.
        raise damaged(where, "JSON numbers", "one of thousands of digits") from None


def _depth(text: str) -> int:
    """Deepest nesting of brackets outside strings, counted without recursion."""
    level = deepest = 0
    for token in re.finditer(r'"(?:[^"\\]|\\.)*"|[\[{]|[\]}]', text, re.DOTALL):
        if token[0] in "[{":
            level += 1
            deepest = max(deepest, level)
        elif token[0] in "]}":
            level -= 1
    return deepest


def read_json(path: str | os.PathLike[str], *, maximum: int = MAXIMUM_BYTES) -> Any:
    """``parse_json`` of a regular file of at most ``maximum`` bytes."""
    return parse_json(read_bounded(path, maximum), path)


def seal(obj: dict[str, Any]) -> bytes:
    """JSON bytes that end in the SHA-256 of all that stands before it, so that a flipped bit is noticed."""
    if _SEAL in obj:
        raise ValueError(f"the key {_SEAL} is taken")
    return _write.json_bytes({**obj, _SEAL: hashlib.sha256(_write.json_bytes(obj)).hexdigest()})


def unseal(data: bytes, where: object, *, depth: int = MAXIMUM_DEPTH) -> dict[str, Any]:
    """The object of ``seal``; every byte has to be the one that was written."""
    obj = parse_json(data, where, depth=depth)
    if not isinstance(obj, dict) or not isinstance(obj.pop(_SEAL, None), str):
        raise damaged(where, "a sealed JSON object", "another one")
    try:
        intact = seal(obj) == data
    except (ValueError, UnicodeEncodeError):
        intact = False
    if not intact:
        raise damaged(where, "the checksum it was written with", "another one")
    return obj


def write_sealed_json(path: str | os.PathLike[str], obj: dict[str, Any]) -> None:
    """Writes an object so that ``read_sealed_json`` notices any damage."""
    _write.write_bytes(path, seal(obj))


def read_sealed_json(path: str | os.PathLike[str], *, maximum: int = MAXIMUM_BYTES) -> dict[str, Any]:
    """Reads what ``write_sealed_json`` wrote."""
    return unseal(read_bounded(Path(path), maximum), path)
