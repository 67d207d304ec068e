-- Global tables: migration, signing_key, sign_in_token. All others begin with org_id.

CREATE TABLE signing_key (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    sealed_private BYTEA NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE sign_in_token (
    hash BYTEA NOT NULL PRIMARY KEY,
    org_id BYTEA NOT NULL,
    user_id BYTEA NOT NULL,
    expires_at BIGINT NOT NULL
);

CREATE TABLE org (
    org_id BYTEA NOT NULL PRIMARY KEY,
    name TEXT COLLATE "C" NOT NULL,
    seq BIGINT NOT NULL,
    catalogue BIGINT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE resource (
    org_id BYTEA NOT NULL,
    id BYTEA NOT NULL,
    type TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    status TEXT COLLATE "C" NOT NULL,
    parent BYTEA,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    deleted_at BIGINT,
    own BIGINT NOT NULL,
    document TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (org_id, id)
);
CREATE INDEX resource_by_type ON resource (org_id, type, id) WHERE deleted_at IS NULL;
CREATE INDEX resource_own ON resource (org_id, id) WHERE deleted_at IS NULL AND own = 1;
CREATE INDEX resource_by_parent ON resource (org_id, parent, id) WHERE parent IS NOT NULL;
CREATE INDEX resource_in_trash ON resource (org_id, type, id) WHERE deleted_at IS NOT NULL;

CREATE TABLE resource_index (
    org_id BYTEA NOT NULL,
    type TEXT COLLATE "C" NOT NULL,
    field TEXT COLLATE "C" NOT NULL,
    value BYTEA NOT NULL,
    id BYTEA NOT NULL,
    since BIGINT NOT NULL,
    PRIMARY KEY (org_id, type, field, value, id)
);

CREATE TABLE resource_moved (
    org_id BYTEA NOT NULL,
    type TEXT COLLATE "C" NOT NULL,
    field TEXT COLLATE "C" NOT NULL,
    value BYTEA NOT NULL,
    id BYTEA NOT NULL,
    since BIGINT NOT NULL,
    until BIGINT NOT NULL,
    moved_at BIGINT NOT NULL,
    PRIMARY KEY (org_id, type, field, value, id, until)
);
CREATE INDEX resource_moved_by_age ON resource_moved (moved_at);

CREATE TABLE resource_unique (
    org_id BYTEA NOT NULL,
    type TEXT COLLATE "C" NOT NULL,
    field TEXT COLLATE "C" NOT NULL,
    value BYTEA NOT NULL,
    id BYTEA NOT NULL,
    PRIMARY KEY (org_id, type, field, value)
);

CREATE TABLE resource_reference (
    org_id BYTEA NOT NULL,
    id BYTEA NOT NULL,
    field TEXT COLLATE "C" NOT NULL,
    target BYTEA NOT NULL,
    type TEXT COLLATE "C" NOT NULL,
    on_delete TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (org_id, id, field, target)
);
CREATE INDEX resource_reference_by_target ON resource_reference (org_id, target);

CREATE TABLE resource_secret (
    org_id BYTEA NOT NULL,
    id BYTEA NOT NULL,
    field TEXT COLLATE "C" NOT NULL,
    sealed BYTEA NOT NULL,
    PRIMARY KEY (org_id, id, field)
);

CREATE TABLE resource_count (
    org_id BYTEA NOT NULL,
    type TEXT COLLATE "C" NOT NULL,
    status TEXT COLLATE "C" NOT NULL,
    n BIGINT NOT NULL,
    PRIMARY KEY (org_id, type, status)
);

CREATE TABLE index_build (
    org_id BYTEA NOT NULL,
    type TEXT COLLATE "C" NOT NULL,
    field TEXT COLLATE "C" NOT NULL,
    state TEXT COLLATE "C" NOT NULL,
    done BIGINT NOT NULL,
    total BIGINT NOT NULL,
    position BYTEA NOT NULL,
    PRIMARY KEY (org_id, type, field)
);

CREATE TABLE event (
    org_id BYTEA NOT NULL,
    seq BIGINT NOT NULL,
    id BYTEA NOT NULL,
    action TEXT COLLATE "C" NOT NULL,
    at BIGINT NOT NULL,
    actor_type TEXT COLLATE "C" NOT NULL,
    actor_id BYTEA NOT NULL,
    resource_type TEXT COLLATE "C" NOT NULL,
    resource_id BYTEA NOT NULL,
    version BIGINT NOT NULL,
    request_id TEXT COLLATE "C" NOT NULL,
    before TEXT COLLATE "C",
    after TEXT COLLATE "C",
    PRIMARY KEY (org_id, seq)
);
CREATE INDEX event_by_resource ON event (org_id, resource_id, seq);
CREATE INDEX event_by_type ON event (org_id, resource_type, seq);

CREATE TABLE idempotency (
    org_id BYTEA NOT NULL,
    principal BYTEA NOT NULL,
    key TEXT COLLATE "C" NOT NULL,
    request_hash BYTEA NOT NULL,
    answer TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (org_id, principal, key)
);
CREATE INDEX idempotency_by_age ON idempotency (created_at);
