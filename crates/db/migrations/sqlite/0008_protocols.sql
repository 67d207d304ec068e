-- Global: devices that wait for a person to let them in, by the hashes of their code and of the code that the person
-- enters.
CREATE TABLE device_code (
    hash BLOB NOT NULL PRIMARY KEY,
    user_hash BLOB NOT NULL,
    client_id BLOB NOT NULL,
    scope TEXT NOT NULL,
    state TEXT NOT NULL,
    address TEXT,
    agent TEXT,
    seconds INTEGER NOT NULL,
    polled_at INTEGER,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX device_code_by_user_code ON device_code (user_hash);
CREATE INDEX device_code_by_age ON device_code (expires_at);

-- The client that acted for whom an event or a decision names, by a token that it exchanged (RFC 8693).
ALTER TABLE event ADD COLUMN actor_client BLOB;
ALTER TABLE decision ADD COLUMN principal_client BLOB;

-- Global: clients that must hear that a session ended (OpenID Connect Back-Channel Logout).
CREATE TABLE logout_notice (
    id BLOB NOT NULL PRIMARY KEY,
    client_id BLOB NOT NULL,
    org_id BLOB NOT NULL,
    subject BLOB NOT NULL,
    session_id BLOB NOT NULL,
    tries INTEGER NOT NULL,
    due_at INTEGER NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX logout_notice_by_time ON logout_notice (due_at);

-- Users who are active no more: what they were signed in to has to end.
CREATE TABLE departed_user (
    org_id BLOB NOT NULL,
    user_id BLOB NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (org_id, user_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX session_by_user ON session (org_id, user_id);
