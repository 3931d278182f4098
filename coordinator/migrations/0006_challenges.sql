-- What graphics cards have proved, and failed to prove.

-- One row for each challenge, written before the rig is asked. Without an outcome it is under way, or was when a coordinator ended.
CREATE TABLE challenge (
    seed TEXT PRIMARY KEY,
    device_id TEXT NOT NULL REFERENCES rig (device_id),
    gpu TEXT NOT NULL,                        -- the driver's UUID
    model TEXT NOT NULL,
    owner TEXT NOT NULL,                      -- the account earnings go to, or the device
    size BIGINT NOT NULL,
    products BIGINT NOT NULL,
    resident BIGINT NOT NULL,
    claimed_ops_per_us BIGINT NOT NULL,
    rtt_us BIGINT NOT NULL,
    asked_ms BIGINT NOT NULL,
    ends_by_ms BIGINT NOT NULL,               -- later nothing is heard of it any more
    ended_ms BIGINT,
    outcome TEXT,                             -- passed, failed, void
    reason TEXT,
    detail TEXT,
    questioned BIGINT NOT NULL DEFAULT 0,     -- 1: the rig had been told what it must show
    proving_us BIGINT,
    reading_us BIGINT,
    ops_per_us BIGINT
);
CREATE INDEX challenge_of_device ON challenge (device_id, asked_ms);
CREATE INDEX challenge_passed ON challenge (model, ended_ms) WHERE outcome = 'passed';
CREATE INDEX challenge_open ON challenge (ends_by_ms) WHERE outcome IS NULL;
CREATE INDEX challenge_asked ON challenge (asked_ms);

-- Rigs the operator wants challenged now.
CREATE TABLE challenge_wanted (
    device_id TEXT PRIMARY KEY REFERENCES rig (device_id),
    wanted_ms BIGINT NOT NULL
);
