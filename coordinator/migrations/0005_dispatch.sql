-- What matching knows of rigs beyond their reports.

-- Where the operator attests that a rig stands: ISO 3166-1 alpha-2. Absent: nobody has said so.
ALTER TABLE rig ADD COLUMN country TEXT;

-- How a rig's attempts ended at each hour of the week (UTC), fading with time.
CREATE TABLE rig_history (
    device_id TEXT PRIMARY KEY,
    hours TEXT NOT NULL,                       -- JSON: [[hour, thousandths of interruptions, seconds worked], …]
    as_of_ms BIGINT NOT NULL                   -- when they counted that much
);
