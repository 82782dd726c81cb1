"""Evidence of every kind, each with its sentence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import get_args

from backends.liveness import evidence_kinds as kinds
from backends.probe.types import ProbeAnswer, ProbeMethod
from backends.store import Readiness

PLACE = "prod/backend/generate"
OBJECT, POD = "dynamo/worker-0", "worker-0"
REFUSED = (ProbeMethod.TCP, ProbeAnswer.REFUSED, "10.0.0.1:9000", 1, "refuses connections")
MINE = kinds.CardSort(2, 2, 40.0, was_there=False, differs_in=())
OTHER = kinds.CardSort(1, 0, 180.0, was_there=True, differs_in=("context_length 1 (theirs: 2)",))
RULE = "a running frontend keeps the sort that it accepted first, a new one takes either"
COMPARED = (
    "2 workers have this one (for 40 s), 1 another (for more than 3 min), "
    "which differs in context_length 1 (theirs: 2)"
)

VALUES_OF: Mapping[kinds.EvidenceKind, type[kinds.Values]] = {
    one.kind: one for one in get_args(kinds.Values)
}
"""The type of the values of each kind."""

SENTENCES: Mapping[kinds.Values, str] = {
    kinds.NothingAsked(): "no evidence was gathered yet",
    kinds.Unread("may not be read"): "its value is not known: may not be read",
    kinds.Malformed("no JSON"): "Dynamo skips it: no JSON",
    kinds.OddKey("the key says 01"): (
        "the key says 01, but its body is valid: clients of Dynamo 1.6 go by the body"
    ),
    kinds.NamesAnother("its body names 2"): "its body names 2",
    kinds.TimeRanOut(): "its time to live has expired, but the key is still there",
    kinds.AddressUnusable("10.0.0.1:0", "has port 0"): (
        "its address 10.0.0.1:0 has port 0: no client can connect to it"
    ),
    kinds.AddressUnusable("", "is empty"): "its address is empty: no client can connect to it",
    kinds.LeaseLeft(22.0, 30.0, None): "its lease has 22 of 30 s left",
    kinds.LeaseLeft(28.0, 30.0, 2.0): (
        "its lease has 28 of 30 s left, which the store's new leader gave every lease 2 s ago: "
        "no renewal is due yet"
    ),
    kinds.LeaseLate(11.0, 30.0, None): (
        "its lease has 11 of 30 s left: the keep-alive at 15 s was missed"
    ),
    kinds.LeaseLate(28.0, 30.0, 2.0): (
        "its lease has 28 of 30 s left, which the store's new leader gave every lease 2 s ago: "
        "the keep-alive that was due before was missed"
    ),
    kinds.LeaseUnproved(100.0, 300.0, 200.0): (
        "its lease has 100 of 300 s left, which the store's new leader gave every lease "
        "3 min ago: no keep-alive was seen since"
    ),
    kinds.LeaseGone(): "its lease no longer exists",
    kinds.NoLease(): "it has no lease: it will never expire",
    kinds.RenewalAwaited(): "its next renewal will show whether its worker is alive",
    kinds.FileTouched(2.0, 10.0): "last touched 2 s ago",
    kinds.FileTouched(-1.0, 10.0): "last touched 0 s ago",
    kinds.FileTouched(-7.0, 10.0): "last touched by a clock that is 7 s ahead of this one's",
    kinds.FileLate(7.0, 10.0): "last touched 7 s ago: a keep-alive was missed",
    kinds.KeptAlive(): "it is kept alive: touched within its time to live",
    kinds.BucketKeeps(1.0, 60.0): "no worker renews it: its bucket keeps it for 1 of 60 s more",
    kinds.NotRenewed(): "no worker renews it: it proves nothing about its worker",
    kinds.Ready(OBJECT, POD, None): "the endpoint of its pod worker-0 is ready",
    kinds.Ready(OBJECT, POD, "engine-0"): "its container engine-0 is ready, in pod worker-0",
    kinds.NotReady(OBJECT, POD, None, Readiness.NOT_READY): (
        "the endpoint of its pod worker-0 is not ready: clients do not discover it"
    ),
    kinds.NotReady(OBJECT, None, None, Readiness.NO_ENDPOINT): (
        "no EndpointSlice that is labelled for discovery names its pod: clients do not discover "
        "it; its object has no owner: Kubernetes will never remove it"
    ),
    kinds.NotReady(OBJECT, POD, "engine-0", Readiness.NO_CONTAINER): (
        "its pod worker-0 has no status of container engine-0: clients do not discover it"
    ),
    kinds.NotReady(OBJECT, POD, "engine-0", Readiness.NO_LABEL): (
        "its pod worker-0 is not labelled for discovery: clients do not discover it"
    ),
    kinds.TakenOut(OBJECT, f"dynamo/{POD}", "nvidia.com/dynamo-component=backend"): (
        "taken out of discovery by hand: label nvidia.com/dynamo-component=backend of pod "
        "dynamo/worker-0 is off, `dyntop restore dynamo/worker-0` puts it back"
    ),
    kinds.NotReady(OBJECT, POD, None, Readiness.NO_UID): (
        "the ready endpoint of its pod worker-0 does not name the pod's uid: clients of 1.6 do not "
        "discover it, those of 0.8 to 1.5 do"
    ),
    kinds.ContainerDown("main", "waiting", "CrashLoopBackOff", None, 1200): (
        "its container main does not run (CrashLoopBackOff, restarts: 1,200)"
    ),
    kinds.ContainerDown("main", "terminated", None, None, 0): "its container main has ended",
    kinds.PodEnding(OBJECT, POD, None): "its pod worker-0 is being deleted",
    kinds.PodGone(OBJECT, POD, None): (
        "its pod worker-0 does not exist any more: Kubernetes removes its object dynamo/worker-0 "
        "by itself, as a rule within seconds"
    ),
    kinds.PodGone(OBJECT, None, None): (
        "no pod of its name exists, and its object dynamo/worker-0 has no owner reference: "
        "Kubernetes will never remove it"
    ),
    kinds.PodReplaced(OBJECT, POD, None): (
        "its pod worker-0 was replaced by another of that name: its object dynamo/worker-0 is the "
        "old one's, and Kubernetes removes it by itself, as a rule within seconds"
    ),
    kinds.PreviousProcess("main", 40.0, 2): (
        "the process before registered it: its container main was started 40 s after that "
        "(restarts: 2)"
    ),
    kinds.LeftByShutdown(PLACE): (
        "its process has shut down, which leaves cards behind: its object has no instance on "
        f"{PLACE}"
    ),
    kinds.IdNotOfObject(OBJECT, 0x1A, 5): (
        "its key names instance 5, and the id of its object dynamo/worker-0 is 1a: clients route "
        "to the id in the body"
    ),
    kinds.IdRounded(0xF000000000000001, 0xF000000000000000): (
        "Kubernetes rounded the id in its body to f000000000000000 (key: f000000000000001), as it "
        "does with numbers of 2^63 and more: it is not a fault of its worker"
    ),
    kinds.HidesWorker(OBJECT, "v1/mdc/x"): (
        "no client can read v1/mdc/x, which hides all of object dynamo/worker-0 from clients that "
        "start now"
    ),
    kinds.RightMissing(("list pods",)): (
        "whether clients discover it is not known: this user may not list pods"
    ),
    kinds.RightMissing(()): (
        "whether clients discover it is not known: this user may not read its pod"
    ),
    kinds.AddressProbed(*REFUSED): "10.0.0.1:9000 refuses connections",
    kinds.AddressProbed(ProbeMethod.ZMTP, ProbeAnswer.ANSWERS, "10.0.0.1:5000", 16, "greets"): (
        "each of 16 publishers greets (10.0.0.1:5000 and 15 more)"
    ),
    kinds.AddressProbedFromHere(*REFUSED, None, None, None): (
        "10.0.0.1:9000 refuses connections, tried from this host"
    ),
    kinds.AddressProbedFromHere(*REFUSED, "web-1", 4.0, None): (
        "10.0.0.1:9000 refuses connections, tried from this host web-1; "
        "its lease was renewed 4 s ago"
    ),
    kinds.AddressProbedFromHere(*REFUSED, "web-1", None, 2.0): (
        "10.0.0.1:9000 refuses connections, tried from this host web-1; it was touched 2 s ago"
    ),
    kinds.NatsNotAsked(): "the NATS server that carries it was not asked",
    kinds.WorkerGone(0x1A, has_leases=True): "its worker 1a has no instance and no lease",
    kinds.WorkerGone(0x1A, has_leases=False): "its worker 1a has no instance",
    kinds.InstancesUnusable(5, 1): "of its worker 5 its instance is expired or malformed",
    kinds.InstancesUnusable(5, 2): "of its worker 5 all its instances are expired or malformed",
    kinds.WorkerUnknown(): "its worker is unknown",
    kinds.NoSource(has_address=False): (
        "no source names its worker: it is dead once its file expires"
    ),
    kinds.NoSource(has_address=True): (
        "no source names its worker: it is dead once its file expires, or its own address fails"
    ),
    kinds.Drained("joe", "node-1", "20261121-1"): (
        "drained by joe on node-1: dyntop restore 20261121-1 puts it back"
    ),
    kinds.Drained(None, None, None): "this dyntop drained its worker",
    kinds.DrainedOrDeleted(has_leases=True): "drained or deleted, its lease is alive",
    kinds.DrainedOrDeleted(has_leases=False): (
        "drained or deleted, its other files are kept alive"
    ),
    kinds.NoInstance(PLACE): (
        f"no instance of it is registered on {PLACE}: drained, deleted, stopping, or not there yet"
    ),
    kinds.InstanceDead(None): "its instance on its endpoint is dead",
    kinds.InstanceAddressUnusable(PLACE): (
        f"its instance on {PLACE} has an address that no client can connect to"
    ),
    kinds.NeedsNotMet(("prefill", "encode"), "prod"): (
        "its model is not served: no routable prefill and no routable encode worker in prod"
    ),
    kinds.CardsDiffer(0, ()): "the cards of its worker set differ",
    kinds.CardsDiffer(2, (MINE, OTHER)): (f"2 sorts of card in its worker set: {COMPARED}; {RULE}"),
    kinds.CardsDiffer(5, (MINE, OTHER)): (
        f"5 sorts of card in its worker set: {COMPARED} and 3 more sorts; {RULE}"
    ),
}
"""At least one of each kind."""
