"""What was found in files is remembered by content, and a torn line costs that line."""

from __future__ import annotations

from ghostnote_training.crew import Crew
from ghostnote_training.dataset import ledger as ledger_module
from ghostnote_training.dataset.ledger import Ledger, look_at_all
from ghostnote_training.dataset.look import Glance, Look
from soundfolders import fill, hit, write


def some(number):
    return Look(
        content=f"{number:064x}",
        samples="s",
        kind="WAV",
        rate=1,
        channels=1,
        frames=99,
        cuts=((1, 2), (3, 4)),
    )


def test_looks_are_found_again_with_the_same_settings_only(tmp_path):
    first = Ledger(tmp_path, {"a": 1})
    first.add(some(1))
    first.add(Look(content="x", trouble="broken"))
    first.sync()
    assert Ledger(tmp_path, {"a": 1}).find(some(1).content) == some(1)
    assert Ledger(tmp_path, {"a": 1}).find("x") is None
    assert Ledger(tmp_path, {"a": 2}).find(some(1).content) is None


def test_a_torn_line_costs_that_line(tmp_path):
    first = Ledger(tmp_path, 0)
    for k in range(3):
        first.add(some(k))
    first.sync()
    whole = first.path.read_bytes()
    for cut in range(len(whole) - 400, len(whole), 7):
        first.path.write_bytes(whole[:cut])
        after = Ledger(tmp_path, 0)
        known = [k for k in range(3) if after.find(some(k).content)]
        assert known[:2] == [0, 1][: len(known)]
        after.add(some(9))
        after.sync()
        again = Ledger(tmp_path, 0)
        assert again.find(some(9).content) == some(9)
        assert [k for k in range(3) if again.find(some(k).content)] == known


def test_known_files_are_not_decoded_again(tmp_path, monkeypatch):
    fill(tmp_path, ["a.wav", "b.wav"])
    (tmp_path / "c.wav").write_text("no sound")
    jobs = [Glance(tmp_path / name, None, 2.0) for name in ("a.wav", "b.wav", "c.wav")]
    decoded = []
    with Crew(1) as crew:
        real = crew.run

        def run(task, given):
            decoded.append((task, len(given)))
            return real(task, given)

        monkeypatch.setattr(crew, "run", run)
        first = look_at_all(jobs, Ledger(tmp_path / "l", 0), crew, lambda done, total: None)
        write(tmp_path / "b.wav", hit(77))
        second = look_at_all(jobs, Ledger(tmp_path / "l", 0), crew, lambda done, total: None)
    assert [one.trouble for one in first] == ["", "", "broken"]
    assert second[0] == first[0]
    assert second[1].samples != first[1].samples
    looked = [count for task, count in decoded if task is ledger_module.look.look]
    assert looked == [3, 2]
