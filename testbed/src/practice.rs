//! What makes a network of practice worth watching: a customer who always wants a little done.

use std::time::Duration;

use anyhow::{Context as _, Result};
use headframe_protocol::{ImageRef, api::Pay, job::JobSpec};

use crate::{Testbed, image::Ballast};

/// Between two jobs: long enough to see the rig at rest.
const REST: Duration = Duration::from_secs(30);

/// About a minute of counting, with a line a second to be read.
const SCRIPT: &str = "i=1; while [ $i -le 60 ]; do echo practice step $i of 60; i=$((i+1)); sleep 1; done";

/// Has one small job after the other done, for as long as it is let.
///
/// # Errors
/// If the image cannot be made, or the network refuses a job.
pub async fn want_work(testbed: &Testbed) -> Result<()> {
    let image = testbed.tiny_image(Ballast::default()).await.context("the practice jobs have no image")?;
    let client = testbed.client()?;
    let work = spec(&image)?;
    loop {
        let key = uuid::Uuid::new_v4().to_string();
        let job = client.submit(&work, Pay::Dollars, &key).await.context("a practice job was refused")?;
        client.outcome(job.id).await.context("a practice job is lost")?;
        tokio::time::sleep(REST).await;
    }
}

fn spec(image: &ImageRef) -> Result<JobSpec> {
    let spec = serde_json::json!({
        "name": "practice", "image": image, "command": ["/bin/sh", "-ec"], "args": [SCRIPT],
        "resources": { "cpu": 1, "memory_gib": 1, "disk_gib": 1 },
        "max_price_per_hour": "1000000", "timeout_s": 300,
    });
    serde_json::from_value(spec).context("the practice job is not one")
}
