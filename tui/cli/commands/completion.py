"""`dyntop completion`: print the script that makes a shell complete; needs no store."""

from __future__ import annotations

import argparse

from tui.cli.completion.scripts import script
from tui.runtime.standard_streams import write_lines
from tui.text.errors import Exit


def run(arguments: argparse.Namespace) -> Exit:
    """Print the script of a shell. Raises `OutputFailed`, BrokenPipeError."""
    write_lines(script(arguments.shell).splitlines())
    return Exit.DONE
