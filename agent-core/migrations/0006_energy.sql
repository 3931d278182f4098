-- What attempts drew, and what their receipts are of. What is NULL was not written down, or nobody knew it.

-- How many graphics cards it was given; 0 for the processor alone.
ALTER TABLE attempt ADD COLUMN cards BIGINT;
-- The network it was offered on: a part of what its receipts say.
ALTER TABLE attempt ADD COLUMN network TEXT;

-- One card of one attempt. Nothing here is guessed: time in which nobody looked is not measured.
CREATE TABLE attempt_card (
    attempt            TEXT   NOT NULL,
    gpu                TEXT   NOT NULL,
    model              TEXT   NOT NULL,
    energy_millijoules BIGINT,
    -- For how long that was measured, in milliseconds.
    measured_ms        BIGINT NOT NULL DEFAULT 0,
    -- Of that, for how long it was known what power costs.
    priced_ms          BIGINT NOT NULL DEFAULT 0,
    -- What it cost then, in micro-dollars.
    cost               BIGINT,
    PRIMARY KEY (attempt, gpu)
) WITHOUT ROWID;

-- What has earned, in the order in which it was settled: sums and pages of any stretch of time read no other row.
CREATE INDEX attempt_earned ON attempt (settled_ms, ordinal) WHERE settled_ms IS NOT NULL AND (running_ms > 0 OR credit <> 0);
