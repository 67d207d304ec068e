-- What is known of a webhook beside its resource: behind which event it begins, and since when it fails.
CREATE TABLE webhook_endpoint (
    org_id BYTEA NOT NULL,
    webhook_id BYTEA NOT NULL,
    since_seq BIGINT NOT NULL,
    failing_since BIGINT,
    PRIMARY KEY (org_id, webhook_id)
);

-- What messages are signed with: sealed.
CREATE TABLE webhook_secret (
    org_id BYTEA NOT NULL,
    webhook_id BYTEA NOT NULL,
    id BYTEA NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    sealed BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT,
    PRIMARY KEY (org_id, webhook_id, id)
);

-- An event that a webhook is to be sent, by the event's number; tests have numbers below zero. step: how far in the
-- schedule of retries; tries: how often it was tried in all.
CREATE TABLE delivery (
    org_id BYTEA NOT NULL,
    webhook_id BYTEA NOT NULL,
    seq BIGINT NOT NULL,
    action TEXT COLLATE "C" NOT NULL,
    resource_id BYTEA NOT NULL,
    state TEXT COLLATE "C" NOT NULL,
    reason TEXT COLLATE "C",
    step BIGINT NOT NULL,
    tries BIGINT NOT NULL,
    due_at BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    done_at BIGINT,
    PRIMARY KEY (org_id, webhook_id, seq)
);
CREATE INDEX delivery_due ON delivery (due_at, created_at) WHERE state = 'waiting';
CREATE INDEX delivery_waiting ON delivery (org_id, webhook_id, due_at) WHERE state = 'waiting';
CREATE INDEX delivery_of_resource ON delivery (org_id, webhook_id, resource_id, seq) WHERE state = 'waiting';
CREATE INDEX delivery_failed ON delivery (org_id, webhook_id, seq) WHERE state = 'failed';
CREATE INDEX delivery_by_age ON delivery (done_at) WHERE done_at IS NOT NULL;

-- One try of a delivery: what was sent, what came back.
CREATE TABLE delivery_attempt (
    org_id BYTEA NOT NULL,
    webhook_id BYTEA NOT NULL,
    seq BIGINT NOT NULL,
    number BIGINT NOT NULL,
    at BIGINT NOT NULL,
    status BIGINT,
    failure TEXT COLLATE "C",
    document TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (org_id, webhook_id, seq, number)
);
