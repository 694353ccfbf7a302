"""Tables in and out of files, the schema of their columns, embedded data and the order of training rows."""

from scorax.data._embedded import embedded, embedded_names, is_toy
from scorax.data._image import read_image
from scorax.data._notes import notes
from scorax.data._order import RowOrder
from scorax.data._output import TableWriter, write_table
from scorax.data._read import read_table
from scorax.data._schema import Column, Schema
from scorax.data._table import Limits, Table, fingerprint
from scorax.data._toys import toy_log_density

__all__ = [
    "Column",
    "Limits",
    "RowOrder",
    "Schema",
    "Table",
    "TableWriter",
    "embedded",
    "embedded_names",
    "fingerprint",
    "is_toy",
    "notes",
    "read_image",
    "read_table",
    "toy_log_density",
    "write_table",
]
