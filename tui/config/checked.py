"""Read this user's files for dyntop, and find each thing that is wrong in them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec

from backends.connections import EtcdConnection, etcd_config
from backends.store import Misconfigured
from tui.config.context_file import (
    Context,
    ContextTables,
    Source,
    no_context,
    read_contexts,
    twice,
)
from tui.config.folder import CONTEXTS_FILE, SETTINGS_FILE, config_folder, read_toml
from tui.config.settings import Settings
from tui.config.settings_file import read_settings
from tui.config.versions import CONTEXTS


class CheckedFile(msgspec.Struct, frozen=True):
    """One file, and what is wrong in it."""

    path: Path
    exists: bool
    names: tuple[str, ...] = ()
    """Its contexts that can be used."""
    wrong: tuple[Misconfigured, ...] = ()


def check(
    environ: Mapping[str, str], name: str | None, source: Source
) -> tuple[list[CheckedFile], list[Misconfigured]]:
    """Read this user's files, and return each file, and what else is wrong. Blocks.

    `name`: the context that is named. None or empty: none is. `source`: what names it.
    """
    folder = config_folder(environ)
    if folder is None:
        problem = "this user has no home to read settings from: set XDG_CONFIG_HOME"
        return [], [Misconfigured("XDG_CONFIG_HOME", problem)] if name else []
    contexts, of_contexts = _contexts_file(folder / CONTEXTS_FILE)
    settings, of_settings = _settings_file(folder / SETTINGS_FILE)
    files = [one for one in (of_contexts, of_settings) if one is not None]
    wrong = [Misconfigured(SETTINGS_FILE, one) for one in twice(files)]
    unread = len(files) < contexts.exists + settings.exists
    if name and not unread and not any(name in one.tables for one in files):
        wrong.append(Misconfigured(source, no_context(name, folder, files)))
    return [contexts, settings], wrong


def _settings_file(path: Path) -> tuple[CheckedFile, ContextTables | None]:
    file = read_settings(path)
    if file.contexts is None:
        return CheckedFile(path, file.exists, wrong=file.wrong), None
    tables = ContextTables(path, file.contexts, f"{CONTEXTS}.")
    names, wrong = _contexts(tables)
    return CheckedFile(path, file.exists, names, (*file.wrong, *wrong)), tables


def _contexts_file(path: Path) -> tuple[CheckedFile, ContextTables | None]:
    try:
        tables = ContextTables(path, read_toml(path, str(path), "remove the file"))
    except FileNotFoundError:
        return CheckedFile(path, exists=False), None
    except Misconfigured as error:
        return CheckedFile(path, exists=True, wrong=(error,)), None
    names, wrong = _contexts(tables)
    return CheckedFile(path, exists=True, names=names, wrong=wrong), tables


def _contexts(tables: ContextTables) -> tuple[tuple[str, ...], tuple[Misconfigured, ...]]:
    """Return the contexts of a file that can be used, and what is wrong with the others."""
    found, wrong = read_contexts(tables)
    usable: list[str] = []
    for context in found:
        problem = _why_unusable(context)
        if problem is None:
            usable.append(context.name)
        else:
            place = tables.place(context.name)
            wrong.append(Misconfigured(place, f"{problem.setting}: {problem.problem}"))
    return tuple(usable), tuple(wrong)


def _why_unusable(context: Context) -> Misconfigured | None:
    """Return why no settings can be made of a context that is well-formed. Without an environment:
    what a person's shell has set is no part of the file."""
    try:
        settings = Settings.from_environment({}, context=context, no_audit=True)
        if isinstance(settings.connection, EtcdConnection):
            etcd_config(settings.connection)
        if settings.nats is not None:
            from backends.nats.check import check_settings

            check_settings(settings.nats)
    except Misconfigured as error:
        return error
    return None
