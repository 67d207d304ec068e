-- What is known of a webhook beside its resource: behind which event it begins, and since when it fails.
CREATE TABLE webhook_endpoint (
    org_id BLOB NOT NULL,
    webhook_id BLOB NOT NULL,
    since_seq INTEGER NOT NULL,
    failing_since INTEGER,
    PRIMARY KEY (org_id, webhook_id)
) STRICT, WITHOUT ROWID;

-- What messages are signed with: sealed.
CREATE TABLE webhook_secret (
    org_id BLOB NOT NULL,
    webhook_id BLOB NOT NULL,
    id BLOB NOT NULL,
    kind TEXT NOT NULL,
    sealed BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER,
    PRIMARY KEY (org_id, webhook_id, id)
) STRICT, WITHOUT ROWID;

-- An event that a webhook is to be sent, by the event's number; tests have numbers below zero. step: how far in the
-- schedule of retries; tries: how often it was tried in all.
CREATE TABLE delivery (
    org_id BLOB NOT NULL,
    webhook_id BLOB NOT NULL,
    seq INTEGER NOT NULL,
    action TEXT NOT NULL,
    resource_id BLOB NOT NULL,
    state TEXT NOT NULL,
    reason TEXT,
    step INTEGER NOT NULL,
    tries INTEGER NOT NULL,
    due_at INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    done_at INTEGER,
    PRIMARY KEY (org_id, webhook_id, seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX delivery_due ON delivery (due_at, created_at) WHERE state = 'waiting';
CREATE INDEX delivery_waiting ON delivery (org_id, webhook_id, due_at) WHERE state = 'waiting';
CREATE INDEX delivery_of_resource ON delivery (org_id, webhook_id, resource_id, seq) WHERE state = 'waiting';
CREATE INDEX delivery_failed ON delivery (org_id, webhook_id, seq) WHERE state = 'failed';
CREATE INDEX delivery_by_age ON delivery (done_at) WHERE done_at IS NOT NULL;

-- One try of a delivery: what was sent, what came back.
CREATE TABLE delivery_attempt (
    org_id BLOB NOT NULL,
    webhook_id BLOB NOT NULL,
    seq INTEGER NOT NULL,
    number INTEGER NOT NULL,
    at INTEGER NOT NULL,
    status INTEGER,
    failure TEXT,
    document TEXT NOT NULL,
    PRIMARY KEY (org_id, webhook_id, seq, number)
) STRICT, WITHOUT ROWID;
