"""Copies on a server: only differences are sent, what was broken off goes on, and refusals."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from ghostnote.decode.manifest import Manifest
from ghostnote.errors import LibraryError, NetworkError, UsageError
from ghostnote.library import copying, points, qdrant
from ghostnote.library.catalogue import Catalogue
from ghostnote.library.qdrant import Server
from ghostnote.library.remote import open_remote
from ghostnote.library.search import Query
from librarykit import made, write_made
from qdrantkit import Double, serving

pytest.importorskip("qdrant_client", reason="qdrant-client is not installed")

SIZE = 60


@pytest.fixture
def manifest(bundle) -> Manifest:
    return Manifest.from_file(bundle / "model.json")


@pytest.fixture
def place(bundle, manifest, tmp_path) -> Path:
    write_made(tmp_path / "lib", bundle, manifest, range(SIZE))
    return tmp_path / "lib"


@pytest.fixture
def double() -> Double:
    return Double()


@pytest.fixture
def server(double) -> Iterator[Server]:
    with serving(double) as url, closing(Server(url)) as found:
        yield found


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    monkeypatch.setattr(qdrant.time, "sleep", lambda seconds: None)
    monkeypatch.setattr(copying, "BATCH", 25)


def held(double: Double, name: str) -> dict[str, dict]:
    found, _ = double.client.scroll(name, limit=10_000, with_payload=True)
    return {str(point.id): point.payload for point in found}


def sounds(numbers, manifest) -> int:
    return sum(len(result.sounds) for result in made(numbers, manifest)[0])


def test_only_what_differs_is_sent(server, double, place, bundle, manifest):
    told = []
    count = sounds(range(SIZE), manifest)
    first = copying.copy(place, server, lambda done, total: told.append((done, total)))
    assert (first.sounds, first.sent, first.deleted) == (count, count + 1, 0), "a point for the folders"
    assert told[-1] == (count, count)
    assert len(held(double, first.collection)) == count + 2, "and one for the facts"
    again = copying.copy(place, server)
    assert (again.sent, again.deleted) == (0, 0)
    path = write_made(place, bundle, manifest, range(SIZE, SIZE + 3))
    assert copying.copy(place, server).sent == sounds(range(SIZE, SIZE + 3), manifest)
    _, files = made([2], manifest)
    with closing(Catalogue(path)) as writing:
        writing.remove(name for name, _, _ in files)
    last = copying.copy(place, server)
    assert (last.sent, last.deleted) == (0, sounds([2], manifest))
    assert len(held(double, first.collection)) == last.sounds + 2


def test_what_was_broken_off_goes_on(server, double, place, manifest):
    writes = []

    def refuse(method, path):
        if method == "PUT" and path.endswith("/points"):
            writes.append(path)
            if len(writes) > 3:
                return 500, {"status": {"error": "out of order"}}
        return None

    double.refuse = refuse
    with pytest.raises(LibraryError, match=r"refuses: 500 .*out of order"):
        copying.copy(place, server)
    assert open_remote(place, server).find(query(manifest), 3), "it can be searched meanwhile"
    double.refuse = lambda method, path: None
    rest = copying.copy(place, server)
    assert rest.sent == sounds(range(SIZE), manifest) + 1 - 50
    assert copying.copy(place, server).sent == 0


def query(manifest) -> Query:
    return Query(made([900], manifest)[0][0].sounds[0])


def test_what_changed_on_the_server_is_put_right(server, double, place):
    name = copying.copy(place, server).collection
    ids = sorted(held(double, name))
    double.client.delete(name, points_selector=ids[5:8])
    double.client.set_payload(name, payload={"mark": 1}, points=[ids[9]])
    mended = copying.copy(place, server)
    assert (mended.sent, mended.deleted) == (4, 0)


def test_each_model_has_its_collection(server, double, place, bundle, manifest, tmp_path):
    name = copying.copy(place, server).collection
    assert name.endswith(f"-{manifest.digest[:16]}")
    assert copying.collections(server, place) == [name]
    double.client.create_collection(name[:-16] + "0" * 16, {})
    double.client.create_collection("somebody-elses", {})
    assert len(copying.collections(server, place)) == 2
    assert open_remote(place, server, manifest).facts.digest == manifest.digest
    assert open_remote(place, server).collection == name, "the other one was never written"
    with pytest.raises(LibraryError, match="no copy of library"):
        copying.remove(place, server, "another-model")
    assert copying.remove(place, server, manifest.name) == [name]
    with pytest.raises(LibraryError, match=r"no copy of library .*; there are: ghostnote-.*index --store"):
        open_remote(place, server)


def test_names_of_collections_are_plain(tmp_path):
    from ghostnote.library import places

    families = [copying.family(places.root() / name) for name in ("drums", "Küche 2", "Kuche 2", "a.b")]
    families.append(copying.family(tmp_path / ("x" * 200)))
    assert families[0] == "ghostnote-drums"
    assert len(set(families)) == len(families)
    assert all(len(name) < 90 and name.isascii() and "." not in name for name in families)


def test_another_librarys_copy_is_left_alone(server, place, bundle, manifest, double):
    copying.copy(place, server)
    for path in place.glob("*.sqlite*"):
        path.unlink()
    write_made(place, bundle, manifest, range(5))
    with pytest.raises(LibraryError, match=r"is the copy of another library, begun .* on .*; give this"):
        copying.copy(place, server)
    assert copying.remove(place, server)
    assert copying.copy(place, server).sounds == sounds(range(5), manifest)


def test_a_collection_of_something_else_is_told(server, double, place, monkeypatch):
    name = copying.copy(place, server).collection
    monkeypatch.setattr(copying, "FORM", 2)
    with pytest.raises(LibraryError, match="written by another version of ghostnote"):
        copying.copy(place, server)
    monkeypatch.undo()
    double.client.overwrite_payload(name, payload={"form": 1}, points=[points.FACTS])
    with pytest.raises(LibraryError, match="is no copy of a library"):
        open_remote(place, server)
    double.client.overwrite_payload(name, payload={"form": 9}, points=[points.FACTS])
    with pytest.raises(LibraryError, match="written by another version"):
        open_remote(place, server)


def test_a_search_needs_nothing_of_the_library_itself(server, place, manifest):
    copying.copy(place, server)
    for path in place.iterdir():
        path.unlink()
    found = open_remote(place, server).find(query(manifest), 5)
    assert len(found) == 5
    assert all(n.file.startswith(("/samples/Drums/", "/other/copies/")) for n in found)


def test_a_server_that_stumbles_is_asked_again(server, double, place, monkeypatch):
    failures = iter([True, True, False] * 100)
    send = server._client.upsert

    def stumbling(*args, **more):
        if next(failures):
            from httpx import ReadTimeout
            from qdrant_client.http.exceptions import ResponseHandlingException

            raise ResponseHandlingException(ReadTimeout("timed out"))
        return send(*args, **more)

    monkeypatch.setattr(server._client, "upsert", stumbling)
    assert copying.copy(place, server).sent > SIZE
    monkeypatch.setattr(qdrant, "TRIES", 2)
    with pytest.raises(NetworkError, match="does not answer within"):
        copying.copy(place, server)


def test_nobody_is_there(make_free_port):
    with pytest.raises(NetworkError, match="no Qdrant server can be reached there"):
        Server(f"http://127.0.0.1:{make_free_port()}")
    with pytest.raises(NetworkError, match="no Qdrant server can be reached there"):
        Server("http://no-such-host.invalid:6333")


def test_a_server_that_never_answers(monkeypatch):
    monkeypatch.setattr(qdrant, "TIMEOUT_S", 1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        held_open: list[socket.socket] = []
        taking = threading.Thread(target=lambda: held_open.append(silent.accept()[0]))
        taking.start()
        try:
            with pytest.raises(NetworkError, match="does not answer within 1 s"):
                Server(f"http://127.0.0.1:{silent.getsockname()[1]}")
        finally:
            taking.join(60.0)
            for one in held_open:
                one.close()


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((200, {"title": "qdrant", "version": "1.7.4"}), r"is Qdrant 1\.7\.4; 1\.10 or later is needed"),
        ((401, b"Must provide an API key"), "access is refused; the server needs a key, in QDRANT_API_KEY"),
        ((403, {"status": {"error": "Forbidden"}}), "access is refused"),
        ((404, b"<html><body>Not Found</body></html>"), r"\(Not Found\); is it a Qdrant server"),
        ((200, b"<html>a page</html>"), "does not answer as Qdrant does"),
        ((200, {"hello": "you"}), "does not answer as Qdrant does"),
        ((503, b"starting"), "refuses: 503 starting"),
    ],
)
def test_answers_that_are_none(answer, said):
    with serving(lambda method, path, body: answer) as url, pytest.raises(LibraryError, match=said) as found:
        Server(url)
    assert "\n" not in str(found.value)


def test_a_key_goes_along_and_is_never_told(place, monkeypatch):
    seen = []
    double = Double()
    with serving(double) as url:
        monkeypatch.setenv("QDRANT_API_KEY", "hush-hush")
        with closing(Server(url)) as server:
            seen.append(dict(server._client.init_options)["api_key"])
            double.refuse = lambda method, path: (401, b"Invalid API key")
            with pytest.raises(LibraryError, match="the key in QDRANT_API_KEY") as found:
                copying.copy(place, server)
    assert seen == ["hush-hush"]
    assert "hush" not in str(found.value)


@pytest.mark.parametrize(
    "url", ["localhost:6333", "ftp://x", "http://", "http://x:port", "", "http://x:99999999", "/a/folder"]
)
def test_addresses_that_are_none(url):
    with pytest.raises(UsageError, match="give the address of a Qdrant server"):
        Server(url)


def test_keys_do_not_belong_into_addresses():
    with pytest.raises(UsageError, match="put the key into QDRANT_API_KEY") as found:
        Server("http://me:hush@localhost:6333")
    assert "hush" not in str(found.value)


def test_without_the_client_it_says_what_to_install(monkeypatch):
    monkeypatch.setattr(qdrant.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(LibraryError, match=r"pip install 'ghostnote\[qdrant\]'"):
        Server(":memory:")
