//! Whatever bytes a stranger sends: parsing ends, never panics, and what it accepts survives being written.
#![no_main]

use headframe_protocol::{
    ImageRef,
    control::Call,
    job::JobSpec,
    session::{AgentMessage, CoordinatorMessage},
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Ok(AgentMessage::Receipt(signed)) = serde_json::from_slice(data) {
        let _ = signed.verify();
    }
    let _ = serde_json::from_slice::<CoordinatorMessage>(data);
    let _ = serde_json::from_slice::<Call>(data);
    if let Ok(spec) = serde_json::from_slice::<JobSpec>(data) {
        let _ = (spec.problems(), spec.hold());
        let again = serde_json::to_vec(&spec).expect("what was read can be written");
        assert_eq!(serde_json::from_slice::<JobSpec>(&again).expect("what was written can be read"), spec);
    }
    if let Ok(text) = std::str::from_utf8(data)
        && let Ok(image) = text.parse::<ImageRef>()
    {
        assert_eq!(image.to_string(), text);
    }
});
