"""The conductors: load, ask the pure rooms, save. One module per journey; `context.py` holds what they all need."""
