"""Options that say what columns are."""

from typing import Annotated, TypeAlias

import typer

ColumnKinds: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--column",
        metavar="NAME=KIND[,LOW..HIGH]",
        help="The kind of a column, and its ends; or how its dates are written, DD/MM/YYYY; repeatable.",
    ),
]
Categories: TypeAlias = Annotated[
    list[str] | None, typer.Option("--category", metavar="NAME", help="A column of categories; repeatable.")
]
Ignored: TypeAlias = Annotated[
    list[str] | None, typer.Option("--ignore", metavar="NAME", help="A column to leave out; repeatable.")
]
