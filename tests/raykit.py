"""A Ray cluster of two machines, each with one processor, in processes of this one; jobs that go wrong."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from types import TracebackType

READY = "ready "


class TwoMachines:
    """A head and a second machine, as a process that does what it is told. Use it in a `with` statement."""

    def __init__(self, folder: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, __file__, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            start_new_session=True,
        )  # fmt: skip
        self.address = self._heard()

    def __enter__(self) -> TwoMachines:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        try:
            self._process.wait(60)
        finally:
            os.killpg(self._process.pid, signal.SIGKILL) if self._process.poll() is None else None
            self._process.stdout.close()

    def say(self, what: str) -> None:
        """Do something, and wait until it is done: `lose` the second machine, lose the `head`."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{what}\n")
        self._process.stdin.flush()
        self._heard()

    def _heard(self) -> str:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith(READY):
                return line.removeprefix(READY).strip()
        raise RuntimeError("the cluster did not start, or ended")


def main(folder: str) -> None:
    """What the process does."""
    os.environ["RAY_TMPDIR"] = folder
    Path(folder, "ray").mkdir()
    from ray.cluster_utils import Cluster

    settings = {"num_cpus": 1, "object_store_memory": 100 << 20}
    cluster = Cluster(initialize_head=True, head_node_args={**settings, "include_dashboard": False})
    second = cluster.add_node(**settings, wait=True)
    print(f"{READY}{cluster.address}", flush=True)
    for line in sys.stdin:
        if line.strip() == "lose":
            cluster.remove_node(second, allow_graceful=False)
        elif line.strip() == "head":
            cluster.head_node.kill_gcs_server()
        print(READY, flush=True)
    cluster.shutdown()


if __name__ == "__main__":
    main(sys.argv[1])
