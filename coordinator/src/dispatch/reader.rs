//! Reads the queue of the database: what other replicas took in, what was there before this one started, what got lost.
//!
//! The end of the queue is read often and reaches only as far back as a transaction may take to commit; from time to time a
//! pass goes over all of it. Only the pass is complete: it finds what was committed later than that, and what nobody
//! holds although this replica took it for given out, and afterwards what is not in the queue is forgotten.

use std::collections::HashSet;

use headframe_protocol::{JobId, TimestampMs};

use super::{Duration, Instant};
use crate::store::{
    Store, StoreError,
    jobs::{self, QueueCursor, QueuedId},
};

/// Jobs named at once.
const PAGE_MAX: u32 = 2_000;

/// The end of the queue is read from this long ago on: a transaction that began then may have committed since.
const OVERLAP: Duration = Duration::from_secs(2);

/// Where the reading stands.
#[derive(Debug)]
pub(super) struct Reader {
    every: Duration,
    tail: QueueCursor,
    pass: Option<Pass>,
    pass_at: Instant,
}

/// A pass over all of the queue.
#[derive(Debug)]
struct Pass {
    cursor: QueueCursor,
    began: TimestampMs,
    seen: HashSet<JobId>,
}

/// Names of jobs, as read.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) jobs: Vec<QueuedId>,
    next: QueueCursor,
    /// Taken before the database was asked.
    asked: TimestampMs,
}

/// What follows from a page.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Then {
    /// There is more; read on at once.
    ReadOn,
    /// That was all for now.
    Rest,
    /// That was all of the queue: what was queued before and is not among these waits no longer.
    OnlyThese(HashSet<JobId>, TimestampMs),
}

impl Reader {
    /// Begins with a pass, and makes one `every` so often.
    pub(super) fn new(every: Duration) -> Self {
        Self { every, tail: QueueCursor::default(), pass: None, pass_at: Instant::now() }
    }

    /// Where to read next.
    pub(super) fn next(&mut self, now: Instant, clock: TimestampMs) -> QueueCursor {
        if self.pass.is_none() && self.pass_at <= now {
            self.pass_at = now + self.every;
            self.pass = Some(Pass { cursor: QueueCursor::default(), began: clock, seen: HashSet::new() });
        }
        self.pass.as_ref().map_or_else(|| self.tail.clone(), |pass| pass.cursor.clone())
    }

    /// A page has been read.
    pub(super) fn read(&mut self, page: &Page) -> Then {
        let full = page.jobs.len() >= PAGE_MAX as usize;
        match (&mut self.pass, full) {
            (Some(pass), true) => {
                pass.seen.extend(page.jobs.iter().map(|job| job.id));
                pass.cursor = page.next.clone();
                return Then::ReadOn;
            }
            (None, true) => {
                self.tail = page.next.clone();
                return Then::ReadOn;
            }
            (Some(_) | None, false) => {}
        }
        // With the clock and not with the newest job: a quiet queue is not read again and again from its last job on.
        let settled_ms = page.asked.before(OVERLAP).as_millis();
        if settled_ms > self.tail.queued_ms {
            self.tail = QueueCursor { queued_ms: settled_ms, id: String::new() };
        }
        let Some(Pass { began, mut seen, .. }) = self.pass.take() else { return Then::Rest };
        seen.extend(page.jobs.iter().map(|job| job.id));
        // What was queued since may be committed behind the pass.
        Then::OnlyThese(seen, began.before(OVERLAP))
    }
}

/// Asks the database for the next page.
pub(super) async fn page(store: &Store, cursor: &QueueCursor) -> Result<Page, StoreError> {
    let asked = store.now();
    let mut connection = store.read().await?;
    let (jobs, next) = jobs::queued_after(&mut connection, cursor, PAGE_MAX).await?;
    Ok(Page { jobs, next, asked })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> TimestampMs {
        TimestampMs::from_millis(seconds * 1_000)
    }

    fn page(count: u32, last: i64, asked: i64) -> Page {
        let jobs = (0..count).map(|_| QueuedId { id: JobId::generate(), epoch: 0 }).collect();
        Page { jobs, next: QueueCursor { queued_ms: last * 1_000, id: "last".to_owned() }, asked: at(asked) }
    }

    #[test]
    fn a_quiet_queue_is_read_from_two_seconds_ago_on() {
        let (mut reader, now) = (Reader::new(Duration::from_secs(30)), Instant::now());
        assert_eq!(reader.next(now, at(100)), QueueCursor::default(), "it begins with all there is");
        assert!(matches!(reader.read(&page(3, 50, 100)), Then::OnlyThese(seen, before) if seen.len() == 3 && before == at(98)));
        for asked in [101, 110, 129] {
            reader.read(&page(0, 0, asked));
            let next = reader.next(now, at(asked));
            assert_eq!((next.queued_ms, next.id.as_str()), ((asked - 2) * 1_000, ""));
        }
        assert_eq!(reader.next(now + Duration::from_secs(30), at(130)), QueueCursor::default(), "and looks at all again");
    }

    #[test]
    fn a_long_queue_is_read_page_by_page_to_its_end() {
        let (mut reader, now) = (Reader::new(Duration::from_secs(30)), Instant::now());
        reader.next(now, at(100));
        assert_eq!(reader.read(&page(PAGE_MAX, 40, 100)), Then::ReadOn);
        assert_eq!(reader.next(now, at(100)).queued_ms, 40_000);
        let Then::OnlyThese(seen, before) = reader.read(&page(1, 99, 101)) else { panic!("that was the end") };
        assert_eq!((seen.len(), before), (PAGE_MAX as usize + 1, at(98)), "what came during the pass is not judged by it");
        assert_eq!(reader.next(now, at(102)).queued_ms, 99_000);
    }
}
