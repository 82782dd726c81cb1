"""Credential plugins are run as client-go runs them, and never get the terminal."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from backends.kubernetes.access import load
from backends.kubernetes.config import KubernetesConfig
from backends.kubernetes.exec_plugin import PluginCredentials, run_plugin
from backends.kubernetes.kubeconfig import KubeconfigEntry
from backends.store import Misconfigured
from tests.kubernetes.kubeconfigs import SERVER, write
from tests.support.tls import TlsFiles

V1 = "client.authentication.k8s.io/v1"
SAYING = f"""
import json, os, sys
status = {{"token": sys.argv[1]}}
print(json.dumps({{"kind": "ExecCredential", "apiVersion": {V1!r}, "status": status}}))
"""


def user(tmp_path: Path, program: str, *arguments: str, **more: Any) -> KubeconfigEntry:
    """A user whose plugin is a program of Python."""
    script = tmp_path / "plugin.py"
    script.write_text(program)
    spec = {
        "apiVersion": V1,
        "command": sys.executable,
        "args": [str(script), *arguments],
        "interactiveMode": "Never",
        **more,
    }
    return KubeconfigEntry("me", {"exec": spec}, tmp_path / "config")


CLUSTER = KubeconfigEntry("lab", {"server": SERVER, "proxy-url": "http://p"}, Path("config"))


async def run(entry: KubeconfigEntry, **more: Any) -> PluginCredentials:
    return await run_plugin(entry, CLUSTER, **more)


async def problem(entry: KubeconfigEntry, **more: Any) -> str:
    with pytest.raises(Misconfigured) as raised:
        await run(entry, **more)
    return raised.value.problem


async def test_a_plugins_token_is_used(tmp_path: Path) -> None:
    assert (await run(user(tmp_path, SAYING, "of the plugin"))).token == "of the plugin"


async def test_a_plugin_has_neither_standard_input_nor_a_terminal_and_is_told_so(
    tmp_path: Path,
) -> None:
    looking = SAYING.replace(
        "status =",
        """
try:
    open("/dev/tty")
    tty = True
except OSError:
    tty = False
info = json.loads(os.environ["KUBERNETES_EXEC_INFO"])
found = [sys.stdin.read(), tty, info["spec"], os.environ["EXTRA"]]
sys.argv.append(json.dumps(found))
status =""",
    )
    entry = user(tmp_path, looking, env=[{"name": "EXTRA", "value": "1"}])
    assert json.loads((await run(entry)).token) == ["", False, {"interactive": False}, "1"]


async def test_a_plugin_that_wants_to_ask_is_refused(tmp_path: Path) -> None:
    said = await problem(user(tmp_path, SAYING, "token", interactiveMode="Always"))
    assert "wants to ask on the terminal (interactiveMode: Always)" in said


async def test_a_plugin_is_told_of_the_cluster_if_it_wants_to_know(tmp_path: Path) -> None:
    telling = SAYING.replace(
        "status =", 'sys.argv.append(os.environ["KUBERNETES_EXEC_INFO"])\nstatus ='
    )
    found = await run(user(tmp_path, telling, provideClusterInfo=True))
    assert json.loads(found.token)["spec"]["cluster"] == {"server": SERVER, "proxy-url": "http://p"}


@pytest.mark.parametrize(
    ("program", "said"),
    [
        ("import sys; sys.exit('please sign in')", "ended with 1: please sign in"),
        ("import sys; sys.exit(3)", "ended with 3: it said nothing"),
        ("print('not json')", "printed no JSON"),
        ("print('[]')", "printed no credentials of"),
        ('print(\'{"apiVersion":"other","status":{}}\')', "printed no credentials of"),
        (SAYING.replace("sys.argv[1]", "''"), "printed neither a token nor a certificate"),
    ],
)
async def test_a_plugin_that_fails_says_why(tmp_path: Path, program: str, said: str) -> None:
    assert said in await problem(user(tmp_path, program))


async def test_what_a_plugin_complains_of_holds_no_token(tmp_path: Path) -> None:
    token = "eyJhbGciOi.eyJzdWIi.c2ln"
    said = await problem(user(tmp_path, f"import sys; sys.exit('refused: {token}')"))
    assert token not in said


async def test_a_command_that_is_not_there_is_named_with_its_hint(tmp_path: Path) -> None:
    entry = user(tmp_path, "", command="./no-plugin", installHint="get it at example.com")
    assert await problem(entry) == (
        f"{tmp_path}/config: me: {tmp_path}/no-plugin: No such file or directory; "
        "get it at example.com"
    )


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({}, "exec names no command"),
        ({"command": ["a"]}, "exec names no command"),
        ({"command": "a", "apiVersion": "v0"}, "exec: apiVersion is none of"),
    ],
)
async def test_a_plugin_that_cannot_be_run_is_said(spec: dict[str, Any], said: str) -> None:
    entry = KubeconfigEntry("me", {"exec": spec}, Path("config"))
    assert said in await problem(entry)


async def test_a_plugin_that_hangs_is_ended(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    hanging = f"import os, time; open({str(pid)!r}, 'w').write(str(os.getpid())); time.sleep(600)"
    started = asyncio.create_task(problem(user(tmp_path, hanging), timeout=3.0))
    assert "printed no credentials within 3 s" in await started
    # On a busy machine it may be ended before it wrote that.
    if pid.exists() and (number := pid.read_text()):
        with pytest.raises(ProcessLookupError):
            os.kill(int(number), signal.SIGCONT)


async def test_a_plugins_certificate_is_used_and_run_again_when_refused(
    tmp_path: Path, tls: TlsFiles
) -> None:
    counting = f"""
import json, pathlib
counter = pathlib.Path({str(tmp_path / "count")!r})
number = int(counter.read_text()) + 1 if counter.exists() else 1
counter.write_text(str(number))
status = {{"token": str(number)}}
if number == 3:
    status["clientCertificateData"] = open({str(tls.client_cert)!r}).read()
    status["clientKeyData"] = open({str(tls.client_key)!r}).read()
print(json.dumps({{"kind": "ExecCredential", "apiVersion": {V1!r}, "status": status}}))
"""
    entry = user(tmp_path, counting)
    path = write(tmp_path / "config", user=dict(entry.values))
    config = KubernetesConfig(kubeconfig=str(path))
    first, second, third = [
        await load(config, refused, environ={}) for refused in (False, True, True)
    ]
    assert [dict(one.headers)["Authorization"] for one in (first, second, third)] == [
        "Bearer 1",
        "Bearer 2",
        "Bearer 3",
    ]
    assert second.has_connections_of(first)
    assert not third.has_connections_of(second)
