"""Play a timeline: where it is shown, how fast, and what leads to the next moment.

Each module uses only modules below it in this list:

    recording_dashboard  a dashboard of a moment of a recording
    replayed_figures     the figures of that moment
    recorder_follows     whether the store was followed then
    player               plays a timeline: leads a dashboard along it
    marks                where something happened
    playhead             the position, the speed, and how far it has come
"""
