"""`dyntop config`: each setting with its true source, no secret, and each thing that is wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tests.cli.conftest import Here
from tests.docs.documents import REFERENCE
from tui.config.context_file import SETTINGS, ContextTables, read_contexts
from tui.config.folder import read_toml

SECRET = "hunter2,secret"
"""With a comma, which splits a list of URLs."""
PEM = "-----BEGIN CERTIFICATE-----\nTUlJQnNlY3JldHNlY3JldHNlY3JldA==\n-----END CERTIFICATE-----"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    path = tmp_path / "config" / "dyntop"
    path.mkdir(parents=True)
    return path


@pytest.fixture
def env(home: Path) -> dict[str, str]:
    return {"XDG_CONFIG_HOME": str(home.parent)}


def shown(here: Here, *args: str, env: dict[str, str]) -> dict[str, tuple[str | None, str]]:
    ended = here("config", "show", "-o", "json", *args, env=env)
    assert ended.code == 0, ended.err
    rows = json.loads(ended.out)
    assert len({row["setting"] for row in rows}) == len(rows)
    return {row["setting"]: (row["value"], row["source"]) for row in rows}


def test_without_anything_each_setting_has_its_default(here: Here, env: dict[str, str]) -> None:
    found = shown(here, env=env)
    assert {source for _, source in found.values()} == {"default"}
    assert found["backend"] == ("etcd", "default")
    assert found["endpoints"] == ("http://localhost:2379", "default")
    assert found["password"] == found["nats"] == found["namespace"] == (None, "default")
    assert found["probe"] == ("visible", "default")
    assert found["lease_rate"] == ("50", "default")
    assert found["metrics_always"] == ("false", "default")


def test_a_source_is_what_goes_before_the_others(
    here: Here, env: dict[str, str], home: Path
) -> None:
    (home / "contexts.toml").write_text(
        '[prod]\nendpoints = "http://c:1"\nnamespace = "of-context"\nread_only = true\n'
        'nats = "nats://c:1"\nmetrics = "http://c:2"\n'
    )
    variables = env | {
        "ETCD_ENDPOINTS": "http://e:1",
        "NATS_SERVER": "nats://e:1",
        "DYN_NAMESPACE": "of-variable",
        "DYNTOP_METRICS": "http://e:2",
    }
    for args, more, source, expected in (
        ((), {}, ("ETCD_ENDPOINTS", "NATS_SERVER", "DYN_NAMESPACE", "DYNTOP_METRICS"), "e"),
        (("--context", "prod"), {}, ("context prod",) * 4, "c"),
        ((), {"DYNTOP_CONTEXT": "prod"}, ("context prod",) * 4, "c"),
        (
            (
                *("--context", "prod", "--endpoints", "http://f:1", "--nats", "nats://f:1"),
                *("-n", "of-flag", "--metrics", "http://f:2"),
            ),
            {},
            ("--endpoints", "--nats", "--namespace", "--metrics"),
            "f",
        ),
    ):
        found = shown(here, *args, env=variables | more)
        namespace = {"e": "of-variable", "c": "of-context", "f": "of-flag"}[expected]
        assert found["endpoints"] == (f"http://{expected}:1", source[0])
        assert found["nats"] == (f"nats://{expected}:1", source[1])
        assert found["namespace"] == (namespace, source[2])
        assert found["metrics"] == (f"http://{expected}:2", source[3])
        if expected != "e":
            by = "DYNTOP_CONTEXT" if more else "--context"
            assert found["context"] == ("prod", by)
            assert found["read_only"] == ("true", "context prod")


@pytest.mark.parametrize(
    ("args", "more", "backend", "source"),
    [
        ((), {"DYN_DISCOVERY_BACKEND": "file"}, "file", "DYN_DISCOVERY_BACKEND"),
        ((), {"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, "kubernetes", "KUBERNETES_SERVICE_HOST"),
        (("--file-store", "/x"), {}, "file", "--file-store"),
        (("--backend", "file", "--file-store", "/x"), {}, "file", "--backend"),
        (("--kube-namespace", "*"), {}, "kubernetes", "--kube-namespace"),
        (("--backend", "nats"), {}, "nats", "--backend"),
        (("--backend", "auto"), {"DYN_DISCOVERY_BACKEND": "etcd"}, "etcd", "DYN_DISCOVERY_BACKEND"),
        (("--demo",), {}, "memory", "default"),
    ],
)
def test_the_store_s_kind_has_the_source_that_chose_it(
    here: Here,
    env: dict[str, str],
    args: tuple[str, ...],
    more: dict[str, str],
    backend: str,
    source: str,
) -> None:
    assert shown(here, *args, env=env | more)["backend"] == (backend, source)


def test_other_settings_have_their_source_too(here: Here, env: dict[str, str], home: Path) -> None:
    (home / "settings.toml").write_text('[keys]\ndrain = "D"\n')
    more = {
        "DYN_NAMESPACE": "prod",
        "DYN_NAMESPACE_WORKER_SUFFIX": "7",
        "DYN_FILE_KV": "/kv",
        "DYN_DISCOVERY_BACKEND": "file",
        "DYNTOP_READ_ONLY": "yes",
        "DYNTOP_LOG_LEVEL": "debug",
    }
    found = shown(here, "--no-audit", env=env | more)
    assert found["namespace"] == ("prod-7", "DYN_NAMESPACE and DYN_NAMESPACE_WORKER_SUFFIX")
    assert found["file_store"] == ("/kv", "DYN_FILE_KV")
    assert found["read_only"] == ("true", "DYNTOP_READ_ONLY")
    assert found["log_level"] == ("debug", "DYNTOP_LOG_LEVEL")
    assert found["audit"] == (None, "--no-audit")
    assert found["keys.drain"] == ("D", "settings.toml")
    found = shown(here, "--namespace", "", "--log-level", "error", env=env | more)
    assert found["namespace"] == (None, "--namespace")
    assert found["log_level"] == ("error", "--log-level")
    before = here("--probe", "deep", "--lease-rate", "50", "config", "show", "-o", "json", env=env)
    rows = {row["setting"]: row for row in json.loads(before.out)}
    assert (rows["probe"]["value"], rows["probe"]["source"]) == ("deep", "--probe")
    # Given, though it is the default.
    assert (rows["lease_rate"]["value"], rows["lease_rate"]["source"]) == ("50", "--lease-rate")


def test_the_settings_of_the_dashboard_have_their_source(
    here: Here, env: dict[str, str], home: Path
) -> None:
    found = shown(here, env=env)
    assert found["first_tab"] == ("overview", "default")
    assert found["theme"] == ("textual-dark", "default")
    assert found["tree_width"] == (None, "default")
    assert found["remember"] == ("true", "default")
    assert found["notify"] == ("off", "default")
    (home / "settings.toml").write_text(
        '[dashboard]\nfirst_tab = "events"\ntheme = "nord"\ntree_width = 40\nremember = false\n'
        'notify = "bell"\n'
        '[columns.workers]\nshown = ["id", "why"]\nsort = "id"\nreverse = true\n'
    )
    found = shown(here, env=env)
    assert found["first_tab"] == ("events", "settings.toml")
    assert found["theme"] == ("nord", "settings.toml")
    assert found["tree_width"] == ("40", "settings.toml")
    assert found["remember"] == ("false", "settings.toml")
    assert found["notify"] == ("bell", "settings.toml")
    assert found["columns.workers.shown"] == ("id, why", "settings.toml")
    assert found["columns.workers.sort"] == ("id", "settings.toml")
    assert found["columns.workers.reverse"] == ("true", "settings.toml")
    found = shown(here, env=env | {"TEXTUAL_THEME": "dracula"})
    assert found["theme"] == ("dracula", "TEXTUAL_THEME")
    assert shown(here, "--demo", env=env)["remember"] == ("false", "--demo")


def test_what_is_wrong_in_the_settings_file_is_one_sentence_beside_the_defaults(
    here: Here, env: dict[str, str], home: Path
) -> None:
    path = home / "settings.toml"
    path.write_text('[dashboard]\ntheme = "nrod"\ntree_width = 40\n')
    ended = here("config", "show", "-o", "json", env=env)
    assert ended.code == 0
    assert ended.one_sentence() == (
        f"{path}, line 2: 'nrod' is no theme: did you mean nord; "
        "defaults are used, and dyntop does not write the file"
    )
    rows = {one["setting"]: (one["value"], one["source"]) for one in ended.records}
    assert rows["theme"] == ("textual-dark", "default")
    assert rows["tree_width"] == ("40", "settings.toml")
    assert path.read_text().startswith("[dashboard]")


@pytest.mark.parametrize("backend", ["etcd", "nats"])
@pytest.mark.parametrize("output", ["table", "json"])
def test_no_secret_is_printed(here: Here, env: dict[str, str], backend: str, output: str) -> None:
    secrets = {
        "ETCD_AUTH_USERNAME": "joe",
        "ETCD_AUTH_PASSWORD": SECRET,
        "ETCD_AUTH_CA": PEM,
        "ETCD_AUTH_CLIENT_CERT": PEM,
        "ETCD_AUTH_CLIENT_KEY": PEM,
        "NATS_SERVER": f"nats://joe:{SECRET}@h:4222,nats://other:4222",
        "NATS_AUTH_PASSWORD": SECRET,
        "NATS_AUTH_TOKEN": SECRET,
        "NATS_AUTH_NKEY": SECRET,
        "DYNTOP_METRICS": "http://joe:hunter2secret@f:8000",
    }
    ended = here("config", "show", "-o", output, "--backend", backend, env=env | secrets)
    assert ended.code == 0
    text = ended.out.decode() + ended.err
    for part in ("hunter2", "secret", "TUlJQ", "BEGIN"):
        assert part not in text
    assert "***" in text
    for name in ("NATS_AUTH_TOKEN", "NATS_AUTH_NKEY"):
        assert name in text


def test_a_password_in_an_endpoint_is_not_printed_either(here: Here, env: dict[str, str]) -> None:
    more = {"ETCD_ENDPOINTS": f"http://joe:{SECRET}@h:2379"}
    found = shown(here, env=env | more)
    assert found["endpoints"] == ("***", "ETCD_ENDPOINTS")


def test_variables_that_set_nothing_are_named(here: Here, env: dict[str, str]) -> None:
    more = {"ETCD_ENDPOINTS": "http://e:1", "DYN_FILE_KV": "/kv", "DYN_NAMESPACE": ""}
    ended = here("config", "show", "--endpoints", "http://f:1", env=env | more)
    assert ended.one_sentence() == "set, and not used here: ETCD_ENDPOINTS, DYN_FILE_KV"
    assert ended.lines[0].split() == ["SETTING", "VALUE", "SOURCE"]


def test_settings_that_cannot_be_read_are_2_and_one_sentence(
    here: Here, env: dict[str, str]
) -> None:
    ended = here("config", "show", env=env | {"DYN_DISCOVERY_BACKEND": "mem"})
    assert (ended.code, ended.out) == (2, b"")
    assert "DYN_DISCOVERY_BACKEND" in ended.one_sentence()


def test_of_a_user_without_a_home_no_file_is_said_to_be_well(
    here: Here, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nobody(_: int) -> None:
        raise KeyError

    monkeypatch.setattr("pwd.getpwuid", nobody)
    ended = here("config", "check", env={"HOME": "", "XDG_CONFIG_HOME": ""})
    assert (ended.code, ended.out) == (0, b"")
    assert "this user has no home, and so no files" in ended.one_sentence()


def test_files_that_are_well_are_said_to_be_well(
    here: Here, env: dict[str, str], home: Path
) -> None:
    ended = here("config", "check", env=env)
    assert ended.code == 0
    assert ended.lines == [
        f"- {home}/contexts.toml does not exist",
        f"- {home}/settings.toml does not exist",
    ]
    (home / "contexts.toml").write_text('[a]\nfile_store = "/x"\n[b]\nnats = "nats://n:1"\n')
    (home / "settings.toml").write_text('[keys]\ndrain = "D"\n')
    ended = here("config", "check", env=env)
    assert ended.code == 0
    assert ended.lines == [f"✓ {home}/contexts.toml: 2 contexts", f"✓ {home}/settings.toml"]
    assert here("config", "check", "-o", "json", env=env).records == []


def test_each_thing_that_is_wrong_is_a_sentence(
    here: Here, env: dict[str, str], home: Path
) -> None:
    contexts = home / "contexts.toml"
    contexts.write_text(
        "stray = 1\n"
        '[two]\nread_onyl = true\nread_only = "yes"\nmetrics = 3\n'
        '[both]\nendpoints = "http://a:1"\nfile_store = "/x"\n'
        '[scheme]\nendpoints = "ftp://a:1"\n'
        '[server]\nnats = "http://a:1"\n'
        '[star]\nbackend = "etcd"\nnamespace = "a*b"\n'
        f'[password]\nnats = "nats://joe:{SECRET}@a:1"\n'
        '[well]\nfile_store = "/x"\n'
    )
    (home / "settings.toml").write_text('[keys]\ndrain = "q"\nnothing = "x"\nprobe = 3\n')
    ended = here("config", "check", "-o", "json", env=env)
    assert ended.code == 2
    assert "hunter2" not in ended.out.decode()
    sentences = [one["problem"] for one in ended.records]
    for part in (
        f"{contexts}: stray must be in the table of a context",
        f"[two] in {contexts}: read_onyl is no setting of a context",
        f"[two] in {contexts}: read_only must be true or false",
        f"[two] in {contexts}: metrics must be a text or a list of texts",
        f"[both] in {contexts}: file_store belongs to the file store",
        f"[scheme] in {contexts}: ",
        f"[server] in {contexts}: ",
        f"[star] in {contexts}: ",
        f"[password] in {contexts}: user and password belong in",
        "q is the key of quit",
        "'nothing' is no action",
        "probe must be a key in quotes",
    ):
        assert sum(part in sentence for sentence in sentences) == 1, (part, sentences)
    assert len(sentences) == 12
    assert not any("[well]" in sentence for sentence in sentences)
    # For people the same, one a line.
    ended = here("config", "check", env=env)
    assert ended.code == 2
    assert ended.lines == [f"✗ {sentence}" for sentence in sentences]


def test_a_named_context_that_is_missing_is_wrong(
    here: Here, env: dict[str, str], home: Path
) -> None:
    (home / "contexts.toml").write_text('[a]\nfile_store = "/x"\n')
    for args, more, source in (
        (("--context", "b"), {}, "--context"),
        ((), {"DYNTOP_CONTEXT": "b"}, "DYNTOP_CONTEXT"),
    ):
        ended = here("config", "check", *args, env=env | more)
        assert ended.code == 2
        assert ended.lines[-1].startswith(f"✗ {source}: there is no context 'b' in ")
    assert here("config", "check", "--context", "", env=env | {"DYNTOP_CONTEXT": "b"}).code == 0


@pytest.mark.parametrize("text", ["[a", "\udcff", "[a]\nb = \n"])
def test_a_file_that_is_no_toml_is_wrong(
    here: Here, env: dict[str, str], home: Path, text: str
) -> None:
    (home / "contexts.toml").write_bytes(text.encode("utf-8", "surrogateescape"))
    (home / "settings.toml").mkdir()
    ended = here("config", "check", env=env)
    assert ended.code == 2
    assert [line[0] for line in ended.lines] == ["✗", "✗"]


def test_contexts_of_both_files_are_checked(here: Here, env: dict[str, str], home: Path) -> None:
    (home / "contexts.toml").write_text("[a]\n[b]\n")
    settings = home / "settings.toml"
    settings.write_text(
        '[keys]\ndrain = "D"\n[contexts.c]\n[contexts.d]\nread_only = 1\n'
        '[contexts.e]\nendpoints = "ftp://a:1"\n'
    )
    ended = here("config", "check", env=env)
    assert ended.code == 2
    assert ended.lines[0] == f"✓ {home}/contexts.toml: 2 contexts"
    assert ended.lines[1].startswith(f"✗ [contexts.d] in {settings}: read_only must be")
    assert ended.lines[2].startswith(f"✗ [contexts.e] in {settings}: ")
    assert len(ended.lines) == 3
    for name, code in (("a", 0), ("c", 0), ("z", 2)):
        settings.write_text("[contexts.c]\n")
        assert here("config", "check", "--context", name, env=env).code == code
    settings.write_text("[contexts.b]\n")
    ended = here("config", "check", env=env)
    assert ended.lines[-1].startswith("✗ settings.toml: there is [b] in ")


TABLES: list[Any] = [
    {},
    {"backend": "etcd"},
    {"backend": "memory"},
    {"backend": 1},
    {"endpoints": "http://a:1"},
    {"endpoints": ["http://a:1", "http://b:1"]},
    {"endpoints": []},
    {"endpoints": " , "},
    {"endpoints": ["", " "]},
    {"endpoints": "http://me:word@a:1"},
    {"endpoints": [1]},
    {"endpoints": "http://a:1", "backend": "etcd"},
    {"endpoints": "http://a:1", "backend": "file"},
    {"endpoints": "http://a:1", "file_store": "/x"},
    {"endpoints": "http://a:1", "kube_context": "c"},
    {"file_store": "/x"},
    {"file_store": "x"},
    {"file_store": "/x", "kube_namespace": "n"},
    {"file_store": ["/x"]},
    {"kube_context": "c", "kube_namespace": "*"},
    {"kube_context": "c", "backend": "nats"},
    {"nats": "nats://a:1", "backend": "nats"},
    {"nats": ["nats://me:word@a:1"]},
    {"nats": ""},
    {"namespace": ""},
    {"namespace": True},
    {"read_only": True},
    {"read_only": "yes"},
    {"metrics": ""},
    {"metrics": ["http://a:1"]},
    {"metrics": "http://me:word@a:1"},
    {"read_onyl": True},
    "text",
    1,
]


@pytest.mark.parametrize("table", TABLES, ids=json.dumps)
def test_the_schema_takes_just_what_dyntop_takes(table: Any, home: Path) -> None:
    schema = json.loads((REFERENCE / "contexts.schema.json").read_text())
    by_schema = Draft202012Validator(schema).is_valid({"a": table})
    (home / "contexts.toml").write_text(_toml(table))
    path = home / "contexts.toml"
    _, wrong = read_contexts(ContextTables(path, read_toml(path, "", "")))
    assert by_schema is not bool(wrong), wrong


def test_the_schema_describes_each_setting() -> None:
    schema = json.loads((REFERENCE / "contexts.schema.json").read_text())
    properties = schema["$defs"]["context"]["properties"]
    assert set(properties) == set(SETTINGS)
    assert all(one["description"] for one in properties.values())


def _toml(table: Any) -> str:
    # JSON's texts, lists, numbers and truth values are TOML's, too.
    if not isinstance(table, dict):
        return f"a = {json.dumps(table)}\n"
    return "[a]\n" + "".join(f"{name} = {json.dumps(value)}\n" for name, value in table.items())
