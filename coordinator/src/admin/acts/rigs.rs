//! What an operator can do to a rig.

use headframe_protocol::{DeviceId, job::Trust};

use super::{ActError, By};
use crate::{
    market::Country,
    store::{Store, audit, challenges, rigs, verify},
};

/// Says who stands behind a rig and where it stands; what is absent stays as it was. Counts from the rig's next sign-in on.
///
/// # Errors
/// [`ActError`] if there is no such rig.
pub async fn attest(
    store: &Store,
    by: &By,
    device: DeviceId,
    trust: Option<Trust>,
    country: Option<Country>,
) -> Result<(), ActError> {
    let (now, mut tx) = (store.now(), store.begin().await?);
    if !rigs::attest(&mut tx, device, trust, country).await? {
        return Err(ActError::Missing(format!("rig {device}")));
    }
    let said = [trust.map(|trust| trust.to_string()), country.map(|country| country.to_string())];
    by.sign(tx, "rig.attest", &device.to_string(), &said.into_iter().flatten().collect::<Vec<_>>().join(" "), now).await
}

/// Takes a rig out of work.
///
/// # Errors
/// [`ActError`] if there is no such rig.
pub async fn quarantine(store: &Store, by: &By, device: DeviceId) -> Result<(), ActError> {
    let (now, mut tx) = (store.now(), store.begin().await?);
    if !rigs::set_quarantined(&mut tx, device, Some(now)).await? {
        return Err(ActError::Missing(format!("rig {device}")));
    }
    by.sign(tx, "rig.quarantine", &device.to_string(), "", now).await
}

/// Lets a rig work again.
///
/// # Errors
/// [`ActError`] if there is no such rig.
pub async fn release(store: &Store, by: &By, device: DeviceId) -> Result<(), ActError> {
    let (now, mut tx) = (store.now(), store.begin().await?);
    if !rigs::set_quarantined(&mut tx, device, None).await? {
        return Err(ActError::Missing(format!("rig {device}")));
    }
    by.sign(tx, "rig.release", &device.to_string(), "", now).await
}

/// Counts nothing any more that a rig did until now. It works again if that was all that kept it from it.
///
/// # Errors
/// [`ActError`] if there is no such rig.
pub async fn pardon(store: &Store, by: &By, device: DeviceId) -> Result<Pardoned, ActError> {
    let (now, mut tx) = (store.now(), store.begin().await?);
    if !rigs::pardon(&mut tx, device, now).await? {
        return Err(ActError::Missing(format!("rig {device}")));
    }
    let out_of_work = rigs::quarantined(&mut tx).await?.contains(&device);
    let (pardoned, detail) = match (out_of_work, audit::others_hold(&mut tx, device, verify::ACTOR).await?) {
        (false, _) => (Pardoned::Worked, ""),
        (true, true) => (Pardoned::StillHeld, "it stays quarantined for another reason"),
        (true, false) => {
            rigs::set_quarantined(&mut tx, device, None).await?;
            (Pardoned::WorksAgain, "it works again")
        }
    };
    by.sign(tx, "rig.pardon", &device.to_string(), detail, now).await?;
    Ok(pardoned)
}

/// What a pardon came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pardoned {
    /// It was not quarantined.
    Worked,
    /// It was, for what is pardoned alone.
    WorksAgain,
    /// Somebody else has quarantined it too.
    StillHeld,
}

/// Wants a rig's cards challenged now.
///
/// # Errors
/// [`ActError`] if there is no such rig.
pub async fn challenge(store: &Store, by: &By, device: DeviceId) -> Result<(), ActError> {
    let (now, mut tx) = (store.now(), store.begin().await?);
    if !challenges::want(&mut tx, device, now).await? {
        return Err(ActError::Missing(format!("rig {device}")));
    }
    by.sign(tx, "rig.challenge", &device.to_string(), "", now).await
}
