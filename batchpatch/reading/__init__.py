"""Bytes -> records -> `Row` or `InvalidRow`."""
