"""Seeded cases of trouble, played against a sandbox with real processes, and judged."""
