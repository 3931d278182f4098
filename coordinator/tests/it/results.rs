//! Results of many files.

use headframe_protocol::{
    job::{AttemptState, JobState},
    session::{AgentMessage, OUTPUT_FILES_MAX, OUTPUTS_BYTES_MAX, Outcome, OutputFile, Outputs},
};
use serde_json::json;

use crate::support::{FakeAgent, TestApp};

/// A result as an agent sends it: in parts that each fit into a frame, and the rest.
fn in_parts(files: Vec<OutputFile>) -> (Vec<Vec<OutputFile>>, Vec<OutputFile>) {
    let (mut parts, mut part, mut bytes) = (Vec::new(), Vec::new(), 0);
    for file in files {
        let more = file.frame_bytes();
        if bytes + more > OUTPUTS_BYTES_MAX {
            parts.push(std::mem::take(&mut part));
            bytes = 0;
        }
        bytes += more;
        part.push(file);
    }
    (parts, part)
}

#[tokio::test]
async fn a_result_of_ten_thousand_files_comes_in_several_frames() {
    let app = TestApp::start().await;
    let customer = app.customer(10).await;
    let mut rig = FakeAgent::connect(&app).await;
    let submitted = customer.submit(json!({ "outputs": ["frames"] })).await;
    let offer = rig.offer().await;
    rig.run(&offer).await;
    let one = rig.bring(&offer, "", b"the same picture each time").await;
    let named = |number| OutputFile { path: format!("frames/{number:05}.png"), ..one.clone() };
    let (parts, rest) = in_parts((0..OUTPUT_FILES_MAX).map(named).collect());
    assert!(parts.len() > 5, "{} frames before the last", parts.len());
    for files in parts {
        rig.say(AgentMessage::Outputs(Outputs { at: offer.at, files })).await;
    }
    rig.finish(&offer, Outcome::Succeeded { outputs: rest }, None).await;
    assert_eq!(rig.settled().await.state, AttemptState::Succeeded);
    assert_eq!(customer.ended(submitted.id).await.state, JobState::Succeeded);
    let mut tx = app.app().store.read().await.expect("a connection");
    let (kept,): (i64,) = sqlx::query_as("SELECT CAST(COUNT(*) AS BIGINT) FROM artifact WHERE job_id = $1")
        .bind(submitted.id.to_string())
        .fetch_one(&mut *tx)
        .await
        .expect("a count");
    assert_eq!(kept, 10_000);
}
