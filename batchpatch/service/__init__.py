"""The service floor: one row at a time, for programs that wait for its result."""
