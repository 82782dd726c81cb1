"""Run a credential plugin of a kubeconfig (`users[].user.exec`), as client-go does.

A plugin never gets the terminal, which the dashboard draws on: no standard input, and a session of
its own, in which `/dev/tty` does not open.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from backends.kubernetes.kubeconfig import KubeconfigEntry
from backends.redact import without

PLUGIN_TIME = 60.0
"""Seconds within which a plugin has to print credentials. Some sign in over a network."""
VERSIONS = ("client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1")
EXTENSION = "client.authentication.k8s.io/exec"
"""The extension of a cluster that holds what its plugins are told."""
LONGEST_COMPLAINT = 400
"""Characters of what a plugin prints on standard error that are shown."""


@dataclass(frozen=True, slots=True)
class PluginCredentials:
    """What a plugin printed. Empty: it did not print that."""

    token: str = field(repr=False)
    certificate: bytes = field(repr=False)
    key: bytes = field(repr=False)


async def run_plugin(
    user: KubeconfigEntry,
    cluster: KubeconfigEntry,
    environ: Mapping[str, str] = os.environ,
    *,
    timeout: float = PLUGIN_TIME,
) -> PluginCredentials:
    """Run a user's plugin, and return what it prints. Raises `Misconfigured`."""
    spec = user.values["exec"]
    if not isinstance(spec, Mapping) or not isinstance(spec.get("command"), str):
        raise user.wrong("exec names no command")
    version = spec.get("apiVersion")
    if version not in VERSIONS:
        raise user.wrong(f"exec: apiVersion is none of {', '.join(VERSIONS)}")
    command = _command(user, spec["command"])
    if spec.get("interactiveMode") == "Always":
        raise user.wrong(
            f"{command} wants to ask on the terminal (interactiveMode: Always), which dyntop draws "
            "on: use a token, or a plugin that need not ask"
        )
    arguments = [str(one) for one in spec.get("args") or ()]
    env = {**environ, **_variables(spec), "KUBERNETES_EXEC_INFO": _info(spec, cluster)}
    try:
        process = await asyncio.create_subprocess_exec(
            command,
            *arguments,
            env=env,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
    except OSError as error:
        hint = spec.get("installHint")
        more = f"; {hint}" if isinstance(hint, str) else ""
        raise user.wrong(f"{command}: {error.strerror}{more}") from None
    try:
        async with asyncio.timeout(timeout):
            printed, complaint = await process.communicate()
    except TimeoutError:
        raise user.wrong(f"{command} printed no credentials within {timeout:.0f} s") from None
    finally:
        await _end(process)
    if process.returncode:
        said = without(complaint.decode(errors="replace").strip()[-LONGEST_COMPLAINT:], ())
        raise user.wrong(f"{command} ended with {process.returncode}: {said or 'it said nothing'}")
    return _credentials(user, command, version, printed)


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.kill()
        await process.wait()


def _command(user: KubeconfigEntry, command: str) -> str:
    """Return a command; one with a folder is relative to the kubeconfig."""
    return str(user.file.parent / command) if os.sep in command else command


def _variables(spec: Mapping[str, Any]) -> dict[str, str]:
    given = [one for one in spec.get("env") or () if isinstance(one, Mapping)]
    return {str(one.get("name")): str(one.get("value", "")) for one in given}


def _info(spec: Mapping[str, Any], cluster: KubeconfigEntry) -> str:
    """Return what a plugin is told: no terminal, and the cluster if it wants to know."""
    told: dict[str, Any] = {"interactive": False}
    if spec.get("provideClusterInfo") is True:
        named = ("server", "tls-server-name", "insecure-skip-tls-verify", "proxy-url")
        about = {name: cluster.values[name] for name in named if name in cluster.values}
        if authority := cluster.content("certificate-authority"):
            about["certificate-authority-data"] = base64.b64encode(authority).decode()
        for one in cluster.values.get("extensions") or ():
            if isinstance(one, Mapping) and one.get("name") == EXTENSION:
                about["config"] = one.get("extension")
        told["cluster"] = about
    return json.dumps({"kind": "ExecCredential", "apiVersion": spec["apiVersion"], "spec": told})


def _credentials(
    user: KubeconfigEntry, command: str, version: str, printed: bytes
) -> PluginCredentials:
    try:
        answer = json.loads(printed)
    except ValueError:
        raise user.wrong(f"{command} printed no JSON") from None
    status = answer.get("status") if isinstance(answer, Mapping) else None
    if not isinstance(status, Mapping) or answer.get("apiVersion") != version:
        raise user.wrong(f"{command} printed no credentials of {version}")
    names = ("token", "clientCertificateData", "clientKeyData")
    token, certificate, key = (str(status.get(name) or "") for name in names)
    if not token and not (certificate and key):
        raise user.wrong(f"{command} printed neither a token nor a certificate with its key")
    return PluginCredentials(token, certificate.encode(), key.encode())
