-- Global tables: migration, signing_key, sign_in_token. All others begin with org_id.

CREATE TABLE signing_key (
    id TEXT NOT NULL PRIMARY KEY,
    sealed_private BLOB NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE sign_in_token (
    hash BLOB NOT NULL PRIMARY KEY,
    org_id BLOB NOT NULL,
    user_id BLOB NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;

CREATE TABLE org (
    org_id BLOB NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    seq INTEGER NOT NULL,
    catalogue INTEGER NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE resource (
    org_id BLOB NOT NULL,
    id BLOB NOT NULL,
    type TEXT NOT NULL,
    name TEXT NOT NULL,
    status TEXT NOT NULL,
    parent BLOB,
    version INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    deleted_at INTEGER,
    own INTEGER NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (org_id, id)
) STRICT;
CREATE INDEX resource_by_type ON resource (org_id, type, id) WHERE deleted_at IS NULL;
CREATE INDEX resource_own ON resource (org_id, id) WHERE deleted_at IS NULL AND own = 1;
CREATE INDEX resource_by_parent ON resource (org_id, parent, id) WHERE parent IS NOT NULL;
CREATE INDEX resource_in_trash ON resource (org_id, type, id) WHERE deleted_at IS NOT NULL;

CREATE TABLE resource_index (
    org_id BLOB NOT NULL,
    type TEXT NOT NULL,
    field TEXT NOT NULL,
    value BLOB NOT NULL,
    id BLOB NOT NULL,
    since INTEGER NOT NULL,
    PRIMARY KEY (org_id, type, field, value, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE resource_moved (
    org_id BLOB NOT NULL,
    type TEXT NOT NULL,
    field TEXT NOT NULL,
    value BLOB NOT NULL,
    id BLOB NOT NULL,
    since INTEGER NOT NULL,
    until INTEGER NOT NULL,
    moved_at INTEGER NOT NULL,
    PRIMARY KEY (org_id, type, field, value, id, until)
) STRICT, WITHOUT ROWID;
CREATE INDEX resource_moved_by_age ON resource_moved (moved_at);

CREATE TABLE resource_unique (
    org_id BLOB NOT NULL,
    type TEXT NOT NULL,
    field TEXT NOT NULL,
    value BLOB NOT NULL,
    id BLOB NOT NULL,
    PRIMARY KEY (org_id, type, field, value)
) STRICT, WITHOUT ROWID;

CREATE TABLE resource_reference (
    org_id BLOB NOT NULL,
    id BLOB NOT NULL,
    field TEXT NOT NULL,
    target BLOB NOT NULL,
    type TEXT NOT NULL,
    on_delete TEXT NOT NULL,
    PRIMARY KEY (org_id, id, field, target)
) STRICT, WITHOUT ROWID;
CREATE INDEX resource_reference_by_target ON resource_reference (org_id, target);

CREATE TABLE resource_secret (
    org_id BLOB NOT NULL,
    id BLOB NOT NULL,
    field TEXT NOT NULL,
    sealed BLOB NOT NULL,
    PRIMARY KEY (org_id, id, field)
) STRICT, WITHOUT ROWID;

CREATE TABLE resource_count (
    org_id BLOB NOT NULL,
    type TEXT NOT NULL,
    status TEXT NOT NULL,
    n INTEGER NOT NULL,
    PRIMARY KEY (org_id, type, status)
) STRICT, WITHOUT ROWID;

CREATE TABLE index_build (
    org_id BLOB NOT NULL,
    type TEXT NOT NULL,
    field TEXT NOT NULL,
    state TEXT NOT NULL,
    done INTEGER NOT NULL,
    total INTEGER NOT NULL,
    position BLOB NOT NULL,
    PRIMARY KEY (org_id, type, field)
) STRICT, WITHOUT ROWID;

CREATE TABLE event (
    org_id BLOB NOT NULL,
    seq INTEGER NOT NULL,
    id BLOB NOT NULL,
    action TEXT NOT NULL,
    at INTEGER NOT NULL,
    actor_type TEXT NOT NULL,
    actor_id BLOB NOT NULL,
    resource_type TEXT NOT NULL,
    resource_id BLOB NOT NULL,
    version INTEGER NOT NULL,
    request_id TEXT NOT NULL,
    before TEXT,
    after TEXT,
    PRIMARY KEY (org_id, seq)
) STRICT;
CREATE INDEX event_by_resource ON event (org_id, resource_id, seq);
CREATE INDEX event_by_type ON event (org_id, resource_type, seq);

CREATE TABLE idempotency (
    org_id BLOB NOT NULL,
    principal BLOB NOT NULL,
    key TEXT NOT NULL,
    request_hash BLOB NOT NULL,
    answer TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (org_id, principal, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX idempotency_by_age ON idempotency (created_at);
