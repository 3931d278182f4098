//! What an operator can do to a rig.

use headframe_protocol::{DeviceId, job::Trust};

use super::{ActError, By};
use crate::{
    market::Country,
    store::{Store, challenges, rigs},
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
