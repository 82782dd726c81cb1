"""Handlers that raise do not end the message loop that called them.

Textual 8.2.8 ends the loop of the widget whose handler raised, removes the widget, and ends the
app. If a callback that waits for the end of a message or a frame raises, the callbacks after it are
forgotten. Here each is handled on its own, and the app decides about the error. An error that it
does not survive takes Textual's own way.

And a screen that answers twice, because its keys came in one burst, closes the screen below it.
Here it answers once.
"""

from __future__ import annotations

from typing import Any, cast

from textual._callback import invoke
from textual._context import active_app
from textual.app import App
from textual.await_complete import AwaitComplete
from textual.message import Message
from textual.message_pump import MessagePump
from textual.screen import Screen

_dispatch = MessagePump._dispatch_message
_flush = MessagePump._flush_next_callbacks
_invoke_later = Screen._invoke_and_clear_callbacks
_dismiss = Screen.dismiss


class SurvivesHandlerErrors(App[None]):
    """An app that decides about errors of handlers."""

    def survives(self, error: Exception, pump: MessagePump, message: Message | None) -> bool:
        """Handle the error that a handler of `message` raised. False: the app must end.

        `message` None: a callback raised it.
        """
        raise NotImplementedError


def isolate_handler_errors() -> None:
    """Change the message loops of all apps in this process. Only loops of `SurvivesHandlerErrors`
    behave differently."""
    MessagePump._dispatch_message = _dispatch_kept  # type: ignore[method-assign]
    MessagePump._flush_next_callbacks = _flush_kept  # type: ignore[method-assign]
    Screen._invoke_and_clear_callbacks = _invoke_later_kept  # type: ignore
    Screen.dismiss = _dismiss_once  # type: ignore[method-assign]


async def _dispatch_kept(self: MessagePump, message: Message) -> None:
    try:
        await _dispatch(self, message)
    except Exception as error:
        app = active_app.get(None)
        if not isinstance(app, SurvivesHandlerErrors) or not app.survives(error, self, message):
            raise


async def _flush_kept(self: MessagePump) -> None:
    if not isinstance(active_app.get(None), SurvivesHandlerErrors):
        await _flush(self)
        return
    callbacks, self._next_callbacks[:] = self._next_callbacks[:], []
    for callback in callbacks:
        try:
            with self.prevent(*callback._prevent):
                await invoke(callback.callback)
        except Exception as error:
            self.app._handle_exception(error)


async def _invoke_later_kept(self: Screen[object]) -> None:
    app = active_app.get(None)
    if not isinstance(app, SurvivesHandlerErrors):
        await _invoke_later(self)
        return
    callbacks, self._callbacks[:] = self._callbacks[:], []
    for callback, pump in callbacks:
        try:
            with pump._context():
                await invoke(callback)
        except Exception as error:
            if not app.survives(error, pump, None):
                raise


def _dismiss_once(self: Screen[Any], result: object = None) -> AwaitComplete:
    if isinstance(active_app.get(None), SurvivesHandlerErrors) and self is not self.app.screen:
        return cast("AwaitComplete", AwaitComplete.nothing())  # type: ignore[no-untyped-call]
    return _dismiss(self, result)
