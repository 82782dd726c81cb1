"""Evidence in few words, for a column: its sentence, with words left out. No Textual in here.

What the row shows anyway is left out (its names, its address, its worker), and what changes from
one second to the next. Untrusted text is not escaped yet.
"""

from __future__ import annotations

from collections.abc import Collection

from backends.liveness import evidence_kinds as kinds
from backends.liveness.object_sentences import not_ready_because
from backends.liveness.sentences import sentence

NO_EVIDENCE = "no evidence yet"
"""What `unknown` means by itself: worth a place only where one is free."""


def brief_evidence(values: kinds.Values, own: Collection[str] = ()) -> str:
    """Return the sentence of a piece of evidence, shortened by leaving words out. `own`: the
    addresses of the row's record."""
    match values:
        case kinds.AddressProbed() | kinds.AddressProbedFromHere():
            return _of_addresses(values, own)
        case kinds.CardsDiffer(number, sorts) if sorts:
            differs = (f"differs in {', '.join(one.differs_in)}" for one in sorts if one.differs_in)
            return ": ".join(filter(None, (f"{number:,} sorts of card", " and ".join(differs))))
    return _of_others(values).removeprefix("its ")


def _of_others(values: kinds.Values) -> str:
    match values:
        case kinds.NothingAsked():
            return NO_EVIDENCE
        case kinds.Malformed(detail):
            return detail
        case kinds.OddKey(detail):
            return f"{detail}, but its body is valid"
        case kinds.TimeRanOut():
            return "time to live has expired"
        case kinds.AddressUnusable():
            return sentence(values).partition(": no client can")[0]
        case kinds.LeaseLeft(reset_ago=float()):
            return sentence(values).rpartition(": ")[2]
        case kinds.LeaseLate():
            return sentence(values).rpartition(": the ")[2]
        case kinds.LeaseUnproved():
            return "lease left, which the store's new leader gave: no keep-alive was seen since"
        case kinds.NoLease():
            return "no lease: it will never expire"
        case kinds.FileLate():
            return "a keep-alive was missed"
        case kinds.BucketKeeps():
            return "no worker renews it: its bucket keeps it"
        case kinds.NatsNotAsked():
            return "the NATS server was not asked"
    return _of_its_worker(values)


def _of_its_worker(values: kinds.Values) -> str:
    match values:
        case kinds.WorkerGone(_, has_leases):
            return f"worker has no instance{' and no lease' if has_leases else ''}"
        case kinds.InstancesUnusable(_, instances):
            those = "instance is" if instances == 1 else "all its instances are"
            return f"{those} expired or malformed"
        case kinds.NoSource():
            return "no source names its worker"
        case kinds.Drained():
            return sentence(values).partition(": dyntop restore")[0]
        case kinds.NoInstance():
            return "no instance of it is registered"
        case kinds.InstanceDead():
            return "instance is dead"
        case kinds.InstanceAddressUnusable():
            return "instance has an address that no client can connect to"
        case kinds.NeedsNotMet(missing):
            return f"no routable {' and no routable '.join(missing)} worker"
    return _of_its_object(values)


def _of_addresses(
    values: kinds.AddressProbed | kinds.AddressProbedFromHere, own: Collection[str]
) -> str:
    asked = kinds.AddressProbed(
        values.method, values.answer, values.address, values.addresses, values.detail
    )
    text = sentence(asked).partition(f" ({values.address} and ")[0]
    if values.address in own:
        text = text.removeprefix(f"{values.address} ")
    return text if isinstance(values, kinds.AddressProbed) else f"{text}, tried from this host"


def _of_its_object(values: kinds.Values) -> str:
    match values:
        case kinds.NotReady(container=container, readiness=readiness):
            return not_ready_because(readiness, None, container)
        case kinds.TakenOut(label=label):
            return f"taken out of discovery by hand: label {label} is off"
        case kinds.PodEnding():
            return "pod is being deleted"
        case kinds.PodGone(pod=None):
            return "no pod of its name exists"
        case kinds.PodGone():
            return "pod does not exist any more"
        case kinds.PodReplaced():
            return "pod was replaced by another of that name"
        case kinds.PreviousProcess():
            return "the process before registered it"
        case kinds.LeftByShutdown():
            return "process has shut down, which leaves cards behind"
        case kinds.IdNotOfObject(_, expected, found):
            return f"key names instance {found:x}, and the id of its object is {expected:x}"
        case kinds.IdRounded(in_body=in_body):
            return f"Kubernetes rounded the id in its body to {in_body:x}"
        case kinds.HidesWorker(key=key):
            return f"no client can read {key}"
        case kinds.RightMissing():
            return sentence(values).rpartition(" is not known: ")[2]
    return sentence(values)
