"""Words from untrusted files made fit for a one-line message, and near misses of a name."""

import difflib
import os
import unicodedata
from collections.abc import Iterable


def quote(text: object, limit: int = 60) -> str:
    """``repr`` of the text, cut to ``limit`` characters: no raw control character ever reaches a terminal."""
    text = os.fspath(text) if isinstance(text, os.PathLike) else text
    shown = str(text)
    return ascii(shown) if len(shown) <= limit and not shown.isprintable() else repr(_cut(shown, limit))


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 3] + "..."


def shown_path(path: object) -> str:
    """A path as it is written in messages: plain when printable, escaped otherwise."""
    text = os.fspath(path) if isinstance(path, os.PathLike) else str(path)
    text = text.decode(errors="backslashreplace") if isinstance(text, bytes) else text
    return text if text.isprintable() else ascii(text)


def suggest(name: str, known: Iterable[str]) -> str:
    """`` (did you mean 'x'?)`` for a near miss of a known name, otherwise nothing."""
    # difflib is quadratic in the length: a hostile name of a megabyte must not be compared.
    near = difflib.get_close_matches(name, [k for k in known if len(k) < 200], n=1) if len(name) < 200 else []
    return f" (did you mean {quote(near[0])}?)" if near else ""


def listing(names: Iterable[str], limit: int = 5) -> str:
    """Quoted names joined by commas, at most ``limit`` of them and then how many more."""
    every = list(names)
    text = ", ".join(quote(n) for n in every[:limit])
    return text if len(every) <= limit else f"{text} and {len(every) - limit} more"


def percent(share: float, digits: int = 3) -> str:
    """A share as a percentage."""
    return f"{100 * share:.{digits}g} %"


_ESCAPED = {"Cc", "Cf", "Cs", "Zl", "Zp"}  # controls, direction overrides, lone surrogates, foreign line breaks


def clean(text: str) -> str:
    """`text` with every character that could move the cursor, reorder the line or end it shown as its escape."""
    return "".join(
        char.encode("unicode_escape").decode("ascii") if unicodedata.category(char) in _ESCAPED else char
        for char in text
    )
