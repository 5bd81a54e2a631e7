"""Bulk patches of participant attributes on Genesys Cloud."""

__version__ = "0.1.0"
