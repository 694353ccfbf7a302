"""What the pages of a Parquet file say of themselves, read before Arrow believes it and allocates.

A page names its size once decompressed, which neither the metadata of the file nor Arrow bounds: half a megabyte can ask for
gigabytes. Headers are Thrift structures in the compact protocol
(https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift), a few dozen bytes each.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from scorax._errors import refusal
from scorax._text import quote
from scorax.data._table import Limits, check_bytes

_HEADER = 16 * 2**10
_DEEPEST = 8
_VALUE_BYTES, _PAGE_BYTES = 32, 2 * 2**20
"""What one number may take in a page, levels and dictionary counted, and what a column may take beside."""
_TEXT_RATIO = 200
"""How far texts may have been compressed, beyond what numbers may take."""


@dataclass(frozen=True)
class _Page:
    values: int
    uncompressed: int
    compressed: int
    header: int


class _Compact:
    """Reads one structure of the compact protocol; ``IndexError`` where the bytes end, ``ValueError`` where they are wrong."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def varint(self) -> int:
        value = shift = 0
        while shift < 70:
            byte = self.data[self.at]
            self.at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value
        raise ValueError("an integer of more than 64 bits")

    def struct(self, depth: int = 0) -> dict[int, Any]:
        if depth > _DEEPEST:
            raise ValueError("structures inside of each other")
        fields: dict[int, Any] = {}
        number = 0
        while (head := self.varint()) != 0:
            number = number + (head >> 4) if head >> 4 else self._signed()
            fields[number] = self._value(head & 15, depth)
        return fields

    def _signed(self) -> int:
        value = self.varint()
        return (value >> 1) ^ -(value & 1)

    def _value(self, kind: int, depth: int) -> Any:
        if kind in (1, 2):  # a truth value is its own type
            return kind == 1
        if kind in (4, 5, 6):
            return self._signed()
        if kind == 12:
            return self.struct(depth + 1)
        skipped = {3: 1, 7: 8}[kind] if kind in (3, 7) else self.varint() if kind == 8 else -1
        if skipped < 0 or self.at + skipped > len(self.data):
            raise ValueError("a field that no page has")
        self.at += skipped
        return None


def _pages(file: BinaryIO, start: int, length: int) -> Iterator[_Page]:
    at = start
    while at < start + length:
        file.seek(at)
        compact = _Compact(file.read(_HEADER))
        fields = compact.struct()
        # 5: a page of data, 8: one of version 2; 7: a dictionary, whose values are no cells.
        cells = fields.get(5) or fields.get(8) or {1: 0}
        page = _Page(cells[1], fields[2], fields[3], compact.at)
        if min(page.values, page.uncompressed, page.compressed) < 0:
            raise ValueError("a negative size")
        yield page
        at += page.header + page.compressed


def check_pages(path: Path, metadata: Any, limits: Limits) -> None:
    """Refuses a file whose parts contradict each other, or whose pages would grow beyond what its rows need.

    Args:
        path: the file.
        metadata: Arrow's of it; a row has one value of a column, unless it is of lists.
        limits: what the texts of a column may cost.
    """
    groups = [metadata.row_group(i) for i in range(metadata.num_row_groups)]
    _agree(path, "rows", metadata.num_rows, sum(group.num_rows for group in groups))
    with path.open("rb") as file:
        for group in (group for group in groups if group.num_rows):
            for j, column in ((j, group.column(j)) for j in range(group.num_columns)):
                where = f"values of column {quote(column.path_in_schema)}"
                # Of lists a row has as many as it likes.
                rows = column.num_values if metadata.schema.column(j).max_repetition_level else group.num_rows
                _agree(path, where, rows, column.num_values)
                starts = [column.data_page_offset, column.dictionary_page_offset or column.data_page_offset]
                values = size = 0
                try:
                    for page in _pages(file, min(starts), column.total_compressed_size):
                        values, size = values + page.values, size + page.uncompressed
                except (ValueError, LookupError, TypeError):
                    raise refusal(path, expected=where, got="a damaged page", do="write the file again") from None
                _agree(path, where, rows, values)
                most = _VALUE_BYTES * values + _PAGE_BYTES
                if column.physical_type == "BYTE_ARRAY":
                    check_bytes(size, path, limits, f"texts of column {quote(column.path_in_schema)}")
                    most = max(most, _TEXT_RATIO * column.total_compressed_size)
                if size > most:
                    raise refusal(
                        path,
                        expected=f"about {8 * values} bytes for {values} {where}",
                        got=f"{size} once decompressed",
                        do="write the file again",
                    )


def _agree(path: Path, what: str, said: int, found: int) -> None:
    if said != found:
        raise refusal(path, expected=f"{said} {what}", got=f"{found}", do="the file contradicts itself: write it again")
