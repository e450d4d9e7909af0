"""A sound of a library as a query: what else in it is like this one."""

from __future__ import annotations

from ghostnote.library.descriptors import COLUMNS, Descriptors
from ghostnote.library.embedding import Sound
from ghostnote.library.search import Library, Query

_WHOLE_S = 2.0


def query_of_row(library: Library, row: int) -> Query:
    """A row as `query_of` gives it for its file; where recordings are cut, for that sound alone."""
    rows = library.rows
    descriptors = Descriptors(*(float(rows.column(name)[row]) for name in COLUMNS))
    content = int(rows.contents[row])
    (key,) = (hash_ for hash_, number in rows.hashes.items() if number == content)
    sound = Sound(
        float(rows.column("onset_s")[row]),
        library.latents[row],
        rows.aspects["class"][row],
        descriptors,
    )
    return Query(sound, key, "", 0.0 if library.facts.segmented else _WHOLE_S)
