"""Recording: outcomes become lines, and lines what resuming and undoing need."""
