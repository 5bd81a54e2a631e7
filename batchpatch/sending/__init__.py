"""Sending: a patch becomes an outcome."""
