"""Finding: who is meant by a row that names no participant."""
