"""Every command: what is done rather than set."""

from __future__ import annotations

from ghostnote.state.table import AXES, NAMED_AXES, PARTS, SLOTS, Argument, Command

_VELOCITY = Argument("velocity", "f", 0.0, 1.0, default=1.0)
_NOTE = Argument("pitch", "i", 0, 127)
_ID = Argument("id", "i", -1, 2**31 - 1, default=-1)
_NOTES = Argument("id", "i", -1, 2**31 - 1)
_ON = Argument("on", "f", default=1.0)

_PLAY = (
    Argument("part", "i", PARTS[0], PARTS[-1]),
    Argument("model", "s"),
    Argument("s", "s"),
    Argument("n", "f", -60.0, 67.0),
    Argument("note", "f", 0.0, 127.0),
    Argument("id", "i", -1, 2**31 - 1),
    Argument("velocity", "f", 0.0, 1.0),
    Argument("gain", "f", -60.0, 6.0),
    Argument("pan", "f", -1.0, 1.0),
    Argument("speed", "f", 1 / 8, 8.0),
    Argument("rate", "f", -4.0, 4.0),
    Argument("begin", "f", 0.0, 1.0),
    Argument("end", "f", 0.0, 1.0),
    Argument("sustain", "f", 0.003, 600.0),
    Argument("cut", "i", 0, 2**31 - 1),
    Argument("seed", "i", 0, 2**31 - 1),
    *(Argument(axis, "f", -4.0, 4.0) for axis in (*AXES, *NAMED_AXES)),
)

_AMONG = (Argument("within", "s", default=""), Argument("weights", "s", default=""))
"""Filters and weights of a search, as `ghostnote similar` takes them."""


def _quanta(name: str) -> Argument:
    """A time in quanta; 0: as it was, or as the first model's."""
    return Argument(name, "i", 0, 1000, default=0)


COMMANDS = (
    Command("part{part}/hit", (_VELOCITY,), trigger=True, text="Plays the part once."),
    Command(
        "part{part}/note",
        (_NOTE, Argument("velocity", "f", 0.0, 1.0), _ID),
        text="Plays the part at a pitch (60 = as it is); velocity 0 releases.",
    ),
    Command("part{part}/off", (_NOTE, _ID), text="Releases a note of the part."),
    Command(
        "play",
        _PLAY,
        pairs=True,
        text="Plays one note from names and values, which are its own. Only the axes and the model turn the "
        "part, and s (a part, a slot or its origin) where no part plays just that. Speed is pitch; rate is "
        "the playhead's, times the part's, below 0 backwards.",
    ),
    Command(
        "part{part}/expr/bend",
        (_NOTES, Argument("semitones", "f", -48.0, 48.0)),
        text="Bends one note of the part by its id (−1: all of them).",
    ),
    Command(
        "part{part}/expr/press",
        (_NOTES, Argument("pressure", "f", 0.0, 1.0)),
        text="Pressure of one note: up to 6 dB louder.",
    ),
    Command(
        "part{part}/expr/timbre",
        (_NOTES, Argument("timbre", "f", 0.0, 1.0)),
        text="Brightness of one note: tilts its spectrum by up to 6 dB per octave; 0.5 = as it is.",
    ),
    Command(
        "part{part}/hush",
        (Argument("on", "f", default=1.0),),
        trigger=True,
        urgent=True,
        text="Fades the part's notes out in 50 ms.",
    ),
    Command(
        "part{part}/reset",
        (Argument("on", "f", default=1.0),),
        trigger=True,
        text="Sets bend, pedal, axes and variance back to their defaults.",
    ),
    Command(
        "part{part}/program",
        (Argument("slot", "i", 0, len(SLOTS) - 1),),
        text="Puts the part on one slot alone (0 = a).",
    ),
    Command(
        "part{part}/capture",
        (_ON, Argument("sound", "i", 0, 2**31 - 1, default=0)),
        trigger=True,
        slow=True,
        text="Puts a sound that ears heard (its number; 0: the last) into the slot of the part's own number, "
        "as `beatbox/…` says, and the part on that slot if it plays none of it.",
    ),
    Command(
        "part{part}/similar",
        (Argument("steps", "i", -1000, 1000, default=1), *_AMONG),
        slow=True,
        text="Lets the part play the next neighbour, in the library, of what it played when stepping began; "
        "below 0: back. The neighbour goes into the slot that it plays most of, which it plays alone then, "
        "axes at 0.",
    ),
    Command(
        "library/similar",
        (Argument("query", "s"), Argument("n", "i", 1, 100, default=10), *_AMONG),
        slow=True,
        text="Tells what in the library sounds like a slot, a part (`part3`), `heard` (by ears, last) or "
        "a file: so many times `/gn/library/neighbour`, nearest first, then `/gn/library/found`.",
    ),
    Command(
        "slot/{slot}/z",
        (Argument("z", "f"),),
        variadic=True,
        text="Sets the slot's latent point; without arguments, asks for it.",
    ),
    Command(
        "slot/{slot}/point",
        (Argument("model", "s"), Argument("origin", "s"), Argument("z", "f")),
        variadic=True,
        text="Sets the slot's latent point in one of the loaded models, and says where it came from.",
    ),
    Command(
        "slot/{slot}/detail",
        (Argument("model", "s"), Argument("text", "s", default="")),
        text="Sets the detail of what the slot holds in a loaded model, in its text form; empty: none.",
    ),
    Command(
        "slot/{slot}/random",
        (Argument("seed", "i", -1, 2**31 - 1, default=-1),),
        text="Puts a random draw into the slot (−1: the next of the session's seed).",
    ),
    Command(
        "slot/{slot}/prototype",
        (Argument("class", "s"),),
        text="Puts the model's typical sound of a class into the slot.",
    ),
    Command(
        "slot/{slot}/part",
        (Argument("part", "i", PARTS[0], PARTS[-1]),),
        text="Stores a part's present point in the slot.",
    ),
    Command(
        "slot/{slot}/file", (Argument("path", "s"),), slow=True, text="Embeds a sound file into the slot."
    ),
    Command(
        "slot/{slot}/capture",
        (_ON,),
        trigger=True,
        slow=True,
        text="Puts the sound that ears heard last (`play --listen INPUT`) into the slot.",
    ),
    Command(
        "slot/{slot}/similar",
        (Argument("query", "s"), Argument("rank", "i", 1, 1000, default=1), *_AMONG),
        slow=True,
        text="Puts a neighbour of the query (see `library/similar`) into the slot, 1 the nearest.",
    ),
    Command("slot/{slot}/clear", text="Empties the slot."),
    Command("slot/{slot}/swap", (Argument("slot", "s"),), text="Exchanges two slots."),
    Command(
        "model/load",
        (Argument("name", "s"),),
        slow=True,
        text="Loads a model bundle and makes it the main one; if it is bad, the present one plays on.",
    ),
    Command(
        "model/add",
        (Argument("name", "s"),),
        slow=True,
        text="Loads a model bundle for parts to choose; nothing that plays changes.",
    ),
    Command(
        "model/use",
        (Argument("name", "s"), Argument("main", "i", 0, 1, default=1), _quanta("delay"), _quanta("spacing")),
        text="Plays a model that is loaded, as the main one or beside it; its decodes take so many quanta.",
    ),
    Command(
        "model/unload",
        (Argument("name", "s"),),
        text="Lets go of a loaded model; parts that chose it play the main one.",
    ),
    Command(
        "scene/store",
        (Argument("name", "s"),),
        slow=True,
        text="Stores all parts and slots as a scene; what it was before is kept as an older version.",
    ),
    Command(
        "scene/recall",
        (Argument("name", "v"), Argument("fade", "f", -1.0, 600.0, default=-1.0)),
        slow=True,
        text="Morphs to a scene (name or number) in `fade`; −1: as the scene says, else `scene/fade`.",
    ),
    Command(
        "scene/index",
        (Argument("index", "i", 1, 16384), Argument("fade", "f", -1.0, 600.0, default=-1.0)),
        slow=True,
        text="Recalls a scene by its place in `scene/list`, 1 the first.",
    ),
    Command("scene/next", (_ON,), trigger=True, slow=True, text="Recalls the scene after the current one."),
    Command("scene/prev", (_ON,), trigger=True, slow=True, text="Recalls the scene before the current one."),
    Command(
        "scene/rename",
        (Argument("name", "s"), Argument("to", "s")),
        slow=True,
        text="Gives a scene another name.",
    ),
    Command(
        "scene/delete", (Argument("name", "s"),), slow=True, text="Deletes a scene; its versions are kept."
    ),
    Command(
        "scene/restore",
        (Argument("name", "s"), Argument("back", "i", 1, 100, default=1)),
        slow=True,
        text="Brings a deleted scene back, or an older version of one: 1 the one before this, 2 the one "
        "before that; what it was is kept as the latest of the older versions.",
    ),
    Command(
        "scene/versions",
        (Argument("name", "s"),),
        slow=True,
        text="Says when the older versions of a scene were stored, the latest first, for `scene/restore`.",
    ),
    Command(
        "scene/set",
        (Argument("fade", "f", 0.0, 600.0), Argument("name", "s"), Argument("pairs", "v")),
        variadic=True,
        parameters=True,
        text="What a recall does: parameters (address, value, …) reach their values in `fade` seconds.",
    ),
    Command(
        "scene/slot",
        (
            Argument("fade", "f", 0.0, 600.0),
            Argument("name", "s"),
            Argument("slot", "s"),
            Argument("origin", "s"),
            Argument("z", "f"),
        ),
        variadic=True,
        text="What a recall does to a slot: it moves to a point in `fade` seconds, or is emptied.",
    ),
    Command(
        "scene/point",
        (
            Argument("fade", "f", 0.0, 600.0),
            Argument("name", "s"),
            Argument("slot", "s"),
            Argument("origin", "s"),
            Argument("detail", "s"),
            Argument("z", "f"),
        ),
        variadic=True,
        text="The same for a point with a detail, in its text form.",
    ),
    Command("undo", (_ON,), trigger=True, text="Takes the last gesture, recall or deletion back (50 steps)."),
    Command("redo", (_ON,), trigger=True, text="Does again what was undone last."),
    Command("clock/tap", (_ON,), trigger=True, text="Taps the tempo; each tap is a beat."),
    Command(
        "clock/nudge",
        (Argument("ms", "f", -1000.0, 1000.0),),
        text="Moves the beat: later beats come so many milliseconds sooner.",
    ),
    Command("clock/position", (Argument("beat", "f", 0.0, 1e6),), text="Goes to a beat, counted from 0."),
    Command(
        "clock/pulse",
        (Argument("kind", "s", default="clock"), Argument("sixteenths", "i", 0, 16383, default=0)),
        text="One of 24 clocks a beat, or start, continue, stop, position (of the next clock, in "
        "sixteenths); counts while `clock/source` is midi.",
    ),
    Command(
        "midi/learn",
        (Argument("address", "s"),),
        slow=True,
        text="Waits for a control to be moved, and lets it drive the address from then on.",
    ),
    Command("midi/learn_cancel", slow=True, text="Waits no longer."),
    Command(
        "midi/map_load",
        (Argument("map", "s"),),
        slow=True,
        text="Loads a MIDI map by name or path; if it is bad, the present one stays.",
    ),
    Command(
        "midi/map_save",
        (Argument("map", "s"),),
        slow=True,
        text="Writes the map of the controller that was touched last under a name or path.",
    ),
    Command("midi/rescan", slow=True, text="Looks for MIDI ports now instead of within a second."),
    Command(
        "rec/start",
        (Argument("name", "s", default=""),),
        slow=True,
        text="Begins to record what is heard, and the control log beside it; without a name: date and time.",
    ),
    Command("rec/stop", slow=True, text="Ends the recording."),
    Command(
        "hush",
        (Argument("on", "f", default=1.0),),
        trigger=True,
        urgent=True,
        text="Fades all notes out in 50 ms.",
    ),
    Command(
        "panic",
        (Argument("on", "f", default=1.0),),
        trigger=True,
        urgent=True,
        text="Silence within one block; forgets held notes and what is scheduled.",
    ),
)
