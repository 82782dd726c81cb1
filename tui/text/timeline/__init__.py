"""Moments of a timeline as text. No Textual in here.

Each module uses only modules below it in this list:

    about    what a recording is of
    figure_ages  how old its figures are, and why there are none
    bar      the line with the position, the speed, and where something happened
    track    where on a line of cells something happened
    times    a time, with its date where the range is of several days
"""
