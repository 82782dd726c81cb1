"""Worlds that hold every state that a record, worker or model can be in, made from a seed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from msgspec.structs import replace

from backends.dynamo.object_ids import instance_id_of
from backends.dynamo.registration import EventChannelSpec, EventSourceSpec, ModelSpec
from backends.probe.types import NATS_SERVER, ProbeAnswer, ProbeResult, ProbeTarget
from tests.support.operating import World
from tests.support.owned import CONTAINER, POD_STATE, READY
from tests.support.registered import MALFORMED, UNKNOWN, KeyAndValue, instance

SAME: Mapping[str, Any] = {}


class Answers:
    """What listens at the addresses of a world; keeps the `Probes` protocol."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.said: dict[str, tuple[ProbeAnswer, str, bool]] = {}
        """By address: the answer, what was seen, and whether the address is this host's own."""
        self._clock = clock

    def want(self, targets: Collection[ProbeTarget]) -> None:
        """By itself nothing is probed."""

    async def run(self, told: Callable[[list[ProbeResult]], None]) -> None:
        """By itself nothing is probed."""

    async def once(
        self, targets: Collection[ProbeTarget], *, deep: bool = False
    ) -> list[ProbeResult]:
        at = self._clock()
        return [
            ProbeResult(target, answer, at, text, deep, local)
            for target in targets
            if (said := self.said.get(target.address)) is not None
            for answer, text, local in [said]
        ]

    async def aclose(self) -> None:
        """There is nothing to end."""


@dataclass
class Made:
    """A world while it is made, and what listens in it."""

    world: World = field(default_factory=World)
    kinds: list[str] = field(default_factory=list)
    """What is in it, by the names of the functions that put it there."""
    namespace: str = "prod"

    def __post_init__(self) -> None:
        self.answers = Answers(lambda: self.world.now)
        self._last = 0xA000
        self._ports: dict[int, int] = {}
        self.owner = READY
        """Of what is put, where there are objects: that of the process that was made last."""

    def new_id(self) -> int:
        """A process of whose object, where there are objects, nothing is out of order."""
        if self.world.objects:
            return self.new_object()
        self._last += 0x11
        return self._last

    def new_object(
        self,
        name: str = "",
        *,
        pod: Mapping[str, Any] | None = SAME,
        container: Mapping[str, Any] = SAME,
        **changes: Any,
    ) -> int:
        """A process in Kubernetes, ready but for `changes` to its owner, its pod (None: it cannot
        be seen) and its container. `name`: of its object; empty: that of its pod."""
        self._last += 0x11
        called = changes.get("pod_name", f"prod-worker-{self._last:x}")
        uid = f"uid-{self._last:x}"
        state = None
        if pod is not None:
            runs = replace(CONTAINER, **container)
            state = replace(POD_STATE, **{"name": called, "uid": uid, "container": runs, **pod})
        known = {"name": name or called, "pod_name": called, "pod_uid": uid, "pod": state}
        self.owner = replace(READY, uid=f"object-{self._last:x}", **(known | changes))
        return instance_id_of(self.owner.name)

    # --- parts of workers ---------------------------------------------------------------------

    def put(self, *registered: KeyAndValue, lease: int | None = None, ago: float = 4.0) -> None:
        """`ago`: seconds since the lease was renewed. Where there are no leases, without one."""
        if not self.world.leases:
            lease = None
        if lease is not None:
            self.world.renewed(lease, ago)
        owner = self.owner if self.world.objects else None
        for key, value in registered:
            self.world.keyspace.put(key, value, lease, owner)

    def port(self, number: int) -> int:
        """One for each id."""
        return self._ports.setdefault(number, 9000 + len(self._ports))

    def address(self, worker: int, answer: ProbeAnswer, *, here: bool = False) -> str:
        """An address at which that comes of a probe; another for each worker."""
        host = "127.0.0.1" if here else "10.0.0.9"
        address = f"{host}:{self.port(worker)}"
        self.answers.said[address] = (answer, _SEEN[answer], here)
        return address

    def instance(
        self,
        worker: int,
        component: str = "backend",
        endpoint: str = "generate",
        *,
        answer: ProbeAnswer = ProbeAnswer.ANSWERS,
        here: bool = False,
    ) -> KeyAndValue:
        address = self.address(worker, answer, here=here)
        return instance(worker, self.namespace, component, endpoint, address)

    def card(
        self,
        worker: int,
        model: str,
        component: str = "backend",
        *,
        lora: str | None = None,
        **about: Any,
    ) -> KeyAndValue:
        whole = {"display_name": model, "source_path": model, **about}
        spec = ModelSpec(
            namespace=self.namespace,
            component=component,
            endpoint="generate",
            card=whole,
            lora=lora,
        )
        return spec.entry(worker)

    def channel(
        self, publisher: int, topic: str = "kv-events", *, answer: ProbeAnswer = ProbeAnswer.ANSWERS
    ) -> KeyAndValue:
        address = f"10.0.1.1:{self.port(publisher)}"
        self.answers.said[address] = (answer, _SEEN[answer], False)
        spec = EventChannelSpec(
            namespace=self.namespace,
            component="backend",
            topic=topic,
            transport="Zmq",
            config={"endpoint": f"tcp://{address}"},
        )
        return spec.entry(publisher)

    def source(self, publisher: int, worker: int, topic: str = "kv-events") -> KeyAndValue:
        spec = EventSourceSpec(
            namespace=self.namespace,
            component="backend",
            topic=topic,
            metadata={"worker": {"worker_id": worker, "dp_rank": 0}},
        )
        return spec.entry(publisher)

    def whole(
        self,
        worker: int,
        model: str,
        component: str = "backend",
        *,
        ago: float = 4.0,
        answer: ProbeAnswer = ProbeAnswer.ANSWERS,
        here: bool = False,
        **about: Any,
    ) -> None:
        """All that a worker of release 1.6 registers."""
        self.put(
            self.instance(worker, component, answer=answer, here=here),
            self.instance(
                worker, component, f"worker_kv_query_source_{worker:x}", answer=answer, here=here
            ),
            self.card(worker, model, component, **about),
            self.channel(worker // 2, answer=answer),
            self.source(worker // 2, worker),
            lease=worker,
            ago=ago,
        )


_SEEN = {
    ProbeAnswer.ANSWERS: "answers",
    ProbeAnswer.ACCEPTS: "accepts connections",
    ProbeAnswer.REFUSED: "refuses connections",
    ProbeAnswer.UNREACHED: "cannot be reached: no route to host",
    ProbeAnswer.SILENT: "accepts connections and is silent",
}


def healthy(made: Made) -> None:
    for _ in range(2):
        made.whole(made.new_id(), "acme/tiny-llm")


def late(made: Made) -> None:
    made.whole(made.new_id(), "acme/tiny-llm", ago=45.0)


def dead_on_this_host(made: Made) -> None:
    made.whole(made.new_id(), "acme/dead-here", answer=ProbeAnswer.REFUSED, here=True)


def dead_elsewhere(made: Made) -> None:
    made.whole(made.new_id(), "acme/tiny-llm", answer=ProbeAnswer.REFUSED, ago=45.0)


def behind_a_firewall(made: Made) -> None:
    made.whole(made.new_id(), "acme/walled", answer=ProbeAnswer.UNREACHED)


def silent(made: Made) -> None:
    made.whole(made.new_id(), "acme/hung", answer=ProbeAnswer.SILENT)


def unleased(made: Made) -> None:
    worker = made.new_id()
    made.put(made.instance(worker), made.card(worker, "acme/by-hand"))


def unleased_and_dead(made: Made) -> None:
    worker = made.new_id()
    made.put(
        made.instance(worker, answer=ProbeAnswer.REFUSED, here=True),
        made.card(worker, "acme/by-hand"),
    )


def orphaned(made: Made) -> None:
    worker = made.new_id()
    made.put(
        made.card(worker, "acme/tiny-llm"),
        made.channel(worker // 2),
        made.source(worker // 2, worker),
    )


def malformed(made: Made) -> None:
    worker = made.new_id()
    made.put(MALFORMED, (made.card(worker, "acme/cut-off")[0], b'{"type": "Model", "na'))


def malformed_instance_of_a_card(made: Made) -> None:
    worker = made.new_id()
    made.put(
        (made.instance(worker)[0], b"not JSON"),
        made.card(worker, "acme/halved"),
    )


def malformed_instance_on_a_lease(made: Made) -> None:
    worker = made.new_id()
    made.put(
        (made.instance(worker)[0], b"not JSON"), made.card(worker, "acme/halved"), lease=worker
    )


def names_another(made: Made) -> None:
    worker = made.new_id()
    made.put((made.instance(worker)[0], made.instance(worker + 1)[1]), lease=worker)


def cards_that_differ(made: Made) -> None:
    for context in (1024, 1024, 2048):
        made.whole(made.new_id(), "acme/two-sorts", "sorted", context_length=context)


def cards_that_differ_one_to_one(made: Made) -> None:
    for context in (1024, 2048):
        made.whole(made.new_id(), "acme/tie", "tied", context_length=context)


def one_sort_is_drained(made: Made) -> None:
    made.whole(made.new_id(), "acme/half-drained", "half", context_length=1024)
    worker = made.new_id()
    made.put(
        made.card(worker, "acme/half-drained", "half", context_length=2048),
        lease=worker,
    )


def drained(made: Made) -> None:
    worker = made.new_id()
    made.put(
        made.card(worker, "acme/tiny-llm"),
        made.channel(worker // 2),
        made.source(worker // 2, worker),
        lease=worker,
    )


def drained_all(made: Made) -> None:
    worker = made.new_id()
    made.put(
        made.card(worker, "acme/emptied", lora="Sql_v2"),
        made.card(worker, "acme/emptied"),
        lease=worker,
    )


def prefill_without_decode(made: Made) -> None:
    about: dict[str, Any] = {"worker_type": "prefill", "needs": [["decode"]]}
    made.whole(made.new_id(), "acme/halves", "prefill", **about)


def prefill_and_decode(made: Made) -> None:
    made.whole(made.new_id(), "acme/pair", "prefill", worker_type="prefill", needs=[["decode"]])
    made.whole(made.new_id(), "acme/pair", "decode", worker_type="decode", needs=[["prefill"]])


def prefill_with_a_dead_decode(made: Made) -> None:
    """Only a probe shows that there is no decode worker."""
    made.whole(made.new_id(), "acme/bereft", "prefill", worker_type="prefill", needs=[["decode"]])
    made.whole(
        made.new_id(),
        "acme/bereft",
        "decode",
        answer=ProbeAnswer.REFUSED,
        here=True,
        worker_type="decode",
        needs=[["prefill"]],
    )


def cards_that_differed(made: Made) -> None:
    """Only a probe shows that one sort's worker is dead, and so no party to a conflict."""
    made.whole(made.new_id(), "acme/settled", "settled", context_length=1024)
    made.whole(
        made.new_id(),
        "acme/settled",
        "settled",
        answer=ProbeAnswer.REFUSED,
        here=True,
        context_length=2048,
    )


def old_prefill_alone(made: Made) -> None:
    made.whole(made.new_id(), "acme/old-halves", "old", model_type="Prefill")


def adapters(made: Made) -> None:
    for number in range(2):
        worker = made.new_id()
        made.whole(worker, "acme/adapted", "adapted")
        if not number:
            made.put(made.card(worker, "acme/adapted", "adapted", lora="Acme/SQL v3"), lease=worker)


def adapter_without_a_base(made: Made) -> None:
    worker = made.new_id()
    made.put(
        made.instance(worker, "loose"),
        made.card(worker, "acme/loose-base", "loose", lora="loose"),
        lease=worker,
    )


def another_endpoint_alone(made: Made) -> None:
    """Of a worker whose endpoint of the card was removed, one is left."""
    worker = made.new_id()
    made.put(
        made.instance(worker, endpoint="clear_kv_blocks"),
        made.card(worker, "acme/other-endpoint"),
        lease=worker,
    )


def internal_endpoint_alone(made: Made) -> None:
    worker = made.new_id()
    made.put(
        made.instance(worker, "ranked"), made.card(worker, "acme/ranked", "ranked"), lease=worker
    )
    broken = made.instance(worker, "ranked", "worker_kv_query_source_1")
    made.put((broken[0], b"{"), lease=worker)


def frontend(made: Made) -> None:
    lease = made.new_id()
    made.put(made.channel(lease // 2, "active_sequences_events"), lease=lease)


def router(made: Made) -> None:
    worker = made.new_id()
    made.put(made.instance(worker, "router", "best_worker_id"), lease=worker)


def old_frontend(made: Made) -> None:
    worker = made.new_id()
    made.put(made.instance(worker, "frontend", "router-discovery"), lease=worker)


def lease_of_another_id(made: Made) -> None:
    worker = made.new_id()
    made.put(
        made.instance(worker), made.card(worker, "acme/foreign"), lease=made.new_id() + 0x100000
    )


def several_ids_on_one_lease(made: Made) -> None:
    one, other, lease = made.new_id(), made.new_id(), made.new_id() + 0x200000
    made.put(
        made.instance(one),
        made.instance(other),
        made.card(one, "acme/foreign"),
        made.card(other, "acme/foreign"),
        lease=lease,
    )


def source_that_says_nothing(made: Made) -> None:
    worker = made.new_id()
    made.put(
        made.instance(worker),
        made.channel(worker // 2),
        made.source(worker // 2, 0),
        lease=worker,
    )


def source_without_a_channel(made: Made) -> None:
    worker = made.new_id()
    made.put(made.source(worker // 2, 0))


def expired(made: Made) -> None:
    """As a file that nobody touches any more."""
    worker = made.new_id()
    registered = (made.instance(worker), made.card(worker, "acme/expired"))
    made.put(*registered)
    for key, _ in registered:
        made.world.keyspace.expire(key, made.world.now - 100.0)


def unread_lease(made: Made) -> None:
    """Over a NATS that nobody can reach, of which nothing is known."""
    spec = EventChannelSpec(
        namespace=made.namespace,
        component="backend",
        topic="kv-events",
        transport="Nats",
        config={"subject_prefix": "kv"},
    )
    worker = made.new_id()
    made.answers.said[NATS_SERVER.address] = (ProbeAnswer.AWAY, "cannot be reached", False)
    made.put(made.instance(worker, "by_nats"), spec.entry(worker // 2), lease=worker)


def unknown_key(made: Made) -> None:
    made.put(UNKNOWN)


def in_another_namespace(made: Made) -> None:
    made.namespace = "staging"
    made.whole(made.new_id(), "acme/tiny-llm")
    worker = made.new_id()
    made.put(made.card(worker, "acme/tiny-llm"), lease=worker)
    made.namespace = "prod"


KINDS: tuple[Callable[[Made], None], ...] = (
    healthy,
    late,
    dead_on_this_host,
    dead_elsewhere,
    behind_a_firewall,
    silent,
    unleased,
    unleased_and_dead,
    orphaned,
    malformed,
    malformed_instance_of_a_card,
    malformed_instance_on_a_lease,
    names_another,
    cards_that_differ,
    cards_that_differ_one_to_one,
    one_sort_is_drained,
    drained,
    drained_all,
    prefill_without_decode,
    prefill_and_decode,
    prefill_with_a_dead_decode,
    cards_that_differed,
    old_prefill_alone,
    adapters,
    adapter_without_a_base,
    another_endpoint_alone,
    internal_endpoint_alone,
    frontend,
    router,
    old_frontend,
    lease_of_another_id,
    several_ids_on_one_lease,
    source_that_says_nothing,
    source_without_a_channel,
    expired,
    unread_lease,
    unknown_key,
    in_another_namespace,
)
