-- The owner's wallet, where earnings go, and withdrawals step by step. Times are milliseconds since 1970. No secret is in any of
-- these tables: the key is in its keystore, and what is signed is meant to be seen by everybody.

CREATE TABLE wallet (
    only_row           INTEGER PRIMARY KEY CHECK (only_row = 1),
    -- 'watching' or 'local'.
    kind               TEXT   NOT NULL,
    address            TEXT   NOT NULL,
    since_ms           BIGINT NOT NULL,
    backup_verified_ms BIGINT,
    -- Whether the password was given to the keyring.
    remembered         BIGINT NOT NULL DEFAULT 0
);

-- The newest word on where earnings go, with its signatures, and what the coordinator says to it.
CREATE TABLE payout (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    signed   TEXT   NOT NULL,
    standing TEXT,
    refused  TEXT
);

CREATE TABLE withdrawal (
    ordinal     INTEGER PRIMARY KEY AUTOINCREMENT,
    id          TEXT   NOT NULL UNIQUE,
    -- prepared, signed, sent, final, refused.
    step        TEXT   NOT NULL,
    chain_id    BIGINT NOT NULL,
    asset       TEXT   NOT NULL,
    account     TEXT   NOT NULL,
    destination TEXT   NOT NULL,
    -- What was shown and is signed.
    plan        TEXT   NOT NULL,
    -- What is sent: the same bytes however often.
    act         TEXT,
    relay       TEXT,
    tx_hash     TEXT,
    block       BIGINT,
    reason      TEXT,
    created_ms  BIGINT NOT NULL,
    changed_ms  BIGINT NOT NULL
);

CREATE INDEX withdrawal_open ON withdrawal (ordinal) WHERE step IN ('prepared', 'signed', 'sent');

-- Earnings turned into computing credit; the nonce makes each one act.
CREATE TABLE spend (
    nonce   TEXT PRIMARY KEY,
    signed  TEXT   NOT NULL,
    said_ms BIGINT NOT NULL,
    done_ms BIGINT,
    refused TEXT
);
