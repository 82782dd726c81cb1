"""Tokens of service accounts that end sooner than the API server would let one ask for."""

from __future__ import annotations

import base64
import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

LEEWAY = 60.0
"""Seconds that kube-apiserver 1.37 takes a token after its end."""


def signed(claims: Mapping[str, Any], key: Path) -> str:
    """Return a JSON Web Token with these claims, by a P-256 key in PEM (RFC 7515, ES256)."""
    text = f"{_encoded({'alg': 'ES256', 'typ': 'JWT'})}.{_encoded(claims)}"
    made = subprocess.run(
        ["openssl", "dgst", "-sha256", "-sign", str(key)],
        input=text.encode(),
        capture_output=True,
        check=True,
    )
    return f"{text}.{_base64(_two_numbers(made.stdout))}"


def _two_numbers(der: bytes) -> bytes:
    """Return both integers of a signature as 32 bytes each; `openssl` writes a sequence of them."""
    first = der[4 : 4 + der[3]]
    second = der[4 + der[3] + 2 :]
    return b"".join(int.from_bytes(one).to_bytes(32) for one in (first, second))


def _encoded(value: Mapping[str, Any]) -> str:
    return _base64(json.dumps(value).encode())


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
