"""The contexts of this user's files: the settings of each, and what is wrong with others.

They are tables of `contexts.toml`, and tables below `contexts` of the settings file.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal, NamedTuple, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import ErrorDetails, PydanticCustomError

from backends.store import Misconfigured
from tui.config.context_colours import COLOUR_PATTERN, COLOURS
from tui.config.folder import CONTEXTS_FILE, SETTINGS_FILE, config_folder, read_toml
from tui.config.versions import CONTEXTS, wrong_version

Source = Literal["--context", "DYNTOP_CONTEXT", ":ctx"]
"""The source of the context's name: the flag, the environment variable, or the dashboard's line."""

CREDENTIALS = {
    "endpoints": "ETCD_AUTH_USERNAME and ETCD_AUTH_PASSWORD",
    "nats": "NATS_AUTH_USERNAME and NATS_AUTH_PASSWORD",
}
"""Where the user and password of these servers belong."""

OURS = "context"
"""The type of the errors whose text is ours."""


def _joined(value: object) -> object:
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return ",".join(value)
    return value


Texts = Annotated[
    str | None, BeforeValidator(_joined), Field(description="must be a text or a list of texts")
]
"""A text, or those of a list with commas between them."""
Text = Annotated[str | None, Field(description="must be a text, in quotes")]
Backend = Annotated[
    Literal["etcd", "file", "kubernetes", "nats"] | None,
    Field(description="must be a text: 'etcd', 'file', 'kubernetes' or 'nats'"),
]
Colour = Annotated[
    str | None,
    Field(
        description=f"must be one of {', '.join(COLOURS)}, or as #rrggbb", pattern=COLOUR_PATTERN
    ),
]
Flag = Annotated[bool, Field(description="must be true or false, without quotes")]


class Table(BaseModel):
    """The settings of one table. None: unset, so the environment decides. The description of a
    field completes the sentence about a value of another type."""

    # Built when a context is named: not at every start.
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, defer_build=True)

    backend: Backend = None
    """The kind of store. Optional if `endpoints` or `file_store` is set."""
    endpoints: Texts = None
    """Of etcd, separated by commas."""
    file_store: Text = None
    """An absolute path."""
    kube_context: Text = None
    """Of the kubeconfig."""
    kube_namespace: Text = None
    """Of Kubernetes; `*` for all."""
    nats: Texts = None
    """Servers of NATS, separated by commas."""
    namespace: Text = None
    """Empty: all of them."""
    read_only: Flag = False
    metrics: Texts = None
    """URLs, separated by commas."""
    colour: Colour = None
    """That the context's name is shown in."""

    @model_validator(mode="before")
    @classmethod
    def _find_backend(cls, said: dict[str, object]) -> dict[str, object]:
        if "backend" not in said:
            if "endpoints" in said:
                return said | {"backend": "etcd"}
            if "file_store" in said:
                return said | {"backend": "file"}
            if "kube_context" in said or "kube_namespace" in said:
                return said | {"backend": "kubernetes"}
        return said

    @field_validator("endpoints", "nats")
    @classmethod
    def _check_servers(cls, servers: str | None, info: ValidationInfo) -> str | None:
        setting = str(info.field_name)
        if servers is not None and not servers.replace(",", "").strip():
            one = "endpoint" if setting == "endpoints" else "server"
            raise _wrong(f"{setting} names no {one}: leave it out, or name one")
        if servers is not None and "@" in servers:
            # Not repeated: it may hold a password.
            raise _wrong(f"user and password belong in {CREDENTIALS[setting]}, not in {setting}")
        return servers

    @field_validator("file_store")
    @classmethod
    def _check_folder(cls, folder: str | None) -> str | None:
        # Relative to what? The same name must mean the same store wherever dyntop is started.
        if folder is not None and not Path(folder).is_absolute():
            raise _wrong(f"file_store is {folder!r}, and must be a path that begins with /")
        return folder

    @field_validator("metrics")
    @classmethod
    def _check_metrics(cls, metrics: str | None) -> str | None:
        if metrics is not None and "@" in metrics:
            raise _wrong("metrics has a URL with user and password: those belong in DYNTOP_METRICS")
        return metrics

    @model_validator(mode="after")
    def _check_backend(self) -> Self:
        for setting, store in (
            ("endpoints", "etcd"),
            ("file_store", "file"),
            ("kube_context", "kubernetes"),
            ("kube_namespace", "kubernetes"),
        ):
            if getattr(self, setting) is not None and self.backend != store:
                problem = f"{setting} belongs to the {store} store, and {self.backend} was chosen"
                raise _wrong(f"{problem}: leave one of them out")
        return self


SETTINGS = tuple(Table.model_fields)
"""All that a table may say."""


class Context(Table):
    """One table, with its name."""

    name: str
    source: Source


class ContextTables(NamedTuple):
    """All tables of contexts of one file."""

    path: Path
    tables: Mapping[str, object]
    above: str = ""
    """The table that they are in, with a dot."""

    def place(self, name: str) -> str:
        """Return where a context is."""
        return f"[{self.above}{name}] in {self.path}"


def read_context(environ: Mapping[str, str], name: str, source: Source) -> Context:
    """Return a context of this user's files. Blocks. Raises `Misconfigured`."""
    folder = config_folder(environ)
    if folder is None:
        problem = "this user has no home to read contexts from: set XDG_CONFIG_HOME"
        raise Misconfigured(source, problem)
    files, wrong = context_files(folder, source)
    having = [file for file in files if name in file.tables]
    if not having:
        raise wrong[0] if wrong else Misconfigured(source, no_context(name, folder, files))
    if len(having) > 1:
        raise Misconfigured(source, _twice(name, having))
    return _read(having[0], name, source)


def read_contexts(file: ContextTables) -> tuple[list[Context], list[Misconfigured]]:
    """Return all contexts of a file that can be used, and each thing that is wrong in the
    others."""
    found: list[Context] = []
    wrong: list[Misconfigured] = []
    for name, table in file.tables.items():
        if not isinstance(table, dict):
            header = f"[{file.above}NAME]"
            problem = f"{name} must be in the table of a context: write it below a {header}"
            wrong.append(Misconfigured(str(file.path), problem))
            continue
        problems: list[str] = []
        try:
            Table.model_validate(table)
        except ValidationError as error:
            problems = _problems(error.errors())
        if problems:
            wrong += (Misconfigured(file.place(name), one) for one in problems)
        else:
            found.append(_context(table, name, "--context"))
    return found, wrong


def twice(files: Sequence[ContextTables]) -> Iterator[str]:
    """Yield a sentence about each context that two files have."""
    for name in dict.fromkeys(one for file in files for one in file.tables):
        having = [file for file in files if name in file.tables]
        if len(having) > 1:
            yield _twice(name, having)


def _twice(name: str, having: Sequence[ContextTables]) -> str:
    # Neither goes before the other: which one is meant decides in which cluster keys are removed.
    places = " and ".join(one.place(name) for one in having)
    return f"there is {places}: remove one of them"


def no_context(name: str, folder: Path, files: Sequence[ContextTables]) -> str:
    """Return the sentence about a context that none of the files has."""
    if not files:
        path = folder / SETTINGS_FILE
        return f"there is no {path}: write it, with a table [{CONTEXTS}.{_quoted(name)}]"
    where = " or ".join(str(one.path) for one in files)
    names = dict.fromkeys(one for file in files for one in file.tables)
    they = "it has" if len(files) == 1 else "they have"
    return f"there is no context {name!r} in {where}: {they} {_names(names) or 'none'}"


def context_files(folder: Path, source: str) -> tuple[list[ContextTables], list[Misconfigured]]:
    """Return the files that have contexts, and what is wrong with the others."""
    files: list[ContextTables] = []
    wrong: list[Misconfigured] = []
    for read in (_contexts_file, _settings_file):
        try:
            files.append(read(folder, source))
        except FileNotFoundError:
            pass
        except Misconfigured as error:
            wrong.append(error)
    return files, wrong


def _contexts_file(folder: Path, source: str) -> ContextTables:
    path = folder / CONTEXTS_FILE
    return ContextTables(path, read_toml(path, source, "leave the context out"))


def _settings_file(folder: Path, source: str) -> ContextTables:
    path = folder / SETTINGS_FILE
    tables = read_toml(path, source, "leave the context out")
    if (problem := wrong_version(tables)) is not None:
        raise Misconfigured(source, f"{path} cannot be read: {problem}")
    contexts = tables.get(CONTEXTS, {})
    if not isinstance(contexts, dict):
        problem = f"{CONTEXTS} must be a table: write [{CONTEXTS}.NAME]"
        raise Misconfigured(str(path), problem)
    return ContextTables(path, contexts, f"{CONTEXTS}.")


def _read(file: ContextTables, name: str, source: Source) -> Context:
    stray = [key for key, value in file.tables.items() if not isinstance(value, dict)]
    if stray:
        # Most likely meant for all contexts, and a `read_only` must not be passed over.
        header = f"[{file.above}{_quoted(name)}]"
        problem = f"{_names(stray)} must be in the table of a context, e.g. below {header}"
        raise Misconfigured(str(file.path), problem)
    table = file.tables[name]
    assert isinstance(table, dict)
    problem = ""
    try:
        Table.model_validate(table)
    except ValidationError as error:
        problem = _problems(error.errors())[0]
    # Raised outside of the handler: pydantic's error repeats values, which may be secrets.
    if problem:
        raise Misconfigured(file.place(name), problem)
    return _context(table, name, source)


def _context(table: Mapping[str, object], name: str, source: Source) -> Context:
    return Context.model_validate({**table, "name": name, "source": source})


def _problems(errors: list[ErrorDetails]) -> list[str]:
    """Return each problem as a sentence. Settings that are not known come before all."""
    found: list[str] = []
    if unknown := [str(one["loc"][0]) for one in errors if one["type"] == "extra_forbidden"]:
        is_are = "is no setting" if len(unknown) == 1 else "are no settings"
        found.append(f"{_names(unknown)} {is_are} of a context: it has {_names(SETTINGS)}")
    return found + [_problem(one) for one in errors if one["type"] != "extra_forbidden"]


def _problem(error: ErrorDetails) -> str:
    if error["type"] == OURS:
        return error["msg"]
    setting, value = str(error["loc"][0]), error["input"]
    if error["type"] == "literal_error" and isinstance(value, str):
        return f"{setting} is {value!r}, and must be {error['ctx']['expected']}"
    return f"{setting} {Table.model_fields[setting].description}"


def _wrong(problem: str) -> PydanticCustomError:
    return PydanticCustomError(OURS, "{problem}", {"problem": problem})


def _names(names: Iterable[str]) -> str:
    return ", ".join(names)


def _quoted(name: str) -> str:
    """Return a name as it is written in the header of a table."""
    return name if re.fullmatch(r"[\w-]+", name, re.ASCII) else f'"{name}"'
