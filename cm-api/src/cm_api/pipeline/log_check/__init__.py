"""`shopctl verify log`: a domain's log against its read models, event by event and sum by sum."""
