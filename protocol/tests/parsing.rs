//! Parsing never panics, and what it accepts it writes back as what it read.

use headframe_protocol::{
    ImageRef, JobId, Micros, Sha256,
    auth::DeviceSignature,
    control::Call,
    job::JobSpec,
    session::{AgentMessage, CoordinatorMessage},
};
use proptest::prelude::*;
use serde_json::Value;

/// JSON of any shape, a few levels deep, with the words of the protocol among its keys and texts.
fn json() -> impl Strategy<Value = Value> {
    let word = prop_oneof![
        any::<String>(),
        Just("type".to_owned()),
        Just("kind".to_owned()),
        Just("attempt".to_owned()),
        Just("epoch".to_owned()),
        Just("image".to_owned()),
        Just("hello".to_owned()),
        Just("offer".to_owned()),
        Just("finished".to_owned()),
        Just("att_00000000000000000000000000000000".to_owned()),
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        word.clone().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 48, 8, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(Value::from),
            prop::collection::btree_map(word.clone(), inner, 0..8).prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// Golden messages with one value somewhere replaced: near misses find more than noise.
fn near_miss() -> impl Strategy<Value = Value> {
    let golden: Vec<Value> = [
        include_str!("wire/agent-hello.json"),
        include_str!("wire/agent-finished.json"),
        include_str!("wire/coordinator-offer.json"),
        include_str!("wire/spec-full.json"),
    ]
    .iter()
    .map(|text| serde_json::from_str(text).expect("a golden file"))
    .collect();
    (prop::sample::select(golden), json(), any::<prop::sample::Index>()).prop_map(|(mut golden, value, at)| {
        let paths = paths(&golden, String::new());
        if let Some(slot) = golden.pointer_mut(&paths[at.index(paths.len())]) {
            *slot = value;
        }
        golden
    })
}

fn paths(value: &Value, here: String) -> Vec<String> {
    let mut found = vec![here.clone()];
    match value {
        Value::Object(map) => found.extend(map.iter().flat_map(|(key, inner)| paths(inner, format!("{here}/{key}")))),
        Value::Array(items) => {
            found.extend(items.iter().enumerate().flat_map(|(at, inner)| paths(inner, format!("{here}/{at}"))))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
    found
}

fn read_all(text: &str) {
    let _ = serde_json::from_str::<AgentMessage>(text);
    let _ = serde_json::from_str::<CoordinatorMessage>(text);
    let _ = serde_json::from_str::<Call>(text);
    if let Ok(spec) = serde_json::from_str::<JobSpec>(text) {
        let _ = (spec.problems(), spec.hold(), spec.timeout());
        let again = serde_json::to_string(&spec).expect("what was read can be written");
        assert_eq!(serde_json::from_str::<JobSpec>(&again).expect("what was written can be read"), spec);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_makes_parsing_panic(text in any::<String>()) {
        read_all(&text);
        let _ = (text.parse::<JobId>(), text.parse::<ImageRef>(), text.parse::<Sha256>(), text.parse::<Micros>());
        let _ = DeviceSignature::try_from(text);
    }

    #[test]
    fn no_json_makes_parsing_panic(value in json()) {
        read_all(&value.to_string());
    }

    #[test]
    fn no_near_miss_makes_parsing_panic(value in near_miss()) {
        read_all(&value.to_string());
    }

    #[test]
    fn an_accepted_image_reference_is_written_as_it_was_read(text in "[a-z0-9.:/_-]{1,40}@sha256:[0-9a-f]{64}") {
        if let Ok(image) = text.parse::<ImageRef>() {
            prop_assert_eq!(image.to_string(), text);
        }
    }

    #[test]
    fn a_price_is_monotone_and_never_above_its_rate(rate in 0_i64..1_000_000_000, ms in 0_u64..3_600_000) {
        let price = Micros::new(rate).per_hour_for(ms);
        prop_assert!(price <= Micros::new(rate) && price <= Micros::new(rate).per_hour_for(ms + 1));
    }

    #[test]
    fn a_split_loses_nothing(amount in 0_i64..i64::MAX / 2, bps in 0_u16..=1_500) {
        let (amount, fee) = (Micros::new(amount), Micros::new(amount).fee(bps));
        let rest = amount.checked_sub(fee).expect("a fee is never above its amount");
        prop_assert!(fee >= Micros::ZERO && rest.checked_add(fee) == Some(amount));
    }
}
