//! What the rig's device key signed for an attempt.

use headframe_protocol::{DeviceId, receipt::Receipt};

use crate::store::EarnedRow;

/// The hash of the last receipt, as `0x` and 64 hex digits. Nothing if none was signed, or the name of the network was not written down:
/// a receipt of another name has another hash.
pub(super) fn hash(row: &EarnedRow, device: DeviceId) -> Option<String> {
    let network = row.network.clone().filter(|_| row.sequence > 0)?;
    let receipt = Receipt {
        network,
        job: row.job.parse().ok()?,
        attempt: row.attempt.parse().ok()?,
        device,
        epoch: row.epoch,
        sequence: row.sequence,
        running_ms: row.running_ms,
    };
    Some(format!("{:#x}", receipt.signing_hash()))
}
