"""The etcd store, on a `grpc.aio` channel with messages of its own `.proto`.

    async with EtcdStore(EtcdConfig(endpoints=["http://localhost:2379"])) as store:
        print(await store.snapshot([b"v1/"]))

Needs etcd 3.4 or newer. Each module uses only modules below it in this list:

    store         the Store protocol
    watch         a snapshot, then changes, without end
    past          what is left of earlier revisions
    watch_stream  one watch stream, with its heartbeats
    delete        removing keys in transactions that compare them
    put_back      restoring removed keys; alarms that forbid puts
    lease         this process's own lease
    snapshot      all keys under some prefixes, in pages, at one revision
    reads         many ranges or keys read at once
    permissions   which key ranges a user may read
    members       each member by itself: term, leader, alarms
    client        one call over several endpoints, with the user's token
    connection    one endpoint's channel
    raft_terms    leader changes, which extend every lease
    errors        every foreign error becomes a StoreError, only here
    port_check    which protocol a port speaks instead of etcd's
    key_ranges    prefixes as ranges of keys
    config        settings
    rpc           messages and calls
    proto         the messages, generated
"""

from backends.etcd.config import EtcdConfig
from backends.etcd.store import EtcdStore

__all__ = ["EtcdConfig", "EtcdStore"]
