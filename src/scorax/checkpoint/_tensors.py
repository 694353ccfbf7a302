"""Named NumPy arrays as safetensors: the header is checked against what is expected before anything is allocated."""

import math
import os
from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np

from scorax._text import listing, quote
from scorax.checkpoint._json import damaged, open_regular, parse_json

Layout: TypeAlias = Mapping[str, tuple[tuple[int, ...], str]]
"""For each tensor its shape and the name of its NumPy type."""

MAXIMUM_HEADER = 1_000_000
MAXIMUM_TENSORS = 10_000
_TYPES = {
    "F64": "float64",
    "F32": "float32",
    "F16": "float16",
    "BF16": "bfloat16",
    "I64": "int64",
    "I32": "int32",
    "I16": "int16",
    "I8": "int8",
    "U64": "uint64",
    "U32": "uint32",
    "U16": "uint16",
    "U8": "uint8",
    "BOOL": "bool",
}
TYPES = frozenset(_TYPES.values())
"""Types of the arrays that a file can hold."""


def layout_of(arrays: Mapping[str, np.ndarray]) -> dict[str, tuple[tuple[int, ...], str]]:
    """Shapes and types of arrays: what ``load_step`` compares a file with."""
    return {name: (tuple(array.shape), array.dtype.name) for name, array in arrays.items()}


def tensors_bytes(arrays: Mapping[str, np.ndarray]) -> bytes:
    """The arrays as the bytes of a safetensors file; equal arrays give equal bytes."""
    from safetensors.numpy import save

    if len(arrays) > MAXIMUM_TENSORS:
        raise ValueError(f"expected at most {MAXIMUM_TENSORS} tensors, got {len(arrays)}")
    dense = {}
    for name in sorted(arrays):
        # safetensors writes the memory of a strided array as it lies, which is not the array.
        dense[name] = np.array(arrays[name], order="C", copy=True)
        if dense[name].dtype.name not in TYPES:
            raise ValueError(f"tensor {name!r} has type {dense[name].dtype}, which the format does not hold")
    data = save(dense)
    if int.from_bytes(data[:8], "little") > MAXIMUM_HEADER:
        raise ValueError(f"expected names of tensors of at most {MAXIMUM_HEADER} bytes in all, got more")
    return data


def read_tensors(path: str | os.PathLike[str], expected: Layout | None = None) -> dict[str, np.ndarray]:
    """The arrays of a safetensors file, writable copies; names, shapes and types must be the expected ones if given."""
    from safetensors import SafetensorError, deserialize

    with os.fdopen(open_regular(path), "rb") as file:
        size = os.fstat(file.fileno()).st_size
        length = int.from_bytes(file.read(8), "little") if size >= 8 else size
        if length + 8 > size or length > MAXIMUM_HEADER:
            raise damaged(path, f"a header of at most {min(MAXIMUM_HEADER, size)} bytes", f"{length}")
        found = _layout(parse_json(file.read(length), path), path, size - 8 - length)
        if expected is not None:
            _compare(found, expected, path)
        file.seek(0)
        data = file.read(size)
    try:
        return {name: _array(part) for name, part in sorted(deserialize(data))}
    except (SafetensorError, ValueError, KeyError) as error:
        raise damaged(path, "a safetensors file", quote(error, 100)) from None


def _array(part: Mapping[str, Any]) -> np.ndarray:
    """A writable array of the bytes of a tensor; of no bytes, too, which ``np.frombuffer`` refuses."""
    return np.ndarray(part["shape"], _numpy_type(_TYPES[part["dtype"]]), bytearray(part["data"]))


def _numpy_type(name: str) -> np.dtype:
    """NumPy has no bfloat16 of its own; importing JAX's gives it one."""
    import ml_dtypes

    return np.dtype(getattr(ml_dtypes, name, name))


def _layout(header: Any, path: object, present: int) -> dict[str, tuple[tuple[int, ...], str]]:
    if not isinstance(header, dict) or len(header) > MAXIMUM_TENSORS:
        raise damaged(path, f"a header of at most {MAXIMUM_TENSORS} tensors", "another one")
    found = {}
    total = 0
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        shape = entry.get("shape") if isinstance(entry, dict) else None
        kind = entry.get("dtype") if isinstance(entry, dict) else None
        if (
            not isinstance(shape, list)
            or len(shape) > 32
            or any(type(n) is not int or n < 0 for n in shape)
            or not isinstance(kind, str)
            or kind not in _TYPES
        ):
            raise damaged(path, f"a shape and a known type for tensor {quote(name)}", "something else")
        found[name] = (tuple(shape), _TYPES[kind])
        total += math.prod(shape) * _numpy_type(_TYPES[kind]).itemsize
    if total != present:
        raise damaged(path, f"{quote(total, 40)} bytes of tensors", f"{present}")
    return found


def _compare(found: Layout, expected: Layout, path: object) -> None:
    missing, extra = sorted(set(expected) - set(found)), sorted(set(found) - set(expected))
    if missing or extra:
        got = "; ".join(
            f"{word} {listing(names, 3)}" for word, names in (("without", missing), ("also", extra)) if names
        )
        raise damaged(path, "the tensors that the config implies", got, "the file belongs to another model")
    for name, (shape, kind) in expected.items():
        if found[name] != (tuple(shape), kind):
            got_shape, got_kind = found[name]
            expected_text = f"tensor {quote(name)} of type {kind} and shape {tuple(shape)}"
            raise damaged(path, expected_text, f"{got_kind} {got_shape}", "the file belongs to another model")


def not_finite(arrays: Mapping[str, np.ndarray]) -> str | None:
    """The name of the first array with a NaN or an infinity."""
    for name, array in arrays.items():
        if array.dtype.kind in "fV" and not np.isfinite(array).all():
            return name
    return None
