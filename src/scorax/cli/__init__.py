"""The command line. Importing it loads typer and the standard library only: `scorax --help` answers at once."""

from scorax.cli._app import main

__all__ = ["main"]
