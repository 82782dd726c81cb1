"""What the tab Overview shows: what is wrong now, how models are served, and the last events.

Each module uses only modules below it in this list:

    contents       the lines of all parts, kept up to date, and what each stands for
    sections       the columns of each part
    rows           the rows, and how many of each part there is room for
    calm           whether nothing is wrong, as far as it is known
    model_details  which workers serve a model, on which hosts, and why others do not
    model_lines    how each model is served in each namespace
    store_lines    what is wrong with the store itself, or with frontends
    wrong_lines    the findings, one line a cause
"""
