"""An indexed folder, and its map served."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bundles import build_bundle
from ghostnote.features.spec import FeatureSpec
from ghostnote.library import indexing
from ghostnote.library.indexing import IndexOptions, Report
from ghostnote.web.instrument import Instrument
from ghostnote.web.map_room import MapRoom
from ghostnote.web.map_source import MapSource
from librarykit import Inline
from soundfolders import fill
from webkit import FakeInstrument, Site

NAMES = [*(f"kick{k}.wav" for k in range(6)), *(f"deep/snare{k}.wav" for k in range(6))]


@pytest.fixture(scope="session")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_bundle(tmp_path_factory.mktemp("bundles") / "tiny", spec=FeatureSpec(frames=86))


@pytest.fixture(autouse=True)
def data_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setattr(indexing, "Crew", Inline)
    monkeypatch.setattr("ghostnote.web.map_room.LOOK_S", 0.05)
    monkeypatch.setattr("ghostnote.web.map_source.SHARE", 0.0)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Twelve sounds."""
    fill(tmp_path / "sounds", NAMES)
    return tmp_path / "sounds"


@pytest.fixture
def index(bundle: Path, folder: Path) -> Callable[..., Report]:
    def run(*folders: Path, **options: object) -> Report:
        given = {"model": str(bundle), "workers": 1, **options}
        return indexing.index(folders or (folder,), "lib", IndexOptions(**given))

    return run


@pytest.fixture
def serve(free_udp_port: int) -> Iterator[Callable[..., Site]]:
    """Serve the map of library `lib`; where no port is given, no instrument is there."""
    made: list[Site | FakeInstrument] = []

    def run(instrument: FakeInstrument | None = None) -> Site:
        port = free_udp_port if instrument is None else instrument.port
        made.extend(one for one in (instrument,) if one is not None)
        made.append(Site([MapRoom(MapSource("lib", None), Instrument(port))]))
        return made[-1]

    yield run
    for one in reversed(made):
        one.close()


@pytest.fixture(scope="package")
def still(bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site whose library stays as it is, for tests that only ask."""
    top = tmp_path_factory.mktemp("still")
    fill(top / "sounds", NAMES)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(indexing, "Crew", Inline)
        indexing.index([top / "sounds"], top / "lib", IndexOptions(str(bundle), workers=1))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as nobody:
        nobody.bind(("127.0.0.1", 0))
        made = Site([MapRoom(MapSource(str(top / "lib"), None), Instrument(nobody.getsockname()[1]))])
        yield made
        made.close()


@pytest.fixture
def site(index: Callable[..., Report], serve: Callable[..., Site]) -> Site:
    index()
    return serve()
