-- One text for SQLite and PostgreSQL: ids and names are TEXT, times are BIGINT milliseconds since 1970, money is
-- BIGINT micro-dollars, flags are BIGINT 0 or 1, documents are TEXT holding JSON. Columns are only ever added.

CREATE TABLE customer (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    namespace TEXT NOT NULL UNIQUE,           -- the customer's part of the registry
    suspended_ms BIGINT,
    open_jobs_max BIGINT NOT NULL,
    storage_bytes_max BIGINT NOT NULL,
    storage_bytes_used BIGINT NOT NULL DEFAULT 0,
    charged BIGINT NOT NULL DEFAULT 0,         -- in all, kept in the transaction of each charge
    created_ms BIGINT NOT NULL
);

CREATE TABLE api_key (
    id TEXT PRIMARY KEY,
    customer_id TEXT NOT NULL REFERENCES customer (id),
    label TEXT NOT NULL,
    secret_sha256 TEXT NOT NULL UNIQUE,        -- the key itself is never stored
    created_ms BIGINT NOT NULL,
    revoked_ms BIGINT
);

CREATE TABLE job (
    id TEXT PRIMARY KEY,
    customer_id TEXT NOT NULL REFERENCES customer (id),
    state TEXT NOT NULL,
    epoch BIGINT NOT NULL DEFAULT 0,
    spec TEXT NOT NULL,
    array_index BIGINT,
    reason TEXT,
    detail TEXT,
    end_reason TEXT,                           -- somebody wants the job ended; it ends with the attempt that holds it
    failures BIGINT NOT NULL DEFAULT 0,
    interruptions BIGINT NOT NULL DEFAULT 0,
    attempt_id TEXT,                           -- holds the job, or its result was accepted
    held BIGINT NOT NULL,
    charged BIGINT NOT NULL DEFAULT 0,
    created_ms BIGINT NOT NULL,
    changed_ms BIGINT NOT NULL,
    queued_ms BIGINT NOT NULL,                 -- when it last entered the queue; jobs are polled in this order
    waiting_ms BIGINT NOT NULL,                -- since when it waits for a rig; an offer that came to nothing does not reset it
    not_before_ms BIGINT NOT NULL DEFAULT 0,   -- back-off after a failure
    ended_ms BIGINT
);
CREATE INDEX job_queue ON job (queued_ms) WHERE state = 'queued';
CREATE INDEX job_waiting ON job (waiting_ms) WHERE state = 'queued';
CREATE INDEX job_open ON job (state, changed_ms) WHERE state NOT IN ('succeeded', 'failed', 'cancelled');
CREATE INDEX job_of_customer ON job (customer_id, id);
CREATE INDEX job_open_of_customer ON job (customer_id) WHERE state NOT IN ('succeeded', 'failed', 'cancelled');
CREATE INDEX job_ended ON job (customer_id, ended_ms);

CREATE TABLE rig (
    device_id TEXT PRIMARY KEY,
    report TEXT NOT NULL,
    trust TEXT NOT NULL,
    quarantined_ms BIGINT,
    first_seen_ms BIGINT NOT NULL,
    last_seen_ms BIGINT NOT NULL
);

-- An attempt that is not final is a lease; `lease_until_ms` is on the database's clock.
CREATE TABLE attempt (
    id TEXT PRIMARY KEY,
    job_id TEXT NOT NULL REFERENCES job (id),
    device_id TEXT NOT NULL,
    epoch BIGINT NOT NULL,
    state TEXT NOT NULL,
    token_sha256 TEXT NOT NULL,                -- bearer token of inputs, log and outputs
    price_per_hour BIGINT NOT NULL,            -- what the customer pays, frozen at assignment
    fee_bps BIGINT NOT NULL,
    reason TEXT,
    detail TEXT,
    end_reason TEXT,                           -- the rig was asked to end it
    exit_code BIGINT,
    log_bytes BIGINT NOT NULL DEFAULT 0,
    log_pieces BIGINT NOT NULL DEFAULT 0,
    receipt_sequence BIGINT NOT NULL DEFAULT 0,
    receipt TEXT,                              -- the newest signed receipt
    signed_ms BIGINT NOT NULL DEFAULT 0,       -- running time it claims
    charged_ms BIGINT NOT NULL DEFAULT 0,
    charged BIGINT NOT NULL DEFAULT 0,
    lease_until_ms BIGINT NOT NULL,
    deadline_ms BIGINT NOT NULL,               -- when it must have left its state
    created_ms BIGINT NOT NULL,
    changed_ms BIGINT NOT NULL,
    started_ms BIGINT,                         -- when the coordinator first heard that it runs
    ended_ms BIGINT,
    UNIQUE (job_id, epoch)
);
CREATE INDEX attempt_lease ON attempt (lease_until_ms) WHERE state IN ('offered', 'accepted', 'preparing', 'running', 'uploading');
CREATE INDEX attempt_deadline ON attempt (deadline_ms) WHERE state IN ('offered', 'accepted', 'preparing', 'running', 'uploading');
CREATE INDEX attempt_asked_to_end ON attempt (device_id) WHERE end_reason IS NOT NULL AND ended_ms IS NULL;
CREATE INDEX attempt_of_device ON attempt (device_id, id);
CREATE INDEX attempt_live_of_device ON attempt (device_id) WHERE ended_ms IS NULL;

-- The files of accepted results. Bytes are content-addressed in the artifact store.
CREATE TABLE artifact (
    job_id TEXT NOT NULL REFERENCES job (id),
    path TEXT NOT NULL,
    attempt_id TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    bytes BIGINT NOT NULL,
    PRIMARY KEY (job_id, path)
);
CREATE INDEX artifact_of_blob ON artifact (sha256);

-- Where in the artifact store the bytes that hash to a sum are. `touched_ms` is when they were last wanted: a row that
-- nothing refers to is dropped some time after it, so that a reference about to be written finds it.
CREATE TABLE blob (
    sha256 TEXT PRIMARY KEY,
    object TEXT NOT NULL UNIQUE,
    bytes BIGINT NOT NULL,
    touched_ms BIGINT NOT NULL
);
CREATE INDEX blob_touched ON blob (touched_ms);

-- The pieces of attempts' logs; the bytes are objects named after the attempt and the offset.
CREATE TABLE log_piece (
    attempt_id TEXT NOT NULL REFERENCES attempt (id),
    offset_bytes BIGINT NOT NULL,
    bytes BIGINT NOT NULL,
    PRIMARY KEY (attempt_id, offset_bytes)
);

-- What customers' namespaces hold in the registry, as its notifications tell.
CREATE TABLE registry_content (
    repository TEXT NOT NULL,
    digest TEXT NOT NULL,
    namespace TEXT NOT NULL,
    kind TEXT NOT NULL,                        -- manifest or layer
    bytes BIGINT NOT NULL,
    pushed_ms BIGINT NOT NULL,
    PRIMARY KEY (repository, digest)
);
CREATE INDEX registry_content_of_namespace ON registry_content (namespace, digest);

CREATE TABLE upload (
    id TEXT PRIMARY KEY,
    customer_id TEXT NOT NULL REFERENCES customer (id),
    sha256 TEXT NOT NULL,
    bytes BIGINT NOT NULL,
    created_ms BIGINT NOT NULL,
    expires_ms BIGINT NOT NULL
);
CREATE INDEX upload_of_customer ON upload (customer_id, id);
CREATE INDEX upload_of_blob ON upload (sha256);
CREATE INDEX upload_expiry ON upload (expires_ms);

-- Room taken for bytes that are on their way: an upload's, or what an attempt stages until it ends.
CREATE TABLE reservation (
    id TEXT PRIMARY KEY,
    customer_id TEXT NOT NULL REFERENCES customer (id),
    attempt_id TEXT,
    bytes BIGINT NOT NULL,
    expires_ms BIGINT NOT NULL                 -- nobody is bringing them any more
);
CREATE INDEX reservation_of_customer ON reservation (customer_id);
CREATE INDEX reservation_of_attempt ON reservation (attempt_id) WHERE attempt_id IS NOT NULL;
CREATE INDEX reservation_expiry ON reservation (expires_ms);

-- Double entry: the amounts of one transfer sum to zero in each asset and chain. Rows are only ever added.
CREATE TABLE transfer (
    id TEXT PRIMARY KEY,                       -- the effect's idempotency key, such as hold:job_…
    kind TEXT NOT NULL,                        -- grant, hold, capture, release, refund
    job_id TEXT,
    attempt_id TEXT,
    memo TEXT,
    created_ms BIGINT NOT NULL
);

CREATE TABLE entry (
    transfer_id TEXT NOT NULL REFERENCES transfer (id),
    leg BIGINT NOT NULL,
    account TEXT NOT NULL,                     -- customer:<id>:available, customer:<id>:held, rig:<device>:credit, platform:fee, operator:grant
    asset TEXT NOT NULL,                       -- USD until money is real
    chain BIGINT NOT NULL,                     -- 0: no chain
    amount BIGINT NOT NULL,
    PRIMARY KEY (transfer_id, leg)
);
CREATE INDEX entry_of_account ON entry (account, asset, chain);

-- Sums of `entry`, kept in the same transaction; the audit reconciler compares them.
CREATE TABLE account (
    account TEXT NOT NULL,
    asset TEXT NOT NULL,
    chain BIGINT NOT NULL,
    balance BIGINT NOT NULL,
    PRIMARY KEY (account, asset, chain)
);

CREATE TABLE idempotency (
    customer_id TEXT NOT NULL,
    idempotency_key TEXT NOT NULL,
    request_sha256 TEXT NOT NULL,
    response TEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    PRIMARY KEY (customer_id, idempotency_key)
);

CREATE TABLE image (
    digest TEXT PRIMARY KEY,
    approved_ms BIGINT,
    revoked_ms BIGINT,
    reason TEXT NOT NULL
);

-- Settings the operator changes while the network runs, such as network.stopped.
CREATE TABLE switch (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL,
    changed_ms BIGINT NOT NULL
);

-- Append-only. Every act of the operator, with who and why. Each row carries the sum of the one before, so that a row
-- changed or taken out later shows.
CREATE TABLE audit (
    sequence BIGINT PRIMARY KEY,               -- 1, 2, 3 …
    actor TEXT NOT NULL,
    act TEXT NOT NULL,
    subject TEXT NOT NULL,
    reason TEXT NOT NULL,
    detail TEXT NOT NULL,                      -- what more belongs to the act, such as an amount
    at_ms BIGINT NOT NULL,
    previous_sha256 TEXT NOT NULL,
    sha256 TEXT NOT NULL
);

-- Told to customers' webhooks, at least once each.
CREATE TABLE outbox (
    id TEXT PRIMARY KEY,
    job_id TEXT NOT NULL,
    url TEXT NOT NULL,
    body TEXT NOT NULL,
    tries BIGINT NOT NULL DEFAULT 0,
    next_try_ms BIGINT NOT NULL,
    delivered_ms BIGINT,
    abandoned_ms BIGINT
);
CREATE INDEX outbox_due ON outbox (next_try_ms) WHERE delivered_ms IS NULL AND abandoned_ms IS NULL;
CREATE INDEX outbox_delivered ON outbox (delivered_ms) WHERE delivered_ms IS NOT NULL;
CREATE INDEX outbox_abandoned ON outbox (abandoned_ms) WHERE abandoned_ms IS NOT NULL;
