-- Checks of results: the same work done more than once, compared, and what follows from it.

ALTER TABLE job ADD COLUMN trial_id TEXT;                            -- its result is compared in this trial
ALTER TABLE job ADD COLUMN copy_of TEXT;                             -- the job whose work and inputs it repeats; hidden from lists
CREATE INDEX job_of_trial ON job (trial_id) WHERE trial_id IS NOT NULL;

-- One comparison: a customer's job and the runs it is compared with, or work whose result is known.
CREATE TABLE trial (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL,                        -- adaptive, redundant, canary
    state TEXT NOT NULL,                       -- open; answered: what is brought is compared with the answer; closed
    job_id TEXT NOT NULL,                      -- the customer's job; of a canary, the job it was made from
    customer_id TEXT NOT NULL,                 -- whose data it is: rigs linked to him do not check it
    asked BIGINT NOT NULL,                     -- runs wanted at first
    comparison TEXT NOT NULL,
    answer_attempt TEXT,                       -- whose result is the right one
    answer TEXT,
    answer_class TEXT,
    looked BIGINT NOT NULL DEFAULT 0,          -- counted up with every change: whoever judged an older one has judged nothing
    look_ms BIGINT NOT NULL,                   -- when to look at it next
    give_up_ms BIGINT NOT NULL,
    created_ms BIGINT NOT NULL,
    closed_ms BIGINT
);
CREATE INDEX trial_due ON trial (look_ms) WHERE state <> 'closed';
CREATE INDEX trial_closed ON trial (closed_ms) WHERE closed_ms IS NOT NULL;

CREATE TABLE trial_run (
    trial_id TEXT NOT NULL REFERENCES trial (id),
    number BIGINT NOT NULL,
    job_id TEXT NOT NULL REFERENCES job (id),
    state TEXT NOT NULL,                       -- awaited, brought, gone, right, wrong, unjudged
    attempt_id TEXT,
    epoch BIGINT,
    device_id TEXT,
    class TEXT,
    outputs TEXT,
    judged_ms BIGINT,
    PRIMARY KEY (trial_id, number)
);
CREATE INDEX trial_run_of_job ON trial_run (job_id);
CREATE INDEX trial_run_wrong ON trial_run (device_id, judged_ms) WHERE state = 'wrong';
CREATE INDEX trial_run_of_attempt ON trial_run (attempt_id);

-- How often a rig was right in a row, on one kind of hardware.
CREATE TABLE rig_record (
    device_id TEXT NOT NULL,
    class TEXT NOT NULL,
    right_in_a_row BIGINT NOT NULL,
    PRIMARY KEY (device_id, class)
);
ALTER TABLE rig ADD COLUMN right_ms BIGINT;                          -- when a result of it was last found right
ALTER TABLE rig ADD COLUMN pardoned_ms BIGINT;                       -- what it did before counts no more, the operator has said

-- Programs whose results differ by themselves: not compared bit for bit any more.
CREATE TABLE unreproducible (
    recipe TEXT PRIMARY KEY,
    found_ms BIGINT NOT NULL
);

-- Earnings that wait for a check, beside their entries in the ledger.
CREATE TABLE earning_hold (
    attempt_id TEXT PRIMARY KEY,
    job_id TEXT NOT NULL,
    device_id TEXT NOT NULL,
    asset TEXT NOT NULL,
    chain BIGINT NOT NULL,
    amount BIGINT NOT NULL,
    earned_ms BIGINT NOT NULL,
    confirmed BIGINT NOT NULL,                 -- 1: this very result was compared
    delivered BIGINT NOT NULL,                 -- 0: work given back, without a result
    state TEXT NOT NULL                        -- waiting, released, forfeited
);
CREATE INDEX earning_hold_waiting ON earning_hold (device_id, earned_ms) WHERE state = 'waiting';
