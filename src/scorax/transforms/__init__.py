"""Fitted maps between data units and the units of a model, with the log-weights of their densities."""

from scorax.transforms._abstract import AbstractTransform, Encoded, decode_rows, encode_rows
from scorax.transforms._augment import RandomCrop, RandomFlip
from scorax.transforms._chain import Chain
from scorax.transforms._dequantize import Dequantize
from scorax.transforms._fill_auxiliary import FillAuxiliary
from scorax.transforms._standardize import Standardize

__all__ = [
    "AbstractTransform",
    "Chain",
    "Dequantize",
    "Encoded",
    "FillAuxiliary",
    "RandomCrop",
    "RandomFlip",
    "Standardize",
    "decode_rows",
    "encode_rows",
]
