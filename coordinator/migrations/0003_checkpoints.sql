-- What a job's next attempt goes on from: what an attempt left when it gave the PC back.

-- The last accepted one. Absent: none was.
ALTER TABLE job ADD COLUMN checkpoint_attempt_id TEXT;               -- the attempt that left it
ALTER TABLE job ADD COLUMN checkpoint_epoch BIGINT NOT NULL DEFAULT 0;
ALTER TABLE job ADD COLUMN checkpoint_bytes BIGINT NOT NULL DEFAULT 0;
ALTER TABLE job ADD COLUMN checkpoint_ms BIGINT;

-- The attempt whose checkpoint this one was given. Its files stay while this one may still fetch them.
ALTER TABLE attempt ADD COLUMN resumed_from TEXT;

-- Deleted when the job ends, or when a newer one was accepted.
CREATE TABLE checkpoint_file (
    job_id TEXT NOT NULL REFERENCES job (id),
    attempt_id TEXT NOT NULL,                  -- the attempt that left it
    path TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    bytes BIGINT NOT NULL,
    PRIMARY KEY (attempt_id, path)
);
CREATE INDEX checkpoint_file_of_job ON checkpoint_file (job_id);
CREATE INDEX checkpoint_file_of_blob ON checkpoint_file (sha256);
