"""Show an earlier moment: the dashboard of a timeline, and the moves along it.

Each module uses only modules below it in this list:

    travel      moves a dashboard along a timeline, one move after the other
    dashboard   a dashboard of one moment: nothing comes by itself, and nothing can be changed
    past_figures  the figures of a moment of a store, of which there are none
    moves       where to
    place       the moment that is shown
    clock       the time that it is then
"""
