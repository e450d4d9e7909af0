"""What the live onset detector is taught from, and its small network."""
