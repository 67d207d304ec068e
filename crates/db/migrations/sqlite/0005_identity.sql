-- Which algorithm a key signs by, and from when on it does.
ALTER TABLE signing_key ADD COLUMN algorithm TEXT NOT NULL DEFAULT 'RS256';
ALTER TABLE signing_key ADD COLUMN active_at INTEGER NOT NULL DEFAULT 0;

-- A client says its id alone: which org it is of.
CREATE INDEX resource_client ON resource (id) WHERE type = 'client';

-- Secrets by which a client shows who it is, by hash.
CREATE TABLE client_secret (
    org_id BLOB NOT NULL,
    client_id BLOB NOT NULL,
    id BLOB NOT NULL,
    hash BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER,
    PRIMARY KEY (org_id, client_id, id)
) STRICT, WITHOUT ROWID;

-- Global: a login, one for each person.
CREATE TABLE account (
    id BLOB NOT NULL PRIMARY KEY,
    email TEXT NOT NULL,
    email_key TEXT NOT NULL,
    password TEXT,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX account_by_email ON account (email_key);

-- The users that an account acts as, one in each org.
CREATE TABLE membership (
    org_id BLOB NOT NULL,
    user_id BLOB NOT NULL,
    account_id BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (org_id, user_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX membership_by_account ON membership (account_id, org_id);

-- Global: a browser in which an account is signed in, by the hash of its cookie.
CREATE TABLE session (
    hash BLOB NOT NULL PRIMARY KEY,
    id BLOB NOT NULL,
    account_id BLOB NOT NULL,
    org_id BLOB NOT NULL,
    user_id BLOB NOT NULL,
    methods TEXT NOT NULL,
    authenticated_at INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    seen_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    address TEXT,
    agent TEXT
) STRICT;
CREATE INDEX session_by_account ON session (account_id);
CREATE INDEX session_by_age ON session (expires_at);

-- Global: what an account or a client has granted a client. Tokens of it name it by its id.
CREATE TABLE oauth_grant (
    id BLOB NOT NULL PRIMARY KEY,
    org_id BLOB NOT NULL,
    client_id BLOB NOT NULL,
    subject BLOB NOT NULL,
    session_id BLOB,
    terms TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;
CREATE INDEX oauth_grant_by_session ON oauth_grant (session_id);
CREATE INDEX oauth_grant_by_age ON oauth_grant (expires_at);

-- Global: codes and refresh tokens, by hash. One that is used stays, to tell that it is used again.
CREATE TABLE oauth_token (
    hash BLOB NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL,
    grant_id BLOB NOT NULL,
    used_at INTEGER,
    expires_at INTEGER NOT NULL
) STRICT;
CREATE INDEX oauth_token_by_grant ON oauth_token (grant_id);
CREATE INDEX oauth_token_by_age ON oauth_token (expires_at);

-- Global: grants and sessions that ended before the tokens that name them.
CREATE TABLE revocation (
    id TEXT NOT NULL PRIMARY KEY,
    at INTEGER NOT NULL,
    until INTEGER NOT NULL
) STRICT;
CREATE INDEX revocation_by_age ON revocation (until);
CREATE INDEX revocation_by_time ON revocation (at);

-- Global: what may be said once, by hash.
CREATE TABLE said_once (
    hash BLOB NOT NULL PRIMARY KEY,
    expires_at INTEGER NOT NULL
) STRICT;
CREATE INDEX said_once_by_age ON said_once (expires_at);

-- Global: what a client pushed for a browser to come with, by the hash of the name that it was given.
CREATE TABLE oauth_request (
    hash BLOB NOT NULL PRIMARY KEY,
    client_id BLOB NOT NULL,
    params TEXT NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;
CREATE INDEX oauth_request_by_age ON oauth_request (expires_at);
