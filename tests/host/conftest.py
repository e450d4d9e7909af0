"""A performance in its own processes on the null device."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bundles import build_bundle
from playing import Playing


@pytest.fixture(scope="session")
def bundle(tmp_path_factory) -> Path:
    return build_bundle(tmp_path_factory.mktemp("bundles") / "tiny")


@pytest.fixture
def play(tmp_path, bundle, free_udp_port) -> Iterator[Callable[..., Playing]]:
    """Start `ghostnote play` with these arguments more; on the null device unless they say otherwise."""
    running: list[Playing] = []

    def start(*arguments: str, port: int = free_udp_port, log: bool = True, ready: bool = True) -> Playing:
        given = list(arguments)
        if "--device" not in given:
            given += ["--device", "null"]
        if "--model" not in given:
            given += ["--model", str(bundle)]
        if log and "--log" not in given:
            given += ["--log", str(tmp_path / "played.jsonl")]
        running.append(Playing(tmp_path, port, *given))
        if ready:
            running[-1].wait_until_ready()
        return running[-1]

    yield start
    for performance in running:
        performance.close()
