"""One folder per app; each is its own least-privilege principal."""
