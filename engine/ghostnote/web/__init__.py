"""Pages in a browser: an HTTP server for this computer, and what it serves."""
