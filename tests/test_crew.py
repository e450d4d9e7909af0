"""Worker processes: what one of them suffers is lost alone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import crewjobs
from ghostnote.crew import Crew, Lost

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="ends processes by signals")


def results(crew, task, count):
    return dict(crew.run(task, list(range(count))))


def test_all_jobs_are_done_and_processes_are_used_again():
    with Crew(2) as crew:
        assert results(crew, crewjobs.double, 20) == {k: 2 * k for k in range(20)}
        first = {worker.process.pid for worker in crew._crew}
        assert results(crew, crewjobs.double, 5) == {k: 2 * k for k in range(5)}
        assert {worker.process.pid for worker in crew._crew} == first
    assert crew._crew == []


def test_a_crash_loses_its_job_only():
    with Crew(2) as crew:
        found = results(crew, crewjobs.crash_at_three, 8)
    assert found.pop(3) == Lost("its decoder ended with SIGSEGV")
    assert found == {k: k for k in (0, 1, 2, 4, 5, 6, 7)}


def test_a_job_that_never_ends_is_given_up():
    with Crew(1, limit_s=3.0) as crew:
        found = results(crew, crewjobs.hang_at_two, 4)
    assert found.pop(2) == Lost("took longer than 3 s")
    assert found == {0: 0, 1: 1, 3: 3}


def test_a_process_ends_with_the_one_that_started_it(tmp_path):
    told = tmp_path / "pid"

    def wait_until(condition):
        until = time.monotonic() + 60.0
        while not condition():
            assert time.monotonic() < until
            time.sleep(0.02)

    with subprocess.Popen([sys.executable, crewjobs.__file__, str(told)]) as process:
        wait_until(told.exists)
        number = int(told.read_text())
        process.kill()
        process.wait()
    wait_until(lambda: not alive(number))


def alive(number: int) -> bool:
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{number}/stat")
    return not (status.exists() and ") Z " in status.read_text())


def test_a_limit_may_depend_on_the_job():
    with Crew(1, limit_s=lambda number: 1.0 if number == 2 else 100.0) as crew:
        found = results(crew, crewjobs.hang_at_two, 4)
    assert found.pop(2) == Lost("took longer than 1 s")
    assert found == {0: 0, 1: 1, 3: 3}


def test_errors_are_told_in_a_line_and_noise_is_not_heard(capfd):
    with Crew(1) as crew:
        found = results(crew, crewjobs.complain, 3)
    assert found == {0: 0, 1: Lost("one is not wanted"), 2: 2}
    assert "noise" not in capfd.readouterr().err


def test_a_process_has_one_thread_and_ours_keeps_its_own():
    before = os.environ.get("OPENBLAS_NUM_THREADS")
    with Crew(1) as crew:
        assert results(crew, crewjobs.threads, 1) == {0: "1"}
    assert os.environ.get("OPENBLAS_NUM_THREADS") == before


def test_ctrl_c_is_not_seen_by_a_process_that_is_just_starting():
    with Crew(2) as crew:
        crew._staff(2)
        for worker in crew._crew:
            os.kill(worker.process.pid, signal.SIGINT)
        assert results(crew, crewjobs.interrupts, 4) == dict.fromkeys(range(4), (True, False))
        assert len(crew._crew) == 2
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, ())


def test_processes_may_give_way_to_others():
    before = os.nice(0)
    with Crew(1, nice=3) as crew:
        assert results(crew, crewjobs.niceness, 1) == {0: min(before + 3, 19)}
    assert os.nice(0) == before
