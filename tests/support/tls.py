"""Throwaway certificates for tests: a CA, a server on loopback, and a client, by `openssl`."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

DAYS = "2"
"""How long the certificates are valid; longer than any test run."""


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """Paths of PEM files; the keys are unencrypted PKCS#8."""

    ca: Path
    server_cert: Path
    server_key: Path
    client_cert: Path
    client_key: Path


def make_tls(directory: Path, client_name: str = "dyntop") -> TlsFiles:
    """Write a new CA, a certificate for 127.0.0.1 and localhost, and one for a client.

    `client_name` is the client's common name, which etcd takes as its user.
    """
    directory.mkdir(parents=True, exist_ok=True)
    ca, ca_key = directory / "ca.pem", directory / "ca.key"
    authority = ["-addext", "keyUsage=critical,keyCertSign,cRLSign"]
    _openssl("req", "-x509", *_new_key(ca_key, "dyntop test CA"), *authority, "-out", str(ca))
    # With client certificates on, etcd uses its own also as a client, towards itself.
    server_cert, server_key = _issue(
        directory,
        "server",
        "localhost",
        "subjectAltName=IP:127.0.0.1,DNS:localhost\nextendedKeyUsage=serverAuth,clientAuth\n",
    )
    client_cert, client_key = _issue(
        directory, "client", client_name, "extendedKeyUsage=clientAuth\n"
    )
    return TlsFiles(ca, server_cert, server_key, client_cert, client_key)


def _issue(directory: Path, file: str, name: str, extensions: str) -> tuple[Path, Path]:
    """Make a key and a certificate signed by the CA in the same directory."""
    cert, key = directory / f"{file}.pem", directory / f"{file}.key"
    request, extension_file = directory / f"{file}.csr", directory / f"{file}.ext"
    extension_file.write_text(extensions)
    _openssl("req", "-new", *_new_key(key, name), "-out", str(request))
    signer = ["-CA", str(directory / "ca.pem"), "-CAkey", str(directory / "ca.key")]
    _openssl(
        *("x509", "-req", "-in", str(request), "-days", DAYS, *signer, "-CAcreateserial"),
        *("-extfile", str(extension_file), "-out", str(cert)),
    )
    return cert, key


def _new_key(key: Path, name: str) -> list[str]:
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    return [*curve, "-keyout", str(key), "-subj", f"/CN={name}"]


def _openssl(*args: str) -> None:
    program = shutil.which("openssl")
    if program is None:
        raise RuntimeError("tests of TLS need the 'openssl' program on PATH")
    done = subprocess.run([program, *args], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"openssl {' '.join(args)} failed: {done.stderr}")
