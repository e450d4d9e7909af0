"""The JSON Schema of map files, made from the same lists that the reader uses."""

from __future__ import annotations

from typing import Any

from ghostnote.control.midi_files import (
    ANY_NUMBER,
    CURVES,
    DIRECTIONS,
    FEEDBACK_KINDS,
    HIGHEST,
    KINDS,
    MAX_CONTROLS,
    MODES,
    SCHEMA,
    TAKEOVERS,
    VERSION,
)
from ghostnote.state.table import ROOT


def schema() -> dict[str, Any]:
    """The schema (draft 2020-12). What is not in it is kept, and means nothing."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "ghostnote MIDI map",
        "description": "What the controls of one controller do; those not listed do what they do by default.",
        "type": "object",
        "required": ["schema", "version", "device", "controls"],
        "properties": {
            "schema": {"const": SCHEMA},
            "version": {"type": "integer", "minimum": 1, "maximum": VERSION},
            "device": {
                "type": "object",
                "required": ["match"],
                "properties": {
                    "match": {
                        **_text(),
                        "description": "Part of the port's name, or a pattern with * ? [] for all of it.",
                    },
                    "direction": {"enum": list(DIRECTIONS), "default": "in"},
                },
            },
            "defaults": {
                "type": "boolean",
                "default": True,
                "description": "Whether the default map holds for what is not listed.",
            },
            "takeover": {
                "enum": list(TAKEOVERS),
                "description": "For controls that do not say otherwise; else pickup, and jump for switches.",
            },
            "controls": {"type": "array", "maxItems": MAX_CONTROLS, "items": _control()},
        },
    }


def _control() -> dict[str, Any]:
    return {
        "type": "object",
        "required": ["in", "to"],
        "properties": {
            "in": {
                "type": "object",
                "required": ["kind"],
                "properties": {
                    "kind": {"enum": list(KINDS)},
                    "channel": {**_whole(1, 16), "description": "Without it: any channel."},
                    "number": _whole(0, max(HIGHEST.values())),
                    "bits": {"enum": [7, 14], "default": 7},
                },
                "allOf": [
                    {
                        "if": {"properties": {"kind": {"const": kind}}},
                        "then": {
                            "required": [] if kind in ANY_NUMBER else ["number"],
                            "properties": {"number": _whole(0, highest)},
                        },
                    }
                    for kind, highest in HIGHEST.items()
                ],
            },
            "to": {**_text(), "pattern": f"^{ROOT}/", "description": "An address of the parameter table."},
            "args": {
                "type": "array",
                "maxItems": 64,
                "items": {"type": ["number", "string"]},
                "description": "Arguments of a command; without them a pad's velocity or a program's number.",
            },
            "range": {
                "type": "array",
                "minItems": 2,
                "maxItems": 2,
                "items": {"type": "number"},
                "description": "Values at both ends of the travel; the larger one first turns it round.",
            },
            "curve": {"enum": list(CURVES)},
            "mode": {"enum": list(MODES), "default": "absolute"},
            "step": {
                "type": "number",
                "minimum": 0,
                "maximum": 1,
                "description": "Travel of one relative step.",
            },
            "takeover": {"enum": list(TAKEOVERS)},
            "feedback": {
                "description": "What the device is told; true: its own message. Needs direction in+out.",
                "oneOf": [
                    {"type": "boolean"},
                    {
                        "type": "object",
                        "properties": {
                            "kind": {"enum": list(FEEDBACK_KINDS)},
                            "channel": _whole(1, 16),
                            "number": _whole(0, max(HIGHEST.values())),
                            "bits": {"enum": [7, 14]},
                            "on": {
                                **_whole(0, 127),
                                "description": "Makes it a light: sent above the threshold.",
                            },
                            "off": {**_whole(0, 127), "default": 0},
                            "threshold": {"type": "number", "minimum": 0, "maximum": 1, "default": 0.5},
                            "from": {**_text(), "description": "Another address whose value is told."},
                        },
                    },
                ],
            },
        },
    }


def _text() -> dict[str, Any]:
    return {"type": "string", "minLength": 1, "maxLength": 200}


def _whole(low: int, high: int) -> dict[str, Any]:
    return {"type": "integer", "minimum": low, "maximum": high}
