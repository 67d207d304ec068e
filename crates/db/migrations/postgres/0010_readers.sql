-- How far each reader of the events is: it is done with those up to seq.
CREATE TABLE event_reader (
    org_id BYTEA NOT NULL,
    reader TEXT COLLATE "C" NOT NULL,
    seq BIGINT NOT NULL,
    PRIMARY KEY (org_id, reader)
);

-- Events that a reader failed at and left behind.
CREATE TABLE parked_event (
    org_id BYTEA NOT NULL,
    reader TEXT COLLATE "C" NOT NULL,
    seq BIGINT NOT NULL,
    reason TEXT COLLATE "C" NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (org_id, reader, seq)
);

-- Global: which process does what only one may do.
CREATE TABLE lease (
    name TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    holder TEXT COLLATE "C" NOT NULL,
    expires_at BIGINT NOT NULL
);
