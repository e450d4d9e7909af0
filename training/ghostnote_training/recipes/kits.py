"""The recipe of `models/kits`: many classes, from which kit or instrument a sound comes.

It learns from what `general` learns from, so it has the encoder and decoder of that, and trains a classifier.
"""

from __future__ import annotations

from dataclasses import replace

from ghostnote_training.recipes import general

RECIPE = replace(general.RECIPE, name="kits", maker=general.RECIPE.name, labels="kit", classifier="labels")
