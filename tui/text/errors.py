"""Errors as one plain sentence that says what to do, and with an exit code.

Errors carry values and never render themselves. Commands and dashboard do it here.
"""

from __future__ import annotations

from enum import IntEnum

import msgspec

from backends.recording.errors import BadRecording, NotInRecording
from backends.removal.audit.disk import AuditFailed
from backends.removal.errors import NotFound, RestoreRefused, WrongStore
from backends.store import (
    Cause,
    Compacted,
    Forbidden,
    KeyNotAllowed,
    Misconfigured,
    NoPast,
    NotAuthorised,
    NotYet,
    Refused,
    StoreError,
    Unreachable,
)
from tui.text.sanitize import plain, plain_key
from tui.text.timestamps import day_and_time

WHERE_ETCD = "--endpoints or ETCD_ENDPOINTS"
WHERE_FILE = "--file-store or DYN_FILE_KV"
WHERE_NATS = "--nats or NATS_SERVER"
WHERE_KUBERNETES = "--kube-context and --kube-namespace"
WHERE = {
    "etcd": WHERE_ETCD,
    "file": WHERE_FILE,
    "kubernetes": WHERE_KUBERNETES,
    "nats": WHERE_NATS,
}
"""The flag and the variable that set each store, by the store's name."""


class Exit(IntEnum):
    """Exit codes; scripts rely on them."""

    DONE = 0
    REFUSED = 1
    """Refused, or there was nothing to remove."""
    FINDINGS = 1
    """At least one record is not live."""
    DIFFERS = 1
    """`diff`: something is registered otherwise. Whatever else goes wrong there is `USAGE` or more.
    """
    USAGE = 2
    UNREACHABLE = 3
    NOT_AUTHORISED = 4
    TIMED_OUT = 5
    """The awaited state did not come in time."""
    INTERRUPTED = 130
    """Ended by Ctrl-C: 128 plus the signal's number, as in shells. The next is made alike
    (SIGPIPE)."""
    OUTPUT_CLOSED = 141


class ErrorText(msgspec.Struct, frozen=True):
    """One sentence without `dyntop: ` before it or a full stop after it. Harmless text."""

    sentence: str
    exit_code: Exit


def explain(error: StoreError | RestoreRefused | AuditFailed, store: str = "etcd") -> ErrorText:
    """Return the sentence and the exit code for an error.

    `store`: the kind of store it came from (`etcd`, `file`, `kubernetes`, `nats`). For an
    `AuditFailed` that stopped a removal call `not_written_down`.
    """
    match error:
        case Unreachable():
            sentences = _UNREACHABLE.get(store, _ETCD)
            sentence = sentences[error.cause].format(
                address=error.address, detail=f" ({error.detail})" if error.detail else ""
            )
            code = Exit.UNREACHABLE
        case NotAuthorised():
            sentence, code = _not_authorised(error, store), Exit.NOT_AUTHORISED
        case Misconfigured():
            sentence, code = f"{_flag_or_name(error.setting)}: {error.problem}", Exit.USAGE
        case KeyNotAllowed():
            sentence = f"the {store} store cannot hold the key {plain_key(error.key)}: "
            sentence, code = sentence + error.reason, Exit.REFUSED
        case Refused():
            sentence, code = f"{store} at {error.address} refused: {error.detail}", Exit.REFUSED
        case BadRecording():
            sentence, code = f"{error.path} cannot be read: {error.problem}", Exit.USAGE
        case NotInRecording():
            sentence, code = f"{error.path}: {error.problem}", Exit.USAGE
        case NoPast() | Compacted() | NotYet():
            sentence, code = _not_in_the_past(error, store), Exit.USAGE
        case NotFound():
            sentence = f"the audit has no act {error.wanted}: `dyntop history` lists its acts"
            code = Exit.REFUSED
        case WrongStore():
            sentence, code = _wrong_store(error), Exit.REFUSED
        case AuditFailed():
            sentence = (
                f"the audit cannot be used ({error.path}: {error.reason}): fix its permissions, "
                "or set XDG_STATE_HOME to a folder of your own"
            )
            code = Exit.REFUSED
        case _:
            sentence, code = str(error), Exit.REFUSED
    return ErrorText(plain(sentence), code)


def not_written_down(error: AuditFailed) -> str:
    """Return a sentence on why nothing was removed, and what to do."""
    return plain(
        "nothing was removed, since it could not be written down first "
        f"({error.path}: {error.reason}): free space or fix the permissions there, set "
        "XDG_STATE_HOME to another folder, or pass --no-audit to remove without a way back"
    )


def cannot_write_down(error: AuditFailed) -> str:
    """Return a sentence on why nothing can be removed, and what to do."""
    return plain(
        f"removals cannot be written down ({error.path}: {error.reason}): set XDG_STATE_HOME to a "
        "folder that you can write, or pass --no-audit to remove without a way back"
    )


def _wrong_store(error: WrongStore) -> str:
    recorded, here = (f"{name} ({address})" for name, address in (error.recorded, error.here))
    return (
        f"that was removed from {recorded}, and this is {here}: nothing was put back; name that "
        f"store with {WHERE.get(error.recorded[0], WHERE_ETCD)}"
    )


def _not_in_the_past(error: NoPast | Compacted | NotYet, store: str) -> str:
    match error:
        case NoPast():
            why = plain(error.why) or _NO_PAST.get(
                error.store, "this store keeps only what is registered now"
            )
            return f"{why}; dyntop record writes what comes into a file, from now on"
        case Compacted() if error.oldest_at is not None:
            return (
                f"of revision {error.revision} not all is known any more: the oldest of which "
                f"{store} at {error.address} has everything is {error.oldest} "
                f"({day_and_time(error.oldest_at)}); {plain(error.why)}"
            )
        case Compacted():
            return (
                f"revision {error.revision} is compacted: the oldest that {store} at "
                f"{error.address} still has is {error.oldest}"
            )
        case NotYet():
            return (
                f"revision {error.revision} is still to come: {store} at {error.address} is at "
                f"{error.newest}"
            )


def _not_authorised(error: NotAuthorised, store: str) -> str:
    if store == "file":
        return (
            f"this user may not read or change all of {error.address} ({error.detail}): "
            "run dyntop as a user with that permission, e.g. the workers' own"
        )
    if store == "nats":
        return _nats_not_authorised(error)
    if store == "kubernetes":
        return _kubernetes_not_authorised(error)
    if isinstance(error, Forbidden):
        return (
            f"etcd at {error.address} denies this user the request ({error.detail}): grant the "
            "user a role with v1/, instances/, models/ and mdc/, or set another ETCD_AUTH_USERNAME"
        )
    return (
        f"etcd at {error.address} does not accept this user ({error.detail}): "
        "check ETCD_AUTH_USERNAME and ETCD_AUTH_PASSWORD"
    )


def _nats_not_authorised(error: NotAuthorised) -> str:
    if isinstance(error, Forbidden):
        return (
            f"NATS at {error.address} denies this user the request ({error.detail}): allow it "
            "to publish to $JS.API.>, $JS.FC.> and $KV.> and subscribe to _INBOX.>"
        )
    return (
        f"NATS at {error.address} does not accept this user ({error.detail}): check "
        "NATS_AUTH_USERNAME and NATS_AUTH_PASSWORD, or NATS_AUTH_TOKEN, NATS_AUTH_NKEY or "
        "NATS_AUTH_CREDENTIALS_FILE (the first that is set is used)"
    )


def _kubernetes_not_authorised(error: NotAuthorised) -> str:
    if isinstance(error, Forbidden):
        return (
            f"the API server at {error.address} denies this user the request ({error.detail}): "
            "bind the role for dyntop to it (docs/reference/permissions.md), or choose another "
            f"with {WHERE_KUBERNETES}"
        )
    return (
        f"the API server at {error.address} does not accept this user ({error.detail}): sign in "
        "again, and check with `kubectl auth whoami`"
    )


def _flag_or_name(setting: str) -> str:
    """Return the ways to set a store: it knows variables only, but its address may come from a flag
    or a context."""
    named = {"ETCD_ENDPOINTS": WHERE_ETCD, "NATS_SERVER": WHERE_NATS}.get(setting)
    return setting if named is None else f"{named} or the context"


_NO_PAST = {
    "file": (
        "a file store keeps only what is registered now: its files' times tell when each was "
        "touched last"
    ),
    "kubernetes": (
        "Kubernetes keeps only what is registered now: kubectl get dynamoworkermetadata "
        "--show-managed-fields -o yaml tells when each object was written last, and kubectl get "
        "events what happened to pods"
    ),
}
"""What there is instead, by the store's name."""

_ETCD: dict[Cause, str] = {
    Cause.REFUSED: (
        "nothing listens at {address}{detail}: is etcd running there? Set " + WHERE_ETCD
    ),
    Cause.NAME: (
        "the host name in {address} cannot be resolved{detail}: correct "
        + WHERE_ETCD
        + ", or this machine's DNS"
    ),
    Cause.TIMEOUT: (
        "{address} did not answer in time{detail}: check the address and port ("
        + WHERE_ETCD
        + "), firewalls, and whether etcd hangs"
    ),
    Cause.TLS_EXPECTED: (
        "{address} speaks TLS{detail}: write https:// in "
        + WHERE_ETCD
        + ", and name a private authority in ETCD_AUTH_CA"
    ),
    Cause.PLAIN_EXPECTED: (
        "{address} speaks plain text, not TLS{detail}: write http:// in " + WHERE_ETCD
    ),
    Cause.CERTIFICATE: (
        "no TLS with {address}, since a certificate was not accepted{detail}: check ETCD_AUTH_CA, "
        "which must have signed the server's, and ETCD_AUTH_CLIENT_CERT with ETCD_AUTH_CLIENT_KEY"
    ),
    Cause.NOT_THIS_STORE: (
        "the server at {address} is not etcd{detail}: etcd's client port is usually 2379; set "
        + WHERE_ETCD
    ),
    Cause.NO_LEADER: (
        "etcd at {address} has no leader or no quorum{detail}: find the members that are down, "
        "e.g. with `etcdctl endpoint status --cluster`"
    ),
    Cause.LOST: (
        "the connection to {address} broke off{detail}: check that etcd runs there, and try again"
    ),
    # Never raised for etcd; here so that each cause has a sentence.
    Cause.MISSING: "there is no store at {address}{detail}: set " + WHERE_ETCD,
}

_FOLDER_LOST = "the folder {address} cannot be read{detail}: check its file system, and try again"
_FOLDER: dict[Cause, str] = dict.fromkeys(Cause, _FOLDER_LOST) | {
    Cause.MISSING: (
        "the folder {address} does not exist{detail}: set "
        + WHERE_FILE
        + " to the folder of the workers, which the first of them creates"
    ),
    Cause.NOT_THIS_STORE: (
        "{address} is not a file store{detail}: set " + WHERE_FILE + " to the folder of the workers"
    ),
}

_NATS: dict[Cause, str] = {
    Cause.REFUSED: (
        "nothing listens at {address}{detail}: is nats-server running there? Set " + WHERE_NATS
    ),
    Cause.NAME: (
        "the host name in {address} cannot be resolved{detail}: correct "
        + WHERE_NATS
        + ", or this machine's DNS"
    ),
    Cause.TIMEOUT: (
        "{address} did not answer in time{detail}: check the address and port ("
        + WHERE_NATS
        + "), firewalls, and whether nats-server hangs"
    ),
    Cause.TLS_EXPECTED: (
        "{address} speaks TLS{detail}: write tls:// in "
        + WHERE_NATS
        + ", and name a private authority in NATS_TLS_CA_CERT_PATH"
    ),
    Cause.PLAIN_EXPECTED: (
        "{address} speaks plain text, not TLS{detail}: write nats:// in "
        + WHERE_NATS
        + ", and leave out NATS_TLS_CA_CERT_PATH and NATS_TLS_CLIENT_CERT_PATH"
    ),
    Cause.CERTIFICATE: (
        "no TLS with {address}, since a certificate was not accepted{detail}: check "
        "NATS_TLS_CA_CERT_PATH, which must have signed the server's (with NATS_TLS_INSECURE=1 any "
        "is taken), and NATS_TLS_CLIENT_CERT_PATH with NATS_TLS_CLIENT_KEY_PATH"
    ),
    Cause.NOT_THIS_STORE: (
        "the server at {address} is not NATS{detail}: NATS' client port is usually 4222; set "
        + WHERE_NATS
    ),
    Cause.NO_LEADER: (
        "JetStream at {address} cannot serve now{detail}: find the servers of its cluster that are "
        "down, e.g. with `nats server report jetstream`"
    ),
    Cause.LOST: (
        "the connection to {address} broke off{detail}: check that nats-server runs there, and try "
        "again"
    ),
    Cause.MISSING: "there is no store at {address}{detail}: set " + WHERE_NATS,
}

_API_SERVER_LOST = (
    "the connection to the API server at {address} broke off{detail}: check with `kubectl version`"
)
_KUBERNETES: dict[Cause, str] = dict.fromkeys(Cause, _API_SERVER_LOST) | {
    Cause.REFUSED: (
        "nothing listens at {address}{detail}: is that the API server of the cluster? Choose a "
        "context with --kube-context"
    ),
    Cause.NAME: (
        "the host name in {address} cannot be resolved{detail}: choose a context with "
        "--kube-context, or correct this machine's DNS"
    ),
    Cause.TIMEOUT: (
        "the API server at {address} did not answer in time{detail}: check the way there, e.g. a "
        "VPN, with `kubectl version`"
    ),
    Cause.PLAIN_EXPECTED: (
        "{address} speaks plain text, not TLS{detail}: write http:// in the kubeconfig"
    ),
    Cause.CERTIFICATE: (
        "no TLS with {address}, since a certificate was not accepted{detail}: check "
        "certificate-authority and client-certificate of the kubeconfig"
    ),
    Cause.NOT_THIS_STORE: "the server at {address} is no API server of Kubernetes{detail}",
    Cause.NO_LEADER: (
        "the API server at {address} cannot serve now{detail}: check with "
        "`kubectl get --raw /readyz?verbose`"
    ),
}

_UNREACHABLE = {"etcd": _ETCD, "file": _FOLDER, "kubernetes": _KUBERNETES, "nats": _NATS}
