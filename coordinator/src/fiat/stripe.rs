//! Webhooks of Stripe. Sources: <https://docs.stripe.com/webhooks#verify-manually> for the signature,
//! <https://docs.stripe.com/api/charges/object> and <https://docs.stripe.com/api/disputes/object> for the content.

use std::time::Duration;

use aws_lc_rs::hmac;
use headframe_protocol::{Micros, TimestampMs};
use serde::Deserialize;

use super::{FiatError, Payment, Reversal, Told, Way};

/// The header that signs a message.
pub const SIGNATURE_HEADER: &str = "stripe-signature";

/// A message signed longer ago is an old one sent again by somebody else. Stripe's own libraries allow as much.
const AGE_MAX: Duration = Duration::from_mins(5);

/// The longest reference, in bytes.
const REFERENCE_BYTES_MAX: usize = 80;

/// Stripe counts dollars in cents.
const MICROS_PER_CENT: i64 = 10_000;

/// Checks that Stripe has signed `body` lately: `t=<seconds>,v1=<hex HMAC-SHA-256 of "<seconds>.<body>">`, perhaps several `v1`.
///
/// # Errors
/// [`FiatError::Signature`] if it has not.
pub fn verify(secret: &[u8], header: &str, body: &[u8], now: TimestampMs) -> Result<(), FiatError> {
    let parts = || header.split(',').filter_map(|part| part.trim().split_once('='));
    let seconds = parts().find(|(name, _)| *name == "t").and_then(|(_, seconds)| seconds.parse::<i64>().ok());
    let seconds = seconds.ok_or(FiatError::Signature)?;
    let signed_ms = TimestampMs::from_millis(seconds.checked_mul(1_000).ok_or(FiatError::Signature)?);
    if signed_ms < now.before(AGE_MAX) || signed_ms > now.after(AGE_MAX) {
        return Err(FiatError::Signature);
    }
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
    let mut signed = format!("{seconds}.").into_bytes();
    signed.extend_from_slice(body);
    let tags = parts().filter(|(name, _)| *name == "v1").filter_map(|(_, tag)| hex::decode(tag).ok());
    let genuine = tags.into_iter().any(|tag| hmac::verify(&key, &signed, &tag).is_ok());
    if genuine { Ok(()) } else { Err(FiatError::Signature) }
}

#[derive(Deserialize)]
struct Event {
    r#type: String,
    data: Happened,
}

#[derive(Deserialize)]
struct Happened {
    object: serde_json::Value,
}

#[derive(Deserialize)]
struct Charge {
    id: String,
    amount: i64,
    #[serde(default)]
    amount_refunded: i64,
    currency: String,
    #[serde(default)]
    metadata: Metadata,
    #[serde(default)]
    payment_method_details: Details,
}

#[derive(Default, Deserialize)]
struct Metadata {
    headframe_customer: Option<String>,
}

#[derive(Default, Deserialize)]
struct Details {
    card: Option<Card>,
}

#[derive(Deserialize)]
struct Card {
    three_d_secure: Option<ThreeDSecure>,
}

#[derive(Deserialize)]
struct ThreeDSecure {
    result: Option<String>,
}

#[derive(Deserialize)]
struct Dispute {
    charge: String,
    amount: i64,
    currency: String,
}

/// Reads what a message tells. Only charges in dollars move money here.
///
/// # Errors
/// [`FiatError::Content`] naming what is missing.
pub fn read(body: &[u8]) -> Result<Told, FiatError> {
    let event: Event = serde_json::from_slice(body).map_err(|_| FiatError::Content("a type and an object"))?;
    match event.r#type.as_str() {
        "charge.succeeded" => paid(object(event.data.object)?),
        "charge.refunded" => {
            let charge: Charge = object(event.data.object)?;
            let amount = micros(charge.amount_refunded, &charge.currency)?;
            Ok(Told::Reversed(Reversal { reference: reference(charge.id)?, way: Way::Refunded, amount }))
        }
        "charge.dispute.created" => {
            let dispute: Dispute = object(event.data.object)?;
            let amount = micros(dispute.amount, &dispute.currency)?;
            Ok(Told::Reversed(Reversal { reference: reference(dispute.charge)?, way: Way::Disputed, amount }))
        }
        _ => Ok(Told::Nothing),
    }
}

fn object<T: serde::de::DeserializeOwned>(value: serde_json::Value) -> Result<T, FiatError> {
    serde_json::from_value(value).map_err(|_| FiatError::Content("an object of its type"))
}

/// A reference ends up in the ids of transfers and steps. Stripe's are 27 letters and digits.
fn reference(id: String) -> Result<String, FiatError> {
    let plain =
        (1..=REFERENCE_BYTES_MAX).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if plain { Ok(id) } else { Err(FiatError::Content("a charge's id")) }
}

fn paid(charge: Charge) -> Result<Told, FiatError> {
    let customer = charge.metadata.headframe_customer.as_deref().and_then(|id| id.parse().ok());
    let customer = customer.ok_or(FiatError::Content("`headframe_customer` in its metadata"))?;
    let result = charge.payment_method_details.card.and_then(|card| card.three_d_secure).and_then(|secure| secure.result);
    let amount = micros(charge.amount, &charge.currency)?;
    let authenticated = result.as_deref() == Some("authenticated");
    Ok(Told::Paid(Payment { reference: reference(charge.id)?, customer, amount, authenticated }))
}

fn micros(cents: i64, currency: &str) -> Result<Micros, FiatError> {
    let amount = cents.checked_mul(MICROS_PER_CENT).filter(|amount| *amount > 0).filter(|_| currency == "usd");
    amount.map(Micros::new).ok_or(FiatError::Content("an amount in dollars"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &[u8] = b"whsec_test";

    fn signed(seconds: i64, body: &str) -> String {
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, SECRET), format!("{seconds}.{body}").as_bytes());
        format!("t={seconds},v0=00,v1={}", hex::encode(tag.as_ref()))
    }

    #[test]
    fn only_what_was_signed_lately_is_believed() {
        let now = TimestampMs::from_millis(1_000_000_000);
        let (header, body) = (signed(1_000_000, "{}"), b"{}".as_slice());
        assert_eq!(verify(SECRET, &header, body, now), Ok(()));
        for (secret, header, body, now) in [
            (b"other".as_slice(), header.as_str(), body, now),
            (SECRET, "t=1000000,v1=00", body, now),
            (SECRET, "", body, now),
            (SECRET, header.as_str(), b"{ }".as_slice(), now),
            (SECRET, header.as_str(), body, now.after(AGE_MAX * 2)),
            (SECRET, header.as_str(), body, now.before(AGE_MAX * 2)),
        ] {
            assert_eq!(verify(secret, header, body, now), Err(FiatError::Signature), "{header}");
        }
    }

    #[test]
    fn a_charge_is_read_and_anything_else_is_nothing() {
        let customer = CustomerIdText("cus_01a2138bdcdb77cfa131b7412728f68e");
        let charge = serde_json::json!({"type": "charge.succeeded", "data": {"object": {
            "id": "ch_1", "amount": 1_250, "currency": "usd", "metadata": {"headframe_customer": customer.0},
            "payment_method_details": {"card": {"three_d_secure": {"result": "authenticated"}}},
        }}});
        let read_charge = read(charge.to_string().as_bytes());
        let expected = Payment {
            reference: "ch_1".to_owned(),
            customer: customer.0.parse().expect("an id"),
            amount: Micros::new(12_500_000),
            authenticated: true,
        };
        assert_eq!(read_charge, Ok(Told::Paid(expected)));
        let dispute = r#"{"type":"charge.dispute.created","data":{"object":{"charge":"ch_1","amount":1250,"currency":"usd"}}}"#;
        let reversed = Reversal { reference: "ch_1".to_owned(), way: Way::Disputed, amount: Micros::new(12_500_000) };
        let reversed = Told::Reversed(reversed);
        assert_eq!(read(dispute.as_bytes()), Ok(reversed));
        assert_eq!(read(br#"{"type":"customer.created","data":{"object":{}}}"#), Ok(Told::Nothing));
        assert!(read(dispute.replace("usd", "eur").as_bytes()).is_err(), "another currency is no dollar");
        assert!(read(b"{}").is_err());
    }

    struct CustomerIdText(&'static str);
}
