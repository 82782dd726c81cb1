"""Read this user's files for dyntop, and find each thing that is wrong in them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec

from backends.connections import EtcdConnection, etcd_config
from backends.store import Misconfigured
from tui.config.context_file import Context, Source, read_contexts
from tui.config.folder import config_folder
from tui.config.keys import FILE, read_keys
from tui.config.settings import Settings

CONTEXTS = "contexts.toml"


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
    """Read contexts and keys, and return each file, and what else is wrong. Blocks.

    `name`: the context that is named. None or empty: none is. `source`: what names it.
    """
    folder = config_folder(environ)
    if folder is None:
        problem = "this user has no home to read contexts and keys from: set XDG_CONFIG_HOME"
        return [], [Misconfigured("XDG_CONFIG_HOME", problem)] if name else []
    contexts, keys = _contexts(folder / CONTEXTS), _keys(folder / FILE)
    wrong: list[Misconfigured] = []
    if (
        name
        and name not in contexts.names
        and not any(f"[{name}] in " in one.setting for one in contexts.wrong)
    ):
        there = f"it has {', '.join(contexts.names)}" if contexts.names else "it has none"
        if not contexts.exists:
            there = "there is no such file"
        problem = f"there is no context {name!r} in {contexts.path}: {there}"
        wrong.append(Misconfigured(source, problem))
    return [contexts, keys], wrong


def _contexts(path: Path) -> CheckedFile:
    try:
        found, wrong = read_contexts(path)
    except FileNotFoundError:
        return CheckedFile(path, exists=False)
    usable: list[str] = []
    for context in found:
        problem = _why_unusable(context)
        if problem is None:
            usable.append(context.name)
        else:
            place = f"[{context.name}] in {path}"
            wrong.append(Misconfigured(place, f"{problem.setting}: {problem.problem}"))
    return CheckedFile(path, exists=True, names=tuple(usable), wrong=tuple(wrong))


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


def _keys(path: Path) -> CheckedFile:
    try:
        _, wrong = read_keys(path)
    except FileNotFoundError:
        return CheckedFile(path, exists=False)
    return CheckedFile(path, exists=True, wrong=tuple(wrong))
