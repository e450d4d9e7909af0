"""OSC address patterns (`?`, `*`, `[abc]`, `[!a-z]`, `{part1,part2}`) over the fixed address table.

Each segment is matched by moving a set of text positions, held as the bits of an integer, through the
pattern's tokens (a nondeterministic automaton; Thompson, 1968), so there is no backtracking: the work is
one integer operation for each token, whatever the pattern.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from ghostnote.errors import MessageError

MAX_WILDCARDS = 16
_SPECIAL = frozenset("?*[]{}")

_Token = tuple[str, frozenset[str] | tuple[str, ...] | str]


def is_pattern(addr: str) -> bool:
    """Whether an address has a pattern character."""
    return not _SPECIAL.isdisjoint(addr)


def match_segment(pattern: str, text: str) -> bool:
    """Whether one segment (no `/`) fits a pattern; an unclosed `[` or `{` stands for itself."""
    return _matches(_tokens(pattern), text)


class AddressTree:
    """The address table as a tree of segments, so that a pattern meets each distinct segment once."""

    def __init__(self, addresses: Iterable[str]) -> None:
        self._root: dict[str, object] = {}
        for addr in addresses:
            node = self._root
            for segment in addr.split("/")[1:]:
                node = node.setdefault(segment, {})  # type: ignore[assignment]
            node[""] = addr
        self.match = lru_cache(maxsize=256)(self._match)

    def _match(self, pattern: str) -> tuple[str, ...]:
        """Addresses that fit `pattern`, in table order.

        Raises MessageError(`range`) for more than `MAX_WILDCARDS` wildcards.
        """
        return tuple(str(node[""]) for node in self._walk(pattern) if "" in node)

    def below(self, pattern: str) -> tuple[str, ...]:
        """Addresses that begin with segments that fit `pattern`; raises as `match` does."""
        found: list[str] = []
        waiting = self._walk(pattern)[::-1]
        while waiting:
            for name, child in reversed(waiting.pop().items()):
                if isinstance(child, dict):
                    waiting.append(child)
                elif not name:
                    found.append(str(child))
        return tuple(found)

    def _walk(self, pattern: str) -> list[dict[str, object]]:
        wildcards = sum(c in "?*[{" for c in pattern)
        if wildcards > MAX_WILDCARDS:
            raise MessageError("range", f"{wildcards} wildcards in an address; the limit is {MAX_WILDCARDS}")
        nodes = [self._root]
        for segment in pattern.split("/")[1:]:
            nodes = [child for node in nodes for child in _children(node, segment)]
        return nodes


def _children(node: dict[str, object], segment: str) -> list[dict[str, object]]:
    if not is_pattern(segment):
        child = node.get(segment) if segment else None
        return [child] if isinstance(child, dict) else []
    tokens = _tokens(segment)
    return [c for name, c in node.items() if isinstance(c, dict) and _matches(tokens, name)]


def _tokens(pattern: str) -> list[_Token]:
    tokens: list[_Token] = []
    at = 0
    while at < len(pattern):
        c = pattern[at]
        if c == "[":
            start = at + 1 + (pattern[at + 1 : at + 2] == "!")
            # A closing bracket right at the start of a set is a member of it.
            end = pattern.find("]", start + 1)
            if end > 0:
                tokens.append(("not" if pattern[at + 1] == "!" else "in", _members(pattern[start:end])))
                at = end + 1
                continue
        elif c == "{":
            end = pattern.find("}", at)
            if end > 0:
                tokens.append(("alt", tuple(pattern[at + 1 : end].split(","))))
                at = end + 1
                continue
        tokens.append((c if c in "?*" else "is", c))
        at += 1
    return tokens


def _members(text: str) -> frozenset[str]:
    members: set[str] = set()
    at = 0
    while at < len(text):
        if text[at + 1 : at + 2] == "-" and at + 2 < len(text):
            members.update(map(chr, range(ord(text[at]), ord(text[at + 2]) + 1)))
            at += 3
        else:
            members.add(text[at])
            at += 1
    return frozenset(members)


def _matches(tokens: list[_Token], text: str) -> bool:
    everything = (1 << len(text) + 1) - 1
    places: dict[str, int] = {}
    for index, c in enumerate(text):
        places[c] = places.get(c, 0) | 1 << index
    at = 1
    for kind, what in tokens:
        if kind == "*":
            at = everything & ~((at & -at) - 1)
        elif kind == "?":
            at = (at << 1) & everything
        elif kind == "is":
            at = (at & places.get(str(what), 0)) << 1
        elif kind == "alt":
            at = _alternatives(at, places, what)
        else:
            allowed = 0
            for c, mask in places.items():
                if (c in what) == (kind == "in"):
                    allowed |= mask
            at = (at & allowed) << 1
        if not at:
            return False
    return bool(at >> len(text) & 1)


def _alternatives(at: int, places: dict[str, int], words: Iterable[str]) -> int:
    reached = 0
    for word in words:
        here = at
        for c in word:
            here = (here & places.get(c, 0)) << 1
        reached |= here
    return reached
