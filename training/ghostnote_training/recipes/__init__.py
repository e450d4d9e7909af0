"""The recipes of the shipped models, by name."""

from __future__ import annotations

from pathlib import Path

from ghostnote_training.bundle import read
from ghostnote_training.recipe import Recipe
from ghostnote_training.recipes import drums, general, kits

__all__ = ["RECIPES", "of_bundle"]

RECIPES: dict[str, Recipe] = {recipe.name: recipe for recipe in (drums.RECIPE, general.RECIPE, kits.RECIPE)}


def of_bundle(folder: Path) -> Recipe | None:
    """The recipe that a bundle was made by, as it is now; None for a bundle of another kind."""
    manifest = read(folder)
    made_by = manifest["training"].get("recipe", {})
    return RECIPES.get(made_by.get("name", manifest["name"]))
