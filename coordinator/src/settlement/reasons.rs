//! Why a chain would refuse a step, in the contract's own words where it has any.

use alloy::transports::{RpcError, TransportErrorKind};

/// The most of a node's answer that is kept.
const REASON_CHARS_MAX: usize = 300;

/// What a node says to a call that would revert. The error's data are its selector and arguments; a person looks them up in the ABI.
pub(super) fn of(error: &RpcError<TransportErrorKind>) -> String {
    let Some(answer) = error.as_error_resp() else { return "no answer".to_owned() };
    let data = answer.data.as_ref().map(|data| data.get().to_owned()).unwrap_or_default();
    let said = format!("{} {data}", answer.message);
    said.chars().filter(|letter| !letter.is_control()).take(REASON_CHARS_MAX).collect::<String>().trim().to_owned()
}
