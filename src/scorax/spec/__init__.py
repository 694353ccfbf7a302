"""Configurations: frozen dataclasses, loaded strictly from TOML, JSON, ``--set`` and flags."""

from scorax.spec._load import Checked, from_mapping, to_json
from scorax.spec._ranges import Range
from scorax.spec._resolve import apply_sets, resolve
from scorax.spec._toml import parse_toml, read_toml

__all__ = ["Checked", "Range", "apply_sets", "from_mapping", "parse_toml", "read_toml", "resolve", "to_json"]
