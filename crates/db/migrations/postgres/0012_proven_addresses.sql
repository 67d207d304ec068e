-- When it was proven that whoever has an account reads letters to its address; until then somebody else may have made it.
ALTER TABLE account ADD COLUMN proven_at BIGINT;
UPDATE account SET proven_at = created_at;

-- An invitation that nobody saw but whoever reads the letters of the invited user.
ALTER TABLE sign_in_token ADD COLUMN mailed BIGINT NOT NULL DEFAULT 0;

-- The hash of the invitation that is taken when the second step is proven.
ALTER TABLE half_sign_in ADD COLUMN invitation BYTEA;

-- Tokens name users by id alone, so no two orgs have a user of the same id.
CREATE INDEX resource_user ON resource (id) WHERE type = 'user';
