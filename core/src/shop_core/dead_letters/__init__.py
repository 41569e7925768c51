"""What is done with dead letters, by the command line and by cm-ops alike: read, mended, sent again, put aside."""
