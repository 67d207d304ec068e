-- Global: devices that wait for a person to let them in, by the hashes of their code and of the code that the person
-- enters.
CREATE TABLE device_code (
    hash BYTEA NOT NULL PRIMARY KEY,
    user_hash BYTEA NOT NULL,
    client_id BYTEA NOT NULL,
    scope TEXT COLLATE "C" NOT NULL,
    state TEXT COLLATE "C" NOT NULL,
    address TEXT COLLATE "C",
    agent TEXT COLLATE "C",
    seconds BIGINT NOT NULL,
    polled_at BIGINT,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX device_code_by_user_code ON device_code (user_hash);
CREATE INDEX device_code_by_age ON device_code (expires_at);

-- The client that acted for whom an event or a decision names, by a token that it exchanged (RFC 8693).
ALTER TABLE event ADD COLUMN actor_client BYTEA;
ALTER TABLE decision ADD COLUMN principal_client BYTEA;

-- Global: clients that must hear that a session ended (OpenID Connect Back-Channel Logout).
CREATE TABLE logout_notice (
    id BYTEA NOT NULL PRIMARY KEY,
    client_id BYTEA NOT NULL,
    org_id BYTEA NOT NULL,
    subject BYTEA NOT NULL,
    session_id BYTEA NOT NULL,
    tries BIGINT NOT NULL,
    due_at BIGINT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX logout_notice_by_time ON logout_notice (due_at);

-- Users who are active no more: what they were signed in to has to end.
CREATE TABLE departed_user (
    org_id BYTEA NOT NULL,
    user_id BYTEA NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (org_id, user_id)
);
CREATE INDEX session_by_user ON session (org_id, user_id);
