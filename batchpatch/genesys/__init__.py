"""Genesys Cloud: calls, and what they need."""
