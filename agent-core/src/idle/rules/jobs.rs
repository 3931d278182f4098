//! `[jobs]`: which jobs an owner takes, and of whom he takes no more.

use std::{collections::HashSet, path::Path};

use headframe_protocol::{
    Pseudonym, TimestampMs,
    control::BlockedCustomer,
    job::limits::NAME_CHARS_MAX,
    rig::{BLOCKED_MAX, LENGTHS_HOURS, Refusals},
};
use jiff::Timestamp;
use serde::Deserialize;

use super::{
    FILE_NAME, read,
    written::{self, ChangeError},
};

/// The most of a job's name that is written down with its customer: as many as may be blocked, each with a name in any script, fit into
/// rules of the size that a guest may set.
const JOB_CHARS_MAX: usize = 32;

/// `[jobs]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "each key is explained in rules.toml")]
pub struct Jobs {
    pub gpu: bool,
    pub cpu: bool,
    pub unsaved: bool,
    pub longest_hours: u8,
    pub undeclared: bool,
    pub adult: bool,
    pub blocked: Vec<Blocked>,
}

/// `[[jobs.blocked]]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "each key is explained in rules.toml")]
pub struct Blocked {
    pub customer: Pseudonym,
    #[serde(default)]
    pub job: String,
    #[serde(default)]
    pub since: String,
}

impl Jobs {
    /// The same as what is refused, which is what a coordinator is told.
    #[must_use]
    pub fn refusals(&self) -> Refusals {
        let Self { gpu, cpu, unsaved, longest_hours, undeclared, adult, blocked } = self;
        let mut seen = HashSet::new();
        Refusals {
            gpu: !gpu,
            cpu: !cpu,
            unsaved: !unsaved,
            undeclared: !undeclared,
            adult: !adult,
            longer_than_hours: Some(*longest_hours).filter(|hours| *hours > 0),
            // By hand, one may be written twice.
            blocked: blocked.iter().map(|blocked| blocked.customer).filter(|customer| seen.insert(*customer)).collect(),
        }
    }

    /// The first value that is out of range, what would be right, and what is there.
    pub(super) fn wrong(&self) -> Option<(&'static str, &'static str, String)> {
        let Self { longest_hours, blocked, gpu: _, cpu: _, unsaved: _, undeclared: _, adult: _ } = self;
        if *longest_hours != 0 && !LENGTHS_HOURS.contains(longest_hours) {
            return Some(("jobs.longest_hours", "0, 1, 2, 4, 8, 12, 24, 48, 72 or 168", longest_hours.to_string()));
        }
        if blocked.len() > BLOCKED_MAX {
            return Some(("jobs.blocked", "at most 256 customers", blocked.len().to_string()));
        }
        let is_name = |name: &str| name.chars().count() <= NAME_CHARS_MAX && !name.chars().any(char::is_control);
        if let Some(Blocked { job, .. }) = blocked.iter().find(|blocked| !is_name(&blocked.job)) {
            return Some(("jobs.blocked.job", "at most 120 characters, no control characters", format!("{job:?}")));
        }
        let is_time = |text: &str| text.is_empty() || text.parse::<Timestamp>().is_ok();
        let late = blocked.iter().find(|blocked| !is_time(&blocked.since))?;
        Some(("jobs.blocked.since", "empty or a time such as 2026-11-26T18:00:00Z", format!("{:?}", late.since)))
    }
}

/// Writes into the owner's rules in `data_dir` that he takes no more jobs of `customer`, whom he knows by `job`. One who is blocked
/// already stays as he is written down.
///
/// # Errors
/// [`ChangeError`]; then the file is as before.
pub fn block(data_dir: &Path, customer: Pseudonym, job: &str, now: TimestampMs) -> Result<(), ChangeError> {
    change(data_dir, |blocked| {
        let name = customer.to_string();
        if blocked.iter().all(|known| known.customer != name) {
            let since = Timestamp::from_millisecond(now.as_millis()).map(|at| at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string());
            blocked.push(BlockedCustomer { customer: name, job: shortened(job), since: since.unwrap_or_default() });
        }
    })
}

/// Takes `customer` out again. One who is not in is no error: he is not blocked.
///
/// # Errors
/// [`ChangeError`]; then the file is as before.
pub fn unblock(data_dir: &Path, customer: Pseudonym) -> Result<(), ChangeError> {
    let name = customer.to_string();
    change(data_dir, |blocked| blocked.retain(|known| known.customer != name))
}

fn change(data_dir: &Path, edit: impl FnOnce(&mut Vec<BlockedCustomer>)) -> Result<(), ChangeError> {
    let file = data_dir.join(FILE_NAME);
    let text = read(&file)?;
    let mut rules = written::plain(&text, &file)?;
    edit(&mut rules.jobs.blocked);
    written::change(data_dir, &written::revision(&text), &rules)
}

/// A customer's own words, as a label.
fn shortened(job: &str) -> String {
    let plain = || job.chars().filter(|letter| !letter.is_control());
    if plain().count() <= JOB_CHARS_MAX { plain().collect() } else { plain().take(JOB_CHARS_MAX - 1).chain(['…']).collect() }
}

#[cfg(test)]
mod tests {
    use headframe_protocol::control::RULES_BYTES_MAX;

    use super::{super::Rules, *};

    fn parse(text: &str) -> Result<Jobs, String> {
        Rules::parse(text, Path::new(FILE_NAME)).map(|rules| rules.jobs).map_err(|error| error.to_string())
    }

    fn customer(number: u8) -> Pseudonym {
        Pseudonym::from_bytes([number; 16])
    }

    fn blocked(dir: &Path) -> Vec<BlockedCustomer> {
        written::page(dir).expect("a page").rules.expect("understood").jobs.blocked
    }

    #[test]
    fn an_owner_who_has_written_nothing_takes_everything() {
        assert_eq!(Rules::shipped().jobs.refusals(), Refusals::default());
    }

    #[test]
    fn what_is_not_taken_is_refused() {
        let text = "[jobs]\ngpu = false\nunsaved = false\nadult = false\nlongest_hours = 8\n";
        let refused = Refusals { gpu: true, unsaved: true, adult: true, longer_than_hours: Some(8), ..Refusals::default() };
        assert_eq!(parse(text).map(|jobs| jobs.refusals()), Ok(refused));
    }

    #[test]
    fn one_customer_written_twice_is_one() {
        let one = format!("[[jobs.blocked]]\ncustomer = \"{}\"\n", customer(1));
        assert_eq!(parse(&one.repeat(2)).map(|jobs| jobs.refusals().blocked), Ok(vec![customer(1)]));
    }

    #[test]
    fn an_owner_is_told_what_is_wrong() {
        let one = |number: usize| format!("[[jobs.blocked]]\ncustomer = \"psn_{number:032x}\"\n");
        let many: String = (0..10_000).map(one).collect();
        let named = |key: &str, value: &str| format!("{}{key} = {value:?}\n", one(1));
        for (text, says) in [
            ("[jobs]\nlongest_hours = 5".to_owned(), "`jobs.longest_hours` in rules.toml must be 0, 1, 2, 4"),
            (many, "`jobs.blocked` in rules.toml must be at most 256 customers, found 10000"),
            (named("job", &"x".repeat(121)), "at most 120 characters"),
            (named("job", "a\tb"), "no control characters"),
            (named("since", "yesterday"), "empty or a time such as"),
            ("[[jobs.blocked]]\ncustomer = \"cus_1\"".to_owned(), "psn_<32 hex digits>"),
            ("[jobs]\nadults = false".to_owned(), "adults"),
        ] {
            let error = parse(&text).expect_err(says);
            assert!(error.contains(says), "{says}: {}", error.chars().take(300).collect::<String>());
        }
    }

    #[test]
    fn a_customer_is_blocked_once_and_taken_out_again_and_the_rest_of_the_file_stays() {
        let folder = tempfile::tempdir().expect("a folder");
        let (dir, file) = (folder.path(), folder.path().join(FILE_NAME));
        let own = "# Mine.\n[jobs]\nadult = false # no\n";
        std::fs::write(&file, own).expect("written");
        let now = TimestampMs::from_millis(1_795_716_000_000);
        block(dir, customer(1), "Shot 12", now).expect("blocked");
        block(dir, customer(2), &"長".repeat(200), now).expect("blocked");
        block(dir, customer(1), "Shot 13", now).expect("he is already");
        let names: Vec<_> = blocked(dir).into_iter().map(|blocked| (blocked.customer, blocked.job.chars().count())).collect();
        assert_eq!(names, [(customer(1).to_string(), 7), (customer(2).to_string(), 32)]);
        assert_eq!(blocked(dir)[0].since, "2026-11-26T18:00:00Z");
        let rules = Rules::load(dir).expect("understood");
        assert_eq!(rules.jobs.refusals().blocked, [customer(1), customer(2)]);
        assert!(std::fs::read_to_string(&file).expect("the file").starts_with(own), "what he wrote stays");
        unblock(dir, customer(1)).expect("taken out");
        unblock(dir, customer(9)).expect("he was not in");
        assert_eq!(blocked(dir).len(), 1);
        unblock(dir, customer(2)).expect("taken out");
        assert_eq!(std::fs::read_to_string(&file).expect("the file").trim_end(), own.trim_end());
    }

    #[test]
    fn a_full_list_fits_and_one_more_is_refused_with_the_reason() {
        let folder = tempfile::tempdir().expect("a folder");
        let entry = |number: usize| {
            let job = "\u{1f3ac}".repeat(JOB_CHARS_MAX);
            format!("[[jobs.blocked]]\ncustomer = \"psn_{number:032x}\"\njob = \"{job}\"\nsince = \"2026-11-26T18:00:00Z\"\n\n")
        };
        let full: String = (0..BLOCKED_MAX).map(entry).collect();
        assert!(full.len() + 4_096 < RULES_BYTES_MAX, "{} bytes, and the other rules need some too", full.len());
        std::fs::write(folder.path().join(FILE_NAME), &full).expect("written");
        let refused = block(folder.path(), customer(0xff), "one more", TimestampMs::default()).expect_err("one too many");
        assert!(refused.to_string().contains("at most 256 customers"), "{refused}");
        assert_eq!(std::fs::read_to_string(folder.path().join(FILE_NAME)).expect("the file"), full);
    }

    #[test]
    fn nobody_is_blocked_in_a_file_that_nobody_understands() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join(FILE_NAME), "[jobs\n").expect("written");
        let refused = block(folder.path(), customer(1), "", TimestampMs::default());
        assert!(matches!(refused, Err(ChangeError::Rules(_))), "{refused:?}");
        assert_eq!(std::fs::read_to_string(folder.path().join(FILE_NAME)).expect("the file"), "[jobs\n");
    }
}
