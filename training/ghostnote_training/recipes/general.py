"""The recipe of `models/general`: every licensed set and synthesis; instruments and voices beside drums."""

from __future__ import annotations

from ghostnote_training.corpus import HELD_OUT
from ghostnote_training.recipe import Recipe, Recordings
from ghostnote_training.train import TrainOptions
from ghostnote_training.vae import LossOptions

HELD_OUT_GENERAL = (
    *HELD_OUT,
    "ganjo/",
    "weresax/b2",
    "weresax/d3",
    "weresax/eb4",
    "war-tuba/c2",
    "war-tuba/eb1",
    "meatbass/c2",
    "meatbass/gb3",
    "growlybass/c4",
    "growlybass/gb3",
    "horsepulse/ab4",
    "horsepulse/d3",
    "horsepulse/e4",
    "cajon/cajon_sl3",
    "bodypercussion/cheek",
    "bodypercussion/stomp",
    "sonicpi/ambi_g",
    "sonicpi/bass_w",
    "sonicpi/elec_b",
    "sonicpi/guit_h",
    "sonicpi/mehackit_phone",
    "sonicpi/tabla_t",
)
"""Beside what is held out of `drums`: an instrument as a whole (the banjo), of the others some notes (every
way of playing them, every microphone), strokes and one-offs.
"""

RECIPE = Recipe(
    name="general",
    recordings=(
        Recordings("drums", share=0.3),
        Recordings("general", share=0.45, plain=2, machined=1),
    ),
    held_out=HELD_OUT_GENERAL,
    synth_share=0.25,
    loss=LossOptions(white_term=0.01, kl_target_nats=120.0),
    train=TrainOptions(minutes=45.0),
)
