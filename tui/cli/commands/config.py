"""`dyntop config`: print the settings and where they come from, or check this user's files."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from backends.redact import Mask
from tui.cli.tables import write_table
from tui.config.settings import Settings
from tui.config.shown import DEFAULT, Shown, shown, unused
from tui.runtime.standard_streams import end_at_once_on_interrupt, print_message, write_lines
from tui.text.errors import Exit, explain
from tui.text.format import NOTHING, count
from tui.text.json_export import as_json, json_list
from tui.text.sanitize import plain

HEADER = ("SETTING", "VALUE", "SOURCE")


def run(
    make_settings: Callable[[], Settings],
    environ: Mapping[str, str],
    mask: Mask,
    arguments: argparse.Namespace,
) -> Exit:
    """Print the settings that a run with this command line and environment has, or what is wrong in
    the files. Opens no store.

    `mask` hides secrets. Raises `Misconfigured` for settings that cannot be read, `OutputFailed`,
    BrokenPipeError.
    """
    end_at_once_on_interrupt()
    if arguments.action == "check":
        return _check(environ, arguments)
    settings = make_settings()
    if settings.file_problem is not None:
        print_message(settings.file_problem)
    rows = [*shown(settings), *_of_log(environ, arguments)]
    rows = [Shown(row.name, row.value and mask(row.value), row.source) for row in rows]
    if arguments.output == "json":
        write_lines(json_list(map(_json, rows)))
        return Exit.DONE
    cells = ((one.name, NOTHING if one.value is None else one.value, one.source) for one in rows)
    write_table(HEADER, cells)
    sources = {**settings.sources, **{row.name: row.source for row in rows}}
    if names := unused(environ, sources):
        print_message(f"set, and not used here: {', '.join(names)}")
    return Exit.DONE


def _of_log(environ: Mapping[str, str], arguments: argparse.Namespace) -> Iterator[Shown]:
    from tui.runtime.logs import LEVEL, LOG, log_options

    path, level = log_options(environ, arguments.log, arguments.log_level)
    for name, value, flag, given, variable in (
        ("log", path or None, "--log", arguments.log, LOG),
        ("log_level", level, "--log-level", arguments.log_level, LEVEL),
    ):
        by_variable = variable if environ.get(variable) else DEFAULT
        yield Shown(name, value, flag if given is not None else by_variable)


def _check(environ: Mapping[str, str], arguments: argparse.Namespace) -> Exit:
    # pydantic, which it imports, takes longer than all the rest.
    from tui.config.checked import check

    name, by_flag = arguments.context, arguments.context is not None
    if not by_flag:
        name = environ.get("DYNTOP_CONTEXT")
    files, others = check(environ, name, "--context" if by_flag else "DYNTOP_CONTEXT")
    sentences: list[tuple[Path | None, str]] = [
        (file.path, explain(one).sentence) for file in files for one in file.wrong
    ]
    sentences += ((None, explain(one).sentence) for one in others)
    if arguments.output == "json":
        write_lines(
            json_list(
                as_json({"file": None if path is None else str(path), "problem": sentence})
                for path, sentence in sentences
            )
        )
    else:
        if not files:
            print_message("this user has no home, and so no files: XDG_CONFIG_HOME can name one")
        for file in files:
            if not file.exists:
                write_lines([f"- {plain(str(file.path))} {_why_not_there(file.path)}"])
            elif not file.wrong:
                names = f": {count(len(file.names), 'context')}" if file.names else ""
                write_lines([f"✓ {plain(str(file.path))}{names}"])
        write_lines(f"✗ {sentence}" for _, sentence in sentences)
    return Exit.USAGE if sentences else Exit.DONE


def _why_not_there(path: Path) -> str:
    """Return why a file is not read, in words."""
    try:
        os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return "does not exist"
    except OSError as error:
        return f"cannot be looked for ({error.strerror})"
    return "was not there a moment ago"


def _json(row: Shown) -> str:
    return as_json({"setting": row.name, "value": row.value, "source": row.source})
