"""Worker processes for work that may end its process: sounds are decoded there, one job at a time each."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing import connection
from typing import Any, TypeVar

from ghostnote.errors import DatasetError, GhostnoteError

Job = TypeVar("Job")
Result = TypeVar("Result")

LIMIT_S = 900.0
"""A job that takes longer is given up, and its process ended."""
TICK_S = 1.0
ATTEMPTS = 2
"""How often a job is given to a process that then ends: one may have fallen to another's lack of memory."""

ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


@dataclass(frozen=True)
class Lost:
    """A job without a result, and why; `raised`: by an error of the task, with its process still there."""

    reason: str
    raised: bool = field(default=False, compare=False)


class _Worker:
    """A process, the pipe to it, and the number of the job it has."""

    def __init__(self, nice: int = 0) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, far = context.Pipe()
        self.process = context.Process(target=_serve, args=(far, nice), daemon=True, name="ghostnote-sounds")
        with _no_interrupts():
            self.process.start()
        far.close()
        self.ready = False
        self.job: int | None = None
        self.spent_s = 0.0

    def end(self) -> str:
        """End the process; says how it ended when it did so by itself."""
        with suppress(OSError):
            self.pipe.close()
        self.process.join(0.5)
        if self.process.exitcode is None:
            self.process.kill()
            self.process.join(5.0)
        code = self.process.exitcode
        if code is not None and code < 0:
            with suppress(ValueError):
                return signal.Signals(-code).name
        return f"exit status {code}"


@contextmanager
def _no_interrupts() -> Iterator[None]:
    """What is started now does not see Ctrl-C, which a terminal sends to all, before it can ignore it."""
    if sys.platform == "win32":
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class Crew:
    """Up to `workers` processes (default: one for each core, at most 8), started when there is work.

    `limit_s`: how long a job may take, for all or as a function of the job; `failure`: what is raised when
    there can be no processes; `nice`: how much they give way to other programs, 0 to 19 (not on Windows). Not
    thread-safe. Use it in a `with` statement, which ends the processes.
    """

    def __init__(
        self,
        workers: int | None = None,
        limit_s: float | Callable[[Any], float] = LIMIT_S,
        failure: type[GhostnoteError] = DatasetError,
        nice: int = 0,
    ) -> None:
        self._most = workers or min(os.cpu_count() or 1, 8)
        self._limit_s = limit_s
        self._failure = failure
        self._nice = nice
        self._crew: list[_Worker] = []

    def __enter__(self) -> Crew:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End all processes, whatever they are doing."""
        for worker in self._crew:
            with suppress(OSError):
                worker.pipe.close()
            worker.process.terminate()
        for worker in self._crew:
            worker.end()
        self._crew.clear()

    def run(self, task: Callable[[Job], Result], jobs: Sequence[Job]) -> Iterator[tuple[int, Result | Lost]]:
        """(number of the job, its result or how it was lost) of all jobs, in the order in which they end.

        `task` is a function of a module. What it raises, a process that ends and one that takes longer than
        the limit lose that job only. Raises `failure` when processes cannot be started.
        """
        waiting = deque(range(len(jobs)))
        attempts = [0] * len(jobs)
        left = len(jobs)
        last = time.monotonic()
        while left:
            self._staff(min(self._most, left))
            self._hand_out(task, jobs, waiting, attempts)
            heard = connection.wait([worker.pipe for worker in self._crew], TICK_S)
            now = time.monotonic()
            # Time in which everything stood still, such as a sleeping computer, is nobody's.
            passed, last = min(now - last, 2.0 * TICK_S), now
            done: list[tuple[int, Result | Lost]] = []
            for worker in list(self._crew):
                worker.spent_s += passed
                if worker.pipe in heard:
                    self._listen(worker, waiting, attempts, done)
                elif worker.job is not None and worker.spent_s > (limit_s := self._limit(jobs[worker.job])):
                    done.append((worker.job, Lost(f"took longer than {limit_s:g} s")))
                    self._crew.remove(worker)
                    worker.process.kill()
                    worker.end()
            left -= len(done)
            self._hand_out(task, jobs, waiting, attempts)
            yield from done

    def _limit(self, job: Any) -> float:
        return self._limit_s(job) if callable(self._limit_s) else self._limit_s

    def _hand_out(
        self, task: Callable[[Job], Any], jobs: Sequence[Job], waiting: deque[int], attempts: list[int]
    ) -> None:
        for worker in self._crew:
            if worker.ready and worker.job is None and waiting:
                worker.job, worker.spent_s = waiting.popleft(), 0.0
                attempts[worker.job] += 1
                with suppress(OSError):  # that it has ended is noticed where its pipe is read
                    worker.pipe.send((worker.job, task, jobs[worker.job]))

    def _listen(
        self, worker: _Worker, waiting: deque[int], attempts: list[int], done: list[tuple[int, Any]]
    ) -> None:
        """Take what a worker sent: that it is ready, an answer, or its end."""
        try:
            answer = worker.pipe.recv()
        except (EOFError, OSError):
            self._crew.remove(worker)
            how = worker.end()
            if not worker.ready:
                raise self._failure(
                    f"processes that read sounds end as soon as they start ({how}); is there memory left? "
                    "A script needs its work under `if __name__ == '__main__':`"
                ) from None
            if worker.job is not None and attempts[worker.job] < ATTEMPTS:
                waiting.appendleft(worker.job)
            elif worker.job is not None:
                done.append((worker.job, Lost(f"its decoder ended with {how}")))
            return
        worker.job = None
        if answer is None:
            worker.ready = True
        else:
            number, result, reason = answer
            done.append((number, Lost(reason, raised=True) if reason else result))

    def _staff(self, wanted: int) -> None:
        before = {name: os.environ.get(name) for name in ONE_THREAD}
        os.environ.update(ONE_THREAD)
        try:
            while len(self._crew) < wanted:
                self._crew.append(_Worker(self._nice))
        except OSError as error:
            raise self._failure(
                f"cannot start a process to read sounds in ({error}); close other programs"
            ) from None
        finally:
            for name, value in before.items():
                if value is None:
                    del os.environ[name]
                else:
                    os.environ[name] = value


def end_with_parent() -> None:
    """From now on this process ends when the one that started it does, whatever it is doing then."""
    threading.Thread(target=_wait_for_parent, daemon=True).start()


def _wait_for_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _serve(pipe: connection.Connection, nice: int = 0) -> None:
    end_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform != "win32":
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    if nice and os.name == "posix":
        os.nice(nice)
    pipe.send(None)
    # Decoders complain on standard error, over whatever is shown there.
    sys.stderr.flush()
    silent = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silent, 2)
    with suppress(EOFError, OSError):
        while True:
            number, task, job = pipe.recv()
            pipe.send(_answer(number, task, job))


def _answer(number: int, task: Callable[[Any], Any], job: Any) -> tuple[int, Any, str]:
    try:
        return number, task(job), ""
    except Exception as error:
        return number, None, " ".join(str(error).split())[:300] or type(error).__name__
