//! Which rigs are of one owner with this one. Asked only when a guest asks.

use std::sync::Arc;

use headframe_protocol::{
    DeviceId, TimestampMs,
    control::{Answer, ControlError, FleetArgs, FleetCardView, FleetPage, FleetRigView, FleetSaid, FleetSums, FleetView},
    fleet::{AskFleet, FLEET_PAGE_MAX, FleetCard, FleetList, FleetRig, FleetTotal},
};
use jiff::{ToSpan as _, Zoned};
use tokio::sync::Mutex;
use tracing::debug;
use url::Url;

use super::{bad, unexpected};
use crate::{
    clock,
    coordinator::origin,
    device_key::DeviceKey,
    store::Chain,
    wallet::{Payroll, PayrollError},
};

/// Days of which earnings are told, today among them.
const DAYS: i32 = 7;

/// Asks the coordinator, in this rig's name.
#[derive(Debug)]
pub struct Fleet {
    coordinator: Payroll,
    /// The coordinator's address, as it is signed.
    origin: String,
    key: Arc<DeviceKey>,
    /// One question at a time, however many windows there are.
    turn: Mutex<()>,
}

impl Fleet {
    /// Asks the coordinator at `url`.
    pub(crate) fn new(coordinator: Payroll, url: &Url, key: Arc<DeviceKey>) -> Self {
        Self { coordinator, origin: origin(url), key, turn: Mutex::new(()) }
    }

    /// What the network says now.
    pub(super) async fn show(&self, FleetArgs { after }: FleetArgs) -> Result<Answer, ControlError> {
        let after = after.map(|after| after.parse::<DeviceId>()).transpose();
        let after = after.map_err(|_| bad("A page of rigs begins after a device, 0x and 40 digits."))?;
        let _turn = self.turn.lock().await;
        let (asked_ms, (today_from_ms, days_from_ms)) = (clock::wall(), days(&Zoned::now()));
        let ask = AskFleet {
            origin: self.origin.clone(),
            device: self.key.device(),
            after,
            limit: FLEET_PAGE_MAX,
            today_from_ms,
            days_from_ms,
            issued_ms: asked_ms,
        };
        let signed = self.key.sign_fleet(ask).map_err(|error| unexpected(&error))?;
        let said = match self.coordinator.fleet(&signed).await {
            Ok(list) => FleetSaid::Listed { page: view(list, self.key.device()) },
            Err(PayrollError::ClockWrong) => FleetSaid::ClockWrong,
            Err(PayrollError::Refused(message)) => FleetSaid::Refused { message },
            Err(error @ (PayrollError::Offline(_) | PayrollError::Garbled)) => {
                debug!("Nobody says which rigs are the owner's: {}", Chain(&error));
                FleetSaid::Silent
            }
        };
        Ok(Answer::Fleet { fleet: Box::new(FleetView { asked_ms, said }) })
    }
}

/// When today began by the owner's clock, and when the last days did.
fn days(now: &Zoned) -> (TimestampMs, TimestampMs) {
    let begins = |day: &Zoned| {
        let begins = day.start_of_day().map_or(now.timestamp(), |day| day.timestamp());
        TimestampMs::from_millis(begins.as_millisecond())
    };
    let first = now.checked_sub((DAYS - 1).days()).unwrap_or_else(|_| now.clone());
    (begins(now), begins(&first))
}

fn view(list: FleetList, here: DeviceId) -> FleetPage {
    let FleetList { wallet, alone, rigs, total, next } = list;
    let FleetTotal { rigs: count, connected, fu, today, days } = total;
    FleetPage {
        wallet: wallet.map(|wallet| wallet.to_string()),
        alone,
        rigs: rigs.into_iter().map(|rig| rig_view(rig, here)).collect(),
        total: FleetSums { rigs: count, connected, fu, today, days },
        next: next.map(|next| next.to_string()),
    }
}

fn rig_view(rig: FleetRig, here: DeviceId) -> FleetRigView {
    let FleetRig { device, name, agent, connected, seen_ms, attempts, place, cpu_model, cpu_cores, cards, fu, today, days, tier } =
        rig;
    let card = |FleetCard { model, vram_bytes, fu }| FleetCardView { model, vram_bytes, fu };
    FleetRigView {
        here: device == here,
        device: device.to_string(),
        name,
        agent,
        connected,
        seen_ms,
        attempts,
        place,
        cpu_model,
        cpu_cores,
        cards: cards.into_iter().map(card).collect(),
        fu,
        today,
        days,
        tier,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_begins_by_the_owners_clock_and_a_week_has_seven_of_them() {
        let madrid = jiff::tz::TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").expect("a zone");
        let now = "2026-03-31T01:30:00+02:00".parse::<jiff::Timestamp>().expect("a time").to_zoned(madrid);
        let at = |text: &str| TimestampMs::from_millis(text.parse::<jiff::Timestamp>().expect("a time").as_millisecond());
        // In between the clock was put forward: one of the days had 23 hours.
        assert_eq!(days(&now), (at("2026-03-31T00:00:00+02:00"), at("2026-03-25T00:00:00+01:00")));
    }
}
