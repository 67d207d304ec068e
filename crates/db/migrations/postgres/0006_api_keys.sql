-- Global: keys by which a user's or a client's programs show who they are, by hash. A call knows the key alone, and not the org.
CREATE TABLE api_key (
    hash BYTEA NOT NULL PRIMARY KEY,
    id BYTEA NOT NULL,
    org_id BYTEA NOT NULL,
    principal_type TEXT COLLATE "C" NOT NULL,
    principal_id BYTEA NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    actions TEXT COLLATE "C",
    created_at BIGINT NOT NULL,
    expires_at BIGINT,
    last_used_at BIGINT
);
CREATE INDEX api_key_by_principal ON api_key (org_id, principal_id, id);
CREATE INDEX api_key_by_age ON api_key (expires_at);
