"""Former room: what it had is in ``tables``, and here for one release."""

from scorax._moved import former_names

__getattr__ = former_names(__name__)
