"""Scenes between the disk and the engine: slow commands that store, recall, rename and delete them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace

from ghostnote.control.events import Event, next_batch
from ghostnote.control.inbox import Inbox
from ghostnote.core.engine import Engine
from ghostnote.core.history import Errand, Side
from ghostnote.core.movement import point_of
from ghostnote.core.scene_actions import SOURCE, messages
from ghostnote.core.tasks import Task
from ghostnote.errors import MessageError, SceneError
from ghostnote.features.detail import Detail
from ghostnote.scenes.library import Library
from ghostnote.scenes.scene import KEPT, LONGEST_FADE_S, Scene
from ghostnote.state.registry import TARGETS
from ghostnote.state.table import ROOT, SLOTS, Value
from ghostnote.telemetry import Telemetry

UNDO = "undo"
"""Source of commands that undo or redo sent, and that are no steps themselves."""

LIST = f"{ROOT}/scene/list"
LIST_BYTES = 1200
MOST_TOLD = 16
"""Older versions that one answer names."""


class SceneKeeper:
    """Carries out `scene/…` commands. Thread: one at a time (that of `Tasks`), except where it says so.

    A recall comes back through the inbox as what it changes, in one batch, so that it takes effect as a whole
    and the log needs no files. A scene that cannot be used as a whole is not used at all.
    """

    def __init__(self, library: Library, engine: Engine, inbox: Inbox, telemetry: Telemetry) -> None:
        self._library = library
        self._engine = engine
        self._inbox = inbox
        self._telemetry = telemetry
        self._names: tuple[str, ...] = ()
        self.work: Mapping[str, Callable[[Task], str]] = {
            "scene/store": self._store,
            "scene/recall": lambda task: self._recall(self._named(task.args[0]), float(task.args[1])),
            "scene/index": lambda task: self._recall(self._at(int(task.args[0])), float(task.args[1])),
            "scene/next": lambda task: self._step(1),
            "scene/prev": lambda task: self._step(-1),
            "scene/rename": self._rename,
            "scene/delete": self._delete,
            "scene/restore": self._restore,
            "scene/versions": self._versions,
        }
        self.look()

    def names(self) -> tuple[str, ...]:
        """The scenes' names in their order, as many as fit into a message. Thread: any."""
        room, names = LIST_BYTES, []
        for name in self._names:
            room -= len(name.encode("utf-8")) + 5
            if room < 0:
                break
            names.append(name)
        return tuple(names)

    def look(self) -> None:
        """See which scenes there are now."""
        try:
            names = tuple(self._library.names())
        except SceneError as error:
            self._telemetry.trouble("scenes_unreadable", str(error))
            return
        if names != self._names:
            self._names = names
            self._engine.changes.note(LIST)

    def apply(self, name: str) -> None:
        """Put a scene into an engine that does not play yet. Raises SceneError; nothing changes then."""
        for addr, args in self._messages(self._read(name), 0.0):
            self._engine.apply(TARGETS[addr], args)

    def _store(self, task: Task) -> str:
        scene = capture(self._engine, str(task.args[0]))
        self._library.store(scene)
        self.look()
        self._send(messages(Side(scene=scene.name), 0.0))
        return scene.name

    def _recall(self, name: str, fade: float) -> str:
        scene = self._read(name)
        fade_s = self._fade_s(fade) if fade >= 0.0 or scene.fade_s is None else scene.fade_s
        self._send(self._messages(scene, fade_s))
        return scene.name

    def _step(self, by: int) -> str:
        self.look()
        if not self._names:
            raise SceneError("there are no scenes yet; store one with /gn/scene/store")
        current = self._engine.morph.scene
        if current in self._names:
            place = self._names.index(current) + by
            if not 0 <= place < len(self._names):
                raise SceneError(f"{current!r} is the {'last' if by > 0 else 'first'} scene")
        else:
            place = 0 if by > 0 else len(self._names) - 1
        return self._recall(self._names[place], -1.0)

    def _rename(self, task: Task) -> str:
        name, to = str(task.args[0]), str(task.args[1])
        self._library.rename(name, to)
        self.look()
        if self._engine.morph.scene == name:
            self._send(messages(Side(scene=to), 0.0))
        self._leave(task, Errand(f"{ROOT}/scene/rename", (to, name)), Errand(task.target.addr, (name, to)))
        return to

    def _delete(self, task: Task) -> str:
        name = str(task.args[0])
        self._library.delete(name)
        self.look()
        self._leave(task, Errand(f"{ROOT}/scene/restore", (name,)), Errand(task.target.addr, (name,)))
        return name

    def _restore(self, task: Task) -> str:
        name, back = str(task.args[0]), int(task.args[1]) if len(task.args) > 1 else 1
        stored = self._library.restore(name, back)
        self.look()
        return f"{name}, as it was stored {_date(stored)}"

    def _versions(self, task: Task) -> str:
        name = str(task.args[0])
        dates = [_date(self._library.stored_at(path)) for path in reversed(self._library.versions(name))]
        if not dates:
            raise SceneError(f"there is no older version of a scene {name!r}")
        told = [f"{back}: {date}" for back, date in enumerate(dates[:MOST_TOLD], 1)]
        more = [f"{len(dates) - MOST_TOLD} more"] if len(dates) > MOST_TOLD else []
        return "; ".join(told + more)

    def _leave(self, task: Task, undo: Errand, redo: Errand) -> None:
        if task.source != UNDO:
            self._engine.history.leave(undo, redo)

    def _named(self, name: Value) -> str:
        return name if isinstance(name, str) else self._at(round(name))

    def _at(self, index: int) -> str:
        self.look()
        if not 1 <= index <= len(self._names):
            raise SceneError(f"there is no scene {index}; there are {len(self._names)}")
        return self._names[index - 1]

    def _read(self, name: str) -> Scene:
        """A scene that can be recalled now. Raises SceneError for one that cannot."""
        scene, models = self._library.read(name), self._engine.models
        main = scene.models.get("main", {}).get("name", "")
        values = dict(scene.values)
        if main != models.main.name:  # then the parts that played the main model choose it
            values |= {addr: main for addr, value in values.items() if addr.endswith("/model") and not value}
        chosen = {str(value) for addr, value in values.items() if addr.endswith("/model")}
        for model in sorted(chosen):
            if models.get(model) is None:
                raise SceneError(
                    f"scene {name!r} is for model {model[:64]!r}, which is not loaded"
                    f" ({', '.join(models.names())}); load it with {ROOT}/model/add, then recall again"
                )
        slots = {model: held for model, held in scene.slots.items() if model and models.get(model)}
        for model, held in slots.items():
            loaded = models.get(model)
            assert loaded is not None
            for slot, point in held.items():
                if point is not None and len(point.z) != loaded.slots.latent_size:
                    raise SceneError(
                        f"scene {name!r}: slot {slot} has {len(point.z)} numbers, model {model!r}"
                        f" takes {loaded.slots.latent_size}"
                    )
                try:
                    if point is not None and point.detail:
                        Detail.of_text(point.detail, loaded.model.spec)
                except MessageError as error:
                    raise SceneError(f"scene {name!r}: slot {slot}: {error}") from None
        self._tell(scene)
        return replace(scene, values=values, slots=slots)

    def _tell(self, scene: Scene) -> None:
        """Report what is not as it was when the scene was stored, and no hindrance."""
        for model in scene.models.values():
            loaded = self._engine.models.get(model.get("name", ""))
            stored = model.get("sha256")
            if loaded is not None and stored and stored != loaded.manifest.digest:
                text = f"scene {scene.name!r} was stored with another version of model {loaded.name!r}"
                self._telemetry.trouble("scene_model", text)
        if scene.clipped:
            text = f"scene {scene.name!r}: {scene.clipped} values were out of range and are clipped"
            self._telemetry.trouble("scene_clipped", text)

    def _messages(self, scene: Scene, fade_s: float) -> list[tuple[str, tuple[Value, ...]]]:
        slots = {f"{slot}/{m}": point for m, held in scene.slots.items() for slot, point in held.items()}
        return messages(Side(dict(scene.values), slots, scene.name), fade_s)

    def _fade_s(self, fade: float) -> float:
        values = self._engine.values
        fade = fade if fade >= 0.0 else float(values[f"{ROOT}/scene/fade"])
        if values[f"{ROOT}/scene/unit"] == "beats":
            fade *= 60.0 / float(values[f"{ROOT}/clock/tempo"])
        return min(fade, LONGEST_FADE_S)

    def _send(self, made: list[tuple[str, tuple[Value, ...]]]) -> None:
        now, batch = time.monotonic(), next_batch()
        self._inbox.put([Event(addr, args, SOURCE, now, None, batch) for addr, args in made])


def capture(engine: Engine, name: str) -> Scene:
    """What plays now as a scene: what glides counts where it goes, what morphs where it is. Thread: any."""
    values = {**engine.values, **engine.ramps.goals(but=SOURCE)}
    models = {"main": engine.models.main}
    for part in engine.parts.values():
        if chosen := part.word("model"):
            models[f"part{part.number}"] = engine.models.get(chosen) or engine.models.main
    return Scene(
        name=name,
        values={addr: value for addr, value in values.items() if addr in KEPT},
        slots={m.name: {s: point_of(engine, engine.models.key(s, m)) for s in SLOTS} for m in engine.models},
        models={which: {"name": m.name, "sha256": m.manifest.digest} for which, m in models.items()},
    )


def _date(t: float) -> str:
    """A time in s since 1970 as this computer's people write it."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(t))
