"""Completion at the shell: commands, options, choices, and names from the store.

`dyntop completion SHELL` prints a script of the library argcomplete. At each Tab it starts dyntop
with `_ARGCOMPLETE` in the environment; a start without it imports nothing of this package.

Each module uses only modules below it in this list:

    answering      answers the shell
    scripts        the scripts that make a shell ask
    arguments      what each argument is completed with
    record_names   the names in records
    store_names    reads the store within a moment, or gives up
    local_names    names in files of this machine
    offered_names  which names are offered
    quoting        how a shell reads a word as that one word
"""
