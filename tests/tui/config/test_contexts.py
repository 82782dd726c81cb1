"""Named contexts: where they are read from, what they may say, and what is wrong with others."""

from __future__ import annotations

from pathlib import Path

import pytest

from backends.store import Misconfigured
from tui.config.context_file import SETTINGS, Context
from tui.config.contexts import chosen
from tui.config.settings import Settings
from tui.text.errors import Exit, explain

PASSWORD = "s3cret"


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """The environment that leads to a file of the test's own, yet to be written."""
    return {"XDG_CONFIG_HOME": str(tmp_path)}


def write(environ: dict[str, str], content: str | bytes) -> Path:
    path = Path(environ["XDG_CONFIG_HOME"], "dyntop", "contexts.toml")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def prod(environ: dict[str, str], table: str) -> Context:
    """The context `prod` with this table."""
    write(environ, f"[prod]\n{table}")
    context = chosen(environ, "prod")
    assert context is not None
    return context


def complaint(environ: dict[str, str], name: str = "prod") -> str:
    """What is said to a person who names this context."""
    with pytest.raises(Misconfigured) as raised:
        chosen(environ, name)
    explained = explain(raised.value)
    assert explained.exit_code == Exit.USAGE
    assert explained.sentence.isprintable()
    return explained.sentence


def wrong(environ: dict[str, str], table: str) -> str:
    """What is said of the context `prod` with this table; it begins with where that is."""
    path = write(environ, f"[prod]\n{table}")
    where, _, problem = complaint(environ).partition(": ")
    assert where == f"[prod] in {path}"
    return problem


def test_all_that_a_context_may_say(environ: dict[str, str]) -> None:
    table = 'backend = "etcd"\nendpoints = "http://a:1, b:2"\nnamespace = "p"\nread_only = true'
    assert prod(environ, table) == Context(
        name="prod",
        source="--context",
        backend="etcd",
        endpoints="http://a:1, b:2",
        namespace="p",
        read_only=True,
    )
    table = 'backend = "file"\nfile_store = "/kv"\nread_only = false'
    assert prod(environ, table) == Context(
        name="prod", source="--context", backend="file", file_store="/kv"
    )
    assert prod(environ, "") == Context(name="prod", source="--context")


def test_an_address_or_a_folder_tells_the_store(environ: dict[str, str]) -> None:
    assert prod(environ, 'endpoints = ["a:1", "b:2"]').endpoints == "a:1,b:2"
    assert prod(environ, 'endpoints = ["a:1", "b:2"]').backend == "etcd"
    assert prod(environ, 'file_store = "/kv"').backend == "file"


def test_only_what_is_named_is_read(environ: dict[str, str]) -> None:
    write(environ, "this is not TOML")
    assert chosen(environ, None) is None
    assert chosen(environ, "") is None
    assert chosen(environ | {"DYNTOP_CONTEXT": ""}, None) is None
    # An empty flag means none, whatever the environment says.
    assert chosen(environ | {"DYNTOP_CONTEXT": "prod"}, "") is None
    with pytest.raises(Misconfigured):
        chosen(environ | {"DYNTOP_CONTEXT": "prod"}, None)


def test_a_flag_goes_before_the_environment(environ: dict[str, str]) -> None:
    write(environ, '[prod]\nnamespace = "p"\n[dev]\nnamespace = "d"\n["prod.eu"]\n')
    named = environ | {"DYNTOP_CONTEXT": "prod"}
    assert chosen(named, None) == Context(name="prod", source="DYNTOP_CONTEXT", namespace="p")
    assert chosen(named, "dev") == Context(name="dev", source="--context", namespace="d")
    assert chosen(named, "prod.eu") == Context(name="prod.eu", source="--context")


def test_what_is_wrong_with_one_context_does_not_keep_from_another(
    environ: dict[str, str],
) -> None:
    write(environ, "[prod]\n[dev]\nread_onyl = true")
    assert chosen(environ, "prod") == Context(name="prod", source="--context")


@pytest.mark.parametrize("config", ["", "relative"])
def test_without_an_absolute_folder_it_is_in_the_home(config: str, tmp_path: Path) -> None:
    write({"XDG_CONFIG_HOME": str(tmp_path / ".config")}, "[prod]")
    environ = {"XDG_CONFIG_HOME": config, "HOME": str(tmp_path)}
    assert chosen(environ, "prod") == Context(name="prod", source="--context")
    del environ["XDG_CONFIG_HOME"]
    assert chosen(environ, "prod") == Context(name="prod", source="--context")


def test_a_user_without_a_home_is_told_only_where_a_context_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("os.getuid", lambda: 4_000_000_000)
    assert chosen({"HOME": "relative"}, None) is None
    assert "set XDG_CONFIG_HOME" in complaint({"HOME": "relative"})


def test_a_file_that_is_not_there_is_said_with_who_named_the_context(
    environ: dict[str, str], tmp_path: Path
) -> None:
    path = tmp_path / "dyntop" / "settings.toml"
    assert complaint(environ) == (
        f"--context: there is no {path}: write it, with a table [contexts.prod]"
    )
    assert complaint(environ, "prod.eu").endswith('with a table [contexts."prod.eu"]')
    with pytest.raises(Misconfigured) as raised:
        chosen(environ | {"DYNTOP_CONTEXT": "prod"}, None)
    assert raised.value.setting == "DYNTOP_CONTEXT"


def test_a_file_that_cannot_be_read_is_said_with_the_reason(environ: dict[str, str]) -> None:
    path = write(environ, "")
    path.unlink()
    path.mkdir()
    assert f"{path} cannot be read (Is a directory)" in complaint(environ)
    path.rmdir()
    path.symlink_to(path)
    assert "cannot be read (Too many levels" in complaint(environ)


@pytest.mark.usefixtures("permissions_bind")
def test_a_file_that_this_user_may_not_read_is_said(environ: dict[str, str]) -> None:
    write(environ, "[prod]").chmod(0)
    assert "cannot be read (Permission denied)" in complaint(environ)


def test_what_is_not_toml_is_said_with_the_line(environ: dict[str, str]) -> None:
    for content in ("[prod]\nread_only = yes\n", "[prod]\nread_only = true\nread_only = true\n"):
        path = write(environ, content)
        said = complaint(environ)
        assert f"{path} is not TOML" in said
        assert "(at line " in said
    write(environ, b'[prod]\nnamespace = "\xff"\n')
    assert "is not UTF-8 at line 2" in complaint(environ)
    write(environ, f"prod = {'[' * 10_000}")
    assert "is nested too deeply" in complaint(environ)


def test_a_context_that_is_not_there_is_said_with_those_that_are(environ: dict[str, str]) -> None:
    path = write(environ, "[dev]\n[staging]\n")
    assert complaint(environ) == (
        f"--context: there is no context 'prod' in {path}: it has dev, staging"
    )
    assert "'\\x1b[2J\\udcff'" in complaint(environ, "\x1b[2J\udcff")
    write(environ, '["\\u001b[2J\\u202e"]\n')
    assert complaint(environ).endswith("it has \\x1b[2J\\u202e")
    write(environ, "")
    assert complaint(environ).endswith("it has none")


def test_metrics_are_one_text_or_several(environ: dict[str, str]) -> None:
    assert prod(environ, "metrics = 'http://a:1, b:2'").metrics == "http://a:1, b:2"
    assert prod(environ, "metrics = ['http://a:1', 'b:2']").metrics == "http://a:1,b:2"
    # No process, whatever the environment says.
    assert prod(environ, "metrics = []").metrics == ""
    assert prod(environ, "").metrics is None


def test_a_setting_that_is_not_known_is_never_passed_over(environ: dict[str, str]) -> None:
    said = wrong(environ, "read_onyl = true")
    assert said == f"read_onyl is no setting of a context: it has {', '.join(SETTINGS)}"
    said = wrong(environ, 'read-only = true\npassword = "s3cret"\nread_only = true')
    assert said.startswith("read-only, password are no settings of a context")
    assert PASSWORD not in said
    # As with a name that has a dot and no quotes.
    assert wrong(environ, "[prod.eu]\nread_only = true").startswith("eu is no setting")


def test_a_setting_outside_of_every_table_is_never_passed_over(environ: dict[str, str]) -> None:
    path = write(environ, "read_only = true\n[prod]\n")
    where, _, said = complaint(environ).partition(": ")
    assert where == str(path)
    assert said.startswith("read_only must be in the table of a context, e.g. below [prod]")


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ('read_only = "false"', "read_only must be true or false"),
        ("read_only = 1", "read_only must be true or false"),
        ("namespace = 1", "namespace must be a text"),
        ("file_store = ['/kv']", "file_store must be a text"),
        ("endpoints = 2379", "endpoints must be a text or a list of texts"),
        ("endpoints = ['a:1', 2]", "endpoints must be a text or a list of texts"),
        ("backend = 1", "backend must be a text"),
        ("backend = 'mem'", "backend is 'mem', and must be 'etcd', 'file', 'kubernetes' or 'nats'"),
        ("backend = ''", "must be 'etcd', 'file', 'kubernetes' or 'nats'"),
        ("endpoints = ''", "endpoints names no endpoint"),
        ("nats = ''", "nats names no server"),
        ("nats = 4222", "nats must be a text or a list of texts"),
        ("endpoints = []", "endpoints names no endpoint"),
        ("endpoints = [' ', ',']", "endpoints names no endpoint"),
        ("file_store = ''", "must be a path that begins with /"),
        ("file_store = 'kv'", "must be a path that begins with /"),
        ("file_store = '~/kv'", "must be a path that begins with /"),
        ("metrics = 1", "metrics must be a text or a list of texts"),
        (f"metrics = ['http://joe:{PASSWORD}@a:1']", "those belong in DYNTOP_METRICS"),
        ("backend = 'file'\nendpoints = 'a:1'", "endpoints belongs to the etcd store"),
        ("backend = 'etcd'\nfile_store = '/kv'", "file_store belongs to the file store"),
        ("endpoints = 'a:1'\nfile_store = '/kv'", "file_store belongs to the file store"),
    ],
)
def test_what_cannot_be_used_is_named(environ: dict[str, str], table: str, said: str) -> None:
    assert said in wrong(environ, table)


@pytest.mark.parametrize(
    "endpoints", [f"'http://joe:{PASSWORD}@a:1'", f"['b:2', 'joe:{PASSWORD}@a:1']"]
)
def test_a_password_in_an_address_is_refused_and_not_repeated(
    environ: dict[str, str], endpoints: str
) -> None:
    said = wrong(environ, f"endpoints = {endpoints}")
    assert "ETCD_AUTH_PASSWORD" in said
    assert PASSWORD not in said


def test_no_error_behind_the_complaint_repeats_a_value(environ: dict[str, str]) -> None:
    """A crash report has all of them."""
    write(environ, f"[prod]\nendpoints = 'http://joe:{PASSWORD}@a:1'")
    with pytest.raises(Misconfigured) as raised:
        chosen(environ, "prod")
    assert raised.value.__context__ is None


def test_a_password_in_a_nats_server_is_refused_and_not_repeated(environ: dict[str, str]) -> None:
    said = wrong(environ, f"nats = 'nats://joe:{PASSWORD}@a:4222'")
    assert "NATS_AUTH_PASSWORD" in said
    assert PASSWORD not in said


def settings(environ: dict[str, str], content: str) -> Path:
    """Write the settings file, which has contexts too."""
    path = Path(environ["XDG_CONFIG_HOME"], "dyntop", "settings.toml")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    return path


def test_a_context_of_the_settings_file_is_as_one_of_the_file_of_contexts(
    environ: dict[str, str],
) -> None:
    table = 'endpoints = ["http://a:1", "b:2"]\nnamespace = "p"\nread_only = true\n'
    before = prod(environ, table)
    Path(environ["XDG_CONFIG_HOME"], "dyntop", "contexts.toml").unlink()
    settings(environ, f'[contexts.prod]\n{table}[contexts."prod.eu"]\nnats = "nats://n:1"\n')
    assert chosen(environ, "prod") == before
    assert chosen(environ, "prod.eu") == Context(
        name="prod.eu", source="--context", nats="nats://n:1"
    )


def test_both_files_are_read_and_a_name_in_both_is_refused(environ: dict[str, str]) -> None:
    old = write(environ, '[prod]\nnamespace = "p"\n[dev]\n')
    new = settings(environ, '[contexts.prod]\nnamespace = "q"\n[contexts.lab]\n')
    assert chosen(environ, "dev") == Context(name="dev", source="--context")
    assert chosen(environ, "lab") == Context(name="lab", source="--context")
    assert complaint(environ) == (
        f"--context: there is [prod] in {old} and [contexts.prod] in {new}: remove one of them"
    )
    assert complaint(environ, "none") == (
        f"--context: there is no context 'none' in {old} or {new}: they have prod, dev, lab"
    )


def test_a_file_that_cannot_be_read_keeps_no_context_of_the_other_from_being_used(
    environ: dict[str, str],
) -> None:
    """The error would come at 3 a.m."""
    new = settings(environ, "[keys\n")
    write(environ, "[prod]\n")
    assert chosen(environ, "prod") == Context(name="prod", source="--context")
    assert f"{new} is not TOML" in complaint(environ, "lab")
    old = write(environ, "[prod\n")
    settings(environ, "[contexts.lab]\n")
    assert chosen(environ, "lab") == Context(name="lab", source="--context")
    assert f"{old} is not TOML" in complaint(environ)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("[contexts.prod]\nread_onyl = true\n", "read_onyl is no setting of a context"),
        ("[contexts]\nread_only = true\n[contexts.prod]\n", "e.g. below [contexts.prod]"),
        ('contexts = "prod"\n', "contexts must be a table: write [contexts.NAME]"),
        ("version = 2\n[contexts.prod]\n", "version 2 is of a newer dyntop"),
        ("version = 0\n[contexts.prod]\n", "version must be 1, or left out"),
    ],
)
def test_what_is_wrong_with_a_named_context_of_the_settings_file_is_an_error(
    environ: dict[str, str], content: str, said: str
) -> None:
    """It decides in which cluster keys are removed."""
    path = settings(environ, content)
    assert said in complaint(environ)
    assert str(path) in complaint(environ)


def test_other_settings_that_are_wrong_keep_no_context_from_being_used(
    environ: dict[str, str],
) -> None:
    settings(environ, '[keys]\ndrian = "D"\n[nonsense]\n[contexts.prod]\n')
    assert chosen(environ, "prod") == Context(name="prod", source="--context")


def test_a_file_for_the_build_before_means_the_same(environ: dict[str, str]) -> None:
    write(environ, (Path(__file__).parent / "samples" / "contexts-0.1.toml").read_bytes())
    found = [chosen(environ, name) for name in ("prod", "prod.eu", "node", "bus", "bare")]
    frontends = "http://frontend-0:8000,http://frontend-1:8000"
    assert found == [
        Context(
            name="prod",
            source="--context",
            backend="etcd",
            endpoints="https://etcd-0:2379,https://etcd-1:2379",
            nats="nats://nats-0:4222",
            namespace="prod",
            read_only=True,
            metrics=frontends,
        ),
        Context(
            name="prod.eu",
            source="--context",
            backend="etcd",
            endpoints="http://etcd-eu:2379",
            namespace="",
        ),
        Context(
            name="node",
            source="--context",
            backend="file",
            file_store="/data/dynamo_kv",
            metrics="http://localhost:8000",
        ),
        Context(
            name="bus",
            source="--context",
            backend="nats",
            nats="nats://nats-0:4222,tls://nats-1:4222",
        ),
        Context(name="bare", source="--context"),
    ]


def test_a_colour_is_a_name_or_rrggbb_and_nothing_else(environ: dict[str, str]) -> None:
    for colour in ("red", "grey", "#1f5FBF"):
        write(environ, f'[prod]\ncolour = "{colour}"\nfile_store = "/kv"\n')
        context = chosen(environ, "prod")
        assert context is not None
        settings = Settings.from_environment(environ, context=context)
        assert settings.colour == colour
        assert settings.sources["colour"] == "context prod"
    said = (
        "colour must be one of red, orange, yellow, green, cyan, blue, purple, grey, or as #rrggbb"
    )
    for value in ('"pink"', '"#12345"', '"red on blue"', "1"):
        assert wrong(environ, f"colour = {value}") == said
