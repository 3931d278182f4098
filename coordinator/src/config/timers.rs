//! Every lease and deadline in one place, so that tests can run all of them faster by one factor.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{ConfigError, millis};

/// Declares the timers: the field, its key in the file and its default stand on one line.
macro_rules! timers {
    ($($(#[$doc:meta])* $field:ident, $key:literal, $default_ms:expr;)*) => {
        /// Every lease and deadline of the coordinator.
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields, default)]
        pub struct Timers {
            $($(#[$doc])* #[serde(rename = $key, with = "millis")] pub $field: Duration,)*
        }

        impl Default for Timers {
            fn default() -> Self {
                Self { $($field: Duration::from_millis($default_ms),)* }
            }
        }

        impl Timers {
            /// All timers, `divisor` times as fast; none shorter than a millisecond.
            #[must_use]
            pub fn scaled(&self, divisor: u32) -> Self {
                Self { $($field: (self.$field / divisor.max(1)).max(Duration::from_millis(1)),)* }
            }

            /// Every timer and its key.
            fn all(&self) -> [(&'static str, Duration); [$($key),*].len()] {
                [$((concat!("timers.", $key), self.$field)),*]
            }
        }
    };
}

const SECOND: u64 = 1_000;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;

timers! {
    /// How often an agent sends a heartbeat; it adds ±20 %.
    heartbeat, "heartbeat_ms", 15 * SECOND;
    /// How long a lease lives after a heartbeat. The agent stops by itself when it gets no answer for as long.
    lease_ttl, "lease_ttl_ms", 60 * SECOND;
    /// How long after the end of a lease its job is given to another rig: the agent's own stop must be over by then.
    requeue_slack, "requeue_slack_ms", 15 * SECOND;
    /// How often it is written down which rigs are connected, for their owners.
    presence, "presence_ms", MINUTE;
    /// How often heartbeats kept in RAM are written down.
    lease_flush, "lease_flush_ms", SECOND;
    /// How long an agent may take to answer an offer.
    offer_ack, "offer_ack_ms", 2 * SECOND;
    /// How long an accepted attempt may fetch its image and inputs.
    preparing, "preparing_ms", 2 * HOUR;
    /// How long after the job's own timeout an attempt may still say that it runs.
    running_slack, "running_slack_ms", MINUTE;
    /// How long outputs may be on their way.
    uploading, "uploading_ms", 2 * HOUR;
    /// How long an agent that was asked to end an attempt may take to report it ended.
    end_grace, "end_grace_ms", 30 * SECOND;
    /// How long a job may wait in the queue before it fails with `no_rig`.
    queue, "queue_ms", 24 * HOUR;
    /// How long a rig gets no offers after one failed; doubles with each failure in a row.
    rig_backoff, "rig_backoff_ms", 5 * SECOND;
    /// The longest a rig gets no offers.
    rig_backoff_max, "rig_backoff_max_ms", 10 * MINUTE;
    /// In this long a rig whose every attempt fails gets at most ten.
    rig_window, "rig_window_ms", HOUR;
    /// How often what was learnt of how rigs are interrupted is written down.
    learn, "learn_ms", 5 * SECOND;
    /// Work a rig gives back sooner than this after it began does not count against its job.
    early_yield, "early_yield_ms", MINUTE;
    /// How long a job waits after its own failure before it is tried again.
    job_backoff, "job_backoff_ms", SECOND;
    /// How long a job whose attempt gave the PC back waits for that attempt's checkpoint before it is offered without.
    checkpoint_wait, "checkpoint_wait_ms", MINUTE;
    /// How long after its attempt gave the PC back a checkpoint may still come. Shorter than bytes that nothing refers to are kept.
    checkpoint_upload, "checkpoint_upload_ms", 30 * MINUTE;
    /// How often the queue in the database is looked at for jobs that other replicas took in.
    poll, "poll_ms", 200;
    /// How often all of the queue in the database is compared with what this replica knows of it.
    queue_pass, "queue_pass_ms", 30 * SECOND;
    /// How often reconcilers run when nothing nudges them.
    reconcile, "reconcile_ms", SECOND;
    /// How often the operator's acts in the database are looked for.
    operator, "operator_ms", 2 * SECOND;
    /// How often the ledger is audited.
    audit, "audit_ms", 5 * MINUTE;
    /// How long an agent may take to answer the challenge.
    handshake, "handshake_ms", 10 * SECOND;
    /// How long answers are kept to be given again for the same Idempotency-Key.
    idempotency, "idempotency_ms", 48 * HOUR;
    /// The longest `?wait=` of a job.
    long_poll_max, "long_poll_max_ms", MINUTE;
    /// After how long a waiting call looks at its job again though it heard nothing: another replica may have changed it.
    job_look_again, "job_look_again_ms", SECOND;
    /// After how long a log's reader looks again though it heard nothing: another replica may have taken more of it.
    log_look_again, "log_look_again_ms", 200;
    /// How often a log's reader is asked again whether he may still read.
    reader_check, "reader_check_ms", MINUTE;
    /// How long a webhook's receiver may take to answer.
    webhook_timeout, "webhook_timeout_ms", 10 * SECOND;
    /// How long a webhook message waits after its first failed try; doubles with each.
    webhook_backoff, "webhook_backoff_ms", 5 * SECOND;
    /// The longest a webhook message waits for its next try.
    webhook_backoff_max, "webhook_backoff_max_ms", 6 * HOUR;
    /// How long webhook messages are kept after they were delivered or given up.
    outbox_keep, "outbox_keep_ms", 30 * 24 * HOUR;
    /// How long bytes may be on their way before their room is given back: longer than the largest file on a slow line.
    reservation_keep, "reservation_keep_ms", 24 * HOUR;
    /// How long an upload is kept that no open job uses.
    upload_keep, "upload_keep_ms", 7 * 24 * HOUR;
    /// How long the files of a result are kept after their job ended.
    result_keep, "result_keep_ms", 90 * 24 * HOUR;
    /// How long an attempt's log is kept after it ended.
    log_keep, "log_keep_ms", 90 * 24 * HOUR;
    /// How long bytes that nothing refers to are kept, because a reference may be about to be written.
    blob_grace, "blob_grace_ms", HOUR;
    /// How often the artifact store is swept.
    sweep, "sweep_ms", 15 * MINUTE;
    /// How often cards are looked for that must prove what they can do.
    challenge, "challenge_ms", SECOND;
    /// How long before it is asked a card hears of it, to be opened and compiled for meanwhile: several times what that takes.
    challenge_notice, "challenge_notice_ms", 10 * SECOND;
    /// How long what a card must show may be on its way.
    challenge_opening, "challenge_opening_ms", 3 * MINUTE;
    /// How long outcomes of challenges are kept.
    challenge_keep, "challenge_keep_ms", 90 * 24 * HOUR;
    /// How often a chain is looked at.
    chain_poll, "chain_poll_ms", 2 * SECOND;
    /// How long a transaction may stay out before it is sent again, with a higher fee where the chain has become dearer.
    chain_resend, "chain_resend_ms", 30 * SECOND;
    /// How often chains are compared with the books.
    chain_audit, "chain_audit_ms", HOUR;
    /// How often earnings become payouts.
    payout, "payout_ms", 24 * HOUR;
    /// How long a change of the account waits that a rig's earnings go to, if the owner's wallet has not signed it.
    payout_change, "payout_change_ms", 7 * 24 * HOUR;
    /// How long earnings wait that a card payment could take back.
    maturity, "maturity_ms", 30 * 24 * HOUR;
    /// How long a new customer's card payments are limited.
    new_customer, "new_customer_ms", 30 * 24 * HOUR;
    /// How long a result waits for the runs it is compared with before it is taken as it is.
    check_give_up, "check_give_up_ms", 6 * HOUR;
    /// How often a comparison is looked at though nothing was heard: a run may have ended without a result.
    check_look, "check_look_ms", 10 * SECOND;
    /// How long after its first sign-in a rig's earnings wait.
    probation, "probation_ms", 30 * 24 * HOUR;
    /// After how long a result is compared afterwards, of a rig no check has met by chance. Shorter than uploads are kept.
    checked_within, "checked_within_ms", 4 * 24 * HOUR;
    /// After how long earnings no check has confirmed are let go.
    unconfirmed_max, "unconfirmed_max_ms", 30 * 24 * HOUR;
    /// How long a quote stands.
    quote, "quote_ms", MINUTE;
    /// How long before a tab must be settled no more jobs are charged to it.
    tab_close_before, "tab_close_before_ms", 24 * HOUR;
}

impl Timers {
    /// Whether the timers fit one another.
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let longer = |key, expected, found: Duration| {
            Err(ConfigError::Value { key, expected, found: format!("{} ms", found.as_millis()) })
        };
        // A clock that never waits is an endless loop, and a time that is over at once a way to lose everything.
        if let Some((key, _)) = self.all().into_iter().find(|(_, timer)| timer.is_zero()) {
            return longer(key, "at least 1 ms", Duration::ZERO);
        }
        if self.lease_ttl < self.heartbeat * 2 {
            return longer("timers.lease_ttl_ms", "at least twice timers.heartbeat_ms", self.lease_ttl);
        }
        if self.blob_grace <= self.checkpoint_upload {
            return longer("timers.blob_grace_ms", "longer than timers.checkpoint_upload_ms", self.blob_grace);
        }
        if self.rig_backoff_max < self.rig_backoff {
            return longer("timers.rig_backoff_max_ms", "at least timers.rig_backoff_ms", self.rig_backoff_max);
        }
        Ok(())
    }
}
