-- What attempts left that gave the PC back, until it is brought to the coordinator and decided there. Times are milliseconds since
-- 1970.

CREATE TABLE checkpoint (
    attempt  TEXT   PRIMARY KEY,
    -- The offer as it came, with the token that lets the files be brought.
    offer    TEXT   NOT NULL,
    -- The files as the coordinator is told of them, and why there are none; absent until they are brought. From then on
    -- the work volume is not needed any more.
    files    TEXT,
    problem  TEXT,
    -- After this it is given up.
    until_ms BIGINT NOT NULL
);
