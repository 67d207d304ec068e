-- How far each reader of the events is: it is done with those up to seq.
CREATE TABLE event_reader (
    org_id BLOB NOT NULL,
    reader TEXT NOT NULL,
    seq INTEGER NOT NULL,
    PRIMARY KEY (org_id, reader)
) STRICT, WITHOUT ROWID;

-- Events that a reader failed at and left behind.
CREATE TABLE parked_event (
    org_id BLOB NOT NULL,
    reader TEXT NOT NULL,
    seq INTEGER NOT NULL,
    reason TEXT NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (org_id, reader, seq)
) STRICT, WITHOUT ROWID;

-- Global: which process does what only one may do.
CREATE TABLE lease (
    name TEXT NOT NULL PRIMARY KEY,
    holder TEXT NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;
