"""Formats: what stands in files, writer and reader side by side."""
