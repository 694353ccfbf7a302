"""Untrusted column names as one short visible line."""

import unicodedata

_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Controls, invisible and direction-changing characters, lone surrogates, separators: written as escapes."""


def visible(text: object) -> str:
    r"""The text with every character that does not show escaped (`\n`, `\x00`, `\u202e`)."""
    return "".join(
        c.encode("unicode_escape").decode("ascii") if unicodedata.category(c) in _HIDDEN else c for c in str(text)
    )


def label(text: object, length: int = 24) -> str:
    """`visible`, with an ellipsis for the middle of a long name: prefixes and suffixes both tell columns apart."""
    shown = visible(text)
    if len(shown) <= length:
        return shown
    tail = (length - 1) // 2
    return shown[: length - 1 - tail] + "…" + shown[len(shown) - tail :]


def number(value: object, digits: int = 4) -> str:
    """A number for a table, a dash where there is none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return "–"
    return f"{value:.{digits}g}".replace("-", "−")


def signed(value: object, error: object = None) -> str:
    """`+0.41 ± 0.10`, with a dash for what is missing."""
    if not isinstance(value, int | float):
        return "–"
    shown = f"{value:+.2f}".replace("-", "−")
    return f"{shown} ± {error:.2f}" if isinstance(error, int | float) else shown
