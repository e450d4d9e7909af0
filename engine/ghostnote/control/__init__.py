"""Control in: OSC, MIDI, the stream clock and the inbox."""
