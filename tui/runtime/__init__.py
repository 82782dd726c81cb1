"""The process around the dashboard, and every workaround for a library with its release.

Each module uses only modules below it in this list:

    crash_report       a file about an internal error, to send
    fault_tolerance    survive internal errors
    heap               return free memory to the system
    later_imports      import modules once the dashboard is on screen
    open_files         how many files this process may open
    redact             remove secrets from texts that are kept
    standard_streams   the output and messages of commands
    terminal_encoding  the encoding of the terminal
    textual_bindings   key bindings from the table of actions
    textual_drawing    draw a screen whose message loop has stopped, and all that a widget shows
    textual_driver     the terminal driver
    textual_memory     release what Textual keeps of removed widgets
    textual_palette    the command palette, without keys that end the app
    textual_styles     style the widgets of a new screen once
    textual_theme      themes in which each text is legible
    typed_ahead        hold keys until there is a screen for them
    faults             count internal errors: the same again ends the dashboard
    logs               the log, in a file and in memory
    shutdown           end on a signal, and restore the terminal
    terminal_line      send frames as fast as the far end shows them
    textual_parser     the parser of terminal input
    textual_errors     message loops that continue after an error of a handler
    textual_timers     timers that go off once always go off
    terminal_pace      pace output by the answers of the terminal
    terminal_screen    the cells that differ from those on the terminal
"""
