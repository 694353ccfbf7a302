"""What every test needs before JAX is imported, and the hypothesis profile.

JAX reads these variables once, on import, so they are set here and nowhere later. Values given from outside win.
"""

import os
import sys
from pathlib import Path

from hypothesis import settings

if "jax" in sys.modules:
    raise RuntimeError(
        "expected tests/conftest.py to run before `import jax`, got the reverse; remove the earlier import"
    )

_cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "scorax" / "xla-tests"

for _name, _value in {
    "JAX_NUM_CPU_DEVICES": "2",  # sharded code paths run on any machine
    "NPROC": "2",  # XLA's worker threads; bits depend on their number, so it does not follow the machine
    "JAX_COMPILATION_CACHE_DIR": str(_cache),
    "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
    "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
    # Two xdist workers share the cores already; BLAS threads on top of them only wait for each other.
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
}.items():
    os.environ.setdefault(_name, _value)

# No deadline: the first example compiles. In CI the examples are fixed, so that a red build can be repeated.
settings.register_profile("scorax", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("scorax")
