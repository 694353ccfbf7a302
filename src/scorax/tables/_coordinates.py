"""The way between the columns of a file and the standardised coordinates of a model."""

from dataclasses import dataclass

import jax
import numpy as np
from jaxtyping import Float

from scorax.tables._schema import Schema
from scorax.tables.columns import Encoded
from scorax.transforms import Chain, Dequantize, Standardize, decode_rows, encode_rows


@dataclass(frozen=True)
class Coordinates:
    """The way from the columns of a file to the standardised coordinates of the model, and back.

    Columns of large integers count from the origins of the schema, here and in all rows that a fitted table takes and gives.

    Attributes:
        schema: all columns, and the coordinates of each; constant ones have none.
        standardize: shift and scale of the coordinates.
    """

    schema: Schema
    standardize: Standardize

    @staticmethod
    def fit(values: Float[np.ndarray, "n columns"], schema: Schema) -> "Coordinates":
        """Coordinates of training rows given in all columns of the schema."""
        rows, names = schema.encode(values).numbers, list(schema.coordinate_names)
        return Coordinates(schema, Standardize.fit(rows, widths=schema.widths, names=names))

    @property
    def widths(self) -> Float[np.ndarray, " d"]:
        """Width of the bin noise of every standardised coordinate, 0 where it is continuous."""
        return self.schema.widths / self.standardize.scale

    @property
    def chain(self) -> Chain:
        """Standardisation, then dequantisation in standardised units."""
        return Chain((self.standardize, Dequantize(self.widths)))

    def encode(self, values: Float[np.ndarray, "n columns"], seed: int) -> Float[np.ndarray, "n d"]:
        """Standardised, dequantised rows; the noise of a row follows from its content and the seed."""
        if not np.any(self.schema.widths):
            return self.standardise(values)
        return encode_rows(self.chain, self.schema.encode(values).numbers, key=jax.random.key(seed))[0]

    def standardise(self, values: Float[np.ndarray, "n columns"]) -> Float[np.ndarray, "n d"]:
        """Standardised rows without dequantisation noise."""
        return (self.schema.encode(values).numbers - self.standardize.shift) / self.standardize.scale

    def invert(self, z: Float[np.ndarray, "n d"]) -> Float[np.ndarray, "n columns"]:
        """Rows in all columns, the noise left in them."""
        return self.schema.invert(Encoded.of(decode_rows(self.standardize, z)))

    def decode(self, z: Float[np.ndarray, "n d"]) -> Float[np.ndarray, "n columns"]:
        """Rows in all columns as the file has them."""
        return self.schema.decode(Encoded.of(decode_rows(self.standardize, z)))

    @property
    def log_scale(self) -> float:
        """Sum of the log scales of the coordinates."""
        return float(np.sum(np.log(self.standardize.scale)))

    def log_weight(self, values: Float[np.ndarray, "n columns"]) -> Float[np.ndarray, " n"]:
        """What turns log-densities of standardised rows into those of rows in file units."""
        return self.schema.log_weight(values) - self.log_scale
