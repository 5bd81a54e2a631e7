"""Writes: the kinds of write, one module each. Nobody else names a kind."""
