"""The error tree: what a person can do wrong, one class for each kind of thing that was wrong.

    GhostnoteError
    ├── UsageError       an argument or option of a command
    ├── AudioFileError   a sound file that cannot be used
    ├── DatasetError     a folder of sounds to train on, or the place for their features
    ├── LibraryError     a library of sounds, or its database
    ├── BundleError      a model bundle that cannot be trusted or loaded
    ├── DeviceError      an audio device or MIDI port
    ├── NetworkError     a port or address that cannot be opened
    ├── LogError         a control log
    ├── MapError         a MIDI map file
    ├── StateError       a state file
    ├── SceneError       a scene, or its file
    └── MessageError     one control message (has a short `code` for `/gn/error`)

Every message says what, where, and what to try. Nothing here is raised while playing: the live path
counts trouble in `ghostnote.telemetry` and goes on.
"""


class GhostnoteError(Exception):
    """Base of everything that ghostnote raises for wrong input; its text is one clear line."""


class UsageError(GhostnoteError):
    """An argument or option of a command is wrong."""


class AudioFileError(GhostnoteError):
    """A sound file is missing, empty, corrupt, silent where sound is needed, or not a sound."""


class DatasetError(GhostnoteError):
    """A folder holds no sounds that can be trained on, or their features cannot be stored."""


class LibraryError(GhostnoteError):
    """A library of sounds does not exist, is in use, damaged, or cannot be written or read."""


class BundleError(GhostnoteError):
    """A model bundle is missing, damaged, forbidden or does not do what its manifest says."""


class DeviceError(GhostnoteError):
    """An audio device or MIDI port does not exist, is taken or went away."""


class NetworkError(GhostnoteError):
    """A network address or port cannot be opened."""


class LogError(GhostnoteError):
    """A control log cannot be read."""


class MapError(GhostnoteError):
    """A MIDI map file cannot be read, or says what cannot be."""


class StateError(GhostnoteError):
    """A state file cannot be read or written."""


class SceneError(GhostnoteError):
    """A scene does not exist, or its name or file cannot be used."""


class MessageError(GhostnoteError):
    """One control message cannot be carried out.

    `code` is one of `unknown_address`, `args`, `type`, `range`, `not_found`, `busy`, `io`, `malformed`.
    """

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code
