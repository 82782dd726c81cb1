"""The driver of the terminal: Textual's, and what it does not see to when it is stopped."""

from __future__ import annotations

import os
import signal

from textual.drivers.linux_driver import LinuxDriver

from tui.ending import terminal_is_gone


class TerminalDriver(LinuxDriver):
    """Goes on whole after SIGSTOP too, which tells nobody.

    Textual 8.2.8 takes every SIGCONT for the end of its own suspension. After another it would
    begin a second time: with two more threads, of which both read the keys and one never ends.
    """

    def _sigcont_application(self, *signalled: object) -> None:
        if not self._must_signal_resume:
            if self._writer_thread is None or terminal_is_gone():
                return  # it has not begun, or there is nothing to begin with
            if os.tcgetpgrp(self.fileno) != os.getpgrp():
                # A shell has the terminal by now, and let this go on without it.
                os.kill(os.getpid(), signal.SIGSTOP)
                return
            # Whoever had the terminal meanwhile may have changed anything about it.
            self.suspend_application_mode()
            self._must_signal_resume = True
        super()._sigcont_application(*signalled)
