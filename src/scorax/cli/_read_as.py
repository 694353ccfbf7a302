"""The options that say how a path is read: what of a folder that holds tables and pictures, and the size of pictures."""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from scorax._errors import InputError, explain

if TYPE_CHECKING:
    from scorax.data import Others


class ReadAs(StrEnum):
    """What a folder with several kinds of files is read as."""

    table = "table"
    images = "images"


ReadAsOption: TypeAlias = Annotated[
    ReadAs | None,
    typer.Option("--as", help="Of a folder with Parquet files and others: which are read. Default: it is refused."),
]


SizeOption: TypeAlias = Annotated[
    int | None,
    typer.Option(
        "--size", min=4, max=512, metavar="N", help="Bring pictures to N x N: scaled, and the middle cut out."
    ),
]


def others(read_as: ReadAs | None, kind: ReadAs) -> "Others":
    """What is done with other files of a folder: passed over where a person says which are meant.

    Raises:
        InputError: another kind is said than that of the run.
    """
    if read_as is not None and read_as is not kind:
        got, do = f"--as {read_as.value}", f"say --as {kind.value}, or leave it out"
        raise InputError(explain(expected=f"files of the kind of the run, {kind.value}", got=got, do=do))
    return "refuse" if read_as is None else "pass over"
