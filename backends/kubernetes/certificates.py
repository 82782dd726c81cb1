"""Certificates of a kubeconfig, and the TLS context that they make."""

from __future__ import annotations

import os
import ssl
import tempfile
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from backends.store import Misconfigured


@dataclass(frozen=True, slots=True)
class Certificates:
    """PEM of an authority and a client certificate. Empty: none."""

    authority: bytes = b""
    certificate: bytes = b""
    key: bytes = field(default=b"", repr=False)
    verified: bool = True
    """Whether the server's certificate is checked."""

    @property
    def digest(self) -> bytes:
        parts = (self.authority, self.certificate, self.key, bytes([self.verified]))
        return sha256(b"\0".join(parts)).digest()

    def context(self) -> ssl.SSLContext:
        """Return a TLS context. Reads and writes files. Raises `Misconfigured`."""
        try:
            trusted = self.authority.decode() or None
            made = ssl.create_default_context(cadata=trusted)
            # Python 3.13 refuses authorities without extensions that `kubectl` does without.
            made.verify_flags &= ~ssl.VERIFY_X509_STRICT
            if not self.verified:
                made.check_hostname = False
                made.verify_mode = ssl.CERT_NONE
            if self.certificate:
                self._load_certificate(made)
        except (ssl.SSLError, ValueError) as error:
            said = error.reason if isinstance(error, ssl.SSLError) else "not PEM"
            raise Misconfigured("kubeconfig", f"its certificates cannot be used: {said}") from None
        return made

    def _load_certificate(self, context: ssl.SSLContext) -> None:
        # Python reads a key from a file only. It is there for a moment, and for this user alone.
        with tempfile.TemporaryDirectory(prefix="dyntop-") as folder:
            pem = Path(folder, "client.pem")
            descriptor = os.open(pem, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with open(descriptor, "wb") as file:
                file.write(self.certificate + b"\n" + self.key)
            # An encrypted key would ask for its password on the terminal.
            context.load_cert_chain(pem, password=lambda: b"")
