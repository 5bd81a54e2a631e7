"""The rate limit: which request may leave when, with which token."""
