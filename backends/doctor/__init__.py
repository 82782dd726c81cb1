"""Find out, step by step, where the way to a discovery plane fails. Reads only.

    async for step in examine(Asked(connection=EtcdConnection(), query=EVERYTHING)):
        print(step.kind, step.result, step.finding)

Each module uses only modules above it in this list:

    steps        kinds, results and findings of steps, as plain values
    network      names, ports
    clocks       the difference of two clocks, by the date in an answer
    contents     what is registered: how much, where, by which releases
    contact      what is asked of any store
    etcd, folder, kubernetes, nats    each store's own way to ask that
    examination  the steps in their order, each within its time limit
"""

from backends.doctor.examination import Asked, examine
from backends.doctor.steps import Step, StepKind, StepResult

__all__ = ["Asked", "Step", "StepKind", "StepResult", "examine"]
