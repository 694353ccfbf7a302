"""Tables in and out of files, the schema of their columns, embedded data and the order of training rows."""

from scorax.data._order import RowOrder
from scorax.data._read import read_table
from scorax.data._schema import Column, Schema
from scorax.data._table import Limits, Table, fingerprint

__all__ = ["Column", "Limits", "RowOrder", "Schema", "Table", "fingerprint", "read_table"]
