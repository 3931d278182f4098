-- How long right results took is held against how long others took.

ALTER TABLE rig_record ADD COLUMN behind BIGINT NOT NULL DEFAULT 0;        -- what the rig is behind, in thousandths of what a comparison speaks for
ALTER TABLE rig_record ADD COLUMN late BIGINT NOT NULL DEFAULT 0;          -- the same with what honest rigs differ by
ALTER TABLE rig_record ADD COLUMN behind_worth BIGINT NOT NULL DEFAULT 0;  -- the most that one of those results was worth, in millionths

-- What was found of its time, in thousandths that were worth it: 1000 is all; nothing where that is open.
ALTER TABLE trial_run ADD COLUMN time_share BIGINT;
CREATE INDEX trial_run_timed ON trial_run (device_id, judged_ms) WHERE time_share IS NOT NULL;
