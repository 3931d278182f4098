//! What customers exchange with the coordinator over HTTP, beside the job specification itself.

use serde::{Deserialize, Serialize};

use crate::{
    AttemptId, CustomerId, DeviceId, ImageRef, JobId, Micros, Sha256, TimestampMs, UploadId,
    chain::AssetKind,
    error::FieldError,
    job::{AttemptState, JobSpec, JobState, Reason, Trust},
    rig::{ComputeCapability, GpuVendor, Os},
    session::OutputFile,
};

/// The most items one page of any list holds.
pub const PAGE_MAX: u32 = 100;

/// A job as its customer sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Job {
    /// Its id.
    pub id: JobId,
    /// Where it is.
    pub state: JobState,
    /// Why, where there is a reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// The reason as a sentence with what belongs to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// What was asked for.
    pub spec: JobSpec,
    /// Position in an array.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub array_index: Option<u32>,
    /// How often it was assigned.
    pub epoch: u64,
    /// How many attempts failed by the job's own doing.
    pub failures: u32,
    /// How many attempts were interrupted through no fault of the job.
    pub interruptions: u32,
    /// The attempt that holds it, or whose result was accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<AttemptId>,
    /// Set aside of the balance for it.
    pub held: Micros,
    /// Charged for it so far.
    pub charged: Micros,
    /// The same in HFR, if it is paid in HFR.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hfr: Option<JobHfr>,
    /// The last checkpoint that was accepted, if there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpoint: Option<JobCheckpoint>,
    /// Its result was accepted, and others agreed on another one afterwards: it is not to be trusted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outvoted: Option<JobOutvoted>,
    /// While it waits: why no rig that is connected to the coordinator that was asked could do it for what it pays, by the field of the
    /// specification that asks for too much. Empty if one could, and in lists.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unmet: Vec<FieldError>,
    /// When it was submitted.
    pub created_ms: TimestampMs,
    /// When its state last changed.
    pub changed_ms: TimestampMs,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_ms: Option<TimestampMs>,
}

/// What a job's next attempt goes on from. Its files are deleted when the job ends or a newer one is accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct JobCheckpoint {
    /// The attempt that left it.
    pub attempt: AttemptId,
    /// When it was accepted.
    pub accepted_ms: TimestampMs,
    /// How many bytes it has in all.
    pub bytes: u64,
}

/// An accepted result that was found wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct JobOutvoted {
    /// When.
    pub found_ms: TimestampMs,
    /// What of its charge was given back at once. The rest is for the operator: of what was paid by card lately, and where his own money
    /// in the Distributor does not cover it.
    pub refunded: Micros,
}

/// What a job that is paid in HFR holds and is charged. `held` and `charged` of the job are what that is worth in dollars.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct JobHfr {
    /// Set aside for it, in millionths of an HFR.
    pub held: Micros,
    /// Charged for it so far, in millionths of an HFR.
    pub charged: Micros,
    /// Millionths of a millionth of a dollar per HFR, frozen when it was submitted.
    pub picos_per_hfr: u64,
}

/// What a customer pays in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum PayIn {
    /// Dollars: granted, earned, paid by card, or a chain's stablecoin.
    #[default]
    Usd,
    /// HFR, at the price of the moment of submission. The platform keeps less of it, so it costs less.
    Hfr,
}

/// What a submission is paid in, and at which price: its parameters `pay_in` and `picos_per_hfr`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Pay {
    /// Dollars, of whatever pot covers them.
    #[default]
    Dollars,
    /// HFR.
    Hfr {
        /// The price a quote has named within the last minute, in 10^-12 of a dollar per HFR; absent for the price of the submission.
        quoted: Option<u64>,
    },
}

/// A page of jobs, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct JobList {
    /// The jobs.
    pub jobs: Vec<Job>,
    /// What to send as `after` for the next page; absent at the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// Several jobs at once: all are accepted, or none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Batch {
    /// The jobs; one with an `array` counts as many as its range.
    pub jobs: Vec<JobSpec>,
}

/// The jobs of an accepted batch, in the order given, arrays spread out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct BatchAccepted {
    /// Their ids.
    pub jobs: Vec<JobId>,
}

/// One try of a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Attempt {
    /// Its id.
    pub id: AttemptId,
    /// The job.
    pub job: JobId,
    /// The job's epoch it holds or held.
    pub epoch: u64,
    /// The rig it is on.
    pub device: DeviceId,
    /// Where it is.
    pub state: AttemptState,
    /// Why it ended, where there is a reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// The reason as a sentence with what belongs to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The program's exit code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i64>,
    /// The price per hour, frozen when it was assigned.
    pub price_per_hour: Micros,
    /// Running time charged, in milliseconds.
    pub charged_ms: u64,
    /// Charged for it.
    pub charged: Micros,
    /// The same in HFR, in millionths, if it is paid in HFR.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub charged_hfr: Option<Micros>,
    /// Of what is charged, the platform's part; the rest is the rig's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fee: Option<Micros>,
    /// Bytes of log here.
    pub log_bytes: u64,
    /// When it was offered.
    pub created_ms: TimestampMs,
    /// When its container started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_ms: Option<TimestampMs>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_ms: Option<TimestampMs>,
}

/// The tries of a job, oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AttemptList {
    /// The attempts.
    pub attempts: Vec<Attempt>,
}

/// A file given to us to use as an input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Upload {
    /// Names it in [`crate::job::Input::upload`].
    pub id: UploadId,
    /// Of its bytes, computed here.
    pub sha256: Sha256,
    /// How many.
    pub bytes: u64,
    /// Deleted after this unless an open job uses it.
    pub expires_ms: TimestampMs,
}

/// A page of uploads, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct UploadList {
    /// The uploads.
    pub uploads: Vec<Upload>,
    /// What to send as `after` for the next page; absent at the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// The files of an accepted result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ArtifactList {
    /// The attempt whose result was accepted.
    pub attempt: AttemptId,
    /// The files, by path. `GET /v1/jobs/{id}/artifacts/{path}` serves one.
    pub files: Vec<OutputFile>,
}

/// How a result came to be: served as `provenance.json` beside it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Provenance {
    /// The job.
    pub job: JobId,
    /// The attempt whose result was accepted.
    pub attempt: AttemptId,
    /// The rig.
    pub device: DeviceId,
    /// The image that ran.
    pub image: ImageRef,
    /// Verified score of the rig; 0 where none was needed.
    pub fu: u32,
    /// How the result was checked.
    pub verification: String,
    /// The files and their sums.
    pub outputs: Vec<OutputFile>,
    /// The last signed receipt, as hex of its signature with its figures.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receipt: Option<crate::receipt::Receipt>,
    /// The device key's signature over the receipt, 0x and 130 hex digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receipt_signature: Option<String>,
}

/// Money of a customer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Balance {
    /// The account.
    pub customer: CustomerId,
    /// Free to spend, all pots of dollars together.
    pub available: Micros,
    /// Set aside for open jobs.
    pub held: Micros,
    /// Charged in all.
    pub spent: Micros,
    /// Where the money is, in the order in which it is spent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pots: Vec<PotBalance>,
}

/// Which of a customer's pots.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Pot {
    /// Earned with a rig: to spend, not to take away.
    Earned,
    /// Paid by card: to spend, not to take away.
    Fiat,
    /// Granted, or reserved for spending on a chain.
    Available,
    /// On a chain and the customer's alone: to take away, and to spend once he has signed an order.
    Free,
}

/// What is in one pot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PotBalance {
    /// Which.
    pub pot: Pot,
    /// On which chain; 0 for what is on none.
    pub chain_id: u64,
    /// In dollars, as the chain's stablecoin, or in HFR.
    pub kind: AssetKind,
    /// How much, in millionths.
    pub amount: Micros,
}

/// What was used in a span of time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Usage {
    /// From this moment.
    pub from_ms: TimestampMs,
    /// To before this moment.
    pub to_ms: TimestampMs,
    /// Jobs that ended in it.
    pub jobs: u64,
    /// Running time charged in it, in milliseconds.
    pub charged_ms: u64,
    /// Charged in it.
    pub charged: Micros,
}

/// What a job would cost, said before it is submitted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct QuoteView {
    /// The lowest price per hour of a rig that could do it; absent if none is connected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price_per_hour: Option<Micros>,
    /// What of that the platform keeps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fee_per_hour: Option<Micros>,
    /// What of that the owner of the rig gets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner_per_hour: Option<Micros>,
    /// Rigs that could do it and take work now.
    pub ready: u32,
    /// Why no connected rig could do it for what it pays, by the field of the specification that asks for too much. Empty if one could.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unmet: Vec<FieldError>,
    /// What is set aside at submission: the job's own maximum price for its whole time. What is not used goes back when it ends.
    pub hold: Micros,
    /// The same hour in HFR, if the network takes it now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hfr: Option<HfrQuote>,
    /// When it was said.
    pub issued_ms: TimestampMs,
    /// After this it is worth nothing.
    pub valid_until_ms: TimestampMs,
}

/// What an hour costs in HFR.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct HfrQuote {
    /// In millionths of an HFR.
    pub price_per_hour: Micros,
    /// What the customer saves an hour, in dollars.
    pub discount_per_hour: Micros,
    /// What is set aside at submission, in millionths of an HFR.
    pub hold: Micros,
    /// Millionths of a millionth of a dollar per HFR, as two observers agree.
    pub picos_per_hfr: u64,
    /// When the older of the two was seen.
    pub price_seen_ms: TimestampMs,
}

/// What the network has now, per class of rig.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ClassOffer {
    /// Such as `cpu` or `nvidia 24 GiB`.
    pub class: String,
    /// Who made its GPUs; absent for rigs without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vendor: Option<GpuVendor>,
    /// Their generation, such as `ada` or `rdna3`, where it can be told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub architecture: Option<String>,
    /// Memory of each, rounded down to a size cards are sold in, in GiB; 0 for rigs without.
    #[serde(default)]
    pub vram_gib: u16,
    /// The verified score that each has at least, in Frame Units; 0 where none is verified. Rigs whose scores differ by a fifth or more are
    /// told apart, such as cards held to less power.
    #[serde(default)]
    pub fu: u32,
    /// What their instructions can do, such as `8.9`; absent where nobody says so, and for all but NVIDIA's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compute_capability: Option<ComputeCapability>,
    /// The system of the rigs; containers are Linux on all of them.
    pub os: Os,
    /// Who stands behind the rigs.
    pub trust: Trust,
    /// Where the operator attests that they stand, as ISO 3166-1 alpha-2; absent where he does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
    /// Rigs connected and taking work now.
    pub ready: u32,
    /// Rigs connected.
    pub connected: u32,
    /// The lowest price per hour asked among the ready, with the platform's fee.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price_per_hour_min: Option<Micros>,
}

/// What the network has now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct OfferList {
    /// Classes with at least one connected rig.
    pub classes: Vec<ClassOffer>,
}

/// One piece of a log, the data of an SSE event `log`. The event's id is the offset after it, so that a reader
/// who sends it back as `Last-Event-ID` misses nothing and gets nothing twice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LogEvent {
    /// The attempt that wrote it.
    pub attempt: AttemptId,
    /// The byte it begins at in the attempt's log.
    pub offset: u64,
    /// The text; bytes that are not UTF-8 are replaced.
    pub text: String,
}

/// Who the API key belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Account {
    /// The account.
    pub customer: CustomerId,
    /// What it is called.
    pub name: String,
    /// The part of the registry that is the customer's, `registry/namespace`, if the network has a registry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registry: Option<String>,
    /// The network's name, part of what wallets sign for it.
    #[serde(default)]
    pub network: String,
}
