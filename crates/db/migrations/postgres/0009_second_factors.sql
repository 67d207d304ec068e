-- Global: sign-ins whose first step is done, by the hash of their cookie. Kept for minutes.
CREATE TABLE half_sign_in (
    hash BYTEA NOT NULL PRIMARY KEY,
    account_id BYTEA NOT NULL,
    org_id BYTEA NOT NULL,
    user_id BYTEA NOT NULL,
    methods TEXT COLLATE "C" NOT NULL,
    tries BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX half_sign_in_by_age ON half_sign_in (expires_at);

-- Global: the secret that an account shares with an app which shows codes (RFC 6238), sealed. It counts once confirmed;
-- no code of a time step up to last_step is taken again.
CREATE TABLE totp (
    account_id BYTEA NOT NULL PRIMARY KEY,
    sealed_secret BYTEA NOT NULL,
    last_step BIGINT NOT NULL,
    failures BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    confirmed_at BIGINT
);

-- Global: codes for when everything else is lost, by hash, each for once.
CREATE TABLE recovery_code (
    account_id BYTEA NOT NULL,
    hash BYTEA NOT NULL,
    PRIMARY KEY (account_id, hash)
);

-- Global: public keys by which accounts sign in (Web Authentication), by the id that the authenticator gave them.
CREATE TABLE passkey (
    id BYTEA NOT NULL PRIMARY KEY,
    account_id BYTEA NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    public_key BYTEA NOT NULL,
    sign_count BIGINT NOT NULL,
    synced BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    used_at BIGINT
);
CREATE INDEX passkey_by_account ON passkey (account_id, created_at);
