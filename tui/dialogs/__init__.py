"""Questions before anything is removed or restored. The default answer is no.

Besides these the help, and the choice of columns.
"""
