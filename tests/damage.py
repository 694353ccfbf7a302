"""Every way a file is found broken after a crash, a bad disk or a hostile hand."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np


def damages(path: Path, *, flips: int = 12) -> Iterator[tuple[str, Callable[[], object]]]:
    """What was done to a file, and the function that does it."""
    data = path.read_bytes()
    yield "removed", path.unlink
    yield "emptied", lambda: path.write_bytes(b"")
    yield "zeroed", lambda: path.write_bytes(bytes(len(data)))
    for percent in (25, 50, 90, 99):
        yield f"cut to {percent} %", lambda p=percent: path.write_bytes(data[: len(data) * p // 100])
    for bit in np.random.default_rng(len(data)).integers(0, 8 * len(data), flips).tolist():
        flipped = bytearray(data)
        flipped[bit // 8] ^= 1 << bit % 8
        yield f"bit {bit} flipped", lambda f=flipped: path.write_bytes(f)
    yield "extended", lambda: path.write_bytes(data + b" ")
    yield "pickle", lambda: path.write_bytes(b"\x80\x04\x95\x0b\x00\x00\x00\x00\x00\x00\x00]\x94(K\x01e.")

    def to_link() -> None:
        path.rename(path.parent.parent.parent / "moved")
        path.symlink_to(path.parent.parent.parent / "moved")

    def to_folder() -> None:
        path.unlink()
        path.mkdir()

    def to_pipe() -> None:
        path.unlink()
        os.mkfifo(path)

    yield "link", to_link
    yield "folder", to_folder
    yield "pipe", to_pipe


def restore(path: Path, data: bytes) -> None:
    if path.is_dir():
        path.rmdir()
    elif os.path.lexists(path):
        path.unlink()
    path.write_bytes(data)
