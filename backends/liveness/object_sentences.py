"""The sentences for evidence of an object in Kubernetes, and of its pod. Pure.

`sentences` has the others. How clients decide was seen with releases 0.8 to 1.6.
"""

from __future__ import annotations

from typing import assert_never

from backends.liveness.evidence_kinds import of_objects as kinds
from backends.store.owner import Readiness


def of_its_object(
    values: kinds.Ready
    | kinds.NotReady
    | kinds.TakenOut
    | kinds.ContainerDown
    | kinds.PodEnding
    | kinds.PodGone
    | kinds.PodReplaced
    | kinds.PreviousProcess
    | kinds.LeftByShutdown
    | kinds.IdNotOfObject
    | kinds.IdRounded
    | kinds.HidesWorker
    | kinds.RightMissing,
) -> str:
    """Return a sentence without its full stop; may hold untrusted text."""
    match values:
        case kinds.Ready(container=None):
            return f"the endpoint of its {_pod(values.pod)} is ready"
        case kinds.Ready(pod=pod, container=container):
            return f"its container {container} is ready, in {_pod(pod)}"
        case kinds.NotReady():
            return _not_ready(values)
        case kinds.TakenOut(pod=pod, label=label):
            return (
                f"taken out of discovery by hand: label {label} of pod {pod} is off, "
                f"`dyntop restore {pod}` puts it back"
            )
        case kinds.ContainerDown():
            return _container_down(values)
        case kinds.PodEnding(pod=pod):
            return f"its {_pod(pod)} is being deleted"
        case kinds.PodGone(object=name, pod=None):
            return (
                f"no pod of its name exists, and its object {name} has no owner reference: "
                "Kubernetes will never remove it"
            )
        case kinds.PodGone(object=name, pod=pod):
            return (
                f"its {_pod(pod)} does not exist any more: Kubernetes removes its object {name} "
                "by itself, as a rule within seconds"
            )
        case kinds.PodReplaced(object=name, pod=pod):
            return (
                f"its {_pod(pod)} was replaced by another of that name: its object {name} is the "
                "old one's, and Kubernetes removes it by itself, as a rule within seconds"
            )
        case kinds.PreviousProcess(container, started_after, restarts):
            return (
                f"the process before registered it: its container {container} was started "
                f"{_duration(started_after)} after that (restarts: {restarts:,})"
            )
        case kinds.LeftByShutdown(endpoint):
            return (
                f"its process has shut down, which leaves cards behind: its object has no instance "
                f"on {endpoint or 'its endpoint'}"
            )
        case kinds.IdNotOfObject(name, expected, found):
            return (
                f"its key names instance {found:x}, and the id of its object {name} is "
                f"{expected:x}: clients route to the id in the body"
            )
        case kinds.IdRounded(in_key, in_body):
            return (
                f"Kubernetes rounded the id in its body to {in_body:x} (key: {in_key:x}), as it "
                "does with numbers of 2^63 and more: it is not a fault of its worker"
            )
        case kinds.HidesWorker(name, key):
            return (
                f"no client can read {key}, which hides all of object {name} from clients that "
                "start now"
            )
        case kinds.RightMissing(rights):
            missing = " and ".join(rights) or "read its pod"
            return f"whether clients discover it is not known: this user may not {missing}"
    assert_never(values)


def not_ready_because(readiness: Readiness, pod: str | None, container: str | None) -> str:
    """Return what prevents that clients discover a process, as a clause."""
    name, named = _pod(pod), container or "its process"
    match readiness:
        case Readiness.DISCOVERABLE:
            return f"the endpoint of its {name} is ready"
        case Readiness.UNKNOWN:
            return "whether clients discover it is not known"
        case Readiness.NOT_READY if container is None:
            return f"the endpoint of its {name} is not ready"
        case Readiness.NOT_READY:
            return f"its container {container} is not ready, in {name}"
        case Readiness.NO_ENDPOINT:
            return f"no EndpointSlice that is labelled for discovery names its {name}"
        case Readiness.READY_ABSENT:
            return (
                f"the endpoint of its {name} has no `ready` condition, which Dynamo takes for not "
                "ready"
            )
        case Readiness.NO_CONTAINER:
            return f"its {name} has no status of container {named}"
        case Readiness.NO_LABEL:
            return f"its {name} is not labelled for discovery"
        case Readiness.TAKEN_OUT:
            return f"a label of its {name} was taken off by hand"
        case Readiness.NO_POD:
            return f"its {name} does not exist"
        case Readiness.OTHER_UID:
            return f"the ready endpoint is that of another pod with the name of its {name}"
        case Readiness.NO_UID:
            return f"the ready endpoint of its {name} does not name the pod's uid"
        case Readiness.NO_OWNER:
            return "its object has no owner reference"
        case Readiness.TWO_UIDS:
            return f"ready endpoints name two pods with the name of its {name}"
    assert_never(readiness)


def who_discovers(readiness: Readiness) -> str:
    """Return which releases do not discover a process, as a clause."""
    if readiness.is_by_old_releases_only:
        return "clients of 1.6 do not discover it, those of 0.8 to 1.5 do"
    return "clients do not discover it"


def _not_ready(values: kinds.NotReady) -> str:
    because = not_ready_because(values.readiness, values.pod, values.container)
    sentence = f"{because}: {who_discovers(values.readiness)}"
    if values.pod is None:
        owner = "" if values.readiness is Readiness.NO_OWNER else "its object has no owner: "
        return f"{sentence}; {owner}Kubernetes will never remove it"
    return sentence


def _container_down(values: kinds.ContainerDown) -> str:
    has = "has ended" if values.state == "terminated" else "does not run"
    parts = [
        values.reason,
        None if values.exit_code is None else f"exit code {values.exit_code}",
        f"restarts: {values.restarts:,}" if values.restarts else None,
    ]
    known = ", ".join(one for one in parts if one)
    return f"its container {values.container} {has}" + (f" ({known})" if known else "")


def _pod(name: str | None) -> str:
    return f"pod {name}" if name else "pod"


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
