"""Check the settings for NATS before the client library gets them: it names no setting in an error,
and some it takes for a server that is away.
"""

from __future__ import annotations

import ssl
from urllib.parse import urlsplit

from backends.nats.config import NatsConfig
from backends.redact import path_or_mask
from backends.store import Misconfigured
from backends.store.regular_file import open_regular

SCHEMES = ("nats", "tls")

LONGEST_CREDENTIALS = 1 << 20
"""Bytes of a credentials file that are read."""


def check_settings(config: NatsConfig) -> ssl.SSLContext | None:
    """Check the settings and read the TLS files. Blocks. None: TLS as the server wants it, with
    this machine's authorities.

    Raises `Misconfigured` for settings that cannot work, without repeating a secret.
    """
    for server in config.servers:
        try:
            url = urlsplit(server if "://" in server else f"nats://{server}")
            usable = url.scheme in SCHEMES and url.hostname and url.port != 0
        except ValueError:
            usable = False
        if not usable:
            raise Misconfigured("NATS_SERVER", "is not nats://host:port or tls://host:port")
    files = {
        "NATS_AUTH_CREDENTIALS_FILE": config.credentials_file,
        "NATS_TLS_CA_CERT_PATH": None if config.tls_insecure else config.ca_cert,
        "NATS_TLS_CLIENT_CERT_PATH": config.client_cert,
        "NATS_TLS_CLIENT_KEY_PATH": config.client_key,
    }
    for name, path in files.items():
        if path is not None:
            _check_readable(name, path)
    try:
        _check_credentials(config)
    except ValueError:
        problem = "holds no JWT and seed of a NATS user"
        raise Misconfigured("NATS_AUTH_CREDENTIALS_FILE", problem) from None
    _check_nkeys(config)
    return _tls_context(config)


def _check_readable(name: str, path: str) -> None:
    try:
        # A pipe could be read once only, and this is read again.
        with open_regular(path) as file:
            file.read(1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not a path"
        raise Misconfigured(
            name, f"{path_or_mask(path)} cannot be read ({reason.lower()})"
        ) from None


def _check_credentials(config: NatsConfig) -> None:
    """Check a credentials file. Blocks.

    Raises `OSError` for a file that cannot be read, and `ValueError` for one without credentials:
    the library (2.16) would read on for ever at its end.
    """
    if config.credentials_file is not None:
        with open(config.credentials_file, "rb") as file:
            text = file.read(LONGEST_CREDENTIALS)
        if not all(part in text for part in (b"BEGIN NATS USER JWT", b"BEGIN USER NKEY SEED")):
            raise ValueError("no credentials")


def _check_nkeys(config: NatsConfig) -> None:
    """Raise `Misconfigured` if the package is missing that a seed takes. Few need it, and it comes
    as source only, with a library in C below it: so it is an extra."""
    if (setting := config.signing_setting) is not None:
        try:
            import nkeys  # noqa: F401
        except ModuleNotFoundError as error:
            raise Misconfigured(
                setting,
                f"needs the package {error.name}, which is not installed: install dyntop with its "
                "extra nkeys (pip install 'dyntop[nkeys]')",
            ) from None


def _tls_context(config: NatsConfig) -> ssl.SSLContext | None:
    """Read the TLS files. Blocks. None: TLS as the server wants it, with this machine's
    authorities.

    Raises `OSError` for files that cannot be read, `Misconfigured` for invalid content.
    """
    if config.ca_cert is None and config.client_cert is None and not config.tls_insecure:
        return None
    insecure = config.tls_insecure
    try:
        context = ssl.create_default_context(cafile=None if insecure else config.ca_cert)
    except ssl.SSLError:
        raise Misconfigured("NATS_TLS_CA_CERT_PATH", "holds no certificate in PEM") from None
    if insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if config.client_cert is not None:
        asked = _KeyPassword()
        try:
            context.load_cert_chain(config.client_cert, config.client_key, password=asked)
        except (ssl.SSLError, ValueError):
            raise _wrong_client(config, is_encrypted=asked.was_asked) from None
    return context


class _KeyPassword:
    """The password of a client's key: none. OpenSSL would ask for it at the terminal, and wait."""

    def __init__(self) -> None:
        self.was_asked = False

    def __call__(self) -> bytes:
        self.was_asked = True
        return b""


def _wrong_client(config: NatsConfig, *, is_encrypted: bool) -> Misconfigured:
    certificate, key = "NATS_TLS_CLIENT_CERT_PATH", "NATS_TLS_CLIENT_KEY_PATH"
    if is_encrypted:
        problem = "its key is encrypted: name one that is not, for this user alone to read"
        return Misconfigured(key if config.client_key else certificate, problem)
    if config.client_key is None:
        problem = f"holds no certificate with its key in PEM: name the key with {key}"
        return Misconfigured(certificate, problem)
    return Misconfigured(f"{certificate} and {key}", "do not match, or are not PEM")
