"""Conversations: read singly or through analytics, and never twice at once."""
