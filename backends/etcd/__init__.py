"""The etcd store, on pyetcd's generated stubs and a `grpc.aio` channel.

    async with aclosing(EtcdStore(EtcdConfig(endpoints=["http://localhost:2379"]))) as store:
        print(await store.snapshot([b"v1/"]))

Needs etcd 3.4 or newer. Downwards, each module uses only those below it:

    store       the Store protocol
    watch       snapshot, then changes, for ever
    watcher     one watch stream, with its signs of life
    lease       this process's own lease
    snapshot    everything under some prefixes, paged, at one revision
    client      one call over several endpoints, with the user's token
    connection  one endpoint's channel
    errors      every foreign error becomes a StoreError, here only
    probe       what answers on a port that is not what was expected
    config      settings
    rpc         the generated stubs
"""

from backends.etcd.config import EtcdConfig
from backends.etcd.store import EtcdStore

__all__ = ["EtcdConfig", "EtcdStore"]
