"""What strangers put into a domain's topic: drawn, sent by real clients, and accounted for to the event."""
