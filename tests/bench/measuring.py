"""Measuring CPU and wall seconds, and lines of the report."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Cost:
    """What one call takes, in seconds: of this process's CPU, and by the wall clock."""

    cpu: float
    wall: float


def cost(action: Callable[[], object], *, runs: int = 40) -> Cost:
    """The fastest of many calls of ``action``, after two to warm up: what it takes when nothing else disturbs it."""
    (spent,) = costs(action, runs=runs)
    return spent


def costs(*actions: Callable[[], object], runs: int, before: Callable[[], object] | None = None) -> list[Cost]:
    """The same for several that are held against each other, called in turn; ``before`` is done before each call."""
    cpu: list[list[int]] = [[] for _ in actions]
    wall: list[list[int]] = [[] for _ in actions]
    for _ in range(runs + 2):
        for number, action in enumerate(actions):
            if before is not None:
                before()
            began, started = time.process_time_ns(), time.perf_counter_ns()
            action()
            cpu[number].append(time.process_time_ns() - began)
            wall[number].append(time.perf_counter_ns() - started)
    return [Cost(min(spent[2:]) / 1e9, min(took[2:]) / 1e9) for spent, took in zip(cpu, wall, strict=True)]


def heading(text: str) -> None:
    """The heading of a part of the report."""
    print(f"\n{text}\n{'-' * len(text)}", flush=True)


def ratio(name: str, spent: Cost, floor: Cost, aim: str = "") -> None:
    """A line whose first figure is how many times the floor's CPU something takes."""
    figures = f"{spent.cpu * 1000:8.2f} ms CPU {spent.wall * 1000:8.2f} ms wall"
    print(f"{spent.cpu / floor.cpu:7.1f} x  {name:<46} {figures}   {aim}".rstrip(), flush=True)


def rate(name: str, rows: int, cpu: float, wall: float, aim: str = "") -> None:
    """A line whose first figure is rows per second of CPU."""
    print(f"{rows / cpu:9,.0f}  {name:<46} {rows / wall:9,.0f} rows/s wall   {aim}".rstrip(), flush=True)


def seconds(action: Callable[[], object]) -> tuple[float, float]:
    """CPU and wall seconds of one call of ``action``."""
    wall, cpu = time.perf_counter(), time.process_time()
    action()
    return time.process_time() - cpu, time.perf_counter() - wall
