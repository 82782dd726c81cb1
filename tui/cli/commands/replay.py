"""`dyntop replay`: the dashboard of a recording. Needs no store."""

from __future__ import annotations

import argparse
from collections.abc import Mapping

from backends.liveness.gathering import Probing
from tui.config.settings import THEME, Settings
from tui.config.settings_file import settings_file
from tui.replay import Start
from tui.replay import run as show
from tui.runtime.logs import Logs


def run(environ: Mapping[str, str], logs: Logs, arguments: argparse.Namespace) -> int:
    """Show a recording until the person quits. Returns an exit code.

    Raises `BadRecording` and `Misconfigured` before anything is drawn.
    """
    start = Start(arguments.at, plays=arguments.play, speed=arguments.speed)
    return show(_settings(environ, arguments), logs, arguments.file, start)


def _settings(environ: Mapping[str, str], arguments: argparse.Namespace) -> Settings:
    """Return the settings of how it looks: no store, and no namespace but one that was named."""
    return Settings.from_environment(
        {name: value for name, value in environ.items() if name == THEME},
        backend="memory",
        namespace=arguments.namespace,
        probing=Probing.NEVER,
        lease_rate=0.0,
        no_audit=True,
        file=settings_file(environ),
    )
