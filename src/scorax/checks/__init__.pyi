from ._names import check_names
from ._run import Check, run_checks

__all__ = [
    "Check",
    "check_names",
    "run_checks",
]
