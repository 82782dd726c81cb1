"""Charts as lines of text. No Textual in here.

Each module uses only modules below it in this list:

    chart_page   panels beside and below each other, as many to a page as fit
    chart_panel  one panel: title, curves, axes, and where the errors are
    curves       curves as braille
    axes         where ticks are, and how high a chart is
    chart_line   lines of pieces with tones
"""
