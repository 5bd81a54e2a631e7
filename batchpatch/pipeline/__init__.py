"""The pipeline: the stages wired into one run."""
