-- The lease journal and history of one rig. Times are milliseconds since 1970, money is micro-dollars.

CREATE TABLE attempt (
    ordinal          INTEGER PRIMARY KEY AUTOINCREMENT,
    attempt          TEXT    NOT NULL UNIQUE,
    epoch            BIGINT  NOT NULL,
    job              TEXT    NOT NULL,
    title            TEXT    NOT NULL,
    image            TEXT    NOT NULL,
    earns_per_hour   BIGINT  NOT NULL,
    -- The offer as it came, with its token; needed to go on after a crash, and removed when the attempt is settled.
    offer            TEXT,
    stage            TEXT    NOT NULL,
    -- What will be said once the container has stopped, if it has been told to.
    parting          TEXT,
    running_ms       BIGINT  NOT NULL DEFAULT 0,
    log_bytes        BIGINT  NOT NULL DEFAULT 0,
    receipt_sequence BIGINT  NOT NULL DEFAULT 0,
    -- How it ended on this rig; repeated to the coordinator until settled.
    outcome          TEXT,
    accepted_ms      BIGINT  NOT NULL,
    -- When the last heartbeat that the coordinator answered was sent: the lease counts from there.
    renewed_ms       BIGINT  NOT NULL,
    ended_ms         BIGINT,
    -- What the coordinator wrote down.
    settled_ms       BIGINT,
    settled_state    TEXT,
    reason           TEXT,
    credit           BIGINT  NOT NULL DEFAULT 0,
    paid_ms          BIGINT  NOT NULL DEFAULT 0
);

CREATE INDEX attempt_open ON attempt (ordinal) WHERE settled_ms IS NULL;
CREATE INDEX attempt_settled ON attempt (settled_ms) WHERE settled_ms IS NOT NULL;

-- What the owner chose last: one row.
CREATE TABLE choice (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    choice   TEXT NOT NULL
);
