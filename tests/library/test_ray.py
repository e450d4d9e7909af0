"""Shards on Ray: the same library as without, whatever files, workers, machines and the cluster itself do."""

from __future__ import annotations

import os
import pickle
import signal
import socket
import subprocess
import sys
import tempfile
from importlib import util
from pathlib import Path

import pytest

import librarykit
from ghostnote.crew import Lost
from ghostnote.decode.bundle import Manifest
from ghostnote.errors import LibraryError
from ghostnote.features.segmentation import SegmentOptions
from ghostnote.library import indexing, ray_engine, ray_worker, shards
from ghostnote.library.embedding import OK, Item, Shard, content_of, embed_shard, mark_of
from ghostnote.library.engines import limit_s
from ghostnote.library.walk import Mark
from librarykit import Inline, held
from soundfolders import fill, hit, recording, write

ray = pytest.mark.skipif(
    util.find_spec("ray") is None or util.find_spec("fsspec") is None or sys.platform == "win32",
    reason="the extras `ray` and `remote` are not installed, or cannot be here",
)


@pytest.fixture
def importable(monkeypatch):
    """What workers are given is found by them."""
    places = [str(Path(librarykit.__file__).parent), os.environ.get("PYTHONPATH", "")]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(places))
    monkeypatch.delenv("RAY_ADDRESS", raising=False)


@pytest.fixture
def shard(bundle, tmp_path):
    paths = [os.fsencode(write(tmp_path / f"{k}.wav", hit(k))) for k in range(2)]
    items = tuple(Item(path, content_of(path), mark_of(path)) for path in paths)
    return Shard(items, str(bundle), Manifest.from_file(bundle / "model.json").digest)


def mixed(folder: Path) -> None:
    """Sounds, copies, and all that goes wrong with files."""
    fill(folder, [f"{k % 3}/{k:02}.wav" for k in range(24)])
    (folder / "copy.wav").write_bytes((folder / "0/00.wav").read_bytes())
    write(folder / "long.wav", recording(3))
    (folder / "text.wav").write_text("no sound" * 20)
    (folder / "empty.wav").write_bytes(b"")
    write(folder / "crash.wav", hit(60))


@ray
@pytest.mark.timeout(600)
def test_two_workers_of_a_cluster_make_the_same_library(index, sounds, importable, monkeypatch, tmp_path):
    """A real cluster for this index alone, files by path and by address, a decoder that crashes."""
    monkeypatch.setattr(indexing, "embed_shard", librarykit.fragile)
    monkeypatch.setattr(shards, "SHARD_FILES", 4)
    mixed(sounds)
    far = f"file://{sounds}/0"
    index(sounds, far)
    given = {"library": "cluster", "engine": "ray", "ray_address": "local", "workers": 2}
    report = index(sounds, far, shards=str(tmp_path / "kept"), **given)
    assert held("cluster") == held("lib")
    assert held("cluster")[str(sounds / "crash.wav")] == "its decoder ended with SIGSEGV"
    assert (report.files, len(report.failed), report.unread) == (26 + 8, 3, [])
    monkeypatch.setattr(indexing, "Crew", Inline)
    index(sounds, far, library="kept", shards=str(tmp_path / "kept"))
    assert held("kept") == held("lib"), "what the cluster kept is all there"
    assert "ray" not in sys.modules, "it has a process of its own"
    assert not list(Path("/tmp").glob(f"gn-ray-{os.getpid()}-*")), "nothing of it is left"


@ray
@pytest.mark.slow
@pytest.mark.parametrize("what", ["lose", "head"])
def test_a_cluster_of_two_machines_that_loses_one(index, sounds, bundle, importable, monkeypatch, what):
    """What it had is given to the other; without the head, what was indexed is kept."""
    from raykit import TwoMachines

    monkeypatch.setattr(shards, "SHARD_FILES", 2)
    fill(sounds, [f"{k:03}.wav" for k in range(200)])
    told: list[int] = []
    with tempfile.TemporaryDirectory(prefix="gn-") as folder, TwoMachines(Path(folder)) as machines:

        def tell(progress):
            told.append(progress.done)
            if len(told) == 10:
                machines.say(what)

        options = indexing.IndexOptions(str(bundle), engine="ray", ray_address=machines.address)
        if what == "lose":
            assert indexing.index([sounds], "cluster", options, tell).files == 200
        else:
            with pytest.raises(LibraryError, match=r"was lost .its head does not answer any more"):
                indexing.index([sounds], "cluster", options, tell)
            assert len(held("cluster")) >= told[9] > 0
    index()
    index(library="cluster")
    assert held("cluster") == held("lib")


@ray
@pytest.mark.slow
def test_a_machine_that_does_not_see_the_folder(sounds, bundle, importable, monkeypatch):
    from raykit import TwoMachines

    fill(sounds, ["a.wav"])
    real = ray_engine.RayEngine

    def elsewhere(address, workers, model, seen):
        return real(address, workers, model, ["/nowhere/sounds"])

    monkeypatch.setattr(ray_engine, "RayEngine", elsewhere)
    with tempfile.TemporaryDirectory(prefix="gn-") as folder, TwoMachines(Path(folder)) as machines:
        options = indexing.IndexOptions(str(bundle), engine="ray", ray_address=machines.address)
        with pytest.raises(
            LibraryError, match=r"machine .* does not see /nowhere/sounds; index a folder that"
        ):
            indexing.index([sounds], "lib", options)


def test_in_a_worker_a_decoder_costs_its_file_only(shard, bundle, monkeypatch):
    carried = ray_worker.Carried.of(str(bundle))
    worker = ray_worker.Isolated(pickle.dumps(librarykit.fragile), carried)
    try:
        (result,) = worker({"number": [7], "job": [pickle.dumps(shard)]})["result"]
        assert [one.status for one in pickle.loads(result)] == [OK, OK]
        path = Path(os.fsdecode(shard.items[0].path)).rename(
            Path(os.fsdecode(shard.items[0].path)).parent / "crash"
        )
        item = Item(os.fsencode(path), shard.items[0].content, shard.items[0].mark)
        (result,) = worker({"number": [8], "job": [pickle.dumps(Shard((item,), shard.model, shard.digest))]})[
            "result"
        ]
        assert pickle.loads(result) == Lost(f"its decoder ended with {signal.SIGSEGV.name}")
    finally:
        worker._engine.close()


def test_the_model_comes_along(shard, bundle, tmp_path, monkeypatch):
    """Where its folder is not there, or holds another model, workers have what was sent."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    carried = ray_worker.Carried.of(str(bundle))
    gone = ray_worker.Carried("/nowhere", carried.digest, carried.files)
    worker = ray_worker.Isolated(pickle.dumps(embed_shard), gone)
    worker._engine.close()
    monkeypatch.setattr(worker, "_engine", InlineEngine())
    (result,) = worker({"number": [0], "job": [pickle.dumps(shard)]})["result"]
    assert [one.status for one in pickle.loads(result)] == [OK, OK]
    for sent, there in ((gone, worker._model), (carried, str(bundle))):
        other = ray_worker.Isolated(pickle.dumps(embed_shard), sent)
        other._engine.close()
        assert other._model == there
    assert len(list(tmp_path.glob("ghostnote-model-*"))) == 1


class InlineEngine(Inline):
    """Without processes."""

    def run(self, task, jobs, *, isolated=True):
        return super().run(task, jobs)


def fail(job: object) -> object:
    raise OSError(28, "No space left on device")


def test_what_is_no_file_s_fault_is_said_and_blames_none(index, sounds, monkeypatch, shard):
    row = {"number": [0], "job": [pickle.dumps(shard)]}
    (result,) = ray_worker.run_plainly(row, pickle.dumps(fail))["result"]
    lost = pickle.loads(result)
    assert lost.raised
    assert "No space left" in lost.reason

    class Full(InlineEngine):
        chunk, hashes = 100, False

        def run(self, task, jobs, *, isolated=True):
            yield from ((number, lost) for number in range(len(jobs)))

    monkeypatch.setattr(indexing, "_engine", lambda *_: Full())
    fill(sounds, ["a.wav"])
    with pytest.raises(LibraryError, match=r"nothing can be embedded: .*No space left"):
        index()


def test_a_machine_with_another_version_is_refused(tmp_path):
    assert ray_worker.trouble(ray_worker.version(), [str(tmp_path)]) == ""
    assert "has ghostnote" in ray_worker.trouble(("0.0.1", 1), [])
    assert "does not see" in ray_worker.trouble(ray_worker.version(), [str(tmp_path / "none")])


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("127.0.0.1:{port}", "cannot be reached .Connection refused.; is it started"),
        ("ray://host:10001", "give the head as HOST:PORT"),
        ("host", "give the head as HOST:PORT"),
        ("no such host:6379", "cannot be reached"),
    ],
)
@pytest.mark.parametrize("by_environment", [False, True])
def test_a_cluster_that_is_not_there(index, sounds, monkeypatch, address, said, by_environment):
    fill(sounds, ["a.wav"])
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = address.format(port=probe.getsockname()[1])
    monkeypatch.setenv("RAY_ADDRESS", address if by_environment else "127.0.0.1:1")
    with pytest.raises(LibraryError, match=said):
        index(engine="ray", ray_address=None if by_environment else address)


def test_without_ray_it_says_what_to_install(index, sounds, monkeypatch):
    fill(sounds, ["a.wav"])
    monkeypatch.setattr(ray_engine.util, "find_spec", lambda name: None)
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    with pytest.raises(LibraryError, match=r"needs the extra ray \(pip install 'ghostnote\[ray\]'\)"):
        index(engine="ray")
    with pytest.raises(LibraryError, match="no engine 'spark'; there are: local, ray"):
        index(engine="spark")


def test_a_worker_may_take_as_long_as_its_files_need():
    large = Mark(10**9, 0)
    here, far = (Shard((Item(path, b"", large),), "", "") for path in (b"/x.wav", b"s3://x.wav"))
    assert limit_s(here) == 300.0
    assert limit_s(far) == limit_s(Shard(here.items, "", "", SegmentOptions())) > 10_000
    assert limit_s(((b"s3://x.wav", large),)) > 10_000


def test_an_ordinary_index_imports_neither_ray_nor_fsspec(sounds, bundle, tmp_path):
    fill(sounds, ["a.wav"])
    script = (
        "import sys; from ghostnote.cli.main import main; status = main(sys.argv[1:]);"
        "print(status, *(name for name in ('ray', 'fsspec', 'pyarrow', 'pandas') if name in sys.modules))"
    )
    arguments = [
        "index",
        str(sounds),
        "--library",
        str(tmp_path / "lib"),
        "--model",
        str(bundle),
        "--workers",
        "1",
    ]
    done = subprocess.run(
        [sys.executable, "-c", f"if __name__ == '__main__':\n    {script}", *arguments],
        capture_output=True, text=True, timeout=240,
    )  # fmt: skip
    assert done.stdout.splitlines()[-1] == "0", done.stderr
