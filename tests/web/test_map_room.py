"""The map served: its document, sounds, neighbours, slots, and what changes while it is."""

from __future__ import annotations

import base64
import io
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile

from ghostnote.control.osc_send import build
from ghostnote.library import places
from ghostnote.library.indexing import index as index_library
from ghostnote.library.search import model_of, open_library, query_of
from ghostnote.library.sound_map import map_of
from soundfolders import fill, hit, recording, write
from webkit import FakeInstrument, until


def column(document, name, kind):
    return np.frombuffer(base64.b64decode(document[name]), dtype=kind)


def placed(document):
    places = zip(column(document, "x", "<f4").tolist(), column(document, "y", "<f4").tolist(), strict=True)
    return dict(zip(document["names"], places, strict=True))


def ids_by_name(site):
    document = site.get("/map/sounds").json
    return dict(zip(document["names"], column(document, "ids", "<u4").tolist(), strict=True))


def test_the_page_is_one_file_of_its_own(site):
    front = site.get("/")
    assert (front.status, front.headers["location"]) == (302, "/map")
    page = site.get("/map")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    text = page.body.decode()
    assert "http://" not in text.replace("http://www.w3.org/2000/svg", "")
    assert "https://" not in text
    assert "/*data*/" not in text
    assert "sha256-" in page.headers["content-security-policy"]


def test_the_document_is_the_map(site):
    document = site.get("/map/sounds").json
    library, drawn = open_library("lib"), map_of(open_library("lib"))
    assert document["count"] == 12
    assert document["library"] == "lib"
    assert np.array_equal(column(document, "x", "<f4"), drawn.places[:, 0])
    assert np.array_equal(column(document, "y", "<f4"), drawn.places[:, 1])
    assert [document["classes"][k] for k in column(document, "kinds", "<u2")] == library.classes
    assert np.allclose(column(document, "lengths", "<f4"), library.rows.column("length_s"))
    folders = [document["folder_names"][k] for k in column(document, "folders", "<u4")]
    found = [str(Path(folder) / name) for folder, name in zip(folders, document["names"], strict=True)]
    assert found == library.files()
    assert "points" not in document


def test_the_document_is_sent_once(site):
    first = site.get("/map/sounds")
    assert first.headers["etag"].strip('"') == site.get("/map/state").json["sounds"]
    again = site.get("/map/sounds", If_None_Match=first.headers["etag"])
    assert (again.status, again.body) == (304, b"")
    assert site.get("/map/sounds", If_None_Match='"other"').body == first.body
    assert site.get("/map/sounds", If_None_Match=f'"other", {first.headers["etag"]}').status == 304


def test_a_head_has_no_body(site):
    assert site.ask("HEAD", "/map").status == 200


def test_neighbours_are_those_of_the_command(site, folder):
    library = open_library("lib")
    for name in ("kick2.wav", "deep/snare1.wav"):
        number = ids_by_name(site)[Path(name).name]
        found = site.get(f"/map/near/{number}?n=4").json
        wanted = library.find(query_of(folder / name, model_of(library)), 4)
        assert [(row["file"], row["class"]) for row in found] == [(n.file, n.class_name) for n in wanted]
        assert [row["distance"] for row in found] == pytest.approx([n.distance for n in wanted], abs=1e-5)
        assert [ids_by_name(site)[Path(row["file"]).name] for row in found] == [row["id"] for row in found]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/map/near/999999", 404),
        ("/map/near/1?n=0", 400),
        ("/map/near/1?n=51", 400),
        ("/map/near/1?n=x", 400),
        ("/map/near/1?n=-1", 400),
        ("/map/near/1?n=%D9%A1", 400),
        ("/map/sound/999999.wav", 404),
    ],
)
def test_what_is_not_there(site, path, status):
    answer = site.get(path)
    assert answer.status == status
    assert "error" in answer.json


def test_a_sound_is_its_file(site, folder):
    answer = site.get(f"/map/sound/{ids_by_name(site)['kick3.wav']}.wav")
    assert answer.headers["content-type"] == "audio/wav"
    heard, rate = soundfile.read(io.BytesIO(answer.body))
    sound, _ = soundfile.read(folder / "kick3.wav")
    assert rate == 44100
    loud = np.abs(sound).argmax()
    at = np.abs(heard).argmax()
    assert np.allclose(heard[at : at + 500], sound[loud : loud + 500], atol=1e-4)


def test_a_file_that_went_is_named(site, folder):
    number = ids_by_name(site)["kick3.wav"]
    (folder / "kick3.wav").unlink()
    answer = site.get(f"/map/sound/{number}.wav")
    assert answer.status == 404
    assert "kick3.wav: there is no such file" in answer.json["error"]


def test_new_sounds_come_by_themselves_and_old_ones_stay(site, folder, index):
    before = site.get("/map/sounds").json
    where = {
        n: (x, y)
        for n, x, y in zip(
            before["names"], column(before, "x", "<f4"), column(before, "y", "<f4"), strict=True
        )
    }
    fill(folder, [f"rim{k}.wav" for k in range(5)], seed=90)
    index()
    until(lambda: site.get("/map/sounds").json["count"] == 17, "new sounds on the map")
    now = site.get("/map/sounds").json
    there = {
        n: (x, y)
        for n, x, y in zip(now["names"], column(now, "x", "<f4"), column(now, "y", "<f4"), strict=True)
    }
    assert {name: there[name] for name in where} == where
    assert site.get(f"/map/sound/{ids_by_name(site)['rim2.wav']}.wav").status == 200


def test_sounds_that_go_go(site, folder, index):
    (folder / "kick1.wav").unlink()
    index()
    until(lambda: site.get("/map/sounds").json["count"] == 11, "the sound to go")
    assert "kick1.wav" not in ids_by_name(site)


def test_a_library_that_vanishes_leaves_what_was_shown(site):
    shutil.rmtree(places.place("lib"))
    told = "there is no library 'lib'"
    until(lambda: told in (site.get("/map/state").json["trouble"] or ""), "the trouble to be told")
    assert site.get("/map/sounds").json["count"] == 12
    assert site.post("/map/anew", {}).status == 202
    until(lambda: not site.get("/map/state").json["drawing"], "drawing to end")


def test_the_map_is_drawn_anew_when_it_is_asked_for(site):
    before = site.get("/map/sounds").json["fit"]
    answer = site.post("/map/anew", {})
    assert (answer.status, answer.json) == (202, {"drawing": True})
    until(lambda: site.get("/map/sounds").json["fit"] == before + 1, "a new map")


def answering(address, args):
    return build("/gn/done", address, args[-1], "")


def test_a_sound_goes_into_a_slot(index, serve, folder):
    index()
    instrument = FakeInstrument(answering)
    site = serve(instrument)
    until(lambda: site.get("/map/state").json["instrument"], "the instrument to be seen")
    number = ids_by_name(site)["kick3.wav"]
    answer = site.post("/map/slot", {"slot": "c", "sound": number})
    assert (answer.status, answer.json) == (200, {"slot": "c", "sound": number})
    ((address, args),) = instrument.asked
    assert address == "/gn/slot/c/file"
    assert args[0] == str(folder / "kick3.wav")


def test_of_a_recording_the_sound_alone_goes_into_a_slot(tmp_path, bundle, serve):
    from ghostnote.library.indexing import IndexOptions

    write(tmp_path / "long" / "take.wav", recording(6))
    index_library([tmp_path / "long"], "lib", IndexOptions(str(bundle), segment=True, workers=1))
    heard = []

    def answer(address, args):
        heard.append((Path(args[0]).name, *soundfile.read(args[0])))
        return answering(address, args)

    site = serve(FakeInstrument(answer))
    library = open_library("lib")
    row = 3
    onset_s = float(library.rows.column("onset_s")[row])
    assert site.post("/map/slot", {"slot": "a", "sound": int(library.rows.ids[row])}).status == 200
    ((name, samples, rate),) = heard
    assert name == f"take_{onset_s:.3f}s.wav"
    whole, _ = soundfile.read(tmp_path / "long" / "take.wav")
    at = np.abs(samples).argmax()
    start = round(onset_s * rate)
    loud = start + np.abs(whole[start : start + rate // 4]).argmax()
    assert np.allclose(samples[at : at + 200], whole[loud : loud + 200], atol=1e-3)
    near = site.get(f"/map/near/{int(library.rows.ids[row])}").json
    assert {round(one["onset_s"], 3) for one in near} == {
        round(float(at_s), 3) for k, at_s in enumerate(library.rows.column("onset_s")) if k != row
    }


def test_a_file_whose_name_is_no_text_goes_into_a_slot(index, serve, folder):
    odd = folder / b"\xffodd.wav".decode("utf-8", "surrogateescape")
    try:
        shutil.copy(folder / "kick1.wav", odd)
    except OSError:
        pytest.skip("this file system takes no names that are no text")
    write(folder / "new.wav", hit(77)).replace(odd)
    index()
    there = []

    def answer(address, args):
        there.append(soundfile.info(args[0]).frames)
        return answering(address, args)

    site = serve(FakeInstrument(answer))
    number = ids_by_name(site)["\\udcffodd.wav"]
    assert site.post("/map/slot", {"slot": "h", "sound": number}).status == 200
    assert there[0] > 1000
    assert site.get(f"/map/sound/{number}.wav").status == 200


def test_what_the_instrument_says_against_it_is_shown(index, serve):
    index()
    site = serve(
        FakeInstrument(lambda address, args: build("/gn/error", address, "io", "it is silent", args[-1]))
    )
    answer = site.post("/map/slot", {"slot": "a", "sound": ids_by_name(site)["kick1.wav"]})
    assert (answer.status, answer.json["error"]) == (502, "it is silent")


def test_no_instrument(site):
    assert site.get("/map/state").json["instrument"] is False
    answer = site.post("/map/slot", {"slot": "a", "sound": ids_by_name(site)["kick1.wav"]})
    assert answer.status == 502
    assert "start one: ghostnote play" in answer.json["error"]


def test_an_instrument_that_says_nothing_is_not_waited_for(index, serve, monkeypatch):
    monkeypatch.setattr("ghostnote.web.instrument.WAIT_S", 0.2)
    index()
    site = serve(FakeInstrument(lambda address, args: b""))
    answer = site.post("/map/slot", {"slot": "a", "sound": ids_by_name(site)["kick1.wav"]})
    assert answer.status == 502


@pytest.mark.parametrize("count", [0, 1])
def test_small_libraries_are_shown(index, serve, folder, count):
    keep = "kick0.wav" if count else ""
    index()
    for path in folder.rglob("*.wav"):
        if path.name != keep:
            path.unlink()
    (folder / "text.wav").write_text("so that the folder is not empty")
    index()
    site = serve()
    assert site.get("/map/sounds").json["count"] == count
    if count:
        number = ids_by_name(site)["kick0.wav"]
        assert site.get(f"/map/near/{number}").json == []
