-- What an event knows beside the change: how an attempt ended that came to nothing, where the request came from, and details
-- of what is no change, in JSON.
ALTER TABLE event ADD COLUMN outcome TEXT;
ALTER TABLE event ADD COLUMN address TEXT;
ALTER TABLE event ADD COLUMN details TEXT;
CREATE INDEX event_by_outcome ON event (org_id, outcome, seq) WHERE outcome IS NOT NULL;

-- Global: the key that signs the checkpoints of all logs of this installation; sealed.
CREATE TABLE audit_key (
    id TEXT NOT NULL PRIMARY KEY,
    sealed_seed BLOB NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

-- How far the log of each org is: as the last checkpoint says. What is in the store of blobs must never be less. The leaves before
-- first are gone from the store, and their events from the database. trouble: why the log cannot go on.
CREATE TABLE audit_log (
    org_id BLOB NOT NULL PRIMARY KEY,
    size INTEGER NOT NULL,
    checkpoint TEXT NOT NULL,
    sealed_at INTEGER NOT NULL,
    first INTEGER NOT NULL,
    trouble TEXT
) STRICT;

-- While an org has one, nothing of its log is removed.
CREATE TABLE audit_hold (
    org_id BLOB NOT NULL PRIMARY KEY,
    reason TEXT NOT NULL,
    since INTEGER NOT NULL,
    actor_id BLOB NOT NULL
) STRICT;

-- Who does not agree with the log of an org: the mirror, or a witness by its address.
CREATE TABLE audit_objection (
    org_id BLOB NOT NULL,
    objector TEXT NOT NULL,
    why TEXT NOT NULL,
    since INTEGER NOT NULL,
    PRIMARY KEY (org_id, objector)
) STRICT;
