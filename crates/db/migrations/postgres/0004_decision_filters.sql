-- Each ends with the id, which is the order of the list and tells the time.
CREATE INDEX decision_by_principal ON decision (org_id, principal_id, id);
CREATE INDEX decision_by_resource ON decision (org_id, resource_id, id);
-- Refusals and what was allowed are listed, and forgotten, each by themselves.
CREATE INDEX decision_by_outcome ON decision (org_id, allowed, id);
