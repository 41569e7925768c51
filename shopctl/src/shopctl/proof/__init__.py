"""What was sent and answered, against what is shown in the end: used by `shopctl verify live` and the fault suite."""
