-- Global: sign-ins whose first step is done, by the hash of their cookie. Kept for minutes.
CREATE TABLE half_sign_in (
    hash BLOB NOT NULL PRIMARY KEY,
    account_id BLOB NOT NULL,
    org_id BLOB NOT NULL,
    user_id BLOB NOT NULL,
    methods TEXT NOT NULL,
    tries INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;
CREATE INDEX half_sign_in_by_age ON half_sign_in (expires_at);

-- Global: the secret that an account shares with an app which shows codes (RFC 6238), sealed. It counts once confirmed;
-- no code of a time step up to last_step is taken again.
CREATE TABLE totp (
    account_id BLOB NOT NULL PRIMARY KEY,
    sealed_secret BLOB NOT NULL,
    last_step INTEGER NOT NULL,
    failures INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    confirmed_at INTEGER
) STRICT;

-- Global: codes for when everything else is lost, by hash, each for once.
CREATE TABLE recovery_code (
    account_id BLOB NOT NULL,
    hash BLOB NOT NULL,
    PRIMARY KEY (account_id, hash)
) STRICT, WITHOUT ROWID;

-- Global: public keys by which accounts sign in (Web Authentication), by the id that the authenticator gave them.
CREATE TABLE passkey (
    id BLOB NOT NULL PRIMARY KEY,
    account_id BLOB NOT NULL,
    name TEXT NOT NULL,
    public_key BLOB NOT NULL,
    sign_count INTEGER NOT NULL,
    synced INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    used_at INTEGER
) STRICT;
CREATE INDEX passkey_by_account ON passkey (account_id, created_at);
