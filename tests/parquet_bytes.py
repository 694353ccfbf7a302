"""Parquet files byte by byte, so that a test can write one whose parts contradict each other.

The structures are those of https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift in Thrift's
compact protocol; field numbers stand where they are written.
"""

import dataclasses
from typing import Any

INT64, DOUBLE = 2, 5
PLAIN, RLE, DICTIONARY = 0, 3, 8
UNCOMPRESSED, GZIP = 0, 2


def varint(n: int) -> bytes:
    out = bytearray()
    while n > 127:
        out.append(n & 127 | 128)
        n >>= 7
    return bytes([*out, n])


def _value(value: Any) -> tuple[int, bytes]:
    """Thrift's code of a type, and the bytes."""
    if isinstance(value, dict):
        return 12, struct(value)
    if isinstance(value, list):
        found = {
            id(item): _value(item) for item in {id(item): item for item in value}.values()
        }  # a group 200,000 times
        kind = found[id(value[0])][0] if value else 12
        head = bytes([len(value) << 4 | kind]) if len(value) < 15 else bytes([0xF0 | kind]) + varint(len(value))
        return 9, head + b"".join(found[id(item)][1] for item in value)
    if isinstance(value, str):
        return 8, varint(len(value.encode())) + value.encode()
    kind = 5 if isinstance(value, I32) else 6
    return kind, varint((value << 1) ^ (value >> 63))


class I32(int):
    """An integer that Thrift calls i32; others are i64."""


def struct(fields: dict[int, Any]) -> bytes:
    out, last = b"", 0
    for number, value in sorted(fields.items()):
        kind, data = _value(value)
        out += bytes([(number - last) << 4 | kind]) + data
        last = number
    return out + b"\0"


def page(data: bytes, num_values: int, encoding: int, size: int | None = None) -> bytes:
    """A data page of required values; ``size`` is what it says of its bytes once decompressed."""
    head = {1: I32(num_values), 2: I32(encoding), 3: I32(RLE), 4: I32(RLE)}
    size = len(data) if size is None else size
    return struct({1: I32(0), 2: I32(size), 3: I32(len(data)), 5: head}) + data


def dictionary(data: bytes, num_values: int) -> bytes:
    """A dictionary page of plain values."""
    head = {1: I32(num_values), 2: I32(PLAIN)}
    return struct({1: I32(2), 2: I32(len(data)), 3: I32(len(data)), 7: head}) + data


def run(num_values: int) -> bytes:
    """The first entry of a dictionary, ``num_values`` times."""
    return b"\x01" + varint(num_values << 1) + b"\0"


@dataclasses.dataclass(frozen=True)
class Said:
    """What a file says of itself; ``None`` is the truth."""

    rows: int
    pages: bytes
    dictionary: int = 0
    codec: int = UNCOMPRESSED
    group_rows: int | None = None
    num_values: int | None = None
    groups: int = 1
    uncompressed: int | None = None
    compressed: int | None = None
    offset: int = 4
    total: int | None = None


def file(said: Said) -> bytes:
    """A file of one column of floats ``a``."""
    group_rows = said.rows if said.group_rows is None else said.group_rows
    size = len(said.pages)
    column = {
        1: I32(DOUBLE),
        2: [I32(PLAIN), I32(RLE), I32(DICTIONARY)],
        3: ["a"],
        4: I32(said.codec),
        5: group_rows if said.num_values is None else said.num_values,
        6: size if said.uncompressed is None else said.uncompressed,
        7: size if said.compressed is None else said.compressed,
        9: said.offset + said.dictionary,
    }
    if said.dictionary:
        column[11] = said.offset
    group = {1: [{2: 0, 3: column}], 2: size if said.total is None else said.total, 3: group_rows}
    schema = [{4: "schema", 5: I32(1)}, {1: I32(DOUBLE), 3: I32(0), 4: "a"}]
    footer = struct({1: I32(2), 2: schema, 3: said.rows, 4: [group] * said.groups})
    return b"PAR1" + said.pages + footer + len(footer).to_bytes(4, "little") + b"PAR1"
