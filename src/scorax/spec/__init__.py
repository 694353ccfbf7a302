"""Configurations: frozen dataclasses, loaded strictly from TOML, JSON, ``--set`` and flags; and the names of saved models."""

from scorax.spec._load import Checked, from_mapping, to_json
from scorax.spec._ranges import Range
from scorax.spec._registry import CLASSES, FUNCTIONS, own_name, registered, registered_name
from scorax.spec._resolve import apply_sets, resolve
from scorax.spec._toml import parse_toml, read_toml

__all__ = [
    "CLASSES",
    "FUNCTIONS",
    "Checked",
    "Range",
    "apply_sets",
    "from_mapping",
    "own_name",
    "parse_toml",
    "read_toml",
    "registered",
    "registered_name",
    "resolve",
    "to_json",
]
