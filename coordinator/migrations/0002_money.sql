-- Money on chains. Amounts are BIGINT millionths of a dollar or of an HFR; token units and hashes are TEXT, hex with 0x or
-- decimal digits; chains are EIP-155 ids, 0 is none.

-- Where a job's money was set aside from. A job from before there was a choice was paid from what the operator had granted.
ALTER TABLE job ADD COLUMN pot TEXT NOT NULL DEFAULT 'available';   -- available, fiat, earned
ALTER TABLE job ADD COLUMN asset TEXT NOT NULL DEFAULT 'USD';
ALTER TABLE job ADD COLUMN chain BIGINT NOT NULL DEFAULT 0;
ALTER TABLE job ADD COLUMN fee_bps BIGINT;                           -- frozen at submission; absent: the attempt's
ALTER TABLE job ADD COLUMN tab_id TEXT;                              -- whose tab on the chain it is charged to

-- A job paid in HFR: at which price, frozen at submission. What it holds and is charged is told in dollars everywhere; these are the
-- same amounts in millionths of an HFR. Absent for every other job.
ALTER TABLE job ADD COLUMN hfr_picos BIGINT;                         -- 10^-12 of a dollar per HFR
ALTER TABLE job ADD COLUMN hfr_seen_ms BIGINT;                       -- when that was observed
ALTER TABLE job ADD COLUMN held_hfr BIGINT;
ALTER TABLE job ADD COLUMN charged_hfr BIGINT;
CREATE INDEX job_holding_of_tab ON job (tab_id) WHERE held <> 0 OR held_hfr <> 0;
ALTER TABLE attempt ADD COLUMN charged_hfr BIGINT;
ALTER TABLE attempt ADD COLUMN hfr_per_hour BIGINT;

-- What the rig got of `charged`. Absent: written down before there was more than one way to split it.
ALTER TABLE attempt ADD COLUMN credit BIGINT;
ALTER TABLE attempt ADD COLUMN used_before BIGINT;                   -- what was used before of the tab it was charged to

-- A payout of a job's earnings is told by its transfer; these are the rows not yet part of one.
ALTER TABLE entry ADD COLUMN payout_epoch BIGINT;
CREATE INDEX entry_unpaid ON entry (asset, chain, account) WHERE payout_epoch IS NULL;

-- A customer's own wallet, shown to be his by a signature.
CREATE TABLE wallet (
    address TEXT PRIMARY KEY,
    customer_id TEXT NOT NULL REFERENCES customer (id),
    created_ms BIGINT NOT NULL
);
CREATE INDEX wallet_of_customer ON wallet (customer_id);

-- A customer's signed permission to reserve his money on a chain, up to a sum and a day.
CREATE TABLE spend_order (
    id TEXT PRIMARY KEY,
    customer_id TEXT NOT NULL REFERENCES customer (id),
    asset TEXT NOT NULL,
    chain BIGINT NOT NULL,
    wallet TEXT NOT NULL,
    max_spend BIGINT NOT NULL,
    max_fee_bps BIGINT NOT NULL,
    expires_ms BIGINT NOT NULL,
    signed TEXT NOT NULL,                      -- the order and its signature, as the contract takes them
    created_ms BIGINT NOT NULL,
    revoked_ms BIGINT
);
CREATE INDEX spend_order_of_customer ON spend_order (customer_id, id);

-- Money of a customer that is reserved for us on a chain, and what of it was used. Charged cumulatively.
CREATE TABLE tab (
    id TEXT PRIMARY KEY,                       -- the contract's name of it
    customer_id TEXT NOT NULL REFERENCES customer (id),
    asset TEXT NOT NULL,
    chain BIGINT NOT NULL,
    wallet TEXT NOT NULL,                      -- whose money it is on the chain
    order_id TEXT,                             -- absent: money paid by card
    fee_bps BIGINT NOT NULL,
    reserved BIGINT NOT NULL,
    used BIGINT NOT NULL,                      -- by attempts that were charged
    settled BIGINT NOT NULL,                   -- of that, final on the chain
    settle_by_ms BIGINT NOT NULL,
    state TEXT NOT NULL,                       -- opening, open, closing, closed
    created_ms BIGINT NOT NULL,
    changed_ms BIGINT NOT NULL
);
CREATE INDEX tab_of_customer ON tab (customer_id, state);
CREATE INDEX tab_live ON tab (chain, state) WHERE state <> 'closed';

-- What we want done on a chain, one row each: recorded, signed, sent, final or refused.
CREATE TABLE step (
    id TEXT PRIMARY KEY,                       -- the idempotency key of its effect
    chain BIGINT NOT NULL,
    role TEXT NOT NULL,                        -- whose key signs it
    call_to TEXT NOT NULL,
    call_data TEXT NOT NULL,
    state TEXT NOT NULL,
    nonce BIGINT,
    hash TEXT,                                 -- of the newest signed transaction
    block BIGINT,
    reason TEXT,
    created_ms BIGINT NOT NULL,
    changed_ms BIGINT NOT NULL
);
CREATE INDEX step_open ON step (chain, created_ms) WHERE state NOT IN ('final', 'refused');
CREATE UNIQUE INDEX step_nonce ON step (chain, role, nonce) WHERE nonce IS NOT NULL;

-- Every transaction ever signed for a step, written down before it is sent: any of them may be the one that is mined.
CREATE TABLE signed_transaction (
    hash TEXT PRIMARY KEY,
    step_id TEXT NOT NULL REFERENCES step (id),
    raw TEXT NOT NULL,
    max_fee_per_gas TEXT NOT NULL,
    created_ms BIGINT NOT NULL
);
CREATE INDEX signed_transaction_of_step ON signed_transaction (step_id, created_ms);

-- Events of our contracts that nothing takes back, each once.
CREATE TABLE chain_event (
    chain BIGINT NOT NULL,
    block BIGINT NOT NULL,
    log_index BIGINT NOT NULL,
    transaction_hash TEXT NOT NULL,
    name TEXT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (chain, block, log_index)
);

-- What a wallet has on a chain that is its alone, in token units: the events give it, and millionths are what it comes to.
CREATE TABLE deposit (
    wallet TEXT NOT NULL,
    asset TEXT NOT NULL,
    chain BIGINT NOT NULL,
    units TEXT NOT NULL,
    PRIMARY KEY (wallet, asset, chain)
);

-- What accounts have taken from a chain's Distributor since ever, in token units.
CREATE TABLE claimed (
    chain BIGINT NOT NULL,
    asset TEXT NOT NULL,                       -- the token
    account TEXT NOT NULL,
    units TEXT NOT NULL,
    PRIMARY KEY (chain, asset, account)
);

-- Up to which block events were read.
CREATE TABLE chain_cursor (
    chain BIGINT PRIMARY KEY,
    block BIGINT NOT NULL
);

-- Where a rig's earnings go. The newest that has come into effect counts.
CREATE TABLE payout_terms (
    device_id TEXT NOT NULL,
    issued_ms BIGINT NOT NULL,
    account TEXT NOT NULL,
    chain BIGINT NOT NULL,
    in_hfr BIGINT NOT NULL,
    confirmed BIGINT NOT NULL,                 -- a wallet has signed that the account is its own
    effective_ms BIGINT NOT NULL,
    signed TEXT NOT NULL,
    PRIMARY KEY (device_id, issued_ms)
);
CREATE INDEX payout_terms_of_account ON payout_terms (account);

-- Accounts nobody is paid for now. What is in a payout already can be claimed all the same.
CREATE TABLE payout_hold (
    account TEXT PRIMARY KEY,
    reason TEXT NOT NULL,
    since_ms BIGINT NOT NULL
);

-- One payout of one chain: the public file, its root, and where it is. One that was vetoed is undone and made anew, as the next take.
CREATE TABLE payout (
    chain BIGINT NOT NULL,
    epoch BIGINT NOT NULL,
    take BIGINT NOT NULL,                      -- 1, or more after vetoes
    from_ms BIGINT NOT NULL,
    to_ms BIGINT NOT NULL,
    file TEXT NOT NULL,
    root TEXT NOT NULL,
    file_hash TEXT NOT NULL,
    state TEXT NOT NULL,                       -- built, proposed, active, vetoed, undone
    proposed_by TEXT,                          -- the transaction that brought the root to the chain
    changed_ms BIGINT NOT NULL,
    PRIMARY KEY (chain, epoch, take)
);

-- Price of HFR as somebody observed it, in 10^-12 of a dollar.
CREATE TABLE price (
    source TEXT NOT NULL,                      -- twap, oracle
    observed_ms BIGINT NOT NULL,
    picos BIGINT NOT NULL,
    PRIMARY KEY (source, observed_ms)
);

-- Payments by card, once per reference.
CREATE TABLE fiat_payment (
    reference TEXT PRIMARY KEY,
    reference_hash TEXT NOT NULL UNIQUE,       -- as the contract knows it
    customer_id TEXT NOT NULL REFERENCES customer (id),
    chain BIGINT NOT NULL,
    amount BIGINT NOT NULL,
    state TEXT NOT NULL,                       -- paid, crediting, credited, refused, void
    wallet TEXT,                               -- whose credit it is on the chain, once that is asked for it
    credited BIGINT NOT NULL DEFAULT 0,        -- what the chain is asked to credit
    reversed BIGINT NOT NULL DEFAULT 0,        -- given back or disputed
    recovered BIGINT NOT NULL DEFAULT 0,       -- of that, never credited or taken back
    borne BIGINT NOT NULL DEFAULT 0,           -- of that, lost: the platform bears it
    withdrawing BIGINT NOT NULL DEFAULT 0,     -- unspent credit taken back, which the chain has to give up
    withdrawn BIGINT NOT NULL DEFAULT 0,       -- of that, given up
    created_ms BIGINT NOT NULL,
    changed_ms BIGINT NOT NULL
);
CREATE INDEX fiat_payment_of_customer ON fiat_payment (customer_id, created_ms);
CREATE INDEX fiat_payment_on_its_way ON fiat_payment (chain, created_ms) WHERE state IN ('paid', 'crediting');
CREATE INDEX fiat_payment_owed ON fiat_payment (reference) WHERE reversed > recovered + borne;
CREATE INDEX fiat_payment_leaving ON fiat_payment (chain) WHERE withdrawing > withdrawn;

-- What of a charge was given back, as the processor tells; it may tell so before it tells of the charge.
CREATE TABLE fiat_reversal (
    reference TEXT PRIMARY KEY,
    refunded BIGINT NOT NULL,
    disputed BIGINT NOT NULL,
    changed_ms BIGINT NOT NULL
);

-- Earnings that a card payment may still take back, one row for each attempt.
CREATE TABLE maturing (
    attempt_id TEXT PRIMARY KEY,
    job_id TEXT NOT NULL,
    customer_id TEXT NOT NULL,
    device_id TEXT NOT NULL,
    asset TEXT NOT NULL,
    chain BIGINT NOT NULL,
    charged BIGINT NOT NULL,                   -- what the customer paid
    amount BIGINT NOT NULL,                    -- of that, the rig's
    covered BIGINT NOT NULL DEFAULT 0,         -- of what he paid, taken back
    reversed BIGINT NOT NULL DEFAULT 0,        -- of the rig's, taken back
    earned_ms BIGINT NOT NULL,
    ended_ms BIGINT                            -- they are safe, or nothing is left
);
CREATE INDEX maturing_open ON maturing (earned_ms) WHERE ended_ms IS NULL;
CREATE INDEX maturing_of_customer ON maturing (customer_id, earned_ms) WHERE ended_ms IS NULL;
CREATE INDEX maturing_of_job ON maturing (job_id);

-- From which networks customers and rigs have come: keyed sums, never addresses.
CREATE TABLE seen_at (
    network TEXT NOT NULL,
    kind TEXT NOT NULL,                        -- customer, rig
    party TEXT NOT NULL,
    seen_ms BIGINT NOT NULL,
    PRIMARY KEY (network, kind, party)
);
CREATE INDEX seen_at_of_party ON seen_at (kind, party);

-- Which customers a rig's owner has given his earnings to.
CREATE TABLE spent_for (
    customer_id TEXT NOT NULL,
    device_id TEXT NOT NULL,
    PRIMARY KEY (customer_id, device_id)
);

-- What a key may spend in any 24 hours; absent: no limit. A job remembers the key it came with.
ALTER TABLE api_key ADD COLUMN spend_max BIGINT;
ALTER TABLE job ADD COLUMN api_key_id TEXT;
CREATE INDEX job_of_key ON job (api_key_id, created_ms) WHERE api_key_id IS NOT NULL;
CREATE INDEX job_held_by_card ON job (customer_id) WHERE pot = 'fiat' AND held <> 0;
