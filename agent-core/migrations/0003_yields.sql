-- Each time the PC was given back, and how long it took. Times are milliseconds, the first since 1970.

CREATE TABLE yield (
    ordinal        INTEGER PRIMARY KEY AUTOINCREMENT,
    attempt        TEXT    NOT NULL UNIQUE,
    cause          TEXT    NOT NULL,
    wanted_ms      BIGINT  NOT NULL,
    stop_ms        BIGINT  NOT NULL,
    -- Nothing where the job had no graphics card.
    memory_ms      BIGINT,
    memory_missing INTEGER NOT NULL,
    killed         INTEGER NOT NULL
);
