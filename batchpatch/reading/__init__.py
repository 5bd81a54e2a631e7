"""Reading: bytes become records, and records rows."""
