-- What refers to a resource in a field, in the order of ids.
CREATE INDEX resource_reference_in_order ON resource_reference (org_id, target, type, field, id);
DROP INDEX resource_reference_by_target;
