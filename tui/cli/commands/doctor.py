"""`dyntop doctor`: find out, step by step, where the way to a store fails. Changes nothing."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from functools import partial

from msgspec.structs import replace

from backends.doctor.examination import Asked, examine
from backends.doctor.steps import Step, StepKind, TimedOut
from backends.dynamo.queries import EVERYTHING
from tui.cli.shared.asked_frontends import asked_frontends
from tui.config.settings import Settings
from tui.runtime.standard_streams import as_written, end_at_once_on_interrupt, write_lines
from tui.session import open_discovery
from tui.text.doctor import SIGNS, exit_code, text_of
from tui.text.errors import Exit
from tui.text.json_export import as_json, json_list

KIND_WIDTH = max(len(kind.value) for kind in StepKind)


def run(settings: Settings, arguments: argparse.Namespace) -> Exit:
    """Print each step once it is done, and return the exit code of the first that failed.

    Raises `OutputFailed`, BrokenPipeError.
    """
    end_at_once_on_interrupt()
    return asyncio.run(_run(settings, arguments))


async def _run(settings: Settings, arguments: argparse.Namespace) -> Exit:
    steps: list[Step] = []
    as_table = arguments.output == "table"
    async with aclosing(_steps(settings, arguments.timeout)) as found:
        async for step in found:
            steps.append(step)
            if as_table:
                write_lines(lines_of(step))
    if not as_table:
        write_lines(json_list(map(_json, steps)))
    code = exit_code(steps)
    if settings.connection.backend == "file" and any(
        isinstance(step.finding, TimedOut) for step in steps
    ):
        # Threads wait in a file system that hangs, and Python would wait for them.
        sys.stdout.flush()
        os._exit(code)
    return code


async def _steps(settings: Settings, limit: float) -> AsyncGenerator[Step, None]:
    asked = Asked(
        connection=settings.connection,
        query=replace(EVERYTHING, namespace=settings.namespace, nested=True),
        nats=settings.nats,
        frontends=len(settings.metrics),
        ask_frontends=partial(asked_frontends, settings, time.time, longest=limit),
        read_only=settings.read_only,
        limit=limit,
    )
    if not settings.demo:
        async with aclosing(examine(asked)) as steps:
            async for step in steps:
                yield step
        return
    async with open_discovery(settings) as discovery:
        inside = replace(asked, store=discovery.store)
        async with aclosing(examine(inside)) as steps:
            async for step in steps:
                yield step


def lines_of(step: Step) -> list[str]:
    """Return a step for people: its line, and below it what to do."""
    text = text_of(step)
    sign = as_written(SIGNS[step.result], sys.stdout)
    lines = [f"{sign} {step.kind.value:{KIND_WIDTH}}  {text.detail}"]
    if text.remedy:
        lines.append(f"{' ' * (len(sign) + KIND_WIDTH + 3)}→ {text.remedy}")
    return lines


def _json(step: Step) -> str:
    text = text_of(step)
    return as_json(
        {
            "kind": step.kind.value,
            "result": step.result.value,
            "detail": text.detail,
            "remedy": text.remedy or None,
        }
    )
