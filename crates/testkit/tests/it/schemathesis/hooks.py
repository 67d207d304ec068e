"""What schemathesis does not know: how lines of JSON are sent."""

import json

import schemathesis


@schemathesis.serializer("application/x-ndjson")
def lines(_context, value):
    """A text is sent as it is; anything else is one line."""
    text = value if isinstance(value, str) else json.dumps(value)
    return text.encode(errors="surrogatepass")


@schemathesis.hook
def before_call(ctx, case, kwargs):
    """What is only tried is not there afterwards: in a chain, what is made is made."""
    del ctx, kwargs
    phase = case.meta.phase.name.value if case.meta else ""
    if phase == "stateful" and case.query:
        case.query.pop("dry_run", None)
