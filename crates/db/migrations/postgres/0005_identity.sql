-- Which algorithm a key signs by, and from when on it does.
ALTER TABLE signing_key ADD COLUMN algorithm TEXT COLLATE "C" NOT NULL DEFAULT 'RS256';
ALTER TABLE signing_key ADD COLUMN active_at BIGINT NOT NULL DEFAULT 0;

-- A client says its id alone: which org it is of.
CREATE INDEX resource_client ON resource (id) WHERE type = 'client';

-- Secrets by which a client shows who it is, by hash.
CREATE TABLE client_secret (
    org_id BYTEA NOT NULL,
    client_id BYTEA NOT NULL,
    id BYTEA NOT NULL,
    hash BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT,
    PRIMARY KEY (org_id, client_id, id)
);

-- Global: a login, one for each person.
CREATE TABLE account (
    id BYTEA NOT NULL PRIMARY KEY,
    email TEXT COLLATE "C" NOT NULL,
    email_key TEXT COLLATE "C" NOT NULL,
    password TEXT COLLATE "C",
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX account_by_email ON account (email_key);

-- The users that an account acts as, one in each org.
CREATE TABLE membership (
    org_id BYTEA NOT NULL,
    user_id BYTEA NOT NULL,
    account_id BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (org_id, user_id)
);
CREATE INDEX membership_by_account ON membership (account_id, org_id);

-- Global: a browser in which an account is signed in, by the hash of its cookie.
CREATE TABLE session (
    hash BYTEA NOT NULL PRIMARY KEY,
    id BYTEA NOT NULL,
    account_id BYTEA NOT NULL,
    org_id BYTEA NOT NULL,
    user_id BYTEA NOT NULL,
    methods TEXT COLLATE "C" NOT NULL,
    authenticated_at BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    seen_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    address TEXT COLLATE "C",
    agent TEXT COLLATE "C"
);
CREATE INDEX session_by_account ON session (account_id);
CREATE INDEX session_by_age ON session (expires_at);

-- Global: what an account or a client has granted a client. Tokens of it name it by its id.
CREATE TABLE oauth_grant (
    id BYTEA NOT NULL PRIMARY KEY,
    org_id BYTEA NOT NULL,
    client_id BYTEA NOT NULL,
    subject BYTEA NOT NULL,
    session_id BYTEA,
    terms TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX oauth_grant_by_session ON oauth_grant (session_id);
CREATE INDEX oauth_grant_by_age ON oauth_grant (expires_at);

-- Global: codes and refresh tokens, by hash. One that is used stays, to tell that it is used again.
CREATE TABLE oauth_token (
    hash BYTEA NOT NULL PRIMARY KEY,
    kind TEXT COLLATE "C" NOT NULL,
    grant_id BYTEA NOT NULL,
    used_at BIGINT,
    expires_at BIGINT NOT NULL
);
CREATE INDEX oauth_token_by_grant ON oauth_token (grant_id);
CREATE INDEX oauth_token_by_age ON oauth_token (expires_at);

-- Global: grants and sessions that ended before the tokens that name them.
CREATE TABLE revocation (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    at BIGINT NOT NULL,
    until BIGINT NOT NULL
);
CREATE INDEX revocation_by_age ON revocation (until);
CREATE INDEX revocation_by_time ON revocation (at);

-- Global: what may be said once, by hash.
CREATE TABLE said_once (
    hash BYTEA NOT NULL PRIMARY KEY,
    expires_at BIGINT NOT NULL
);
CREATE INDEX said_once_by_age ON said_once (expires_at);

-- Global: what a client pushed for a browser to come with, by the hash of the name that it was given.
CREATE TABLE oauth_request (
    hash BYTEA NOT NULL PRIMARY KEY,
    client_id BYTEA NOT NULL,
    params TEXT COLLATE "C" NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX oauth_request_by_age ON oauth_request (expires_at);
