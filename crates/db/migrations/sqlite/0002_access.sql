-- Grows with every change of a policy, a role or a group.
ALTER TABLE org ADD COLUMN policies INTEGER NOT NULL DEFAULT 0;
-- Grows with every change of a user, a client or a role binding.
ALTER TABLE org ADD COLUMN principals INTEGER NOT NULL DEFAULT 0;

-- Refusals, and other decisions that are kept for a while.
CREATE TABLE decision (
    org_id BLOB NOT NULL,
    id BLOB NOT NULL,
    at INTEGER NOT NULL,
    principal_type TEXT NOT NULL,
    principal_id BLOB NOT NULL,
    action TEXT NOT NULL,
    resource_type TEXT NOT NULL,
    resource_id BLOB,
    allowed INTEGER NOT NULL,
    request_id TEXT NOT NULL,
    PRIMARY KEY (org_id, id)
) STRICT, WITHOUT ROWID;
