"""The process between an index and a Ray cluster: it gives shards to Ray Data, and results back."""

from __future__ import annotations

import os
import pickle
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import connection
from pathlib import Path
from typing import Any

from ghostnote.crew import Lost, end_with_parent
from ghostnote.errors import GhostnoteError, LibraryError
from ghostnote.library import ray_worker

LOCAL = "local"
LOG = "driver.log"
ROUNDS = 2
"""How often a job is given to a worker of the cluster that then ends, or whose machine does."""
TROUBLES, TROUBLE_S = 4, 5.0
"""How often, and for how long, it is waited until a cluster has noticed that it lost machines."""
OBJECTS_BYTES = 100 << 20
CHECK_S = 120.0
MOST_HERE = 8


@dataclass(frozen=True)
class Asked:
    """What cluster: see `ray_engine.RayEngine`."""

    address: str
    workers: int | None
    model: str
    seen: tuple[str, ...]

    @property
    def named(self) -> str:
        """The cluster, in words."""
        return "Ray" if self.address == LOCAL else f"Ray cluster {self.address}"


def serve(pipe: connection.Connection, asked: Asked, folder: str) -> None:
    """Run what comes through the pipe until that is closed: (task, jobs, isolated), pickled → (number, result
    pickled) of each, then None. A text is an error, and the end.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    end_with_parent()
    log = os.open(Path(folder, LOG), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for descriptor in (1, 2):
        os.dup2(log, descriptor)
    try:
        cluster = _Cluster(asked, folder)
    except Exception as error:
        pipe.send(_told(error))
        return
    try:
        with suppress(EOFError, OSError):
            pipe.send(None)
            while True:
                task, jobs, isolated = pipe.recv()
                try:
                    for row in cluster.run(task, jobs, isolated):
                        pipe.send(row)
                except OSError:
                    raise
                except Exception as error:
                    pipe.send(_told(error))
                    return
                pipe.send(None)
    finally:
        cluster.close()


class _Cluster:
    """A connection to a cluster, or one that is started here."""

    def __init__(self, asked: Asked, folder: str) -> None:
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        import ray
        import ray.data

        self._ray = ray
        quiet = {"log_to_driver": False, "logging_level": "ERROR"}
        if asked.address == LOCAL:
            os.environ.setdefault("RAY_enable_metrics_collection", "0")
            os.environ["TMPDIR"] = folder  # what killed workers leave goes with it
            ray.init(
                address="local", num_cpus=asked.workers or min(os.cpu_count() or 1, MOST_HERE),
                include_dashboard=False, object_store_memory=OBJECTS_BYTES, _temp_dir=folder,
                _node_ip_address="127.0.0.1", **quiet,
            )  # fmt: skip
        else:
            ray.init(address=asked.address, **quiet)
            self._look(asked.seen)
        self._asked = asked
        if self._workers() < 1:
            raise LibraryError("it has no processors; start workers: `ray start --address HOST:PORT`")
        context = ray.data.DataContext.get_current()
        context.enable_progress_bars = False
        context.max_errored_blocks = -1  # a worker that ends costs what it had, which is given again
        self._model = ray_worker.Carried.of(asked.model)

    def close(self) -> None:
        """Leave the cluster; one that was started here ends."""
        self._ray.shutdown()

    def run(self, task: bytes, jobs: Sequence[bytes], isolated: bool) -> Iterator[tuple[int, bytes]]:
        """(number, pickled result or Lost) of each job."""
        left = dict(enumerate(jobs))
        rounds = troubles = 0
        while left and rounds < ROUNDS:
            try:
                for row in self._dataset(task, left, isolated, at_once=1 if rounds else 2).iter_rows():
                    number = int(row["number"])
                    if left.pop(number, None) is not None:
                        yield number, bytes(row["result"])
                rounds += 1
            except self._ray.exceptions.RayError:
                troubles += 1  # of workers that did not even start, as on a machine that was just lost
                if troubles > TROUBLES:
                    raise
                time.sleep(TROUBLE_S)
        lost = pickle.dumps(Lost("the worker that had it ended each time"))
        yield from ((number, lost) for number in left)

    def _dataset(self, task: bytes, jobs: dict[int, bytes], isolated: bool, at_once: int) -> Any:
        data = self._ray.data
        rows = [{"number": number, "job": job} for number, job in jobs.items()]
        given = data.from_items(rows, override_num_blocks=len(rows))
        if not isolated:
            return given.map_batches(ray_worker.run_plainly, fn_args=(task,), batch_size=1, num_cpus=1)
        pool = data.ActorPoolStrategy(
            size=max(1, min(self._workers(), len(rows))), max_tasks_in_flight_per_actor=at_once
        )
        return given.map_batches(
            ray_worker.Isolated, fn_constructor_args=(task, self._model), batch_size=1, compute=pool,
            num_cpus=1, max_restarts=0, max_task_retries=0,
        )  # fmt: skip

    def _workers(self) -> int:
        there = int(self._ray.cluster_resources().get("CPU", 0))
        return min(self._asked.workers or there, there)

    def _look(self, seen: Sequence[str]) -> None:
        """Raise LibraryError unless all machines have this ghostnote, and the folders that are to be seen."""
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        nodes = [n for n in self._ray.nodes() if n["Alive"] and n["Resources"].get("CPU", 0) >= 1]
        look = self._ray.remote(num_cpus=0, max_retries=0)(ray_worker.trouble)
        asked = {
            look.options(scheduling_strategy=NodeAffinitySchedulingStrategy(n["NodeID"], soft=False)).remote(
                ray_worker.version(), list(seen)
            ): n["NodeManagerAddress"]
            for n in nodes
        }
        ready, late = (
            self._ray.wait(list(asked), num_returns=max(1, len(asked)), timeout=CHECK_S)
            if asked
            else ([], [])
        )
        if late:
            raise LibraryError(f"machine {asked[late[0]]} does not answer within {CHECK_S:.0f} s")
        for reference in ready:
            try:
                text = self._ray.get(reference)
            except Exception as error:
                text = _told(error)
                if "No module named 'ghostnote" in text:
                    text = f"has no ghostnote; install this version there: {ray_worker.version()[0]}"
            if text:
                raise LibraryError(f"machine {asked[reference]} {text}")


def _told(error: Exception) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    if isinstance(error, GhostnoteError):
        return text
    return f"{text[-400:]} ({type(error).__name__})"
