-- What an event knows beside the change: how an attempt ended that came to nothing, where the request came from, and details
-- of what is no change, in JSON.
ALTER TABLE event ADD COLUMN outcome TEXT COLLATE "C";
ALTER TABLE event ADD COLUMN address TEXT COLLATE "C";
ALTER TABLE event ADD COLUMN details TEXT COLLATE "C";
CREATE INDEX event_by_outcome ON event (org_id, outcome, seq) WHERE outcome IS NOT NULL;

-- Global: the key that signs the checkpoints of all logs of this installation; sealed.
CREATE TABLE audit_key (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    sealed_seed BYTEA NOT NULL,
    created_at BIGINT NOT NULL
);

-- How far the log of each org is: as the last checkpoint says. What is in the store of blobs must never be less. The leaves before
-- first are gone from the store, and their events from the database. trouble: why the log cannot go on.
CREATE TABLE audit_log (
    org_id BYTEA NOT NULL PRIMARY KEY,
    size BIGINT NOT NULL,
    checkpoint TEXT COLLATE "C" NOT NULL,
    sealed_at BIGINT NOT NULL,
    first BIGINT NOT NULL,
    trouble TEXT COLLATE "C"
);

-- While an org has one, nothing of its log is removed.
CREATE TABLE audit_hold (
    org_id BYTEA NOT NULL PRIMARY KEY,
    reason TEXT COLLATE "C" NOT NULL,
    since BIGINT NOT NULL,
    actor_id BYTEA NOT NULL
);

-- Who does not agree with the log of an org: the mirror, or a witness by its address.
CREATE TABLE audit_objection (
    org_id BYTEA NOT NULL,
    objector TEXT COLLATE "C" NOT NULL,
    why TEXT COLLATE "C" NOT NULL,
    since BIGINT NOT NULL,
    PRIMARY KEY (org_id, objector)
);
