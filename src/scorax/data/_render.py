"""Rows as the text of a CSV file, in its dialect."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float

from scorax.data._dialect import DELIMITERS, Dialect
from scorax.data._header import guard_name
from scorax.data._words import TEXT_MISSING, TRIM
from scorax.data.formats import Format, TextFormat


def _special(delimiters: Iterable[str]) -> re.Pattern[str]:
    return re.compile('["\r\n' + "".join(delimiters) + "]")


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def render_header(names: Sequence[str], dialect: Dialect, *, raw: bool) -> bytes:
    """The first line, after the byte order mark where there is one; ``raw`` leaves names that a spreadsheet would run."""
    cells = [name if raw else guard_name(name) for name in names]
    # A reader finds the delimiter by the names: those that hold another one are quoted, and so is a lone one.
    every = len(cells) == 1 or dialect.quoted != "needed"
    special = _special(DELIMITERS)
    cells = [_quoted(cell) if every or special.search(cell) else cell for cell in cells]
    line = dialect.delimiter.join(cells) + dialect.line_end
    return line.encode("utf-8-sig" if dialect.byte_order_mark else "utf-8")


def render_rows(values: np.ndarray, formats: Sequence[Format], dialect: Dialect) -> memoryview:
    """Rows of values as lines."""
    import pyarrow.compute as pc

    ask: Any = pc
    # In a lone column a reader may take any delimiter for one.
    delimiters = DELIMITERS if len(formats) == 1 else dialect.delimiter
    cells = [render_cells(values[:, j], form, dialect, delimiters) for j, form in enumerate(formats)]
    if len(cells) == 1:  # blank lines at the end of a file are no rows
        cells = [ask.replace_substring_regex(cells[0], "^$", '""')]
    lines = ask.binary_join_element_wise(*cells, _text(dialect.delimiter))
    lines = ask.binary_join_element_wise(lines, _text(dialect.line_end), _text(""))
    _, offsets, data = lines.buffers()
    return memoryview(data)[: int(np.frombuffer(offsets, np.int64)[len(values)])]


def render_cells(values: np.ndarray, form: Format, dialect: Dialect, delimiters: Iterable[str] | None = None) -> Any:
    """Cells of a column as they stand in the file, an Arrow array of texts; with quotes beside what may be a delimiter.

    ``None`` is that of the dialect.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    ask: Any = pc
    special = _special(dialect.delimiter if delimiters is None else delimiters)
    cells = ask.cast(form.text(values), pa.large_string())
    every = dialect.quoted == "all"
    if form.kind == "text":
        encoded = cells.dictionary_encode()
        texts = [
            _quoted(text) if every or dialect.quoted == "texts" or not text or special.search(text) else text
            for text in encoded.dictionary.to_pylist()
        ]
        encoded = pa.DictionaryArray.from_arrays(encoded.indices, pa.array(texts, pa.large_string()))
        cells = encoded.cast(pa.large_string())
    elif form.kind == "number" and dialect.decimal == ",":
        cells = ask.replace_substring_regex(cells, "[.]", ",")
        every = every or (dialect.delimiter == "," and form.decimals != 0)
    if every and form.kind != "text":
        cells = ask.binary_join_element_wise(_text('"'), cells, _text('"'), _text(""))
    if cells.null_count:
        # Some words for a missing number are texts among texts.
        word = dialect.missing if form.kind != "text" or dialect.missing in TEXT_MISSING else ""
        cells = ask.fill_null(cells, _text(_quoted(word) if dialect.quoted == "all" else word))
    return cells


def read_as_missing(values: Float[np.ndarray, " n"], form: Format) -> Counter[str]:
    """How often a column has each text that a reader of CSV takes for a missing cell: ``NA``, the empty one."""
    levels = form.levels if isinstance(form, TextFormat) else ()
    places = [k for k, level in enumerate(levels) if level.strip(TRIM) in TEXT_MISSING]
    return +Counter({levels[k]: int(np.count_nonzero(values == k)) for k in places})


def _text(text: str) -> Any:
    import pyarrow as pa

    return pa.scalar(text, pa.large_string())
