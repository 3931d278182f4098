-- What speaks for earnings that wait: the result itself, a result others had a part in, or nothing but that the time went by.

ALTER TABLE earning_hold ADD COLUMN basis TEXT NOT NULL DEFAULT 'result';  -- result, shared, doubted, given_back
UPDATE earning_hold SET basis = 'given_back' WHERE delivered = 0;
ALTER TABLE earning_hold ADD COLUMN result_attempt_id TEXT;          -- of time given back: whose result came of it
ALTER TABLE earning_hold ADD COLUMN shown BIGINT NOT NULL DEFAULT 0; -- of time given back: how much of it a comparison has shown to be work
ALTER TABLE earning_hold ADD COLUMN shown_ms BIGINT;
ALTER TABLE earning_hold ADD COLUMN ended_ms BIGINT;                 -- when it was released, forfeited or lapsed
CREATE INDEX earning_hold_ended ON earning_hold (device_id, ended_ms);
CREATE INDEX earning_hold_of_result ON earning_hold (result_attempt_id) WHERE result_attempt_id IS NOT NULL;

-- A result that began from another owner's checkpoint was outvoted: who had a part in it, of whom one was wrong.
CREATE TABLE doubt (
    trial_id TEXT NOT NULL REFERENCES trial (id),
    number BIGINT NOT NULL,                    -- the run
    device_id TEXT NOT NULL,
    at_ms BIGINT NOT NULL,
    PRIMARY KEY (trial_id, number, device_id)
);
CREATE INDEX doubt_of_device ON doubt (device_id, at_ms);

-- An accepted result that was found wrong afterwards: when, and what its customer got back by himself.
ALTER TABLE job ADD COLUMN outvoted_ms BIGINT;
ALTER TABLE job ADD COLUMN outvoted_back BIGINT NOT NULL DEFAULT 0;
