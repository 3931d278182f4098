//! What time it is elsewhere: learnt whenever the coordinator is dialled, and held against this PC's clock whenever somebody looks. A clock that
//! is set is right at once, without another word from outside.

use std::{error::Error, io, time::Duration};

use headframe_protocol::{TimestampMs, control::ClockFault};
use jiff::fmt::rfc2822::DateTimeParser;
use rustls::{CertificateError, pki_types::UnixTime};
use tokio_tungstenite::tungstenite::http::{HeaderMap, header::DATE};

use crate::clock::{Moment, Now};

/// More than a clock that is set over the network is ever off, and as much as a signature's time may be.
pub(crate) const OFF_MAX: Duration = Duration::from_secs(60);

/// The head of an answer counts whole seconds.
const COARSE: Duration = Duration::from_secs(1);

/// What was last learnt of the right time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RightTime {
    at: Moment,
    is: Known,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Known {
    /// As the coordinator's clock said, give or take.
    About { wall: TimestampMs, slack: Duration },
    /// A certificate that holds from then on was shown.
    After(TimestampMs),
    /// A certificate that held until then was shown.
    Before(TimestampMs),
}

impl RightTime {
    /// From the head of an answer that came `now` and was asked for `took` ago. Nothing if it does not say when it was written.
    pub(super) fn told(head: &HeaderMap, now: Now, took: Duration) -> Option<Self> {
        let wall = said_in(head)?;
        Some(Self { at: now.moment, is: Known::About { wall, slack: took + COARSE } })
    }

    /// From why no connection came about. Nothing if time was not the reason.
    pub(super) fn of_failure(error: &(dyn Error + 'static), now: Now) -> Option<Self> {
        let rustls::Error::InvalidCertificate(why) = tls_error(error)? else { return None };
        let is = match why {
            CertificateError::NotValidYetContext { not_before, .. } => Known::After(timestamp(*not_before)),
            CertificateError::ExpiredContext { not_after, .. } => Known::Before(timestamp(*not_after)),
            _ => return None,
        };
        Some(Self { at: now.moment, is })
    }

    /// What is wrong with this PC's clock `now`. Whole seconds, so that what does not change is not drawn again.
    #[must_use]
    pub fn fault(&self, now: Now) -> Option<ClockFault> {
        let later = now.moment.since(self.at);
        match self.is {
            Known::About { wall, slack } => {
                let ahead_ms = now.wall.as_millis().saturating_sub(wall.after(later).as_millis());
                let is_off = Duration::from_millis(ahead_ms.unsigned_abs()) > OFF_MAX + slack;
                is_off.then_some(ClockFault::Off { ahead_ms: ahead_ms / 1_000 * 1_000 })
            }
            Known::After(wall) => seconds(wall.after(later).since(now.wall)).map(|by_ms| ClockFault::TooEarly { by_ms }),
            Known::Before(wall) => seconds(now.wall.since(wall.after(later))).map(|by_ms| ClockFault::TooLate { by_ms }),
        }
    }
}

/// When an answer says that it was written.
pub(crate) fn said_in(head: &HeaderMap) -> Option<TimestampMs> {
    let date = DateTimeParser::new().parse_timestamp(head.get(DATE)?.to_str().ok()?).ok()?;
    Some(TimestampMs::from_millis(date.as_millisecond()))
}

/// What TLS says, however deep it lies. An `io::Error` hides what it holds from those who ask for its source.
fn tls_error<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a rustls::Error> {
    let held = error.downcast_ref::<io::Error>().and_then(|held| held.get_ref());
    let held = held.and_then(|held| held.downcast_ref::<rustls::Error>());
    held.or_else(|| error.downcast_ref()).or_else(|| tls_error(error.source()?))
}

fn timestamp(time: UnixTime) -> TimestampMs {
    TimestampMs::from_millis(i64::try_from(time.as_secs()).unwrap_or(i64::MAX).saturating_mul(1_000))
}

fn seconds(by: Duration) -> Option<u64> {
    Some(by.as_secs() * 1_000).filter(|by_ms| *by_ms > 0)
}

#[cfg(test)]
mod tests {
    use tokio_tungstenite::tungstenite;

    use super::*;

    const NOON_S: u64 = 1_795_435_200;

    /// So many seconds after noon by the wall, and after the start by the clock that counts sleep.
    fn now(wall_s: i64, since_start_s: u64) -> Now {
        let wall = TimestampMs::from_millis((i64::try_from(NOON_S).expect("small") + wall_s) * 1_000);
        Now { moment: Moment::from_origin(Duration::from_secs(since_start_s)), wall }
    }

    /// An answer written at noon that comes when this PC's clock is so many seconds ahead.
    fn told(ahead_s: i64, took: Duration) -> RightTime {
        let mut head = HeaderMap::new();
        head.insert(DATE, "Mon, 23 Nov 2026 12:00:00 GMT".parse().expect("a value"));
        RightTime::told(&head, now(ahead_s, 0), took).expect("it says when")
    }

    fn failed(why: CertificateError) -> Option<RightTime> {
        let tls = io::Error::new(io::ErrorKind::InvalidData, rustls::Error::InvalidCertificate(why));
        RightTime::of_failure(&tungstenite::Error::Io(tls), now(0, 0))
    }

    #[test]
    fn a_clock_is_wrong_by_more_than_a_minute_and_what_the_answer_took() {
        let fault = |ahead_s, took_s| told(ahead_s, Duration::from_secs(took_s)).fault(now(ahead_s, 0));
        assert_eq!(fault(0, 0), None);
        assert_eq!(fault(61, 0), None);
        assert_eq!(fault(62, 0), Some(ClockFault::Off { ahead_ms: 62_000 }));
        assert_eq!(fault(-420, 1), Some(ClockFault::Off { ahead_ms: -420_000 }));
        assert_eq!(fault(70, 10), None);
    }

    #[test]
    fn a_clock_that_is_set_is_right_at_once_and_one_that_goes_on_stays_wrong() {
        let time = told(-420, Duration::ZERO);
        assert_eq!(time.fault(now(-420 + 3_600, 3_600)), Some(ClockFault::Off { ahead_ms: -420_000 }));
        assert_eq!(time.fault(now(3_601, 3_601)), None);
        assert_eq!(told(0, Duration::ZERO).fault(now(610, 10)), Some(ClockFault::Off { ahead_ms: 600_000 }));
    }

    #[test]
    fn a_certificate_of_another_time_tells_how_much_is_missing() {
        let time = UnixTime::since_unix_epoch(Duration::from_secs(NOON_S));
        let edge = |s: u64| UnixTime::since_unix_epoch(Duration::from_secs(s));
        let early = failed(CertificateError::NotValidYetContext { time, not_before: edge(NOON_S + 90) }).expect("of time");
        assert_eq!(early.fault(now(10, 10)), Some(ClockFault::TooEarly { by_ms: 90_000 }));
        assert_eq!(early.fault(now(100, 10)), None);
        let late = failed(CertificateError::ExpiredContext { time, not_after: edge(NOON_S - 86_400) }).expect("of time");
        assert_eq!(late.fault(now(5, 5)), Some(ClockFault::TooLate { by_ms: 86_400_000 }));
        assert_eq!(late.fault(now(-86_400, 5)), None);
        assert_eq!(failed(CertificateError::UnknownIssuer), None);
    }

    #[test]
    fn who_does_not_say_when_tells_nothing() {
        assert_eq!(RightTime::told(&HeaderMap::new(), now(0, 0), Duration::ZERO), None);
        let mut head = HeaderMap::new();
        head.insert(DATE, "half past two".parse().expect("a value"));
        assert_eq!(RightTime::told(&head, now(0, 0), Duration::ZERO), None);
    }
}
