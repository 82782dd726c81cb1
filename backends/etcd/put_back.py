"""Restore removed keys, and name the alarms that prevent it."""

from __future__ import annotations

from backends.etcd import rpc
from backends.etcd.client import Client
from backends.etcd.errors import LeaseNotFound
from backends.store import Entry, NoPuts, PutBack

FORBIDS_PUTS = {
    "NOSPACE": (
        "etcd is out of space (alarm NOSPACE) and refuses puts until it is compacted and "
        "defragmented and the alarm is disarmed"
    ),
    "CORRUPT": "a member of etcd has corrupt data (alarm CORRUPT), and etcd refuses puts",
}
"""Alarms that forbid puts, each with its effect, as a clause."""


async def put_back(client: Client, entry: Entry) -> PutBack:
    """Put an entry back, as `Store.put_back`. Raises `StoreError`."""
    if entry.unread:
        return PutBack.UNREAD
    lease = 0 if entry.lease is None else rpc.to_lease(entry.lease)
    put = rpc.PutRequest(key=entry.key, value=entry.value, lease=lease)
    request = rpc.TxnRequest(
        compare=[
            rpc.Compare(
                key=entry.key,
                target=rpc.Compare.CREATE,
                result=rpc.Compare.EQUAL,
                # The create revision of a missing key.
                create_revision=0,
            )
        ],
        success=[rpc.RequestOp(request_put=put)],
    )
    try:
        answer = await client.call(rpc.TXN, request, repeatable=False)
    except LeaseNotFound:
        return PutBack.LEASE_GONE
    return PutBack.DONE if answer.succeeded else PutBack.THERE


def no_puts(status: rpc.StatusResponse) -> tuple[NoPuts, ...]:
    """Return the alarms of a `StatusResponse` that forbid puts, each once."""
    raised = rpc.alarms(status)
    return tuple(
        NoPuts(reason)
        for name, reason in FORBIDS_PUTS.items()
        if any(alarm.split()[:2] == ["alarm", name] for alarm in raised)
    )
