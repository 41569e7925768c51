"""`shopctl verify`: the proof on a user's own platform that nothing is lost, doubled or wrong."""
