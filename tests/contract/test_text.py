"""What no file of the project may hold: paths of one machine, registry hosts, marks of unfinished work."""

from __future__ import annotations

import re

BINARY = {".onnx", ".wav", ".flac", ".mp3", ".ogg", ".aiff", ".png", ".npz", ".npy"}

# Written in pieces, so that this file does not find itself.
MACHINE_PATHS = re.compile(
    rb"(?<![\w.:/~-])/(?:(?:" + b"work|root|tmp|home|Users" + rb")/[\w.]|(?:" + b"work|root" + rb")\b(?!/))"
)
REGISTRIES = re.compile(
    rb"pypi\." + rb"org|python" + rb"hosted|deb\.debian\." + rb"org|archive\.ubuntu|registry\.npm" + rb"js|"
    rb"conda\.anaconda|crates\." + rb"io|proxy\.golang"
)
UNFINISHED = re.compile(
    rb"\b(?:" + rb"TO" + rb"DO|FIX" + rb"ME|X" + rb"XX|HA" + rb"CK|NotImpl" + rb"emented(?:Error)?)\b"
)
CONFLICT = re.compile(rb"^(?:<{7} |={7}$|>{7} )", re.MULTILINE)


def find(pattern, files, root):
    """Every place where a pattern occurs, as `file:line text`; in binary files the file alone."""
    places = []
    for path in files:
        content = path.read_bytes()
        for found in pattern.finditer(content):
            name = path.relative_to(root)
            shown = found.group().decode(errors="replace")
            if path.suffix in BINARY:
                places.append(f"{name}: {shown}")
            else:
                line = content.count(b"\n", 0, found.start()) + 1
                places.append(f"{name}:{line}: {shown}")
    return places


def text_files(files):
    return [path for path in files if path.suffix not in BINARY]


def test_no_machine_paths(tracked_files, root):
    files = [p for p in tracked_files if p.suffix not in BINARY - {".onnx"}]
    places = find(MACHINE_PATHS, files, root)
    assert not places, "paths that exist on one machine only:\n" + "\n".join(places)


def test_no_registry_hosts(tracked_files, root):
    places = find(REGISTRIES, text_files(tracked_files), root)
    assert not places, "package registries are reached by package name, never by host:\n" + "\n".join(places)


def test_nothing_is_marked_unfinished(tracked_files, root):
    places = find(UNFINISHED, text_files(tracked_files), root)
    assert not places, "finish it, or write an issue:\n" + "\n".join(places)


def test_no_conflict_markers(tracked_files, root):
    places = find(CONFLICT, text_files(tracked_files), root)
    assert not places, "left over from a merge:\n" + "\n".join(places)


def test_patterns_find_what_they_are_for():
    slash = b"/"
    assert MACHINE_PATHS.search(b"see " + slash + b"tmp" + slash + b"x.wav")
    assert MACHINE_PATHS.search(b'"' + slash + b"root" + slash + b'.cache"')
    assert MACHINE_PATHS.search(b"in " + slash + b"work.")
    assert not MACHINE_PATHS.search(b"engine/ghostnote/home/x and /gn/part1/hit and /rootless and a/tmp/b")
    assert UNFINISHED.search(b"# TO" + b"DO: later")
    assert not UNFINISHED.search(b"return NotImpl" + b"ementedYet")
    assert REGISTRIES.search(b"https://pypi." + b"org/simple")
