"""The shared timer: late runs are ended, runs in time are not, and none is forgotten."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from ghostnote.decode.deadline import Watchdog

LONG_S = 30.0


@dataclass
class Options:
    """Stands for RunOptions; the event is set when the run is told to end."""

    told: threading.Event = field(default_factory=threading.Event)

    @property
    def terminate(self) -> bool:
        return self.told.is_set()

    @terminate.setter
    def terminate(self, value: bool) -> None:
        assert value
        self.told.set()


def test_run_in_time_is_left_alone():
    watchdog, options = Watchdog(), Options()
    assert watchdog.disarm(watchdog.arm(options, LONG_S))
    assert not options.terminate


def test_late_run_is_ended_and_told():
    watchdog, options = Watchdog(), Options()
    token = watchdog.arm(options, 0.01)
    assert options.told.wait(LONG_S)
    assert not watchdog.disarm(token)


def test_short_deadline_behind_a_long_one():
    """The thread sleeps for the long one already when the short one comes."""
    watchdog, long, short = Watchdog(), Options(), Options()
    token = watchdog.arm(long, LONG_S)
    time.sleep(0.05)
    watchdog.arm(short, 0.01)
    assert short.told.wait(LONG_S)
    assert watchdog.disarm(token)
    assert not long.terminate


def test_wakes_again_after_idling():
    watchdog = Watchdog()
    for _ in range(3):
        options = Options()
        watchdog.arm(options, 0.001)
        assert options.told.wait(LONG_S)
        time.sleep(0.02)


def test_many_threads_at_once():
    watchdog = Watchdog()
    ended: list[bool] = []

    def work():
        for _ in range(200):
            in_time = watchdog.disarm(watchdog.arm(Options(), LONG_S))
            late = Options()
            token = watchdog.arm(late, 0.0)
            ended.append(in_time and late.told.wait(LONG_S) and not watchdog.disarm(token))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ended == [True] * 800


@settings(max_examples=20, deadline=None)
@given(late=st.lists(st.booleans(), min_size=1, max_size=12))
def test_exactly_the_late_ones_are_ended(late):
    watchdog = Watchdog()
    runs = [(Options(), is_late) for is_late in late]
    tokens = [watchdog.arm(options, 0.002 if is_late else LONG_S) for options, is_late in runs]
    assert all(options.told.wait(LONG_S) for options, is_late in runs if is_late)
    assert [watchdog.disarm(token) for token in tokens] == [not is_late for is_late in late]
    assert [options.terminate for options, _ in runs] == late


def test_unknown_token_is_no_error():
    assert not Watchdog().disarm(12345)
