"""An input that goes away while the instrument plays: told once, all else goes on, and it returns."""

from __future__ import annotations

import os

import pytest

import jackserver
from bundles import build_bundle
from ghostnote.features.spec import FeatureSpec
from host.jackmouth import Mouth
from playing import Playing, wait_for

pytest.importorskip("jack")
pytestmark = [pytest.mark.jack, pytest.mark.real]


def test_the_instrument_plays_on_without_its_input_and_takes_it_back(
    tmp_path, tmp_path_factory, free_udp_port
):
    if os.environ.get("GHOSTNOTE_NO_JACK"):
        pytest.skip("no JACK servers here")
    bundle = build_bundle(tmp_path_factory.mktemp("bundles") / "tiny", spec=FeatureSpec(frames=86))
    name = f"gnaway{os.getpid()}"
    server, mouths = jackserver.start(name), []
    arguments = ("--device", "null", "--model", str(bundle), "--listen", "system", "--targets", "127.0.0.1:9")
    log = ("--log", str(tmp_path / "played.jsonl"))
    performance = Playing(tmp_path, free_udp_port, *arguments, *log, env=server.env)
    try:
        performance.wait_until_ready()
        performance.wait_until_said("listening to system")
        performance.send("beatbox/confidence", 0.0)
        performance.send("beatbox/mode", "play")
        performance.sync()
        mouths.append(Mouth(server, tmp_path))
        mouths[0].say_until(lambda: performance.ask("beatbox/hits") >= 1, "a hit")
        mouths[0].close()  # a client that goes away leaves silence, and no complaint
        core = performance.child("core").pid
        performance.send("part1/hit", 1.0)
        performance.sync()
        assert "the input went away" not in performance.complained
        jackserver.stop(server.process)
        performance.wait_for_complaint("the input went away")
        performance.send("part4/hit", 1.0)
        performance.wait_for_line("/gn/part4/hit")
        server = jackserver.start(name)
        wait_for(lambda: performance.said.count("listening to system") >= 2, "the input again")
        mouths.append(Mouth(server, tmp_path))
        before = performance.ask("beatbox/hits")
        mouths[1].say_until(lambda: performance.ask("beatbox/hits") > before, "a hit again")
        assert performance.child("core").pid == core
        assert performance.complained.count("the input went away") == 1
    finally:
        for mouth in mouths:
            mouth.close()
        performance.close()
        jackserver.stop(server.process)
