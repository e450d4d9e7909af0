"""Libraries of sounds: files found, embedded by a model, kept in SQLite, and searched by sound."""
