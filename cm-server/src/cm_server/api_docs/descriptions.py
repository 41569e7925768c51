"""What OpenAPI says of an operation below its summary: its own words, then what all of its kind have in common."""

from __future__ import annotations

from cm_server.operations import AFTER, KEY, WAIT, Operation

COMMAND = "Answered once Kafka has it; sent again under the same `Idempotency-Key`, it changes nothing."
WAITED = "`Prefer: wait=n` holds the answer until it is stored or refused."
READ = "Reads what the consumers stored; `after` waits until the command of a receipt is in it."
CONDITIONAL = "The `ETag`, sent as `If-None-Match`, is answered 304 where nothing changed."


def description(operation: Operation) -> str:
    """Sentences, never none."""
    kind = [COMMAND] if KEY in operation.parameters else []
    kind += [WAITED] if WAIT in operation.parameters else []
    kind += [READ] if AFTER in operation.parameters else []
    kind += [CONDITIONAL] if 304 in operation.answers else []
    return " ".join(sentence for sentence in (operation.about, *kind, _callers(operation)) if sentence)


def _callers(operation: Operation) -> str:
    """Who may call it, where callers are asked who they are."""
    access = operation.access
    if access.scope is None:
        return "Open to everybody."
    wanted = f"the scope `{access.scope}`" if access.scope else "a token or an API key"
    asked = f"With authentication it needs {wanted}"
    if access.owner_param is None:
        return f"{asked}."
    services = " or are a service" if access.services else ""
    return (
        f"{asked}; `{access.owner_param}` must be the caller's own, unless they hold `{access.bypass_scope}`{services}."
    )
