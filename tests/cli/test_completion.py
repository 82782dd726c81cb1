"""Completion at the shell: what a line is offered, and what it is offered it from."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Here
from tests.support.completing import SHELLS, answered, offered
from tests.support.etcd_server import EtcdServer
from tests.support.peers import refusing
from tests.support.registered import card, channel, instance
from tests.support.registering import put
from tests.support.running import dyntop, put_file
from tui.cli.arguments.commands import COMMANDS

WORKER = 0x7D7BA1FD2395771F
HEX = f"{WORKER:x}"
KEY = f"v1/instances/prod/backend/generate/{HEX}"
PATHS = ("prod/backend/generate", "staging/prefill/run")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A file store with two namespaces."""
    root = tmp_path / "kv"
    for key, value in (
        instance(WORKER, address="10.0.0.7:9000/x/generate"),
        card(WORKER, "acme/tiny-llm"),
        instance(0x2B, namespace="staging", component="prefill", endpoint="run"),
        card(0x2B, "acme/huge-llm", namespace="staging", component="prefill", endpoint="run"),
        channel(WORKER, topic="kv-events"),
    ):
        put_file(root, key, value)
    return root


def test_commands_options_and_choices_are_those_of_the_parser() -> None:
    assert offered("dyntop ") == [one.name for one in COMMANDS]
    assert offered("dyntop un") == ["unregister"]
    assert offered("dyntop check --ho") == ["--host"]
    assert offered("dyntop list --backend ku") == ["kubernetes"]
    assert offered("dyntop --probe ") == ["never", "visible", "all", "deep"]
    assert offered("dyntop drain --probe ") == ["never", "connect", "deep"]
    assert offered("dyntop wait --gone --work") == []  # one excludes the other
    assert offered("dyntop completion ") == [*SHELLS]
    assert offered("dyntop list ") == [
        *("endpoints", "models", "channels", "sources", "workers", "all"),
    ]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("list models ", ["acme/huge-llm", "acme/tiny-llm", "2b", HEX, *PATHS]),
        ("list models -n prod acme/", ["acme/tiny-llm"]),
        ("list models -o json acme/t", ["acme/tiny-llm"]),
        ("list workers ", ["2b", HEX]),
        ("list endpoints prod/", ["prod/backend/generate"]),
        ("-n ", ["prod", "staging"]),
        ("-n prod list -n ", ["prod", "staging"]),
        ("list --namespace=st", ["staging"]),
        ("list -c ", ["backend", "prefill"]),
        ("list -n staging -c ", ["prefill"]),
        ("list -c backend -e ", ["generate"]),
        ("watch -t ", ["kv-events"]),
        ("show acme/t", ["acme/tiny-llm"]),
        ("show 10.", ["10.0.0.1", "10.0.0.43", "10.0.0.7"]),
        ("show v1/instances/p", [KEY]),
        ("check --model ", ["acme/huge-llm", "acme/tiny-llm"]),
        ("check --model=acme/t", ["acme/tiny-llm"]),
        ("check --host ", ["10.0.0.1", "10.0.0.43", "10.0.0.7"]),
        ("wait --timeout 3 --model ", ["acme/huge-llm", "acme/tiny-llm"]),
        ("drain ", ["2b", HEX]),
        ("drain --dry-run -n prod ", [HEX]),
        ("unregister v1/instances/p", [KEY]),
        ("unregister --dry-run v1/instances/p", [KEY]),
        ("tap prod/", ["prod/backend/kv-events"]),
    ],
)
def test_names_are_those_of_the_argument(words: str, expected: list[str], root: Path) -> None:
    found = offered(f"dyntop --file-store {root} {words}", shell="fish")
    # What begins with a dash is argcomplete's own way to write `--option=value`.
    names = [word.partition("\t")[0] for word in found if not word.startswith("--probe")]
    assert [name.rpartition("=")[2] for name in names] == expected


def test_the_store_is_that_of_the_words_the_context_or_the_environment(
    root: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    put_file(other, *card(1, "of-environment"))
    (tmp_path / "dyntop").mkdir()
    contexts = f'[lab]\nfile_store = "{root}"\nnamespace = "prod"\n[prod]\nbackend = "etcd"\n'
    (tmp_path / "dyntop" / "contexts.toml").write_text(contexts)
    env = {
        "DYN_DISCOVERY_BACKEND": "file",
        "DYN_FILE_KV": str(other),
        "XDG_CONFIG_HOME": str(tmp_path),
    }
    assert offered("dyntop check --model ", env) == ["of-environment"]
    assert offered("dyntop --context ", env) == ["lab", "prod"]
    assert offered("dyntop --context lab check --model ", env) == ["acme/tiny-llm"]
    assert offered("dyntop check --context lab --model ", env) == ["acme/tiny-llm"]
    in_lab = env | {"DYNTOP_CONTEXT": "lab"}
    assert offered("dyntop check --model ", in_lab) == ["acme/tiny-llm"]
    assert offered("dyntop --context nowhere check --model ", env) == []
    assert offered(f"dyntop --file-store {root} -n staging check --model ", env) == [
        "acme/huge-llm"
    ]
    assert "BAAI/bge-m3" in offered("dyntop --demo check --model ", env)


def test_an_etcd_is_read_as_well(etcd: EtcdServer, tmp_path: Path) -> None:
    put(etcd, card(WORKER, "acme/tiny-llm"))
    words: list[str] = []
    while words != ["acme/tiny-llm"]:  # a busy machine may not answer within the time at once
        words, printed = answered(
            f"dyntop --endpoints {etcd.endpoint} check --model ", tmp_path, {}
        )
        assert printed == ""
        assert words in ([], ["acme/tiny-llm"])


def test_a_store_that_does_not_answer_offers_nothing_and_prints_nothing(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, refusing() as nobody:
        for port in (silent.getsockname()[1], nobody.port):
            for store in (
                f"--endpoints http://127.0.0.1:{port}",
                f"--backend nats --nats nats://127.0.0.1:{port}",
            ):
                found = answered(f"dyntop {store} show ", tmp_path, {})
                assert found == ([], "")
    assert answered("dyntop --file-store /nowhere show ", tmp_path, {}) == ([], "")
    wrong = {"DYN_DISCOVERY_BACKEND": "mem", "DYNTOP_READ_ONLY": "perhaps"}
    assert answered("dyntop show ", tmp_path, wrong) == ([], "")


def test_a_tab_writes_no_audit_and_no_log(root: Path, tmp_path: Path) -> None:
    log, state = tmp_path / "log", tmp_path / "state"
    env = {"DYNTOP_LOG": str(log), "DYNTOP_LOG_LEVEL": "debug", "XDG_STATE_HOME": str(state)}
    before = sorted(root.rglob("*"))
    words, printed = answered(f"dyntop --file-store {root} drain ", tmp_path, env)
    assert printed == ""
    assert set(words) <= {"2b", HEX}
    assert not log.exists()
    assert not state.exists()
    assert sorted(root.rglob("*")) == before


def test_a_kubeconfig_that_signs_in_by_a_program_is_not_used(tmp_path: Path) -> None:
    """It may open a browser, at each Tab."""
    ran = tmp_path / "ran"
    command = {"apiVersion": "client.authentication.k8s.io/v1", "command": sys.executable}
    command["interactiveMode"] = "Never"
    of_user = {"exec": {**command, "args": ["-c", f"open({str(ran)!r}, 'w')"]}}
    named = {"name": "one"}
    kubeconfig = {
        "contexts": [{**named, "context": {"cluster": "one", "user": "one"}}],
        "clusters": [{**named, "cluster": {"server": "https://127.0.0.1:1"}}],
        "users": [{**named, "user": of_user}],
    }
    file = tmp_path / "kubeconfig"
    file.write_text(json.dumps(kubeconfig))
    env = {"KUBECONFIG": str(file)}
    assert offered("dyntop --kube-context ", env) == ["one"]
    assert offered("dyntop --kube-context one drain ", env) == []
    assert not ran.exists()
    # The command itself runs it.
    assert dyntop("--kube-context", "one", "list", env=env).code != 0
    assert ran.exists()


def test_an_act_of_the_audit_can_be_restored(root: Path, tmp_path: Path) -> None:
    env = {"DYN_DISCOVERY_BACKEND": "file", "DYN_FILE_KV": str(root)}
    env["XDG_STATE_HOME"] = str(tmp_path / "state")
    assert offered("dyntop restore ", env) == []
    act = dyntop("unregister", "--yes", KEY, env=env).act
    assert offered("dyntop restore ", env) == [act]


def test_paths_are_completed_where_a_path_is_taken(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    (tmp_path / ".hidden").touch()
    assert offered(f"dyntop --log {tmp_path}/") == [f"{tmp_path}/file", f"{tmp_path}/folder/"]
    assert offered(f"dyntop --file-store {tmp_path}/f") == [f"{tmp_path}/folder/"]
    assert offered("dyntop --log /nowhere/") == []


@pytest.mark.parametrize("shell", SHELLS)
def test_the_script_is_one_that_the_shell_can_read(shell: str, here: Here) -> None:
    ended = here("completion", shell)
    assert (ended.code, ended.err) == (0, "")
    assert b"dyntop" in ended.out
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed, which reads its script")
    subprocess.run([shell, "-n"], input=ended.out, check=True)


def test_the_script_needs_no_store_and_no_settings(here: Here) -> None:
    assert here("completion", "bash", env={"DYN_DISCOVERY_BACKEND": "mem"}).code == 0
    assert here("completion", "tcsh").code == 2
