-- Global: keys by which a user's or a client's programs show who they are, by hash. A call knows the key alone, and not the org.
CREATE TABLE api_key (
    hash BLOB NOT NULL PRIMARY KEY,
    id BLOB NOT NULL,
    org_id BLOB NOT NULL,
    principal_type TEXT NOT NULL,
    principal_id BLOB NOT NULL,
    name TEXT NOT NULL,
    actions TEXT,
    created_at INTEGER NOT NULL,
    expires_at INTEGER,
    last_used_at INTEGER
) STRICT;
CREATE INDEX api_key_by_principal ON api_key (org_id, principal_id, id);
CREATE INDEX api_key_by_age ON api_key (expires_at);
