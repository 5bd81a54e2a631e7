"""The commands: each as a function, which the library exports and the command line shows."""
