-- Of which money the owner was told on his desktop, so that nothing is told twice.

ALTER TABLE withdrawal ADD COLUMN told_ms BIGINT;
UPDATE withdrawal SET told_ms = changed_ms WHERE step = 'final';
CREATE INDEX withdrawal_untold ON withdrawal (ordinal) WHERE step = 'final' AND told_ms IS NULL;

-- What payouts owe an account since ever, in token units. What was owed when it was looked at first is no news.
CREATE TABLE payout_news (
    account     TEXT   NOT NULL,
    chain_id    BIGINT NOT NULL,
    asset       TEXT   NOT NULL,
    -- In all, as of the newest payout that the chain confirms.
    owed        TEXT   NOT NULL,
    -- Of that, what could be taken when it was seen first.
    takeable    TEXT   NOT NULL,
    -- How the chain and the token are called, and the token's digits after the point.
    chain       TEXT   NOT NULL,
    symbol      TEXT   NOT NULL,
    decimals    BIGINT NOT NULL,
    told_ms     BIGINT,
    PRIMARY KEY (account, chain_id, asset)
);

-- Accounts that were looked at.
CREATE TABLE payout_looked (
    account  TEXT PRIMARY KEY,
    first_ms BIGINT NOT NULL
);
