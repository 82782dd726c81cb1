"""Who signs for themselves: an nkey and a credentials file, which take the extra `nkeys`."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from backends.nats.config import NatsConfig
from backends.store import Misconfigured
from tests.nats.test_access import PASSWORD, failure, reads_and_writes, serving
from tests.support.nats_places import Opener

nkeys: Any = pytest.importorskip("nkeys", reason="the extra nkeys is not installed")

SEED = nkeys.encode_seed(bytes(range(32)), nkeys.PREFIX_BYTE_USER)


async def test_an_nkey_and_a_seed_that_is_none(open_store: Opener, tmp_path: Path) -> None:
    public = nkeys.from_seed(bytearray(SEED)).public_key.decode()
    with serving(
        tmp_path, f"authorization {{ timeout: 60, users: [ {{ nkey: {public} }} ] }}"
    ) as url:
        await reads_and_writes(open_store, NatsConfig(servers=(url,), nkey=SEED.decode()))
        for seed in (PASSWORD, "SUA" + PASSWORD):
            broken = await failure(open_store, NatsConfig(servers=(url,), nkey=seed))
            assert isinstance(broken, Misconfigured)


async def test_a_credentials_file_and_one_that_is_not_there(
    open_store: Opener, tmp_path: Path
) -> None:
    operator, account, jwt = _jwt_chain()
    configuration = (
        f"operator: {operator}\nresolver: MEMORY\nsystem_account: {account[2]}\n"
        f"resolver_preload: {{ {account[0]}: {account[1]}, {account[2]}: {account[3]} }}\n"
    )
    file = tmp_path / "user.creds"
    file.write_text(
        f"-----BEGIN NATS USER JWT-----\n{jwt}\n------END NATS USER JWT------\n\n"
        f"-----BEGIN USER NKEY SEED-----\n{SEED.decode()}\n------END USER NKEY SEED------\n"
    )
    with serving(tmp_path, configuration) as url:
        await reads_and_writes(open_store, NatsConfig(servers=(url,), credentials_file=str(file)))
        missing = str(tmp_path / "none.creds")
        gone = await failure(open_store, NatsConfig(servers=(url,), credentials_file=missing))
        assert isinstance(gone, Misconfigured)
        assert gone.setting == "NATS_AUTH_CREDENTIALS_FILE"
        assert "none.creds" in gone.problem
        file.write_text("no credentials")
        bad = await failure(open_store, NatsConfig(servers=(url,), credentials_file=str(file)))
        assert isinstance(bad, Misconfigured)


def _jwt_chain() -> tuple[str, tuple[str, str, str, str], str]:
    """An operator, its account and system account with their JWTs, and that of the user who has
    our seed."""
    operator, account = _keys(1, nkeys.PREFIX_BYTE_OPERATOR), _keys(2, nkeys.PREFIX_BYTE_ACCOUNT)
    system, user = _keys(3, nkeys.PREFIX_BYTE_ACCOUNT), nkeys.from_seed(bytearray(SEED))
    names = [one.public_key.decode() for one in (operator, account, system, user)]
    limits = ("subs", "data", "payload", "imports", "exports", "conn", "leaf")
    storage = ("mem_storage", "disk_storage", "streams", "consumer")
    wild = {"wildcards": True}
    claims = {"type": "account", "version": 2}
    accounts = [
        _signed(operator, name, {**claims, "limits": dict.fromkeys(of, -1) | wild})
        for name, of in ((names[1], (*limits, *storage)), (names[2], limits))
    ]
    own = _signed(operator, names[0], {"type": "operator", "version": 2})
    bounds = {"subs": -1, "data": -1, "payload": -1}
    jwt = _signed(account, names[3], {"type": "user", "version": 2} | bounds)
    return own, (names[1], accounts[0], names[2], accounts[1]), jwt


def _keys(number: int, kind: int) -> Any:
    return nkeys.from_seed(bytearray(nkeys.encode_seed(bytes([number] * 32), kind)))


def _signed(by: Any, subject: str, claims: Mapping[str, object]) -> str:
    """A JWT as NATS has them."""
    body = {"iss": by.public_key.decode(), "sub": subject, "iat": 1, "nats": claims}
    digest = hashlib.sha256(json.dumps(body).encode()).digest()
    body["jti"] = base64.b32encode(digest).decode().rstrip("=")
    head = {"typ": "JWT", "alg": "ed25519-nkey"}
    said = ".".join(_base64(json.dumps(part).encode()) for part in (head, body))
    return f"{said}.{_base64(by.sign(said.encode()))}"


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
