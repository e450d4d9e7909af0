"""Model bundles: verification, sessions and decoding with a deadline."""
