"""The run folder on disk: lock, JSON, safetensors, seals, and steps that are whole or do not exist."""

from scorax.checkpoint._averages import load_averages, save_averages
from scorax.checkpoint._begun import (
    begun_facts,
    other_machine,
    require_place,
    require_same,
    require_same_settings,
)
from scorax.checkpoint._facts import (
    RunFacts,
    kind_of_run,
    read_run_facts,
    replace_files,
    require_table_run,
    seal_run,
    verify_run,
    write_run_facts,
)
from scorax.checkpoint._folder import RunFolder, cut_metrics
from scorax.checkpoint._json import parse_json, read_json, read_sealed_json, write_sealed_json
from scorax.checkpoint._keeper import Keeper
from scorax.checkpoint._models import load, save
from scorax.checkpoint._records import read_metrics, read_records, record_files
from scorax.checkpoint._steps import Notes, Step, load_step, save_step
from scorax.checkpoint._tensors import layout_of, read_tensors, tensors_bytes

__all__ = [
    "Keeper",
    "Notes",
    "RunFacts",
    "RunFolder",
    "Step",
    "begun_facts",
    "cut_metrics",
    "kind_of_run",
    "layout_of",
    "load",
    "load_averages",
    "load_step",
    "other_machine",
    "parse_json",
    "read_json",
    "read_metrics",
    "read_records",
    "read_run_facts",
    "read_sealed_json",
    "read_tensors",
    "record_files",
    "replace_files",
    "require_place",
    "require_same",
    "require_same_settings",
    "require_table_run",
    "save",
    "save_averages",
    "save_step",
    "seal_run",
    "tensors_bytes",
    "verify_run",
    "write_run_facts",
    "write_sealed_json",
]
