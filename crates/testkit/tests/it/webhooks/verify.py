"""Messages of webhooks as the library of Standard Webhooks for Python verifies them; what was altered, it refuses."""

import json
import os

from standardwebhooks import Webhook, WebhookVerificationError

STRANGER = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def refused(secret, body, headers):
    try:
        Webhook(secret).verify(body, headers)
    except WebhookVerificationError:
        return
    raise AssertionError(f"verified: {headers} {body}")


messages = json.loads(os.environ["ADMIN_MESSAGES"])
assert messages
for message in messages:
    body, headers = message["body"], message["headers"]
    assert message["secrets"]
    for secret in message["secrets"]:
        Webhook(secret).verify(body, headers)
        assert json.loads(body)["type"]
        refused(secret, body + " ", headers)
        refused(secret, body, headers | {"webhook-id": "evt_other"})
        refused(secret, body, headers | {"webhook-timestamp": str(int(headers["webhook-timestamp"]) + 1)})
    refused(STRANGER, body, headers)
print("all messages verified")
