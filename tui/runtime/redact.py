"""What must not be in a text that stays: passwords, tokens, keys.

The net below `backends.redact`, where errors are worded: it goes over all that is logged, whoever
wrote it, and knows the secrets themselves, from the environment.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from backends.redact import Mask, credentials, hiding

SECRETS = ("ETCD_AUTH_PASSWORD", "NATS_AUTH_PASSWORD", "NATS_AUTH_TOKEN", "NATS_AUTH_NKEY")
"""Environment names whose value is one."""
PEM_TEXTS = ("ETCD_AUTH_CA", "ETCD_AUTH_CLIENT_CERT", "ETCD_AUTH_CLIENT_KEY")
"""Environment names whose value may be a path, or PEM text."""
URLS = ("NATS_SERVER", "DYNTOP_METRICS", "ETCD_ENDPOINTS")
"""Environment names with URLs, which may have a password in front of an `@`."""

LEAST_LINE = 24
"""Characters of a line of PEM text that is a secret by itself."""


def masks(environ: Mapping[str, str], urls: Iterable[str] = ()) -> Mask:
    """What hides the secrets of an environment, and of URLs that were given otherwise, wherever
    they turn up in a text; and whatever looks like a secret by its form."""
    secrets = {environ.get(name, "") for name in SECRETS}
    for name in PEM_TEXTS:
        lines = environ.get(name, "").splitlines()
        secrets.update(line for line in lines[1:-1] if len(line) >= LEAST_LINE)
    for text in (*(environ.get(name, "") for name in URLS), *urls):
        secrets |= credentials(text.split(","))
    return hiding(secrets)
