//! What one API key may spend in any 24 hours: a key that was lost, or a script that went wild, costs no more than that.
//!
//! Counted are the jobs the key has submitted in the last 24 hours: what they were charged and what they still hold.

use std::time::Duration;

use headframe_protocol::{ApiKeyId, Micros, TimestampMs};

use crate::{
    error::{ApiError, ApiResult},
    store::{Tx, keys},
};

/// The span a limit is for.
const SPAN: Duration = Duration::from_hours(24);

/// Refuses what would bring a key above its limit. Until the transaction ends no other job is submitted with the key.
pub(super) async fn check(tx: &mut Tx, key: ApiKeyId, needed: Micros, now: TimestampMs) -> ApiResult<()> {
    let Some(limit) = keys::spend_max_to_use(tx, key).await? else { return Ok(()) };
    let spent = keys::spent_since(tx, key, now.before(SPAN)).await?;
    let used: Micros = spent.iter().map(|(_, amount)| *amount).sum();
    match judge(limit, used, needed, &spent) {
        Verdict::Fits => Ok(()),
        Verdict::Never => Err(refusal(limit, used, needed, "It is more than the key may ever spend at once.")),
        Verdict::From(from) => {
            let wait = from.after(SPAN).since(now).as_secs().div_ceil(60).max(1);
            let when = format!("Enough is free again in {wait} minutes, if nothing else is submitted with it.");
            Err(refusal(limit, used, needed, &when))
        }
    }
}

fn refusal(limit: Micros, used: Micros, needed: Micros, when: &str) -> ApiError {
    let detail =
        format!("This key may spend {limit} in 24 hours; {used} of that is spent or set aside, and {needed} is needed. {when}");
    ApiError::forbidden(&detail).naming("spend_max", &format!("{limit} in 24 hours"))
}

/// Whether a key may spend more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Fits,
    /// It may when what was submitted at this moment is 24 hours ago.
    From(TimestampMs),
    /// Not if nothing at all were spent.
    Never,
}

/// `spent` is in the order in which it will be forgotten.
fn judge(limit: Micros, used: Micros, needed: Micros, spent: &[(TimestampMs, Micros)]) -> Verdict {
    let fits = |used: i64| used.checked_add(needed.get()).is_some_and(|all| all <= limit.get());
    if fits(used.get()) {
        return Verdict::Fits;
    }
    let mut left = used.get();
    for (at, amount) in spent {
        left -= amount.get();
        if fits(left) {
            return Verdict::From(*at);
        }
    }
    Verdict::Never
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(limit: i64, spent: &[(i64, i64)], needed: i64) -> Verdict {
        let spent: Vec<_> = spent.iter().map(|(at, amount)| (TimestampMs::from_millis(*at), Micros::new(*amount))).collect();
        let used = spent.iter().map(|(_, amount)| *amount).sum();
        judge(Micros::new(limit), used, Micros::new(needed), &spent)
    }

    #[test]
    fn a_key_spends_up_to_its_limit_and_is_told_when_it_may_again() {
        assert_eq!(check(100, &[], 100), Verdict::Fits);
        assert_eq!(check(100, &[(1, 60)], 40), Verdict::Fits);
        assert_eq!(check(100, &[(1, 60), (2, 10), (3, 30)], 65), Verdict::From(TimestampMs::from_millis(2)));
        assert_eq!(check(100, &[(1, 60)], 101), Verdict::Never);
        assert_eq!(check(0, &[], 1), Verdict::Never);
        assert_eq!(check(i64::MAX, &[(1, 5)], i64::MAX), Verdict::From(TimestampMs::from_millis(1)), "no sum overflows");
    }
}
