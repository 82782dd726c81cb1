"""Tokens of the `oidc` auth provider: used while valid, refreshed, and kept."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp import web

from backends.kubernetes.kubeconfig import KubeconfigEntry, choose
from backends.kubernetes.oidc import id_token
from backends.store import Misconfigured
from tests.kubernetes.kubeconfigs import config
from tests.support.ports import LOOPBACK

NOW = 1795255200.0


def token(expires: float | None, name: str = "t") -> str:
    """A token that expires at some time. None: it does not say."""
    claims = {"sub": name} | ({} if expires is None else {"exp": expires})
    payload = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"e30.{payload}.c2ln"


class Issuer:
    def __init__(self) -> None:
        self.url = ""
        self.answer: dict[str, Any] = {"id_token": token(NOW + 3600, "fresh")}
        self.status = 200
        self.asked: list[tuple[str, str]] = []

    async def discover(self, request: web.Request) -> web.Response:
        return web.json_response({"token_endpoint": f"{self.url}/token"})

    async def refresh(self, request: web.Request) -> web.Response:
        form = await request.post()
        auth = base64.b64decode(request.headers["Authorization"].removeprefix("Basic "))
        self.asked.append((auth.decode(), str(form["refresh_token"])))
        return web.json_response(self.answer, status=self.status)


@pytest.fixture
async def issuer() -> AsyncIterator[Issuer]:
    async with serving(Issuer()) as one:
        yield one


@asynccontextmanager
async def serving(one: Issuer) -> AsyncIterator[Issuer]:
    app = web.Application()
    app.router.add_get("/.well-known/openid-configuration", one.discover)
    app.router.add_post("/token", one.refresh)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, LOOPBACK, 0).start()
    one.url = f"http://{LOOPBACK}:{runner.addresses[0][1]}"
    try:
        yield one
    finally:
        await runner.cleanup()


def user(path: Path, issuer: Issuer, **more: str) -> KubeconfigEntry:
    provider = {
        "client-id": "dyntop",
        "client-secret": "pw",
        "idp-issuer-url": issuer.url,
        "refresh-token": "first",
        **more,
    }
    parts = {"auth-provider": {"name": "oidc", "config": provider}}
    path.write_text(yaml.safe_dump(config(user=parts)))
    path.chmod(0o640)
    found = choose([path], None).user
    assert found is not None
    return found


def kept(path: Path) -> dict[str, str]:
    found: dict[str, str] = yaml.safe_load(path.read_text())["users"][0]["user"]["auth-provider"][
        "config"
    ]
    return found


async def test_a_valid_token_is_used_without_asking(tmp_path: Path, issuer: Issuer) -> None:
    valid = token(NOW + 60)
    entry = user(tmp_path / "config", issuer, **{"id-token": valid})
    assert await id_token(entry, clock=lambda: NOW) == valid
    assert issuer.asked == []


@pytest.mark.parametrize("old", [token(NOW + 5), token(None), "no token", "a.%%%.c", ""])
async def test_a_token_that_has_expired_is_refreshed(
    tmp_path: Path, issuer: Issuer, old: str
) -> None:
    entry = user(tmp_path / "config", issuer, **{"id-token": old})
    assert await id_token(entry, clock=lambda: NOW) == issuer.answer["id_token"]
    assert issuer.asked == [("dyntop:pw", "first")]
    # Nothing but the refresh token would be missed.
    assert kept(tmp_path / "config")["id-token"] == old


async def test_a_token_that_the_server_refuses_is_refreshed(tmp_path: Path, issuer: Issuer) -> None:
    entry = user(tmp_path / "config", issuer, **{"id-token": token(NOW + 60)})
    assert await id_token(entry, refused=True, clock=lambda: NOW) == issuer.answer["id_token"]


async def test_a_new_refresh_token_is_kept_in_the_kubeconfig(
    tmp_path: Path, issuer: Issuer
) -> None:
    issuer.answer["refresh_token"] = "second"
    path = tmp_path / "config"
    entry = user(path, issuer)
    before = yaml.safe_load(path.read_text())
    await id_token(entry, clock=lambda: NOW)
    assert (kept(path)["refresh-token"], kept(path)["id-token"]) == (
        "second",
        issuer.answer["id_token"],
    )
    after = yaml.safe_load(path.read_text())
    del before["users"], after["users"]
    assert after == before
    assert path.stat().st_mode & 0o777 == 0o640
    assert os.listdir(tmp_path) == ["config"]


async def test_a_kubeconfig_that_cannot_be_written_does_not_matter_now(
    tmp_path: Path, issuer: Issuer
) -> None:
    issuer.answer["refresh_token"] = "second"
    entry = user(tmp_path / "config", issuer)
    (tmp_path / "config").unlink()
    assert await id_token(entry, clock=lambda: NOW) == issuer.answer["id_token"]


async def test_an_issuer_that_refuses_is_named_without_secrets(
    tmp_path: Path, issuer: Issuer
) -> None:
    issuer.status = 400
    with pytest.raises(Misconfigured, match=r"is not refreshed: http.*: HTTP status 400$") as one:
        await id_token(user(tmp_path / "config", issuer), clock=lambda: NOW)
    assert "first" not in str(one.value)
    issuer.status, issuer.answer = 200, {}
    with pytest.raises(Misconfigured, match=r"the OIDC issuer returned no id token$"):
        await id_token(user(tmp_path / "config", issuer), clock=lambda: NOW)


async def test_without_a_refresh_token_that_is_said(tmp_path: Path, issuer: Issuer) -> None:
    entry = user(tmp_path / "config", issuer, **{"refresh-token": ""})
    with pytest.raises(Misconfigured, match=r"has expired, and there is no refresh token$"):
        await id_token(entry, clock=lambda: NOW)


async def test_an_issuer_that_is_away_is_named(tmp_path: Path, issuer: Issuer) -> None:
    entry = user(tmp_path / "config", issuer, **{"idp-issuer-url": "http://127.0.0.1:1"})
    with pytest.raises(Misconfigured, match=r"http://127\.0\.0\.1:1: ClientConnectorError$"):
        await id_token(entry, clock=lambda: NOW)
