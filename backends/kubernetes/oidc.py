"""Tokens of the `oidc` auth provider of kubeconfigs: used while they are valid, else refreshed.

An issuer may give a new refresh token with each refresh, and the old one is void then. So it is
written back to the kubeconfig, as `kubectl` does.
"""

from __future__ import annotations

import base64
import binascii
import json
import logging
import os
import ssl
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import aiohttp
import yaml

from backends.aio.daemon_thread import in_daemon_thread
from backends.kubernetes.kubeconfig import KubeconfigEntry
from backends.store import Misconfigured

_log = logging.getLogger(__name__)

EARLY = 10.0
"""Seconds before its end at which a token is refreshed, as client-go does."""
REFRESH_TIME = 30.0
"""Seconds within which an issuer has to answer."""


async def id_token(
    user: KubeconfigEntry, *, refused: bool = False, clock: Callable[[], float] = time.time
) -> str:
    """Return a user's id token, refreshed if it has expired or with `refused`.

    Raises `Misconfigured`.
    """
    provider = user.values["auth-provider"]
    config = KubeconfigEntry(user.name, provider.get("config") or {}, user.file)
    token = config.text("id-token")
    if token and not refused and _expires(token) - EARLY > clock():
        return token
    if not config.text("refresh-token"):
        raise user.wrong("its OIDC token has expired, and there is no refresh token")
    fresh = await _refreshed(user, config)
    found, refresh_token = fresh.get("id_token"), fresh.get("refresh_token")
    if not isinstance(found, str):
        raise user.wrong("the OIDC issuer returned no id token")
    if isinstance(refresh_token, str) and refresh_token != config.text("refresh-token"):
        new = {"id-token": found, "refresh-token": refresh_token}
        try:
            await in_daemon_thread(lambda: _keep(user, new), "kubeconfig")
        except (OSError, yaml.YAMLError) as error:
            _log.warning("%s: a new refresh token is not kept: %s", user.file, error)
    return found


def basic(name: str, password: str) -> str:
    """Return the `Authorization` header of a name and password."""
    return "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()


def _expires(token: str) -> float:
    """Return the POSIX seconds at which a token expires. 0: it does not say."""
    try:
        payload = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        return float(claims["exp"])
    except (IndexError, KeyError, TypeError, ValueError, binascii.Error):
        return 0.0


async def _refreshed(user: KubeconfigEntry, config: KubeconfigEntry) -> Mapping[str, Any]:
    issuer = config.text("idp-issuer-url").rstrip("/")
    authority = await in_daemon_thread(
        lambda: config.content("idp-certificate-authority"), "kubeconfig"
    )
    tls = ssl.create_default_context(cadata=authority.decode()) if authority else None
    headers = {"Authorization": basic(config.text("client-id"), config.text("client-secret"))}
    form = {"grant_type": "refresh_token", "refresh_token": config.text("refresh-token")}
    timeout = aiohttp.ClientTimeout(total=REFRESH_TIME)
    connector = aiohttp.TCPConnector(ssl=True if tls is None else tls)
    try:
        async with aiohttp.ClientSession(
            connector=connector, timeout=timeout, trust_env=True
        ) as http:
            async with http.get(f"{issuer}/.well-known/openid-configuration") as response:
                response.raise_for_status()
                endpoint = (await response.json(content_type=None))["token_endpoint"]
            async with http.post(endpoint, data=form, headers=headers) as response:
                response.raise_for_status()
                found = await response.json(content_type=None)
    except aiohttp.ClientResponseError as error:
        raise _refused(user, issuer, f"HTTP status {error.status}") from None
    except (aiohttp.ClientError, OSError, ValueError, KeyError, TypeError) as error:
        raise _refused(user, issuer, type(error).__name__) from None
    return found if isinstance(found, Mapping) else {}


def _refused(user: KubeconfigEntry, issuer: str, problem: str) -> Misconfigured:
    return user.wrong(f"the OIDC token is not refreshed: {issuer}: {problem}")


def _keep(user: KubeconfigEntry, tokens: Mapping[str, str]) -> None:
    """Write new tokens to a user's kubeconfig. It is replaced as a whole, or not at all."""
    config = yaml.safe_load(user.file.read_bytes())
    for one in config["users"]:
        if one["name"] == user.name:
            one["user"]["auth-provider"]["config"].update(tokens)
    target = Path(os.path.realpath(user.file))
    descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=".kubeconfig-")
    try:
        with open(descriptor, "w") as file:
            yaml.safe_dump(config, file, default_flow_style=False)
        os.chmod(name, target.stat().st_mode & 0o777)
        os.replace(name, target)
    except BaseException:
        os.unlink(name)
        raise
