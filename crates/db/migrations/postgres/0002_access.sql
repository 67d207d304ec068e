-- Grows with every change of a policy, a role or a group.
ALTER TABLE org ADD COLUMN policies BIGINT NOT NULL DEFAULT 0;
-- Grows with every change of a user, a client or a role binding.
ALTER TABLE org ADD COLUMN principals BIGINT NOT NULL DEFAULT 0;

-- Refusals, and other decisions that are kept for a while.
CREATE TABLE decision (
    org_id BYTEA NOT NULL,
    id BYTEA NOT NULL,
    at BIGINT NOT NULL,
    principal_type TEXT COLLATE "C" NOT NULL,
    principal_id BYTEA NOT NULL,
    action TEXT COLLATE "C" NOT NULL,
    resource_type TEXT COLLATE "C" NOT NULL,
    resource_id BYTEA,
    allowed BIGINT NOT NULL,
    request_id TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (org_id, id)
);
