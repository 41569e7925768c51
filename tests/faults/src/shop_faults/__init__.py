"""Load with a history, faults under it, and a verdict from what the platform shows afterwards."""
