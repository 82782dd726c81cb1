"""The environment's proxy is used as Go uses it."""

from __future__ import annotations

import pytest

from backends.kubernetes.proxies import proxy_of

PROXY = "http://proxy:3128"


@pytest.mark.parametrize(
    ("server", "no_proxy", "used"),
    [
        ("https://api.example.com:6443", "", True),
        ("https://api.example.com", "example.com", False),
        ("https://api.example.com", ".example.com", False),
        ("https://api.example.com", "*.example.com", False),
        ("https://example.com", ".example.com", True),
        ("https://badexample.com", "example.com", True),
        ("https://api.example.com", "api.example.com:443", False),
        ("https://api.example.com:6443", "api.example.com:443", True),
        ("https://10.96.0.1", "10.0.0.0/8", False),
        ("https://10.96.0.1", "192.168.0.0/16, 10.96.0.1", False),
        ("https://[fd00::1]", "fd00::/8", False),
        ("https://10.96.0.1", "*", False),
        ("https://127.0.0.1:6443", "", False),
        ("https://localhost:6443", "", False),
        ("https://[::1]:6443", "", False),
    ],
)
def test_which_servers_are_asked_through_the_proxy(server: str, no_proxy: str, used: bool) -> None:
    environ = {"HTTPS_PROXY": PROXY, "no_proxy": no_proxy}
    assert proxy_of(server, environ) == (PROXY if used else "")


def test_each_scheme_has_its_own_proxy() -> None:
    environ = {"http_proxy": "plain:80", "HTTPS_PROXY": PROXY}
    assert proxy_of("http://api", environ) == "http://plain:80"
    assert proxy_of("https://api", environ) == PROXY
    assert proxy_of("https://api", {}) == ""
