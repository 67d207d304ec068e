-- What was shipped with the version that last looked after the org's built-in types.
ALTER TABLE org ADD COLUMN shipped TEXT COLLATE "C" NOT NULL DEFAULT '';

-- What was granted for a user, whoever made the session.
CREATE INDEX oauth_grant_by_subject ON oauth_grant (org_id, subject);

-- Global: links that were sent to an account by mail, by hash: to set a new password, or to take a new address.
CREATE TABLE account_link (
    hash BYTEA NOT NULL PRIMARY KEY,
    account_id BYTEA NOT NULL,
    purpose TEXT COLLATE "C" NOT NULL,
    email TEXT COLLATE "C",
    expires_at BIGINT NOT NULL
);
CREATE INDEX account_link_by_account ON account_link (account_id);
CREATE INDEX account_link_by_age ON account_link (expires_at);

-- Global: letters that wait to be sent, sealed.
CREATE TABLE mail (
    id BYTEA NOT NULL PRIMARY KEY,
    sealed BYTEA NOT NULL,
    attempts BIGINT NOT NULL,
    due_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX mail_by_time ON mail (due_at);

-- Global: how much somebody has tried of late, by a hash that says who and what.
CREATE TABLE attempt (
    hash BYTEA NOT NULL PRIMARY KEY,
    points BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX attempt_by_age ON attempt (expires_at);

-- Who made an invitation, by the id.
ALTER TABLE sign_in_token ADD COLUMN invited_by TEXT COLLATE "C";
