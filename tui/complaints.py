"""What went wrong, as one plain sentence that says what to do, and the exit code that goes with it.

Errors carry values and never render themselves; the commands and the dashboard do it here.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from backends.store import (
    Cause,
    KeyNotAllowed,
    Misconfigured,
    NotAuthorised,
    Refused,
    StoreError,
    Unreachable,
)
from tui.plain import plain, plain_key

WHERE_ETCD = "--endpoints or ETCD_ENDPOINTS"
WHERE_FILE = "--file-store or DYN_FILE_KV"


class Exit(IntEnum):
    """Exit codes; scripts rely on them."""

    DONE = 0
    REFUSED = 1
    """Refused, or there was nothing to remove."""
    USAGE = 2
    UNREACHABLE = 3
    NOT_AUTHORISED = 4
    INTERRUPTED = 130
    """By Ctrl-C: 128 and the signal's number, as shells have it. So is the next."""
    OUTPUT_CLOSED = 141


@dataclass(frozen=True, slots=True)
class Complaint:
    """One sentence, without `dyntop: ` before it and a full stop after it; harmless text."""

    sentence: str
    exit_code: Exit


def explain(error: StoreError, store: str = "etcd") -> Complaint:
    """What to tell a person; `store` names the store that it came from (`etcd`, `file`)."""
    match error:
        case Unreachable():
            sentences = _FOLDER if store == "file" else _ETCD
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
        case _:
            sentence, code = str(error), Exit.REFUSED
    return Complaint(plain(sentence), code)


def _not_authorised(error: NotAuthorised, store: str) -> str:
    if store == "file":
        return (
            f"this user may not read or change all of {error.address} ({error.detail}): "
            "run dyntop as a user who may, e.g. the workers' own"
        )
    if "permission" in error.detail:
        return (
            f"etcd at {error.address} does not let this user do it ({error.detail}): grant the "
            "user a role with v1/, instances/, models/ and mdc/, or set another ETCD_AUTH_USERNAME"
        )
    return (
        f"etcd at {error.address} does not accept this user ({error.detail}): "
        "check ETCD_AUTH_USERNAME and ETCD_AUTH_PASSWORD"
    )


def _flag_or_name(setting: str) -> str:
    """A store knows the environment's names only; what it names may have come from a flag."""
    return WHERE_ETCD if setting == "ETCD_ENDPOINTS" else setting


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
        "{address} speaks plain text and no TLS{detail}: write http:// in " + WHERE_ETCD
    ),
    Cause.CERTIFICATE: (
        "no TLS with {address}, since a certificate was not accepted{detail}: check ETCD_AUTH_CA, "
        "which must have signed the server's, and ETCD_AUTH_CLIENT_CERT with ETCD_AUTH_CLIENT_KEY"
    ),
    Cause.NOT_THIS_STORE: (
        "what answers at {address} is not etcd{detail}: its client port is usually 2379; set "
        + WHERE_ETCD
    ),
    Cause.NO_LEADER: (
        "etcd at {address} has no leader or no quorum{detail}: see which of its members are down, "
        "e.g. with `etcdctl endpoint status --cluster`"
    ),
    Cause.LOST: (
        "the connection to {address} broke off{detail}: see that etcd runs there, and try again"
    ),
    # No etcd is ever missing; said all the same, so that no cause is without a sentence.
    Cause.MISSING: "there is no store at {address}{detail}: set " + WHERE_ETCD,
}

_FOLDER_LOST = (
    "the folder {address} cannot be read{detail}: see that its file system is well, and try again"
)
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
