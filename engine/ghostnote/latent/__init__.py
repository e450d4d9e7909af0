"""Slots, axes, mixing and seeded noise: where a hit's latent point comes from."""
