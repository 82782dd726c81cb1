"""What there may be in Kubernetes: a function for each kind, and those that are as elsewhere."""

from __future__ import annotations

from collections.abc import Callable

from msgspec.structs import replace

from backends.probe.types import ProbeAnswer
from backends.store import Mode, PodExistence, Readiness
from backends.store.owner import qualify
from tests.agreement import worlds
from tests.agreement.worlds import Made
from tests.support.owned import GONE, UNREAD


def not_ready(made: Made) -> None:
    made.whole(made.new_object(readiness=Readiness.NOT_READY), "acme/starting")


def not_ready_beside_a_ready_one(made: Made) -> None:
    made.whole(made.new_object(readiness=Readiness.NOT_READY), "acme/half-ready", "half-ready")
    made.whole(made.new_object(), "acme/half-ready", "half-ready")


def not_ready_and_dead(made: Made) -> None:
    worker = made.new_object(readiness=Readiness.NOT_READY)
    made.whole(worker, "acme/tiny-llm", answer=ProbeAnswer.REFUSED)


def crashed(made: Made) -> None:
    """Its pod's endpoint has not heard of it yet."""
    down = {"ready": False, "restarts": 4, "state": "waiting", "reason": "CrashLoopBackOff"}
    made.whole(made.new_object(container={**down, "started_at": None}), "acme/crashing")


def restarted(made: Made) -> None:
    made.whole(made.new_object(container={"restarts": 3}), "acme/tiny-llm")


def registered_by_the_process_before(made: Made) -> None:
    worker = made.new_object(container={"started_at": 500.0})
    made.whole(worker, "acme/before", answer=ProbeAnswer.REFUSED)


def in_no_slice(made: Made) -> None:
    made.whole(made.new_object(readiness=Readiness.NO_ENDPOINT), "acme/unlisted")


def discovered_by_old_releases(made: Made) -> None:
    for readiness in (one for one in Readiness if one.is_by_old_releases_only):
        made.whole(made.new_object(readiness=readiness), "acme/for-old-ones")


def in_its_container(made: Made) -> None:
    for pod, readiness in (
        ("prod-many-0", Readiness.DISCOVERABLE),
        ("prod-many-1", Readiness.NO_CONTAINER),
    ):
        worker = made.new_object(
            f"{pod}-engine-0",
            container={"name": "engine-0"},
            mode=Mode.CONTAINER,
            pod_name=pod,
            readiness=readiness,
        )
        made.whole(worker, "acme/contained", "contained")


def leftover(made: Made) -> None:
    worker = made.new_object(readiness=Readiness.NOT_READY)
    made.put(
        made.card(worker, "acme/tiny-llm"),
        made.card(worker, "acme/tiny-llm", lora="acme/sql"),
    )


def leftover_of_all(made: Made) -> None:
    ended = {"ready": False, "state": "terminated", "exit_code": 0, "started_at": None}
    worker = made.new_object(container=ended, readiness=Readiness.NOT_READY)
    made.put(made.card(worker, "acme/ended", "ended"))


def card_of_what_is_not_labelled(made: Made) -> None:
    """Its process may run all the same, so it is no leftover."""
    worker = made.new_object(readiness=Readiness.NO_LABEL, mode=Mode.CONTAINER)
    made.put(made.card(worker, "acme/unlabelled"))


def pod_gone(made: Made) -> None:
    worker = made.new_object(
        pod=None, readiness=GONE.readiness, existence=PodExistence.GONE, node=""
    )
    made.whole(worker, "acme/tiny-llm")


def pod_replaced(made: Made) -> None:
    worker = made.new_object(
        pod={"uid": "uid-new"}, existence=PodExistence.REPLACED, readiness=Readiness.OTHER_UID
    )
    made.whole(worker, "acme/replaced")


def pod_ending(made: Made) -> None:
    ending = {"deleted_at": made.world.now + 30.0}
    made.whole(made.new_object(pod=ending, readiness=Readiness.NOT_READY), "acme/ending")


def without_rights(made: Made) -> None:
    for answer in (ProbeAnswer.ANSWERS, ProbeAnswer.UNREACHED):
        worker = made.new_object(
            pod=None,
            readiness=Readiness.UNKNOWN,
            existence=PodExistence.UNKNOWN,
            node="",
            unread=UNREAD.unread,
        )
        made.whole(worker, "acme/unread", "unread", answer=answer)


def without_an_owner(made: Made) -> None:
    worker = made.new_object(
        "prod-unowned-0",
        readiness=Readiness.NO_OWNER,
        existence=PodExistence.UNKNOWN,
        pod_name="",
        pod_uid="",
    )
    made.whole(worker, "acme/unowned")


def hidden(made: Made) -> None:
    """By an entry that no client can read, in an object with others."""
    worker = made.new_object()
    made.whole(worker, "acme/hidden")
    made.put((made.instance(worker, endpoint="broken")[0], b'{"type": "Endpoint"}'))


def id_of_another(made: Made) -> None:
    """Its keys have not the id that follows from the name of their object."""
    worker = made.new_object() ^ 1
    made.put(made.instance(worker), made.card(worker, "acme/misnamed"))


def one_name_in_two_namespaces(made: Made) -> None:
    worker = made.new_object("prod-twin-0", pod_name="prod-twin-0")
    made.whole(worker, "acme/twins", "twins")
    made.owner = replace(
        made.owner, namespace="other", uid="object-other", readiness=Readiness.NOT_READY
    )
    made.put(
        *(
            (qualify(key, made.owner), value)
            for key, value in (
                made.instance(worker, "twins"),
                made.card(worker, "acme/twins", "twins"),
            )
        )
    )


# Not all that the other worlds have: of most it makes no difference what keeps it registered.
OF_OBJECTS: tuple[Callable[[Made], None], ...] = (
    worlds.healthy,
    worlds.dead_elsewhere,
    worlds.behind_a_firewall,
    worlds.silent,
    worlds.malformed_instance_of_a_card,
    worlds.cards_that_differ,
    worlds.drained,
    worlds.prefill_without_decode,
    worlds.adapters,
    worlds.frontend,
    worlds.unread_lease,
    worlds.in_another_namespace,
    not_ready,
    not_ready_beside_a_ready_one,
    not_ready_and_dead,
    crashed,
    restarted,
    registered_by_the_process_before,
    in_no_slice,
    discovered_by_old_releases,
    in_its_container,
    leftover,
    leftover_of_all,
    card_of_what_is_not_labelled,
    pod_gone,
    pod_replaced,
    pod_ending,
    without_rights,
    without_an_owner,
    hidden,
    id_of_another,
    one_name_in_two_namespaces,
)
