"""Take a pod out of discovery by one of its labels, and put the label back.

`acts` reads and changes the pod, `selectors` reads what selects it, `choice` chooses the label and
`label_patches` makes the changes; the last two are pure.
"""

from backends.kubernetes.label_acts.acts import LabelActs

__all__ = ["LabelActs"]
