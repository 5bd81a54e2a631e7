"""What there is to tell of runs, read back from their directories; nothing is sent or changed."""
