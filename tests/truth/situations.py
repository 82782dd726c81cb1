"""What happens to clusters: each situation starts what it needs and yields moments to look at."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from tests.support.dynamo import discovery_environment, registered_keys
from tests.support.etcd_server import EtcdServer
from tests.support.ports import LOOPBACK
from tests.support.waiting import wait_for
from tests.truth import dyntop
from tests.truth.cluster import MODEL, Cluster, Role, StoreKind, Worker
from tests.truth.firewall import WORKERS, Fault, ReachableEtcd, beside, require_tools
from tests.truth.holding import renewed
from tests.truth.moments import Ids, Moment, ids, only
from tests.truth.requests import chat

BOTH: tuple[StoreKind, ...] = ("etcd", "file")
ETCD: tuple[StoreKind, ...] = ("etcd",)
LONG_LEASE = {"ETCD_LEASE_TTL": "120"}
"""Of a worker that is to be stopped and looked at before its lease is over."""

Moments = Iterator[Moment]


@dataclass(frozen=True, slots=True)
class Situation:
    """Something that happens to a cluster."""

    name: str
    stores: tuple[StoreKind, ...]
    run: Callable[[Cluster], Moments]
    make_etcd: Callable[[], EtcdServer] | None = None
    require: Callable[[], None] = lambda: None
    """Raises `NotAllowed` where it cannot happen."""


def _env(cluster: Cluster) -> dict[str, str]:
    return discovery_environment(cluster.store)


def _left(cluster: Cluster, *workers: Worker) -> Ids:
    """What is still in the store of some workers."""
    keys = registered_keys(cluster.store)
    return frozenset(key for worker in workers for key in worker.keys if key in keys)


def _wait_until_gone(cluster: Cluster, worker: Worker) -> None:
    """Wait until a store or a frontend has dropped what a frontend reads of a dead worker."""
    read = {worker.instance_key, worker.card_key}
    wait_for(lambda: not read & registered_keys(cluster.store), f"the end of {read}")


def at_a_glance(cluster: Cluster) -> Moments:
    """The shortest walk: one of two drained, then killed; a model that misses its decode worker."""
    one, two = cluster.worker(), cluster.worker()
    frontends = [cluster.frontend()]
    both = only(MODEL, one.instance_id, two.instance_id)
    yield Moment("healthy", frontends, both)
    act = dyntop.drain(two.instance_id, _env(cluster))
    yield Moment("one of two drained", frontends, only(MODEL, one.instance_id))
    dyntop.restore(act, _env(cluster))
    yield Moment("restored", frontends, both)
    two.kill()
    dead = _left(cluster, two)
    yield Moment("one of two killed", frontends, only(MODEL, one.instance_id), dead_keys=dead)
    other = "acme/split-llm"
    cluster.worker(role=Role.PREFILL, component="prefill", model=other)
    served = {MODEL: [ids(one.instance_id)], other: [ids()]}
    yield Moment("prefill only", frontends, served, dead_keys=_left(cluster, two))


def drained(cluster: Cluster) -> Moments:
    """Two workers, two frontends: one drained, both, and back; a key deleted by hand."""
    one, two = cluster.worker(), cluster.worker()
    frontends = [cluster.frontend(), cluster.frontend()]
    both = only(MODEL, one.instance_id, two.instance_id)
    first = only(MODEL, one.instance_id)
    yield Moment("healthy", frontends, both)
    acts = [dyntop.drain(two.instance_id, _env(cluster))]
    yield Moment("one of two drained", frontends, first)
    acts.append(dyntop.drain(one.instance_id, _env(cluster)))
    yield Moment("both drained", frontends, only(MODEL))
    for act in reversed(acts):
        dyntop.restore(act, _env(cluster))
    yield Moment("both restored", frontends, both)
    cluster.remove(two.instance_key)
    yield Moment("key deleted", frontends, first)
    cluster.remove(one.instance_key)
    yield Moment("both keys deleted", frontends, only(MODEL))


def killed(cluster: Cluster) -> Moments:
    """Two workers: one killed, its keys gone, the other killed too."""
    one, two = cluster.worker(), cluster.worker()
    frontends = [cluster.frontend()]
    yield Moment("healthy", frontends, only(MODEL, one.instance_id, two.instance_id))
    two.kill()
    dead = _left(cluster, two)
    first = only(MODEL, one.instance_id)
    yield Moment("one of two killed", frontends, first, dead_keys=dead)
    _wait_until_gone(cluster, two)
    # In a file store its channels and its source stay for ever.
    yield Moment("its lease over", frontends, first, dead_keys=_left(cluster, two))
    rest = _left(cluster, two)
    one.kill()
    dead = rest | _left(cluster, one)
    yield Moment("all killed", frontends, only(MODEL), dead_keys=dead)


def stopping(cluster: Cluster) -> Moments:
    """SIGTERM to a worker with a request under way, which it ends first."""
    one = cluster.worker()
    # Its tokens take their time.
    two = cluster.worker(options=["--speedup-ratio", "0.05"])
    frontend = cluster.frontend()
    both = only(MODEL, one.instance_id, two.instance_id)
    yield Moment("healthy", [frontend], both)
    streams = [
        threading.Thread(target=chat, args=(frontend.url, MODEL, "hello", 300)) for _ in range(4)
    ]
    for stream in streams:
        stream.start()
    wait_for(lambda: frontend.in_flight() == 2, "requests under way")
    two.process.terminate()
    wait_for(lambda: two.instance_key not in registered_keys(cluster.store), "the first step")
    yield Moment("stopping", [frontend], only(MODEL, one.instance_id))
    for stream in streams:
        stream.join()
    wait_for(lambda: not two.running, "the end")
    yield Moment("stopped in order", [frontend], only(MODEL, one.instance_id))


def hung(cluster: Cluster) -> Moments:
    """SIGSTOP: a worker whose lease goes on, one whose lease runs out."""
    one, two = cluster.worker(), cluster.worker()
    three = cluster.worker(env=LONG_LEASE)
    frontends = [cluster.frontend()]
    yield Moment(
        "healthy", frontends, only(MODEL, *(each.instance_id for each in (one, two, three)))
    )
    two.pause()
    left = only(MODEL, one.instance_id, three.instance_id)
    with renewed(cluster, two):
        # Nothing of it is to be removed: its lease says that it may come back.
        yield Moment("stopped, its lease renewed", frontends, left, silent_keys=_left(cluster, two))
    _wait_until_gone(cluster, two)
    yield Moment("stopped, its lease over", frontends, left, dead_keys=_left(cluster, two))
    if isinstance(cluster.store, EtcdServer):
        three.pause()
        yield Moment(
            "stopped, its lease not over",
            frontends,
            only(MODEL, one.instance_id),
            silent_keys=_left(cluster, three),
            removable_keys=_left(cluster, three),
        )
        one.kill()
        yield Moment(
            "one stopped, one killed",
            frontends,
            only(MODEL),
            dead_keys=_left(cluster, one),
            silent_keys=_left(cluster, three),
            removable_keys=_left(cluster, three),
        )


def disaggregated(cluster: Cluster) -> Moments:
    """One prefill and one decode worker: neither serves alone."""
    decode = cluster.worker(role=Role.DECODE)
    frontends = [cluster.frontend(), cluster.frontend()]
    yield Moment("decode alone", frontends, only(MODEL))
    prefill = cluster.worker(role=Role.PREFILL, component="prefill")
    both = only(MODEL, prefill.instance_id, decode.instance_id)
    yield Moment("healthy", frontends, both)
    act = dyntop.drain(prefill.instance_id, _env(cluster))
    yield Moment("prefill drained", frontends, only(MODEL))
    dyntop.restore(act, _env(cluster))
    yield Moment("prefill restored", frontends, both)
    act = dyntop.drain(decode.instance_id, _env(cluster))
    yield Moment("decode drained", frontends, only(MODEL))
    dyntop.restore(act, _env(cluster))
    decode.kill()
    dead = _left(cluster, decode)
    yield Moment("decode killed", frontends, only(MODEL), dead_keys=dead)
    _wait_until_gone(cluster, decode)
    yield Moment("prefill only", frontends, only(MODEL), dead_keys=_left(cluster, decode))


def killed_prefill(cluster: Cluster) -> Moments:
    """The prefill worker of two killed: nothing is served, and at last decode is there alone."""
    prefill = cluster.worker(role=Role.PREFILL, component="prefill")
    frontends = [cluster.frontend()]
    yield Moment("prefill alone", frontends, only(MODEL))
    decode = cluster.worker(role=Role.DECODE)
    yield Moment("healthy", frontends, only(MODEL, prefill.instance_id, decode.instance_id))
    prefill.kill()
    dead = _left(cluster, prefill)
    yield Moment("prefill killed", frontends, only(MODEL), dead_keys=dead)
    _wait_until_gone(cluster, prefill)
    yield Moment("decode only", frontends, only(MODEL), dead_keys=_left(cluster, prefill))


def two_models(cluster: Cluster) -> Moments:
    """Two models in one namespace: an outage of one is none of the other."""
    other = "acme/other-llm"
    one, two = cluster.worker(), cluster.worker(component="other", model=other)
    frontends = [cluster.frontend(), cluster.frontend()]

    def served(first: Ids, second: Ids) -> dict[str, list[Ids]]:
        return {MODEL: [first], other: [second]}

    first, second = ids(one.instance_id), ids(two.instance_id)
    yield Moment("healthy", frontends, served(first, second))
    act = dyntop.drain(two.instance_id, _env(cluster))
    yield Moment("one model drained", frontends, served(first, ids()))
    dyntop.restore(act, _env(cluster))
    one.kill()
    yield Moment(
        "the other killed", frontends, served(ids(), second), dead_keys=_left(cluster, one)
    )


def kv_routing(cluster: Cluster) -> Moments:
    """Two frontends that route by the KV cache and keep each other up to date."""
    one, two = cluster.worker(), cluster.worker()
    options = ["--router-mode", "kv", "--router-replica-sync"]
    frontends = [cluster.frontend(options=options), cluster.frontend(options=options)]
    yield Moment("healthy", frontends, only(MODEL, one.instance_id, two.instance_id))
    act = dyntop.drain(two.instance_id, _env(cluster))
    yield Moment("one of two drained", frontends, only(MODEL, one.instance_id))
    dyntop.restore(act, _env(cluster))
    two.kill()
    dead = _left(cluster, two)
    yield Moment(
        "one of two killed",
        frontends,
        only(MODEL, one.instance_id),
        dead_keys=dead,
    )


def ranks(cluster: Cluster) -> Moments:
    """A worker with two data-parallel ranks is one worker."""
    one, two = cluster.worker(ranks=2), cluster.worker(ranks=2)
    frontends = [cluster.frontend(options=["--router-mode", "kv"])]
    yield Moment("healthy", frontends, only(MODEL, one.instance_id, two.instance_id))
    act = dyntop.drain(two.instance_id, _env(cluster))
    yield Moment("one of two drained", frontends, only(MODEL, one.instance_id))
    dyntop.restore(act, _env(cluster))
    one.kill()
    dead = _left(cluster, one)
    yield Moment(
        "one of two killed",
        frontends,
        only(MODEL, two.instance_id),
        dead_keys=dead,
    )


def adapters(cluster: Cluster) -> Moments:
    """A LoRA adapter goes with its card, and with its worker."""
    adapter = "acme/SQL-Adapter_v2"
    worker = cluster.adapting_worker(adapter)
    frontends = [cluster.frontend()]
    one = ids(worker.instance_id)
    yield Moment("healthy", frontends, {MODEL: [one], adapter: [one]})
    worker.unload_lora(adapter)
    yield Moment("adapter unloaded", frontends, {MODEL: [one], adapter: [ids()]}, other_faults=True)
    worker.load_lora(adapter)
    yield Moment("adapter loaded", frontends, {MODEL: [one], adapter: [one]})
    act = dyntop.drain(worker.instance_id, _env(cluster))
    yield Moment("drained", frontends, {MODEL: [ids()], adapter: [ids()]})
    dyntop.restore(act, _env(cluster))
    yield Moment("restored", frontends, {MODEL: [one], adapter: [one]})


def conflict(first: int, second: int) -> Callable[[Cluster], Moments]:
    """Workers whose cards differ, so many of each sort: a frontend takes one sort alone."""

    def run(cluster: Cluster) -> Moments:
        running = cluster.frontend()
        ours = [cluster.worker() for _ in range(first)]
        own = ids(*(worker.instance_id for worker in ours))
        yield Moment("healthy", [running], {MODEL: [own]})
        others = [cluster.worker(options=["--block-size", "32"]) for _ in range(second)]
        fresh = cluster.frontend()
        theirs = ids(*(worker.instance_id for worker in others))
        yield Moment("cards differ", [running, fresh], {MODEL: [own, theirs]})
        for worker in ours:
            worker.stop()
        yield Moment("one sort gone", [running, fresh], {MODEL: [theirs]})

    return run


def namespaces(cluster: Cluster) -> Moments:
    """A frontend of another namespace serves nothing of this one."""
    worker = cluster.worker()
    served = only(MODEL, worker.instance_id)
    here, there = cluster.frontend(namespace="prod"), cluster.frontend(namespace="other")
    yield Moment("frontend of its namespace", [here], served, namespace="prod")
    yield Moment("frontend of another", [there], only(MODEL), namespace="other")


def firewall(cluster: Cluster) -> Moments:
    """Workers that requests reach, and dyntop from where it runs does not."""
    etcd = cluster.etcd
    assert isinstance(etcd, ReachableEtcd)
    cluster.env |= {"DYN_TCP_RPC_HOST": WORKERS, "DYN_EVENT_PLANE_HOST": WORKERS}
    one, two = cluster.worker(), cluster.worker()
    cluster.env |= {"DYN_TCP_RPC_HOST": LOOPBACK, "DYN_EVENT_PLANE_HOST": LOOPBACK}
    frontends = [cluster.frontend()]
    both = only(MODEL, one.instance_id, two.instance_id)
    yield Moment("healthy", frontends, both)
    for fault in Fault:
        yield Moment(
            f"firewall: {fault.value}",
            frontends,
            both,
            dyntop_from=partial(beside, etcd, fault),
            dyntop_env={"ETCD_ENDPOINTS": etcd.outer_endpoint},
            tolerated=frozenset({"unreachable from here"}),
        )


def etcd_away(cluster: Cluster) -> Moments:
    """etcd restarted; then away for longer than leases last, which workers do not survive."""
    one, two = cluster.worker(), cluster.worker()
    frontend = cluster.frontend()
    both = only(MODEL, one.instance_id, two.instance_id)
    yield Moment("healthy", [frontend], both)
    cluster.etcd.restart()
    yield Moment("etcd restarted", [frontend], both)
    cluster.etcd.stop()
    for process in (one, two, frontend):
        process.wait_for_end()
    cluster.etcd.start()
    # Whoever runs frontends starts them again.
    frontend.restart()
    # Their leases are at their full time again, for a while.
    yield Moment("etcd away too long", [frontend], only(MODEL), dead_keys=_left(cluster, one, two))


def nats_requests(cluster: Cluster) -> Moments:
    """Requests that go over NATS: none does while it is away, and leases go on."""
    options = ["--request-plane", "nats"]
    nats = cluster.start_nats()
    worker = cluster.worker(options=options)
    frontends = [cluster.frontend(options=options)]
    served = only(MODEL, worker.instance_id)
    yield Moment("healthy", frontends, served)
    nats.stop()
    yield Moment("NATS gone", frontends, only(MODEL))
    nats.start()
    yield Moment("NATS back", frontends, served)


def nats_events(cluster: Cluster) -> Moments:
    """Events that go over NATS: requests do not need them."""
    nats = cluster.start_nats()
    cluster.events = "nats"
    worker = cluster.worker()
    frontends = [cluster.frontend()]
    served = only(MODEL, worker.instance_id)
    yield Moment("healthy", frontends, served)
    nats.stop()
    # Nothing tells whether its publishers run, which no request needs.
    yield Moment("NATS gone", frontends, served, tolerated=frozenset({"unknown"}))


SITUATIONS = (
    Situation("drained", BOTH, drained),
    Situation("killed", BOTH, killed),
    Situation("stopping", BOTH, stopping),
    Situation("hung", BOTH, hung),
    Situation("disaggregated", BOTH, disaggregated),
    Situation("prefill killed", BOTH, killed_prefill),
    Situation("two models", BOTH, two_models),
    Situation("kv routing", ETCD, kv_routing),
    Situation("ranks", ETCD, ranks),
    Situation("adapters", BOTH, adapters),
    Situation("conflict 1:1", BOTH, conflict(1, 1)),
    Situation("conflict 1:2", ETCD, conflict(1, 2)),
    Situation("conflict 2:1", ETCD, conflict(2, 1)),
    Situation("namespaces", BOTH, namespaces),
    Situation("firewall", ETCD, firewall, ReachableEtcd, require_tools),
    Situation("etcd away", ETCD, etcd_away),
    Situation("NATS requests", ETCD, nats_requests),
    Situation("NATS events", ETCD, nats_events),
)
