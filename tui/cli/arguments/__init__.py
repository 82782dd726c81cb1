"""The words of the command line.

`commands` has the parser of all of it, `looking` and `changing` what each command takes, `compared`
the words of `diff`, `flags` what several take, `values` and `bounds` how a word becomes a value,
and `parser` what argparse does not do.
"""
