"""Record a discovery plane into a file, and read it again.

`lines` has the format; docs/reference/recordings.md describes it for others. To read: `frames`
unpacks one file, `frame_contents` makes steps of lines, `reader` joins the parts of a recording,
`folding` makes changes of steps, `recording_timeline` opens any moment, `moment_search` finds the
next of a kind, and `recorded_events` tells what happened and why.
"""
