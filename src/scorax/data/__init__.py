"""Tables and pictures in and out of files, embedded data and the order of training rows."""

from typing import TYPE_CHECKING

from scorax._moved import former_names
from scorax.data._arrow_tables import arrow_batch, arrow_schema, table_of_batch
from scorax.data._cells import read_cells
from scorax.data._dialect import Dialect
from scorax.data._embedded import embedded, embedded_names, is_toy
from scorax.data._filled import copied, filled_writer
from scorax.data._folders import Others
from scorax.data._header import guard_name
from scorax.data._image import read_image
from scorax.data._order import RowOrder
from scorax.data._output import TableWriter, write_table
from scorax.data._picture_arrays import save_arrays
from scorax.data._picture_set import PictureFacts, Pictures, fingerprint_of_pictures
from scorax.data._pictures import embedded_digits, holds_pictures, read_pictures
from scorax.data._read import open_table, read_table
from scorax.data._render import read_as_missing
from scorax.data._source import TablePiece, TableSource
from scorax.data._table import Limits, Missing, Table, TableFacts, check_names, fingerprint
from scorax.data._toys import toy_log_density
from scorax.data.formats import AbstractFormat, BooleanFormat, Format, NumberFormat, TextFormat, TimeFormat

__all__ = [
    "AbstractFormat",
    "BooleanFormat",
    "Dialect",
    "Format",
    "Limits",
    "Missing",
    "NumberFormat",
    "Others",
    "PictureFacts",
    "Pictures",
    "RowOrder",
    "Table",
    "TableFacts",
    "TablePiece",
    "TableSource",
    "TableWriter",
    "TextFormat",
    "TimeFormat",
    "arrow_batch",
    "arrow_schema",
    "check_names",
    "copied",
    "embedded",
    "embedded_digits",
    "embedded_names",
    "filled_writer",
    "fingerprint",
    "fingerprint_of_pictures",
    "guard_name",
    "holds_pictures",
    "is_toy",
    "open_table",
    "read_as_missing",
    "read_cells",
    "read_image",
    "read_pictures",
    "read_table",
    "save_arrays",
    "table_of_batch",
    "toy_log_density",
    "write_table",
]

if not TYPE_CHECKING:
    __getattr__ = former_names(__name__)
