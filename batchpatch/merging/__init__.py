"""Merging: rows of one participant become one PATCH."""
