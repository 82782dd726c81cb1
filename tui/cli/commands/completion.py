"""`dyntop completion`: print the script that makes a shell complete; needs no store."""

from __future__ import annotations

import argparse

from argcomplete.shell_integration import shellcode

from tui.runtime.standard_streams import write_lines
from tui.text.errors import Exit

OF_BASH = ("-o", "nospace")
"""Without argcomplete's `-o default`: where the store does not answer, files would be offered in
place of its names."""


def run(arguments: argparse.Namespace) -> Exit:
    """Print the script of a shell. Raises `OutputFailed`, BrokenPipeError."""
    script = shellcode(["dyntop"], shell=arguments.shell, complete_arguments=OF_BASH)
    write_lines(script.splitlines())
    return Exit.DONE
