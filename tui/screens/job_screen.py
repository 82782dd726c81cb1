"""A screen that runs background jobs and opens dialogs."""

from __future__ import annotations

from collections.abc import Mapping

from textual.message import Message
from textual.screen import Screen, ScreenResultCallbackType, ScreenResultType
from textual.worker import Worker, WorkerState

from tui.runtime.textual_styles import StyledOnce
from tui.state.observer import Job
from tui.state.reported_removals import Notice


class JobScreen(StyledOnce, Screen[None]):
    """Runs background jobs while it is open. Implements `ActionHost`, which actions need."""

    class Failed(Message):
        """A background job failed with an internal error; the rest goes on."""

        def __init__(self, error: Exception, *, starts_again: bool = False) -> None:
            """`starts_again`: whether the job starts again by itself."""
            super().__init__()
            self.error = error
            self.starts_again = starts_again

    def __init__(self, jobs: Mapping[str, Job], restarting: float) -> None:
        """`jobs`: run for as long as the screen is open, by name. `restarting`: seconds after which
        one that failed starts again."""
        super().__init__()
        self._restarting = restarting
        self._jobs = jobs

    @property
    def is_current(self) -> bool:
        """Return whether the screen is visible: on top, or below a see-through one.

        Textual 8.2.8 takes the screen below any other for visible, and draws the upper one whole
        for each change of the lower."""
        top = self.app.screen
        return super().is_current and (top is self or top.styles.background.a < 1)

    @property
    def is_covered(self) -> bool:
        """Return whether another screen lies over this one."""
        return self.app.screen is not self

    def begin_jobs(self) -> None:
        """Start all background jobs."""
        for name, job in self._jobs.items():
            self.begin(name, job)

    def begin(self, name: str, job: Job) -> None:
        """Start a job that ends with the screen, and report its error."""

        async def work() -> None:
            await job()

        _: Worker[None] = self.run_worker(work, group=name, exit_on_error=False)

    def is_at_work(self, name: str) -> bool:
        """Return whether a job of that name is running."""
        return any(one.group == name and not one.is_finished for one in self.workers)

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """Report a job that failed, and start it again: that is a defect of dyntop."""
        error, name = event.worker.error, event.worker.group
        if event.state is WorkerState.ERROR and isinstance(error, Exception):
            self.app.post_message(self.Failed(error))
            if (job := self._jobs.get(name)) is not None:
                self.set_timer(self._restarting, lambda: self.begin(name, job))

    def ask(
        self,
        question: Screen[ScreenResultType],
        answered: ScreenResultCallbackType[ScreenResultType] | None = None,
    ) -> None:
        """Lay a dialog over the screen."""
        self.app.push_screen(question, answered)

    def show_notice(self, notice: Notice) -> None:
        """Show a notice, and its report if it has one."""
        self.notify(notice.text, severity=notice.severity, markup=False)
        if notice.report is not None:
            from tui.dialogs.outcomes import OutcomesScreen  # the first paint need not wait for it

            self.app.push_screen(OutcomesScreen(notice.report))

    def copy(self, text: str) -> None:
        """Put a text into the terminal's clipboard."""
        self.app.copy_to_clipboard(text)
