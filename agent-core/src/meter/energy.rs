//! Turns readings of one card into the energy it drew for an attempt, and what that cost. A fold, like the meter of time: it has no clock,
//! and what nobody measured is not filled in.

use std::time::Duration;

use headframe_protocol::Micros;

use super::GAP_MAX;
use crate::store::Drawn;

/// Microjoules in a millijoule: a milliwatt for a millisecond is one microjoule.
const UJ_PER_MJ: u64 = 1_000;

/// Microjoules in a kilowatt-hour.
const UJ_PER_KWH: u128 = 3_600_000_000_000;

/// One look at a card that works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// When, on a clock that never goes back.
    pub at: Duration,
    /// What it drew, in milliwatts; nothing if it does not tell.
    pub milliwatts: Option<u32>,
    /// What a kilowatt-hour costs now, if that is known.
    pub price_per_kwh: Option<Micros>,
}

/// What one card draws for one attempt.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EnergyMeter {
    last: Option<Look>,
    microjoules: u64,
    measured_ms: u64,
    priced_ms: u64,
    /// Microjoules times micro-dollars for a kilowatt-hour: divided only when it is asked for, so that nothing is lost by rounding.
    priced: u128,
}

impl EnergyMeter {
    /// Takes one look in. What a card drew counts until the next one; after a gap nobody knows.
    pub fn add(&mut self, look: Look) {
        if let Some(Look { at, milliwatts: Some(milliwatts), price_per_kwh }) = self.last {
            let Some(passed) = look.at.checked_sub(at) else { return };
            let ms = u64::try_from(passed.as_millis()).unwrap_or(u64::MAX);
            if passed <= GAP_MAX {
                let microjoules = u64::from(milliwatts).saturating_mul(ms);
                self.microjoules = self.microjoules.saturating_add(microjoules);
                self.measured_ms = self.measured_ms.saturating_add(ms);
                if let Some(price) = price_per_kwh.and_then(|price| u128::try_from(price.get()).ok()) {
                    self.priced_ms = self.priced_ms.saturating_add(ms);
                    self.priced = self.priced.saturating_add(price.saturating_mul(microjoules.into()));
                }
            }
            // What is less than a millisecond is counted with the next look.
            let counted = at + Duration::from_millis(ms);
            self.last = Some(Look { at: if passed <= GAP_MAX { counted } else { look.at }, ..look });
            return;
        }
        self.last = Some(look);
    }

    /// What has come together since the last time, in whole units; the rest is kept for the next.
    pub fn take(&mut self) -> Drawn {
        let drawn = Drawn {
            energy_millijoules: self.microjoules / UJ_PER_MJ,
            measured_ms: std::mem::take(&mut self.measured_ms),
            priced_ms: std::mem::take(&mut self.priced_ms),
            cost: Micros::new(i64::try_from(self.priced / UJ_PER_KWH).unwrap_or(i64::MAX)),
        };
        self.microjoules %= UJ_PER_MJ;
        self.priced %= UJ_PER_KWH;
        drawn
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRICE: Option<Micros> = Some(Micros::new(300_000));

    fn look(at_ms: u64, watts: Option<u32>, price_per_kwh: Option<Micros>) -> Look {
        Look { at: Duration::from_millis(at_ms), milliwatts: watts.map(|watts| watts * 1_000), price_per_kwh }
    }

    #[test]
    fn a_kilowatt_for_an_hour_costs_the_price_of_a_kilowatt_hour_however_often_it_is_asked_about() {
        let (mut meter, mut cost, mut energy) = (EnergyMeter::default(), 0, 0);
        for half_second in 0..=7_200 {
            meter.add(look(half_second * 500, Some(1_000), PRICE));
            let drawn = meter.take();
            (cost, energy) = (cost + drawn.cost.get(), energy + drawn.energy_millijoules);
        }
        assert_eq!((cost, energy), (300_000, 3_600_000_000));
    }

    #[test]
    fn a_gap_and_a_card_that_does_not_tell_are_not_measured() {
        let mut meter = EnergyMeter::default();
        for at in [look(0, Some(100), PRICE), look(1_000, Some(100), PRICE), look(60_000, None, PRICE), look(61_000, None, PRICE)]
        {
            meter.add(at);
        }
        assert_eq!(
            meter.take(),
            Drawn { energy_millijoules: 100_000, measured_ms: 1_000, priced_ms: 1_000, cost: Micros::new(8) }
        );
        meter.add(look(62_000, Some(100), PRICE));
        assert_eq!(meter.take(), Drawn::default());
    }

    #[test]
    fn the_price_is_that_of_the_time_and_none_is_not_zero() {
        let mut meter = EnergyMeter::default();
        for (at, price) in [(0, PRICE), (4_000, Some(Micros::new(900_000))), (8_000, None), (12_000, PRICE)] {
            meter.add(look(at, Some(900), price));
        }
        // 3,600 J are a thousandth of a kilowatt-hour: 300 at the first price and 900 at the second.
        let drawn = meter.take();
        assert_eq!((drawn.cost, drawn.measured_ms, drawn.priced_ms), (Micros::new(1_200), 12_000, 8_000));
    }

    #[test]
    fn an_old_look_changes_nothing_and_short_ones_add_up() {
        let mut meter = EnergyMeter::default();
        for micros in (0..=3_000).step_by(300) {
            meter.add(Look { at: Duration::from_micros(micros), ..look(0, Some(1), None) });
        }
        meter.add(look(1, Some(500), None));
        assert_eq!((meter.take().measured_ms, meter.take().measured_ms), (3, 0));
    }
}
