"""Pure builders: what a resource asks for → manifests. One kind or concern a module; no client, no clock, no state."""
