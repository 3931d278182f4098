//! When the owner lets the PC work: his rules, as he writes them. What follows from them is judged in [`super::policy`].

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use headframe_protocol::TimestampMs;
use jiff::{Timestamp, ToSpan as _, Zoned, tz::TimeZone};
use serde::{Deserialize, Deserializer, de};

use crate::settings::over_defaults;

pub mod jobs;
mod tariff;
pub mod written;

pub use jobs::{Blocked, Jobs};
pub use tariff::{Band, Day, Gate, Tariff, Terms};

/// The commented defaults, as shipped.
pub const DEFAULTS: &str = include_str!("../../rules.toml");

/// The name of the owner's file in the data directory.
pub const FILE_NAME: &str = "rules.toml";

/// The longest grace an owner may give, in seconds. The leases of attempts on their way out must not lapse meanwhile.
const GRACE_MAX_S: u8 = 30;

/// Hours of a week.
const WEEK: usize = 7 * 24;

/// All rules.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "each key is explained in rules.toml")]
pub struct Rules {
    pub away: Away,
    pub schedule: Schedule,
    pub power: Power,
    pub network: Network,
    pub heat: Heat,
    pub load: Load,
    pub programs: Programs,
    pub gpus: Gpus,
    pub giving_back: GivingBack,
    pub tariff: Tariff,
    pub internet: Internet,
    pub jobs: Jobs,
}

/// `[away]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "each key is explained in rules.toml")]
pub struct Away {
    pub require: bool,
    pub threshold_s: u32,
    pub locked_is_away: bool,
    pub remote_is_here: bool,
}

/// `[power]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "each key is explained in rules.toml")]
pub struct Power {
    pub on_battery: bool,
}

/// `[network]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "each key is explained in rules.toml")]
pub struct Network {
    pub on_metered: bool,
    pub up_kib_per_second: u32,
    pub down_kib_per_second: u32,
}

/// `[heat]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "each key is explained in rules.toml")]
pub struct Heat {
    pub cpu_max_c: i16,
    pub gpu_max_c: i16,
    pub resume_below_c: i16,
}

/// `[load]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "each key is explained in rules.toml")]
pub struct Load {
    pub others_max_percent: u8,
    pub for_s: u32,
}

/// `[programs]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "each key is explained in rules.toml")]
pub struct Programs {
    pub never_disturb: Vec<String>,
    pub fullscreen: bool,
}

/// `[gpus]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "each key is explained in rules.toml")]
pub struct Gpus {
    pub kept: Vec<String>,
    pub others_memory_mib: u32,
    pub others_load_percent: u8,
}

/// `[giving_back]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "each key is explained in rules.toml")]
pub struct GivingBack {
    pub input_s: u8,
    pub game_s: u8,
    pub battery_s: u8,
    pub cool_down_s: u16,
}

/// `[internet]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "each key is explained in rules.toml")]
pub struct Internet {
    pub jobs: bool,
    pub kib_per_second: u32,
    pub mib_per_job: u32,
}

/// What an hour of the week is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hour {
    /// Work while the owner is away.
    WhenAway,
    /// Work also while he is here.
    Always,
    /// Never work.
    Never,
}

/// `[schedule]`: every hour of the week, from Monday midnight.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule([Hour; WEEK]);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Days {
    mon: String,
    tue: String,
    wed: String,
    thu: String,
    fri: String,
    sat: String,
    sun: String,
}

impl<'de> Deserialize<'de> for Schedule {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Days { mon, tue, wed, thu, fri, sat, sun } = Days::deserialize(deserializer)?;
        let mut week = Vec::with_capacity(WEEK);
        for (name, day) in [("mon", mon), ("tue", tue), ("wed", wed), ("thu", thu), ("fri", fri), ("sat", sat), ("sun", sun)] {
            week.extend(hours(&day).map_err(|why| de::Error::custom(format!("schedule.{name} {why}")))?);
        }
        week.try_into().map(Self).map_err(|_| de::Error::custom("a week has 168 hours"))
    }
}

fn hours(day: &str) -> Result<Vec<Hour>, String> {
    let hour = |letter| match letter {
        'i' => Ok(Hour::WhenAway),
        'a' => Ok(Hour::Always),
        '-' => Ok(Hour::Never),
        other => Err(format!("may hold i, a and -, not {other:?}")),
    };
    let hours: Vec<Hour> = day.chars().filter(|letter| !matches!(letter, ' ' | '|')).map(hour).collect::<Result<_, _>>()?;
    if hours.len() == 24 { Ok(hours) } else { Err(format!("must have 24 hours, found {}", hours.len())) }
}

impl Schedule {
    /// What the hour that holds `now` is for.
    #[must_use]
    pub fn at(&self, now: TimestampMs, zone: &TimeZone) -> Hour {
        zoned(now, zone).map_or(Hour::WhenAway, |now| self.of(&now))
    }

    /// When the first hour that is for work begins, if the one that holds `now` is for none; absent if no hour of the week is.
    #[must_use]
    pub fn opens(&self, now: TimestampMs, zone: &TimeZone) -> Option<TimestampMs> {
        // By whole hours of the clock on the wall, so that a day of 23 or 25 hours has all of them.
        let first =
            zoned(now, zone)?.round(jiff::ZonedRound::new().smallest(jiff::Unit::Hour).mode(jiff::RoundMode::Trunc)).ok()?;
        (1..=WEEK as i64 + 24).find_map(|hours| {
            let begins = first.checked_add(hours.hours()).ok()?;
            (self.of(&begins) != Hour::Never).then(|| TimestampMs::from_millis(begins.timestamp().as_millisecond()))
        })
    }

    /// Its seven days from Monday on, 24 hours each.
    pub fn days(&self) -> impl Iterator<Item = &[Hour]> {
        self.0.chunks(24)
    }

    fn of(&self, at: &Zoned) -> Hour {
        let day = usize::from(at.weekday().to_monday_zero_offset().unsigned_abs());
        let hour = usize::from(at.hour().unsigned_abs());
        self.0.get(day * 24 + hour).copied().unwrap_or(Hour::WhenAway)
    }
}

fn zoned(at: TimestampMs, zone: &TimeZone) -> Option<Zoned> {
    Some(Timestamp::from_millisecond(at.as_millis()).ok()?.to_zoned(zone.clone()))
}

impl Programs {
    /// The first of the running programs that is not to be disturbed.
    #[must_use]
    pub fn spared<'a>(&self, running: impl IntoIterator<Item = &'a String>) -> Option<&'a String> {
        running.into_iter().find(|name| self.never_disturb.iter().any(|pattern| matches(pattern, name)))
    }
}

impl Gpus {
    /// Whether the owner keeps this card for himself.
    #[must_use]
    pub fn keeps(&self, uuid: &str, model: &str) -> bool {
        self.kept.iter().any(|pattern| matches(pattern, uuid) || matches(pattern, model))
    }
}

fn matches(pattern: &str, name: &str) -> bool {
    let (pattern, name) = (pattern.to_lowercase(), name.to_lowercase());
    match pattern.strip_suffix('*') {
        Some(beginning) => name.starts_with(beginning),
        None => name == pattern,
    }
}

/// Why rules cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RulesError {
    /// The file is there and cannot be read.
    #[error("could not read {file}: {source}")]
    Read {
        /// The owner's file.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Not TOML, an unknown key, or a value of the wrong kind.
    #[error("{file} cannot be understood: {problem}")]
    Parse {
        /// The owner's file.
        file: PathBuf,
        /// The key and the line.
        problem: String,
    },
    /// A value that is out of range.
    #[error("`{key}` in {file} must be {expected}, found {found}")]
    Value {
        /// The owner's file.
        file: PathBuf,
        /// Such as `away.threshold_s`.
        key: &'static str,
        /// What would be right.
        expected: &'static str,
        /// What is there.
        found: String,
    },
}

/// What the owner has written; nothing is nothing.
pub(super) fn read(file: &Path) -> Result<String, RulesError> {
    match fs::read_to_string(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
        read => read.map_err(|source| RulesError::Read { file: file.to_owned(), source }),
    }
}

impl Rules {
    /// The rules of an owner who has written none.
    ///
    /// # Panics
    /// Never: a test reads them.
    #[must_use]
    pub fn shipped() -> Self {
        Self::parse("", Path::new(FILE_NAME)).expect("the defaults are valid")
    }

    /// Reads the owner's file in `data_dir` over the defaults. Without a file the defaults hold.
    ///
    /// # Errors
    /// [`RulesError`] names the file and the key.
    pub fn load(data_dir: &Path) -> Result<Self, RulesError> {
        let file = data_dir.join(FILE_NAME);
        Self::parse(&read(&file)?, &file)
    }

    /// Reads any file over the defaults; it must be there.
    ///
    /// # Errors
    /// [`RulesError`] names the file and the key.
    pub fn load_file(file: &Path) -> Result<Self, RulesError> {
        let text = fs::read_to_string(file).map_err(|source| RulesError::Read { file: file.to_owned(), source })?;
        Self::parse(&text, file)
    }

    /// Reads what an owner has written, and named `file`, over the defaults.
    ///
    /// # Errors
    /// [`RulesError`] names the file and the key.
    pub fn parse(text: &str, file: &Path) -> Result<Self, RulesError> {
        let unclear = |error: toml::de::Error| RulesError::Parse {
            file: file.to_owned(),
            problem: error.to_string().trim().replace('\n', " "),
        };
        let rules: Self = over_defaults(DEFAULTS, text).map_err(unclear)?;
        rules.check(file)?;
        Ok(rules)
    }

    fn check(&self, file: &Path) -> Result<(), RulesError> {
        let Self { away, heat, load, programs, gpus, giving_back, tariff, internet, network, jobs, schedule: _, power: _ } = self;
        let wrong = |key, expected, found: String| Err(RulesError::Value { file: file.to_owned(), key, expected, found });
        if !(1..=86_400).contains(&away.threshold_s) {
            return wrong("away.threshold_s", "1 to 86400", away.threshold_s.to_string());
        }
        for (key, limit) in [("heat.cpu_max_c", heat.cpu_max_c), ("heat.gpu_max_c", heat.gpu_max_c)] {
            if limit != 0 && !(40..=110).contains(&limit) {
                return wrong(key, "0 or 40 to 110", limit.to_string());
            }
        }
        if !(1..=40).contains(&heat.resume_below_c) {
            return wrong("heat.resume_below_c", "1 to 40", heat.resume_below_c.to_string());
        }
        if load.others_max_percent > 100 {
            return wrong("load.others_max_percent", "0 to 100", load.others_max_percent.to_string());
        }
        if !(1..=600).contains(&load.for_s) {
            return wrong("load.for_s", "1 to 600", load.for_s.to_string());
        }
        if let Some((key, limit)) = network.wrong() {
            return wrong(key, "0 or 64 to 16777216", limit.to_string());
        }
        if !(16..=16_777_216).contains(&internet.kib_per_second) {
            return wrong("internet.kib_per_second", "16 to 16777216", internet.kib_per_second.to_string());
        }
        if !(1..=1_048_576).contains(&internet.mib_per_job) {
            return wrong("internet.mib_per_job", "1 to 1048576", internet.mib_per_job.to_string());
        }
        if programs.never_disturb.len() > 1_000 || programs.never_disturb.iter().any(|name| name.trim_matches('*').is_empty()) {
            return wrong("programs.never_disturb", "at most 1000 names", format!("{:?}", programs.never_disturb));
        }
        if gpus.kept.len() > 64 || gpus.kept.iter().any(|name| name.is_empty()) {
            return wrong("gpus.kept", "at most 64 names", format!("{:?}", gpus.kept));
        }
        if gpus.others_load_percent > 100 {
            return wrong("gpus.others_load_percent", "0 to 100", gpus.others_load_percent.to_string());
        }
        let graces = [
            ("giving_back.input_s", giving_back.input_s),
            ("giving_back.game_s", giving_back.game_s),
            ("giving_back.battery_s", giving_back.battery_s),
        ];
        for (key, grace) in graces {
            if grace > GRACE_MAX_S {
                return wrong(key, "0 to 30", grace.to_string());
            }
        }
        if giving_back.cool_down_s > 3_600 {
            return wrong("giving_back.cool_down_s", "0 to 3600", giving_back.cool_down_s.to_string());
        }
        if let Some((key, expected, found)) = tariff.wrong().or_else(|| jobs.wrong()) {
            return wrong(key, expected, found);
        }
        Ok(())
    }
}

impl Network {
    /// A limit that is out of range.
    fn wrong(self) -> Option<(&'static str, u32)> {
        let limits =
            [("network.up_kib_per_second", self.up_kib_per_second), ("network.down_kib_per_second", self.down_kib_per_second)];
        limits.into_iter().find(|(_, limit)| *limit != 0 && !(64..=16_777_216).contains(limit))
    }
}

impl Away {
    /// How long nothing must have been touched.
    #[must_use]
    pub const fn threshold(self) -> Duration {
        Duration::from_secs(self.threshold_s as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Rules, String> {
        Rules::parse(text, Path::new("rules.toml")).map_err(|error| error.to_string())
    }

    fn at(text: &str) -> TimestampMs {
        let at: Timestamp = text.parse().expect("a time with its offset");
        TimestampMs::from_millis(at.as_millisecond())
    }

    /// Summer time from the last Sunday of March to that of October.
    fn berlin() -> TimeZone {
        TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").expect("a zone")
    }

    #[test]
    fn a_guest_waits_until_the_owner_is_away_and_the_pc_is_on_mains() {
        let rules = Rules::shipped();
        assert!(rules.away.require && !rules.power.on_battery && !rules.network.on_metered && rules.programs.fullscreen);
        assert_eq!(rules.away.threshold(), Duration::from_secs(120));
        assert!(!rules.internet.jobs, "nobody's job speaks from an owner's address before he has said so");
    }

    #[test]
    fn an_owner_is_told_what_is_wrong_and_where() {
        for (text, says) in [
            (
                "[network]\nup_kib_per_second = 63",
                "`network.up_kib_per_second` in rules.toml must be 0 or 64 to 16777216, found 63",
            ),
            ("[away]\nthreshold_s = 0", "`away.threshold_s` in rules.toml must be 1 to 86400, found 0"),
            ("[away]\nthreshhold_s = 5", "threshhold_s"),
            ("[away\n", "line 1"),
            ("[schedule]\nmon = \"iii\"", "schedule.mon must have 24 hours, found 3"),
            ("[schedule]\nsun = \"xxxxxxxxxxxxxxxxxxxxxxxx\"", "schedule.sun may hold i, a and -, not 'x'"),
            ("[heat]\ngpu_max_c = 20", "0 or 40 to 110"),
            ("[internet]\nkib_per_second = 0", "16 to 16777216"),
            ("[internet]\nmib_per_job = 0", "1 to 1048576"),
            ("[programs]\nnever_disturb = [\"*\"]", "programs.never_disturb"),
        ] {
            let error = parse(text).expect_err(text);
            assert!(error.contains(says), "{text}: {error}");
        }
    }

    #[test]
    fn the_week_is_read_in_the_zone_of_the_pc() {
        let night = "aaaaaa|------|------|iiiiii";
        let rules = parse(&format!("[schedule]\nmon = \"{night}\"")).expect("valid");
        let berlin = berlin();
        for (time, hour) in [
            ("2026-11-23T00:00:00+01:00", Hour::Always),
            ("2026-11-23T05:59:00+01:00", Hour::Always),
            ("2026-11-23T06:00:00+01:00", Hour::Never),
            ("2026-11-23T17:59:00+01:00", Hour::Never),
            ("2026-11-23T18:00:00+01:00", Hour::WhenAway),
            ("2026-11-22T23:59:00+01:00", Hour::WhenAway),
        ] {
            assert_eq!(rules.schedule.at(at(time), &berlin), hour, "{time}");
        }
        // Half past five in Berlin is half past four in London.
        assert_eq!(
            rules.schedule.at(at("2026-11-23T06:30:00+01:00"), &TimeZone::posix("GMT0BST,M3.5.0/1,M10.5.0").expect("a zone")),
            Hour::Always
        );
    }

    #[test]
    fn a_closed_hour_knows_when_the_next_open_one_begins() {
        let closed = "------|------|------|------";
        let days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
        let week = |open: &str| {
            let days: String = days.iter().map(|day| format!("{day} = \"{closed}\"\n")).collect();
            parse(&format!("[schedule]\n{days}").replace(&format!("sun = \"{closed}\""), open)).expect("valid")
        };
        let berlin = berlin();
        // The clocks go forward that night: there is no half past two, and three o'clock comes an hour after one.
        let rules = week("sun = \"---i--|------|------|------\"");
        let opens = rules.schedule.opens(at("2026-03-28T12:34:00+01:00"), &berlin);
        assert_eq!(opens, Some(at("2026-03-29T03:00:00+02:00")));
        let never = week(&format!("sun = \"{closed}\""));
        assert_eq!(never.schedule.opens(at("2026-03-28T12:34:00+01:00"), &berlin), None);
    }

    #[test]
    fn a_program_is_known_by_its_name_or_its_beginning() {
        let rules = parse("[programs]\nnever_disturb = [\"Factorio\", \"steam_app_*\"]").expect("valid");
        let spared =
            |names: &[&str]| rules.programs.spared(&names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()).cloned();
        assert_eq!(spared(&["bash", "factorio"]).as_deref(), Some("factorio"));
        assert_eq!(spared(&["steam_app_220"]).as_deref(), Some("steam_app_220"));
        assert_eq!(spared(&["bash", "factorio2", "steam"]), None);
    }
}
