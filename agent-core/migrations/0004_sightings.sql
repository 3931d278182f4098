-- What the probes said of the owner and his PC, for two weeks at most, so that he can see what other rules would have done. Nothing in
-- it names a program that his rules do not name. Times are milliseconds since 1970; what lies in no row was not seen by anybody.

CREATE TABLE sighting (
    from_ms  INTEGER PRIMARY KEY,
    until_ms BIGINT NOT NULL,
    seen     TEXT   NOT NULL
);
