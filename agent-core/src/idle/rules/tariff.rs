//! What power costs the owner, and what he wants to be left of an hour's work. Whole numbers only: it is money.

use headframe_protocol::{Micros, TimestampMs};
use jiff::{civil::Weekday, tz::TimeZone};
use serde::{Deserialize, Deserializer, de};

use super::zoned;

/// More than anybody pays for a kilowatt-hour: a hundred dollars.
const PRICE_MAX: Micros = Micros::dollars(100);

/// More than any PC draws.
const WATTS_MAX: u32 = 20_000;

/// More than an hour of any PC is worth.
const NET_MAX: Micros = Micros::dollars(10_000);

/// More bands than there are hours in a week are a mistake.
const BANDS_MAX: usize = 168;

/// `[tariff]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "each key is explained in rules.toml")]
pub struct Tariff {
    #[serde(deserialize_with = "price")]
    pub price_per_kwh: Option<Micros>,
    pub watts: u32,
    pub min_net_per_hour: Micros,
    pub bands: Vec<Band>,
}

/// `[[tariff.bands]]`: another price at some hours of some days.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "each key is explained in rules.toml")]
pub struct Band {
    #[serde(default)]
    pub days: Vec<Day>,
    pub from: u8,
    pub to: u8,
    pub price_per_kwh: Micros,
}

/// A day of the week, as the schedule names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "they are the days")]
pub enum Day {
    Mon,
    Tue,
    Wed,
    Thu,
    Fri,
    Sat,
    Sun,
}

/// What the owner's rules want of an hour, now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Terms {
    /// What a kilowatt-hour costs, if he has said.
    pub price_per_kwh: Option<Micros>,
    /// What the PC draws more while it works, if he has said.
    pub watts: Option<u32>,
    /// What must be left of an hour.
    pub min_net_per_hour: Micros,
}

/// What an hour must bring.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gate {
    /// What its power costs.
    pub power_per_hour: Micros,
    /// Power, and what must be left.
    pub floor_per_hour: Micros,
}

fn price<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Micros>, D::Error> {
    let text = String::deserialize(deserializer)?;
    if text.is_empty() { Ok(None) } else { text.parse().map(Some).map_err(de::Error::custom) }
}

impl Tariff {
    /// What it comes to at `now`. The first band that holds the hour counts.
    pub(in crate::idle) fn at(&self, now: TimestampMs, zone: &TimeZone) -> Terms {
        let band = zoned(now, zone).and_then(|now| {
            let (day, hour) = (Day::from(now.weekday()), now.hour().unsigned_abs());
            self.bands.iter().find(|band| band.holds(day, hour))
        });
        Terms {
            price_per_kwh: band.map(|band| band.price_per_kwh).or(self.price_per_kwh),
            watts: Some(self.watts).filter(|watts| *watts > 0),
            min_net_per_hour: self.min_net_per_hour,
        }
    }

    /// The key that is out of range, what would be right, and what is there.
    pub(super) fn wrong(&self) -> Option<(&'static str, &'static str, String)> {
        let Self { price_per_kwh, watts, min_net_per_hour, bands } = self;
        let is_price = |price: Micros| (Micros::ZERO..=PRICE_MAX).contains(&price);
        if let Some(price) = price_per_kwh.filter(|price| !is_price(*price)) {
            return Some(("tariff.price_per_kwh", "empty, or 0 to 100000000 ($100)", price.get().to_string()));
        }
        if *watts > WATTS_MAX {
            return Some(("tariff.watts", "0 to 20000", watts.to_string()));
        }
        if !(Micros::ZERO..=NET_MAX).contains(min_net_per_hour) {
            return Some(("tariff.min_net_per_hour", "0 to 10000000000 ($10,000)", min_net_per_hour.get().to_string()));
        }
        if bands.len() > BANDS_MAX {
            return Some(("tariff.bands", "at most 168", bands.len().to_string()));
        }
        let odd = bands.iter().find(|band| band.from >= band.to || band.to > 24 || !is_price(band.price_per_kwh))?;
        let expected = "from one hour to a later one, 0 to 24, at 0 to 100000000; a night is two bands";
        Some(("tariff.bands", expected, format!("from {} to {} at {}", odd.from, odd.to, odd.price_per_kwh.get())))
    }
}

impl Band {
    fn holds(&self, day: Day, hour: u8) -> bool {
        (self.days.is_empty() || self.days.contains(&day)) && (self.from..self.to).contains(&hour)
    }
}

impl From<Weekday> for Day {
    fn from(day: Weekday) -> Self {
        match day {
            Weekday::Monday => Self::Mon,
            Weekday::Tuesday => Self::Tue,
            Weekday::Wednesday => Self::Wed,
            Weekday::Thursday => Self::Thu,
            Weekday::Friday => Self::Fri,
            Weekday::Saturday => Self::Sat,
            Weekday::Sunday => Self::Sun,
        }
    }
}

impl Terms {
    /// What an hour must bring, with `measured_watts` where the owner has given no figure. Where it is not known what power costs, what he
    /// wants left is all that is asked, for a guess must not keep a rig from working; nothing if he wants nothing.
    #[must_use]
    pub fn gate(self, measured_watts: Option<u32>) -> Option<Gate> {
        let power_per_hour = match (self.price_per_kwh, self.watts.or(measured_watts)) {
            (Some(price), Some(watts)) => power(price, watts),
            _ if self.min_net_per_hour > Micros::ZERO => Micros::ZERO,
            _ => return None,
        };
        let floor = power_per_hour.get().saturating_add(self.min_net_per_hour.get());
        Some(Gate { power_per_hour, floor_per_hour: Micros::new(floor) })
    }
}

/// What an hour of so many watts costs, rounded up: the owner does not pay the difference.
fn power(price_per_kwh: Micros, watts: u32) -> Micros {
    let power = (i128::from(price_per_kwh.get()) * i128::from(watts) + 999).div_euclid(1_000);
    Micros::new(i64::try_from(power).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::idle::Rules;

    fn parse(text: &str) -> Result<Tariff, String> {
        Rules::parse(text, Path::new("rules.toml")).map(|rules| rules.tariff).map_err(|error| error.to_string())
    }

    fn at(text: &str) -> TimestampMs {
        TimestampMs::from_millis(text.parse::<jiff::Timestamp>().expect("a time").as_millisecond())
    }

    fn berlin() -> TimeZone {
        TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").expect("a zone")
    }

    fn terms(price: Option<i64>, watts: Option<u32>, net: i64) -> Terms {
        Terms { price_per_kwh: price.map(Micros::new), watts, min_net_per_hour: Micros::new(net) }
    }

    #[test]
    fn power_is_counted_in_whole_numbers_and_up() {
        for (price, watts, net, power, floor) in [
            (300_000, 500, 50_000, 150_000, 200_000),
            (1, 1, 0, 1, 1),
            (0, 500, 7, 0, 7),
            (333_333, 333, 0, 111_000, 111_000),
            (i64::MAX, 20_000, i64::MAX, i64::MAX, i64::MAX),
        ] {
            let gate = terms(Some(price), Some(watts), net).gate(None).expect("known");
            assert_eq!((gate.power_per_hour.get(), gate.floor_per_hour.get()), (power, floor), "{price} {watts} {net}");
        }
    }

    #[test]
    fn what_is_not_known_keeps_nobody_from_working() {
        for unknown in [terms(None, Some(500), 1_000_000).gate(Some(300)), terms(Some(300_000), None, 1_000_000).gate(None)] {
            let gate = unknown.expect("what is wanted is known");
            assert_eq!((gate.power_per_hour, gate.floor_per_hour), (Micros::ZERO, Micros::new(1_000_000)));
        }
        assert_eq!(terms(Some(300_000), None, 0).gate(None), None);
        assert_eq!(parse("").expect("the defaults").at(at("2026-11-23T12:00:00Z"), &berlin()).gate(Some(300)), None);
        let measured = terms(Some(300_000), None, 0).gate(Some(100)).expect("measured");
        assert_eq!(measured.power_per_hour, Micros::new(30_000));
        let own = terms(Some(300_000), Some(200), 0).gate(Some(100)).expect("his own figure counts");
        assert_eq!(own.power_per_hour, Micros::new(60_000));
    }

    #[test]
    fn an_hour_has_the_price_of_its_band_in_the_zone_of_the_pc() {
        let text = "[tariff]\nprice_per_kwh = \"300000\"\nwatts = 100\n\
                    [[tariff.bands]]\ndays = [\"mon\", \"fri\"]\nfrom = 17\nto = 21\nprice_per_kwh = \"450000\"\n\
                    [[tariff.bands]]\nfrom = 20\nto = 24\nprice_per_kwh = \"200000\"\n";
        let tariff = parse(text).expect("valid");
        for (time, price) in [
            ("2026-11-23T16:59:59+01:00", 300_000),
            ("2026-11-23T17:00:00+01:00", 450_000),
            ("2026-11-23T20:30:00+01:00", 450_000),
            ("2026-11-23T21:00:00+01:00", 200_000),
            ("2026-11-24T17:00:00+01:00", 300_000),
            ("2026-11-24T23:59:00+01:00", 200_000),
            ("2026-11-25T00:00:00+01:00", 300_000),
            // Summer: 16 o'clock in London is 17 in Berlin.
            ("2026-07-24T16:00:00+01:00", 450_000),
        ] {
            assert_eq!(tariff.at(at(time), &berlin()).price_per_kwh, Some(Micros::new(price)), "{time}");
        }
    }

    #[test]
    fn an_owner_is_told_what_is_wrong_with_his_tariff() {
        for (text, says) in [
            ("[tariff]\nprice_per_kwh = \"-1\"", "tariff.price_per_kwh"),
            ("[tariff]\nprice_per_kwh = \"0.30\"", "micro-dollars"),
            ("[tariff]\nprice_per_kwh = 300000", "string"),
            ("[tariff]\nwatts = 20001", "`tariff.watts` in rules.toml must be 0 to 20000"),
            ("[tariff]\nmin_net_per_hour = \"-5\"", "tariff.min_net_per_hour"),
            ("[[tariff.bands]]\nfrom = 22\nto = 6\nprice_per_kwh = \"1\"", "a night is two bands"),
            ("[[tariff.bands]]\nfrom = 0\nto = 25\nprice_per_kwh = \"1\"", "from 0 to 25"),
            ("[[tariff.bands]]\ndays = [\"monday\"]\nfrom = 0\nto = 1\nprice_per_kwh = \"1\"", "monday"),
            ("[[tariff.bands]]\nfrom = 0\nto = 1", "price_per_kwh"),
        ] {
            let error = parse(text).expect_err(text);
            assert!(error.contains(says), "{text}: {error}");
        }
    }
}
