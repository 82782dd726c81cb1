"""Why NATS could not be used, in words that hold no secret."""

from __future__ import annotations

import socket
import ssl

import pytest
from nats.errors import AuthorizationError, Error, SecureConnWantedError

from backends.nats.errors import is_refusal, why_not

URL = "nats://joe:s3cret@nats-0:4222"


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ConnectionRefusedError(111, URL), "NATS refuses connections"),
        (TimeoutError(), "NATS does not answer in time"),
        (socket.gaierror(-2, URL), "the name of the NATS server cannot be resolved"),
        (ConnectionResetError(), "the connection to NATS broke off"),
        (SecureConnWantedError(), "NATS speaks no TLS"),
        (ssl.SSLCertVerificationError(1, URL), "a certificate was not accepted (self-signed)"),
        (AuthorizationError(), "NATS does not accept this user"),
        (Error(f"nats: 'Authorization Violation' {URL}"), "NATS does not accept this user"),
        (FileNotFoundError(2, "no such file", "/etc/ca.pem"), "/etc/ca.pem cannot be read"),
        (PermissionError(13, "denied", "/etc/ca.pem"), "/etc/ca.pem cannot be read"),
        (ModuleNotFoundError("no", name="nkeys"), "the package nkeys is not installed"),
        (RuntimeError(URL), "the connection to NATS broke off"),
    ],
)
def test_it_is_said_what_is_wrong(error: Exception, words: str) -> None:
    if isinstance(error, ssl.SSLCertVerificationError):
        error.verify_message = "self-signed"
    assert why_not(error) == words


def test_a_file_that_may_not_be_read_is_no_refusal_of_nats() -> None:
    assert is_refusal(PermissionError())
    assert not is_refusal(PermissionError(13, "denied", "/etc/ca.pem"))
