-- What owners are told of how rigs like theirs fare.

ALTER TABLE attempt ADD COLUMN class TEXT;         -- what kind of rig it is on, such as 'nvidia 24 GiB'
ALTER TABLE attempt ADD COLUMN waited_s BIGINT;    -- how long the rig was free before it was given it
CREATE INDEX attempt_of_class ON attempt (class, created_ms);
