//! What a customer asks for, and every state it can be in.

use std::{collections::BTreeMap, fmt, time::Duration};

use serde::{Deserialize, Serialize};
use url::Url;

use crate::{ImageRef, Micros, Sha256, UploadId, error::FieldError};

mod check;
mod content;
mod network;
mod reason;
mod state;
mod verify;

pub use check::limits;
pub use content::Content;
pub use network::{Egress, Host, Network, ParseHostError};
pub use reason::{Fault, Reason};
pub use state::{AttemptState, JobState};
pub use verify::{COPIES_MAX, Compare, ParseToleranceError, Tolerance, Verify};

/// Work to be done in one container on one rig.
///
/// Unknown fields are refused: a misspelt limit must not silently become no limit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct JobSpec {
    /// What the customer calls it, at most 120 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The image, by digest.
    pub image: ImageRef,
    /// Replaces the image's entrypoint; empty keeps it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub command: Vec<String>,
    /// Arguments after the command.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub args: Vec<String>,
    /// Environment of the container. The owner of a community rig can read it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, String>,
    /// What the rig must have.
    #[serde(default)]
    pub resources: Resources,
    /// Files placed under `/work` before the start.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inputs: Vec<Input>,
    /// Paths under `/work` collected after exit code 0. A folder is collected with everything in it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub outputs: Vec<String>,
    /// Makes one job per index; the container reads it as `HEADFRAME_ARRAY_INDEX`. Accepted by the batch call only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub array: Option<ArrayRange>,
    /// How long one attempt may run, in seconds.
    #[serde(default = "default_timeout_s")]
    pub timeout_s: u32,
    /// The most the customer pays per hour. The hold at submission is this for `timeout_s`.
    pub max_price_per_hour: Micros,
    /// How many attempts may fail by the job's own doing before the job does.
    #[serde(default = "default_max_failures")]
    pub max_failures: u8,
    /// What a rig does with the running container when it loses the coordinator.
    #[serde(default)]
    pub on_disconnect: OnDisconnect,
    /// What the container may reach: `none`, or the hosts it names.
    #[serde(default)]
    pub network: Network,
    /// How the result is checked before it is accepted. Left out: now and then, by another rig, bit for bit.
    #[serde(default, skip_serializing_if = "Verify::is_default")]
    pub verify: Verify,
    /// Where the job leaves what its next attempt goes on from, if this one must give the PC back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpoint: Option<Checkpoint>,
    /// What it shows or makes: `general`, `adult`, or `undeclared` if it is left out. Owners may refuse jobs by it.
    #[serde(default, skip_serializing_if = "Content::is_undeclared")]
    pub content: Content,
    /// Which rigs may see the data.
    #[serde(default)]
    pub placement: Placement,
    /// Told when the job ends, by POST.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub webhook: Option<Url>,
}

const fn default_timeout_s() -> u32 {
    3_600
}

const fn default_max_failures() -> u8 {
    3
}

impl JobSpec {
    /// Every reason this specification cannot be accepted, each naming its field; empty if it can.
    #[must_use]
    pub fn problems(&self) -> Vec<FieldError> {
        check::problems(self)
    }

    /// How many bytes it is as JSON, the form in which it is stored and offered.
    #[must_use]
    pub fn bytes(&self) -> usize {
        serde_json::to_string(self).map_or(usize::MAX, |text| text.len())
    }

    /// How long one attempt may run.
    #[must_use]
    pub const fn timeout(&self) -> Duration {
        Duration::from_secs(self.timeout_s as u64)
    }

    /// What is set aside of the customer's balance while the job lives: the most one accepted run can cost.
    #[must_use]
    pub fn hold(&self) -> Micros {
        self.max_price_per_hour.per_hour_for(u64::from(self.timeout_s) * 1_000)
    }
}

/// What the rig must have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Resources {
    /// GPUs; absent for a job that needs none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gpu: Option<GpuNeed>,
    /// Processor cores.
    pub cpu: u16,
    /// Memory, which is also the limit at which the job is killed, in GiB.
    pub memory_gib: u16,
    /// Space for inputs, scratch and outputs together, in GiB.
    pub disk_gib: u16,
}

impl Default for Resources {
    fn default() -> Self {
        Self { gpu: None, cpu: 1, memory_gib: 1, disk_gib: 2 }
    }
}

/// Which GPUs, and how many of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct GpuNeed {
    /// How many GPUs of one rig.
    pub count: u8,
    /// Memory of each, in GiB.
    #[serde(default)]
    pub vram_gib: u16,
    /// Verified score of each, in Frame Units.
    #[serde(default)]
    pub min_fu: u32,
    /// Only from this vendor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vendor: Option<crate::rig::GpuVendor>,
    /// What the instructions of each must be able to do at least, such as `8.9`. Only NVIDIA's GPUs have such a number, so a job
    /// that names one runs on no others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compute_capability_min: Option<crate::rig::ComputeCapability>,
}

/// One file placed under `/work`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Input {
    /// Where the rig fetches it. Exactly one of `url` and `upload` is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<Url>,
    /// A file uploaded before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upload: Option<UploadId>,
    /// What the file must hash to; other bytes fail the attempt.
    pub sha256: Sha256,
    /// Where the file is placed, relative to `/work`.
    pub path: String,
}

/// The indices of an array job, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ArrayRange {
    /// First index.
    pub from: u32,
    /// Last index.
    pub to: u32,
}

/// What a rig does when it loses the coordinator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct OnDisconnect {
    /// How long beyond the lease the rig keeps the container, in seconds. The lease itself is not prolonged:
    /// when it has lapsed the job may start elsewhere, and the first accepted result wins.
    pub keep_for_s: u32,
}

/// Where a job leaves what lets the next attempt go on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Checkpoint {
    /// A file or folder under `/work`, apart from the inputs. When SIGTERM comes, what is there a moment later is kept and is
    /// there again when the next attempt starts.
    pub path: String,
    /// How often the job writes it by itself, in seconds; a hint for the rig.
    pub every_s: u32,
}

/// Which rigs may see a job's data.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Placement {
    /// The least trusted kind of rig allowed.
    pub trust: Trust,
    /// ISO 3166-1 alpha-2 codes; empty allows any. Otherwise only rigs of which the operator has attested that they stand in one of
    /// these.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub countries: Vec<String>,
}

/// Who stands behind a rig. Ordered: more trust is greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Trust {
    /// Anyone's PC. Its owner can read the inputs.
    #[default]
    Community,
    /// A company under contract.
    Partner,
    /// The customer's own.
    Own,
}

impl fmt::Display for Trust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Community => "community",
            Self::Partner => "partner",
            Self::Own => "own",
        })
    }
}
