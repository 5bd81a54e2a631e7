"""Options: what a user may say, a value for each stage."""
