"""Makes and runs a whole demonstration in one directory: CA, units, tokens, settings, the host, the helper."""
