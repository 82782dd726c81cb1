"""Hide secrets in texts that are kept: passwords, tokens, keys.

A second net below `backends.redact`, where errors get their texts. It covers all log lines of all
libraries, and knows the secrets themselves from the environment.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from backends.redact import Mask, credentials, hiding

SECRETS = ("ETCD_AUTH_PASSWORD", "NATS_AUTH_PASSWORD", "NATS_AUTH_TOKEN", "NATS_AUTH_NKEY")
"""Environment variables whose value is a secret."""
PEM_TEXTS = ("ETCD_AUTH_CA", "ETCD_AUTH_CLIENT_CERT", "ETCD_AUTH_CLIENT_KEY")
"""Environment variables whose value may be a path or PEM text."""
URLS = ("NATS_SERVER", "DYNTOP_METRICS", "ETCD_ENDPOINTS")
"""Environment variables with URLs, which may contain a password before an `@`."""

LEAST_LINE = 24
"""Characters from which a single line of PEM text is a secret."""


def masks(environ: Mapping[str, str], urls: Iterable[str] = ()) -> Mask:
    """Return a function that hides these secrets wherever they occur in a text, and texts that look
    like secrets.

    They are taken from an environment and from other URLs.
    """
    secrets = {environ.get(name, "") for name in SECRETS}
    for name in PEM_TEXTS:
        lines = environ.get(name, "").splitlines()
        secrets.update(line for line in lines[1:-1] if len(line) >= LEAST_LINE)
    for text in (*(environ.get(name, "") for name in URLS), *urls):
        secrets |= credentials(text.split(","))
    return hiding(secrets)
