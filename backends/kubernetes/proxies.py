"""The HTTP proxy to an API server: of the kubeconfig, else of the environment, as Go reads it."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address, ip_network
from urllib.parse import urlsplit


def proxy_of(server: str, environ: Mapping[str, str]) -> str:
    """Return the URL of the proxy that the environment names for a server. Empty: none.

    `NO_PROXY` may have hosts, domains with all below them, addresses and networks, each with a
    port, and `*`. Loopback needs no proxy.
    """
    parts = urlsplit(server)
    host = (parts.hostname or "").rstrip(".").lower()
    port = parts.port or (443 if parts.scheme == "https" else 80)
    found = _value(environ, "HTTPS_PROXY" if parts.scheme == "https" else "HTTP_PROXY")
    if not found or _is_loopback(host):
        return ""
    for rule in _value(environ, "NO_PROXY").lower().split(","):
        if _matches(rule.strip(), host, port):
            return ""
    return found if "://" in found else f"http://{found}"


def _value(environ: Mapping[str, str], name: str) -> str:
    return environ.get(name) or environ.get(name.lower()) or ""


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _matches(rule: str, host: str, port: int) -> bool:
    if not rule:
        return False
    if rule == "*":
        return True
    try:
        return ip_address(host) in ip_network(rule, strict=False)
    except ValueError:
        pass
    name, colon, wanted = rule.rpartition(":")
    if colon and wanted.isdecimal():
        if int(wanted) != port:
            return False
        rule = name.strip("[]")
    domain = rule.removeprefix("*").removeprefix(".")
    return host.endswith(f".{domain}") or (host == domain and not rule.startswith((".", "*")))
