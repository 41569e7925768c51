"""One event followed on its way from the door to what became of it, by the command line and by cm-ops alike."""
