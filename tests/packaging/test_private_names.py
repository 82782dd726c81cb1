"""Private names of libraries that dyntop uses: a release that takes one away fails here first."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from types import ModuleType

import pytest
import textual
from argcomplete.finders import CompletionFinder
from argcomplete.packages._argparse import IntrospectiveArgumentParser
from textual import _context, _time
from textual._callback import invoke
from textual._parser import Parser
from textual._xterm_parser import XTermParser
from textual.app import App
from textual.command import CommandPalette
from textual.drivers.linux_driver import LinuxDriver
from textual.message_pump import MessagePump
from textual.screen import Screen
from textual.timer import Timer
from textual.widget import Widget
from textual.widgets import OptionList

NAMES: list[tuple[type | ModuleType, list[str]]] = [
    (MessagePump, ["_dispatch_message", "_flush_next_callbacks", "_on_message", "_context"]),
    (Screen, ["_invoke_and_clear_callbacks", "_get_breakpoint_classes", "dismiss"]),
    (App, ["_handle_exception", "_fatal_error", "_display", "_prune", "_load_screen_css"]),
    (App, ["_close_messages_no_wait"]),
    (CommandPalette, ["_action_command_list", "_action_escape"]),
    (LinuxDriver, ["_sigcont_application", "run_input_thread", "disable_input"]),
    (XTermParser, ["feed", "tick", "parse", "parse_mouse_code", "_parse_extended_key"]),
    (_context, ["active_app", "active_message_pump"]),
    (_time, ["get_time"]),
    (CompletionFinder, ["_init_debug_stream"]),
]
ATTRIBUTES: list[tuple[type, list[str]]] = [
    (MessagePump, ["_next_callbacks", "_running"]),
    (Screen, ["_callbacks"]),
    (App, ["_batch_count", "_exit", "_notifications", "_driver"]),
    (OptionList, ["_index_to_line"]),
    (Parser, ["_tokens", "_gen", "_awaiting", "_timeout_time"]),
    (LinuxDriver, ["_writer_thread", "_must_signal_resume"]),
    (Timer, ["_repeat", "_skip"]),
    (Widget, ["_layout_required", "_layout_updates"]),
    (IntrospectiveArgumentParser, ["active_actions"]),
    (CompletionFinder, ["_display_completions", "append_space"]),
]
"""Those that objects have, as their classes' code names them."""


@pytest.mark.parametrize(("owner", "names"), NAMES)
def test_what_is_called_or_replaced_is_there(owner: type | ModuleType, names: list[str]) -> None:
    assert [name for name in names if not hasattr(owner, name)] == []


@pytest.mark.parametrize(("owner", "names"), ATTRIBUTES)
def test_what_is_read_is_there(owner: type, names: list[str]) -> None:
    source = inspect.getsource(owner)
    assert [name for name in names if f"self.{name}" not in source] == []


def test_what_calls_back_is_a_coroutine() -> None:
    assert inspect.iscoroutinefunction(invoke)
    assert inspect.iscoroutinefunction(MessagePump._dispatch_message)
    assert inspect.iscoroutinefunction(MessagePump._flush_next_callbacks)
    assert inspect.iscoroutinefunction(Screen._invoke_and_clear_callbacks)


def test_only_the_minor_release_that_was_read_is_installed() -> None:
    project = (Path(__file__).parents[2] / "pyproject.toml").read_text()
    assert re.search(r'"textual>=8\.2,<8\.3"', project)
    assert textual.__version__.startswith("8.2.")
