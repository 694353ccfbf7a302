"""The run folder on disk: lock, JSON, safetensors, and steps that are whole or do not exist."""

from scorax.checkpoint._folder import RunFolder, cut_metrics
from scorax.checkpoint._json import parse_json, read_json, read_sealed_json, write_sealed_json
from scorax.checkpoint._steps import Step, load_step, save_step, verify_step
from scorax.checkpoint._tensors import layout_of, read_tensors, tensors_bytes

__all__ = [
    "RunFolder",
    "Step",
    "cut_metrics",
    "layout_of",
    "load_step",
    "parse_json",
    "read_json",
    "read_sealed_json",
    "read_tensors",
    "save_step",
    "tensors_bytes",
    "verify_step",
    "write_sealed_json",
]
