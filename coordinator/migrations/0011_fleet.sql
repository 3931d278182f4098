-- What owners are told of all their rigs.

ALTER TABLE rig ADD COLUMN agent TEXT;             -- the version of its program, as it signed in
ALTER TABLE rig ADD COLUMN heard_ms BIGINT;        -- when a replica last had it connected
ALTER TABLE rig ADD COLUMN left_ms BIGINT;         -- when its last session ended
ALTER TABLE rig ADD COLUMN fu BIGINT;              -- what its cards were believed to be worth then, in all
CREATE INDEX attempt_ended_of_device ON attempt (device_id, ended_ms) WHERE ended_ms IS NOT NULL;
