"""Former room: what it had is in ``checks``, ``baselines``, ``diagnostics`` and ``simulation``, and here for one release."""

from scorax._moved import former_names

__getattr__ = former_names(__name__)
