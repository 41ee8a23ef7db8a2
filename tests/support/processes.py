"""Other processes on a town, each of which begins where Townhall is imported already.

To begin with an empty interpreter costs a second each time, and most of it goes into imports that are the same for all.
So one process imports them once for a run and is copied from then on. A copy is a process like any other: it has its
own memory and its own connections, it can be killed, and nothing of the tests or of their towns is in it.
"""

from __future__ import annotations

import atexit
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import traceback
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from importlib import import_module
from types import ModuleType
from typing import IO

#: What is there when a process begins; what these import comes with them.
IMPORTED = ("townhall.app", "townhall.cli", "townhall.jobs.scheduler")


class Process:
    """A process that runs, with as much of :class:`subprocess.Popen` as tests need."""

    def __init__(self, code: str, arguments: tuple[str, ...], environ: Mapping[str, str]) -> None:
        stdin, write = os.pipe()
        read, stdout = os.pipe()
        self._status, status = os.pipe()
        self.stdin: IO[str] = os.fdopen(write, "w", encoding="utf-8")
        self.stdout: IO[str] = os.fdopen(read, encoding="utf-8")
        self.stderr: IO[str] = tempfile.TemporaryFile("w+", encoding="utf-8")  # noqa: SIM115
        self.returncode: int | None = None
        first = _first()
        told = {"code": code, "arguments": arguments, "environ": dict(environ)}
        socket.send_fds(first, [b"*"], [stdin, stdout, self.stderr.fileno(), status])
        first.sendall(json.dumps(told).encode() + b"\n")
        for each in (stdin, stdout, status):
            os.close(each)
        self.pid = int.from_bytes(first.recv(4), "big")

    def kill(self) -> None:
        """Kill -9."""
        if self.returncode is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)

    def wait(self, timeout: float | None = None) -> int:
        """Its exit code once it is over, below zero if a signal ended it.

        Raises :class:`TimeoutError` when it goes on for longer than ``timeout`` seconds.
        """
        if self.returncode is None:
            if not select.select([self._status], [], [], timeout)[0]:
                raise TimeoutError(f"process {self.pid} goes on after {timeout} seconds")
            self.returncode = int(os.read(self._status, 20))
            os.close(self._status)
        return self.returncode

    def communicate(self, input: str = "", timeout: float | None = None) -> tuple[str, str]:
        """Say something and nothing more, and wait; what it said since, and its errors."""
        with suppress(BrokenPipeError, ValueError):  # it is over, or nothing more can be said to it
            self.stdin.write(input)
            self.stdin.close()
        said = self.stdout.read()
        self.wait(timeout)
        self.stdout.close()
        with self.stderr as errors:
            errors.seek(0)
            return said, errors.read()


def begin(code: str, *arguments: str, environ: Mapping[str, str] | None = None) -> Process | subprocess.Popen[str]:
    """Run code in another process; ``environ`` is added to the environment."""
    around = {**os.environ, **(environ or {})}
    if hasattr(os, "fork"):
        return Process(code, arguments, around)
    pipe = subprocess.PIPE
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.Popen(
        command, stdin=pipe, stdout=pipe, stderr=pipe, text=True, encoding="utf-8", env=around
    )  # nothing can be copied on this system


@cache
def _first() -> socket.socket:
    """The process that is copied, by the socket on which it is asked to."""
    ours, theirs = socket.socketpair()
    with theirs:
        command = [sys.executable, "-P", __file__, str(theirs.fileno())]
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, pass_fds=[theirs.fileno()])

    def end() -> None:
        ours.close()
        process.wait()

    atexit.register(end)
    return ours


# -- in the process that is copied --------------------------------------------------------------------------------


def _copy_on_demand(asked: socket.socket) -> None:
    """Begin a copy for each request, and tell what became of it, until nobody can ask any more."""
    for name in IMPORTED:
        import_module(name)
    running: dict[int, int] = {}
    heard, over = socket.socketpair()
    for end in (heard, over):
        end.setblocking(False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(over.fileno())
    while True:
        ready, _, _ = select.select([asked, heard], [], [])
        if heard in ready:
            heard.recv(4096)
            _tell(running)
        if asked in ready:
            mark, files, _, _ = socket.recv_fds(asked, 1, 4)
            if not mark:
                return
            request = b""
            while not request.endswith(b"\n"):
                request += asked.recv(1 << 16)
            *standard, status = files
            pid = os.fork()
            if not pid:
                for each in (asked, heard, over):
                    each.close()
                for each in (status, *running.values()):
                    os.close(each)
                _run(json.loads(request), standard)
            running[pid] = status
            for each in standard:
                os.close(each)
            asked.sendall(pid.to_bytes(4, "big"))


def _tell(running: dict[int, int]) -> None:
    """Whoever waits for a process that is over hears its exit code."""
    while running:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if not pid:
            return
        with suppress(BrokenPipeError):
            os.write(running[pid], str(os.waitstatus_to_exitcode(status)).encode())
        os.close(running.pop(pid))


def _run(request: dict[str, object], standard: list[int]) -> None:
    """Be the process that is wanted, and end."""
    code = 1
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for wanted, given in enumerate(standard):
            os.dup2(given, wanted)
            os.close(given)
        sys.stdin, sys.stdout = os.fdopen(0, closefd=False), os.fdopen(1, "w", closefd=False)
        sys.stderr = os.fdopen(2, "w", buffering=1, errors="backslashreplace", closefd=False)
        os.environ.clear()
        os.environ.update(request["environ"])  # type: ignore[call-overload]
        tempfile.tempdir = None  # it is looked up anew
        sys.argv = ["-c", *request["arguments"]]  # type: ignore[misc]
        main = sys.modules["__main__"] = ModuleType("__main__")
        exec(compile(str(request["code"]), "<string>", "exec"), main.__dict__)
        code = 0
    except SystemExit as asked:
        code = asked.code if isinstance(asked.code, int) else int(asked.code is not None)
        if isinstance(asked.code, str):
            print(asked.code, file=sys.stderr)
    except BaseException:
        traceback.print_exc()
    finally:
        # As an interpreter ends: threads, what was to be done at the end, what was not written yet.
        with suppress(BaseException):
            threading._shutdown()  # type: ignore[attr-defined]
            atexit._run_exitfuncs()
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError):
                stream.flush()
        os._exit(code)


if __name__ == "__main__":
    with socket.socket(fileno=int(sys.argv[1])) as socket_of_tests:
        _copy_on_demand(socket_of_tests)
