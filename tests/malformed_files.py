"""Malformed tables by kind, name -> bytes: arrays, archives, Parquet and CSV files that say what is not so."""

import io
import warnings
import zipfile
import zlib

import numpy as np

from parquet_bytes import DICTIONARY, GZIP, PLAIN, Said, dictionary, file, page, run

LARGEST = 2**31 - 1


def header(text: str, version: bytes = b"\x01\x00", length: int | None = None, data: bytes = bytes(16)) -> bytes:
    """An array of NumPy with any text for a header, which may lie about its own length."""
    raw = text.encode("latin-1", "replace") + b"\n"
    width = 2 if version[0] == 1 else 4
    said = min(len(raw), 2 ** (8 * width) - 1) if length is None else length
    return b"\x93NUMPY" + version + said.to_bytes(width, "little") + raw + data


def shaped(shape: str, descr: str = "'<f8'", fortran: str = "False") -> str:
    return f"{{'descr': {descr}, 'fortran_order': {fortran}, 'shape': {shape}, }}"


HEADERS = {
    "unclosed dictionary": header("{'descr': '<f8', 'fortran_order': False, 'shape': (1, 2)"),
    "unclosed tuple": header(shaped("(1, 2")),
    "unclosed text": header("{'descr': '<f8"),
    "unclosed triple quote": header('{"""'),
    "closed twice": header(shaped("(1, 2)") + "}"),
    "line continued": header(shaped("(1, 2)") + "\\"),
    "indented": header("  \n    " + shaped("(1, 2)") + "\n  x"),
    "empty": header(""),
    "zeros": header("\0" * 50),
    "no dictionary": header("(1, 2)"),
    "a call": header(shaped("(1, 2)").replace("False", "exit()")),
    "a lambda": header(shaped("(lambda: 0, 2)")),
    "more keys": header("{'descr': '<f8', 'fortran_order': False, 'shape': (1, 2), 'more': 1}"),
    "fewer keys": header("{'descr': '<f8', 'shape': (1, 2)}"),
    "keys that are no text": header("{1: '<f8', 2: False, 3: (1, 2)}"),
    "keys of many types": header("{'descr': '<f8', 2: False, (): (1, 2)}"),
    "unhashable": header("{[]: 1}"),
    "nested tuples": header(shaped("(" * 4000 + ")" * 4000)),
    "nested lists in the type": header(shaped("(1, 2)", "[" * 4000 + "]" * 4000)),
    "minus signs": header(shaped("(" + "-" * 9000 + "1, 2)")),
    "inversions": header(shaped("(" + "~" * 9000 + "1, 2)")),
    "a long sum": header(shaped("(" + "1+" * 4500 + "1j, 2)")),
    "64 kB": header(shaped("(1, 2)") + " " * 65_400),
    "64 kB of brackets": header("{" * 65_000),
    "a length beyond the file": header(shaped("(1, 2)"), length=60_000),
    "4 GB long": header(shaped("(1, 2)"), b"\x02\x00", 2**32 - 1),
    "shorter than it is": header(shaped("(1, 2)"), length=10),
    "length zero": header(shaped("(1, 2)"), length=0),
    "version 0": header(shaped("(1, 2)"), b"\x00\x00"),
    "version 1.9": header(shaped("(1, 2)"), b"\x01\x09"),
    "version 255": header(shaped("(1, 2)"), b"\xff\xff"),
    "other letters": header(shaped("(1, 2)", "'<ŕ8'")),
    "bytes above 127": header("{'d\xe9scr': '<f8', 'fortran_order': False, 'shape': (1, 2)}"),
    "tuple type": header(shaped("(1, 2)", "('<f8', (2,))")),
    "tuple type of nothing": header(shaped("(1, 2)", "()")),
    "tuple type of one": header(shaped("(1, 2)", "('<f8',)")),
    "tuple type of three": header(shaped("(1, 2)", "('<f8', 2, 3)")),
    "tuple type of 2^62": header(shaped("(1, 2)", "('<f8', 4611686018427387904)")),
    "list type": header(shaped("(1, 2)", "[('a', '<f8')]")),
    "list type of nothing": header(shaped("(1, 2)", "[]")),
    "list type of shapes": header(shaped("(1, 2)", "[('a', '<f8', (1000000, 1000000, 1000000))]")),
    "list type of names": header(shaped("(1, 2)", "[('a\\n\\x1b[31m', '<f8')]")),
    "dictionary type": header(shaped("(1, 2)", "{'names': ['a'], 'formats': ['<f8'], 'offsets': [-8]}")),
    "numeric type": header(shaped("(1, 2)", "8")),
    "no type": header(shaped("(1, 2)", "None")),
    "true type": header(shaped("(1, 2)", "True")),
    "type of bytes": header(shaped("(1, 2)", "b'<f8'")),
    "object type": header(shaped("(1, 2)", "'|O'")),
    "objects inside": header(shaped("(1, 2)", "[('a', '|O')]")),
    "type in parts": header(shaped("(1, 2)", "'<f8,<f8'")),
    "type with a shape": header(shaped("(1, 2)", "'(2,3)<f8'")),
    "type of 2^31 bytes": header(shaped("(1, 2)", "'V2147483647'")),
    "type of 2^63 bytes": header(shaped("(1, 2)", "'V9223372036854775808'")),
    "text type": header(shaped("(1, 2)", "'<U1000000000'")),
    "time type": header(shaped("(1, 2)", "'<M8[ns]'")),
    "time type of no unit": header(shaped("(1, 2)", "'<M8[xx]'")),
    "quadruple precision": header(shaped("(1, 2)", "'<f16'")),
    "order as a number": header(shaped("(1, 2)", fortran="1")),
    "order as text": header(shaped("(1, 2)", fortran="'no'")),
    "shape as a list": header(shaped("[1, 2]")),
    "shape of floats": header(shaped("(1.0, 2.0)")),
    "shape of 2^60": header(shaped("(1152921504606846976, 1152921504606846976)")),
    "shape of 2^64": header(shaped("(18446744073709551616, 2)")),
    "shape of 9,000 digits": header(shaped("(" + "9" * 9000 + ", 2)")),
    "shape of 9,000 hexadecimal digits": header(shaped("(0x" + "f" * 9000 + ", 2)")),
    "shape that wraps round": header(shaped("(9223372036854775809, 2)")),
    "negative shape": header(shaped("(-1, -2)")),
    "shape of truth values": header(shaped("(True, 2)")),
    "shape of nothing": header(shaped("()")),
    "shape of one": header(shaped("(2,)")),
    "shape of three": header(shaped("(1, 2, 1)")),
    "shape of 65 dimensions": header(shaped("(" + "1, " * 64 + "2)")),
    "shape of 3,000 dimensions": header(shaped("(" + "1," * 2999 + "2)")),
    "shape of no rows": header(shaped("(0, 2)"), data=b""),
    "shape of no columns": header(shaped("(2, 0)"), data=b""),
    "more rows than data": header(shaped("(3, 2)")),
    "fewer rows than data": header(shaped("(1, 1)")),
}


def single(name: str, data: bytes, **options) -> bytes:
    """An archive of one member."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", **options) as archive:
        archive.writestr(name, data)
    return out.getvalue()


def several(*members: tuple[str, bytes]) -> bytes:
    out = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        warnings.simplefilter("ignore")
        for name, data in members:
            archive.writestr(name, data)
    return out.getvalue()


def edited(data: bytes, mark: bytes, at: int, value: bytes) -> bytes:
    """An archive with bytes behind a mark (``PK\\1\\2``: the entry of the directory) replaced."""
    place = data.index(mark) + at
    return data[:place] + value + data[place + len(value) :]


GOOD = header(shaped("(1, 2)"))
ZEROS = bytes(2**27)
PACKED = {"compression": zipfile.ZIP_DEFLATED, "compresslevel": 1}
BOMB = single("X.npy", header(shaped("(8388608, 2)"), data=ZEROS), **PACKED)

ARCHIVES = {
    "absolute name": single("/etc/X.npy", GOOD),
    "name above": single("../X.npy", GOOD),
    "name above, inside": single("a/../../X.npy", GOOD),
    "name of a drive": single("C:X.npy", GOOD),
    "name with a backslash": single("..\\X.npy", GOOD),
    "a good member beside": several(("X.npy", GOOD), ("../../tmp/y.npy", GOOD)),
    "one name twice": several(("X.npy", GOOD), ("X.npy", GOOD)),
    "one name with and without its ending": several(("X.npy", GOOD), ("X", GOOD)),
    "no array": single("X.npy", b"text"),
    "a pickle": single("X.npy", b"\x80\x04N."),
    "bzip2": single("X.npy", GOOD, compression=zipfile.ZIP_BZIP2),
    "lzma": single("X.npy", GOOD, compression=zipfile.ZIP_LZMA),
    "size too large": edited(single("X.npy", GOOD), b"PK\1\2", 24, (2**31).to_bytes(4, "little")),
    "size too small": edited(single("X.npy", GOOD), b"PK\1\2", 24, (40).to_bytes(4, "little")),
    "packed size too large": edited(single("X.npy", GOOD), b"PK\1\2", 20, (2**31).to_bytes(4, "little")),
    "other name inside": edited(single("X.npy", GOOD), b"PK\3\4", 30, b"Y"),
    "encrypted": edited(single("X.npy", GOOD), b"PK\1\2", 8, b"\1"),
    "offset beyond the file": edited(single("X.npy", GOOD), b"PK\1\2", 42, (2**31).to_bytes(4, "little")),
    "checksum": edited(single("X.npy", GOOD), b"PK\1\2", 16, b"\0\0\0\0"),
    "1001 members": several(*((f"{i}.npy", b"") for i in range(1001))),
    "no member": several(),
    "bomb": BOMB,
    "bomb that says little": edited(BOMB, b"PK\1\2", 24, (200).to_bytes(4, "little")),
    "header of 128 MB": single("X.npy", header(" " * 2**27, b"\x02\x00"), **PACKED),
}


def gzipped(data: bytes) -> bytes:
    return zlib.compress(data, level=1, wbits=31)


THREE = page(np.arange(3.0).tobytes(), 3, PLAIN)
ONE = dictionary(np.ones(1).tobytes(), 1)
MANY = ONE + page(run(LARGEST), LARGEST, DICTIONARY)
WIDE = dictionary(np.ones(1).tobytes(), LARGEST)
LARGE = page(gzipped(np.ones(10).tobytes() + ZEROS), 10, PLAIN, size=len(ZEROS) + 80)

PARQUETS = {
    "4 PB": file(Said(1000 * LARGEST, MANY, len(ONE), group_rows=LARGEST, groups=1000)),
    "4 PB that say ten rows": file(Said(10, MANY, len(ONE), group_rows=LARGEST, groups=1000)),
    "a page of 2^31 values": file(Said(10, MANY, len(ONE))),
    "a column of 2^31 values": file(Said(10, MANY, len(ONE), num_values=LARGEST)),
    "a column of 2^62 values": file(Said(10, MANY, len(ONE), num_values=2**62)),
    "2^62 rows": file(Said(2**62, THREE)),
    "more rows than values": file(Said(30, THREE)),
    "fewer rows than values": file(Said(2, THREE)),
    "a group of other rows": file(Said(3, THREE, group_rows=2)),
    "negative rows": file(Said(-3, THREE)),
    "no rows": file(Said(0, THREE, group_rows=0)),
    "200,000 groups": file(Said(3, THREE, groups=200_000)),
    "a page that says 2 GB": file(Said(10, page(gzipped(bytes(80)), 10, PLAIN, size=LARGEST), codec=GZIP)),
    "a page of 128 MB": file(Said(10, LARGE, codec=GZIP)),
    "a page of 128 MB that says so": file(Said(10, LARGE, codec=GZIP, uncompressed=len(ZEROS))),
    "a dictionary of 2^31": file(Said(10, WIDE + page(run(10), 10, DICTIONARY), len(WIDE))),
    "packed size of 2^61": file(Said(3, THREE, compressed=2**61)),
    "negative packed size": file(Said(3, THREE, compressed=-1)),
    "packed size too small": file(Said(3, THREE, compressed=5)),
    "offset beyond the file": file(Said(3, THREE, offset=2**40)),
    "negative offset": file(Said(3, THREE, offset=-4)),
    "a page of ones": file(Said(3, b"\xff" * 200)),
    "a page of structures inside of each other": file(Said(3, b"\x1c" * 20_000)),
    "no page": file(Said(3, b"\0" * 8)),
}

CSVS = {
    "names equal but for spaces": b"a, a\n1,2\n",
    "names equal but for spaces behind": "a,b,a\u00a0\n1,2,3\n".encode(),
    "names equal but for how an accent is written": "\u00e9,e\u0301\n1,2\n".encode(),
    "guarded and unguarded": b"'=a,=a\n1,2\n",
    "64 kB of quotes": b'a,b\n1,"' + b'""' * 32_000 + b"\n",
    "an exponent of 100,000 digits": b"a,b\n1,1e" + b"9" * 100_000 + b"\n",
    "integers of 100,000 digits": b"a,b\n1," + b"9" * 100_000 + b"\n",
    "spaces for a line": b"a,b\n1,2\n   \n3,4\n",
    "a lone return in a row": b"a,b\n1\r2,3\n",
    "other bytes in a row of another length": b"a,b\n1,2,\xb3\n",
    "a character cut at the end": "a,b\n1,2\n3,\u00e9".encode()[:-1],
}

KINDS = {".npy": HEADERS, ".npz": ARCHIVES, ".parquet": PARQUETS, ".csv": CSVS}
NAMED = [(suffix, name) for suffix, kind in KINDS.items() for name in kind]
