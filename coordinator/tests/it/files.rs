//! Uploads, inputs, results, and what is thrown away.

use std::time::Duration;

use headframe_coordinator::{store::customers, sweep};
use headframe_protocol::{
    Sha256,
    api::{Provenance, Upload, UploadList},
    error::Code,
    job::{JobState, Reason},
    session::Outcome,
};
use serde_json::json;

use crate::support::{Customer, FakeAgent, PATIENCE, TestApp, problem};

impl Customer {
    pub(crate) async fn upload(&self, bytes: &[u8]) -> reqwest::Response {
        let request = self.http.post(format!("{}/v1/uploads", self.url)).bearer_auth(&self.key);
        request.body(bytes.to_vec()).send().await.expect("an answer")
    }

    async fn uploaded(&self, bytes: &[u8]) -> Upload {
        let response = self.upload(bytes).await;
        assert_eq!(response.status(), 201);
        response.json().await.expect("an upload")
    }

    async fn delete(&self, path: &str) -> reqwest::Response {
        self.http.delete(format!("{}{path}", self.url)).bearer_auth(&self.key).send().await.expect("an answer")
    }

    async fn ranged(&self, path: &str, range: &str) -> reqwest::Response {
        let request = self.http.get(format!("{}{path}", self.url)).bearer_auth(&self.key);
        request.header("range", range).send().await.expect("an answer")
    }
}

/// A job with one result file, done.
async fn done(app: &TestApp, customer: &Customer, path: &str, bytes: &[u8]) -> headframe_protocol::JobId {
    let mut rig = FakeAgent::connect(app).await;
    let job = customer.submit(json!({ "outputs": ["out"] })).await;
    let offer = rig.offer().await;
    rig.run(&offer).await;
    let file = rig.bring(&offer, path, bytes).await;
    let receipt = rig.receipt(&offer, 1, 10);
    rig.finish(&offer, Outcome::Succeeded { outputs: vec![file] }, Some(receipt)).await;
    rig.settled().await;
    assert_eq!(customer.ended(job.id).await.state, JobState::Succeeded);
    job.id
}

#[tokio::test]
async fn an_upload_reaches_the_rig_as_it_was() {
    let app = TestApp::start().await;
    let customer = app.customer(10).await;
    let bytes = vec![7_u8; 6 * 1024 * 1024];
    let upload = customer.uploaded(&bytes).await;
    assert_eq!((upload.sha256, upload.bytes), (Sha256::of(&bytes), bytes.len() as u64));
    let known: Upload = customer.get(&format!("/v1/uploads/{}", upload.id)).await.json().await.expect("an upload");
    assert_eq!(known, upload);

    let mut rig = FakeAgent::connect(&app).await;
    let input = json!({ "upload": upload.id, "sha256": upload.sha256, "path": "in" });
    customer.submit(json!({ "inputs": [input] })).await;
    let offer = rig.offer().await;
    let fetch = |path: &str, token: &str| {
        let address = offer.base.join(path).expect("an address");
        reqwest::Client::new().get(address).bearer_auth(token.to_owned()).send()
    };
    let fetched = fetch("inputs/0", &offer.token).await.expect("an answer");
    assert_eq!(fetched.content_length(), Some(bytes.len() as u64));
    assert_eq!(fetched.bytes().await.expect("bytes"), bytes);
    assert_eq!(problem(fetch("inputs/1", &offer.token).await.expect("an answer")).await.code, Code::NotFound);
    assert_eq!(problem(fetch("inputs/x", &offer.token).await.expect("an answer")).await.code, Code::NotFound);
    assert_eq!(problem(fetch("inputs/0", "wrong").await.expect("an answer")).await.code, Code::Unauthenticated);

    let refused = problem(customer.delete(&format!("/v1/uploads/{}", upload.id)).await).await;
    assert_eq!(refused.code, Code::Conflict, "an open job uses it");
}

#[tokio::test]
async fn what_is_uploaded_is_what_was_announced_or_nothing() {
    let app = TestApp::start_with(|config| config.limits.upload_bytes_max = 1_000).await;
    let customer = app.customer(0).await;
    let send = |sum: String, bytes: &'static [u8]| {
        let request = customer.http.post(format!("{}/v1/uploads", customer.url)).bearer_auth(&customer.key);
        request.header("x-content-sha256", sum).body(bytes).send()
    };
    let good = send(Sha256::of(b"abc").to_string(), b"abc").await.expect("an answer");
    assert_eq!(good.status(), 201);
    let other = problem(send(Sha256::of(b"abd").to_string(), b"abc").await.expect("an answer")).await;
    assert_eq!((other.status, other.errors[0].field.as_str()), (422, "x-content-sha256"));
    let wrong = problem(send("zz".to_owned(), b"abc").await.expect("an answer")).await;
    assert_eq!((wrong.status, wrong.errors[0].field.as_str()), (422, "x-content-sha256"));
    let large = problem(customer.upload(&[0; 1_001]).await).await;
    assert_eq!((large.status, large.errors[0].field.as_str()), (413, "body"));
    let stream = futures_util::stream::iter([Ok::<_, std::io::Error>("abc")]);
    let chunked = customer.http.post(format!("{}/v1/uploads", customer.url)).bearer_auth(&customer.key);
    let unannounced = problem(chunked.body(reqwest::Body::wrap_stream(stream)).send().await.expect("an answer")).await;
    assert_eq!((unannounced.status, unannounced.errors[0].field.as_str()), (411, "content-length"));
}

#[tokio::test]
async fn an_upload_is_its_customers_alone() {
    let app = TestApp::start().await;
    let (customer, stranger) = (app.customer(0).await, app.customer(0).await);
    let upload = customer.uploaded(b"mine").await;
    let path = format!("/v1/uploads/{}", upload.id);
    assert_eq!(problem(stranger.get(&path).await).await.code, Code::NotFound);
    assert_eq!(problem(stranger.delete(&path).await).await.code, Code::NotFound);
    assert_eq!(customer.delete(&path).await.status(), 204);
    assert_eq!(problem(customer.delete(&path).await).await.code, Code::NotFound);
    for odd in ["/v1/uploads/x", "/v1/uploads/job_01890a5dac96774bbcceb302099a8057", "/v1/uploads/%00"] {
        assert_eq!(problem(customer.get(odd).await).await.code, Code::NotFound, "{odd}");
    }
}

#[tokio::test]
async fn a_full_account_takes_no_more_until_something_is_deleted() {
    let app = TestApp::start_with(|config| config.limits.storage_bytes_max = 10).await;
    let customer = app.customer(0).await;
    let first = customer.uploaded(b"12345678").await;
    let refused = problem(customer.upload(b"123").await).await;
    assert_eq!((refused.status, refused.code), (507, Code::QuotaExceeded));
    assert_eq!(customer.upload(b"12").await.status(), 201, "what fits is taken");
    assert_eq!(customer.delete(&format!("/v1/uploads/{}", first.id)).await.status(), 204);
    assert_eq!(customer.upload(b"123").await.status(), 201, "room is given back");
}

#[tokio::test]
async fn however_many_bring_bytes_at_once_only_what_fits_is_taken() {
    let app = TestApp::start_with(|config| config.limits.storage_bytes_max = 20).await;
    let customer = app.customer(0).await;
    let together = futures_util::future::join_all((0..6).map(|_| customer.upload(b"12345678"))).await;
    let taken = together.iter().filter(|response| response.status() == 201).count();
    assert_eq!(taken, 2, "sixteen of twenty");
    for refused in together.into_iter().filter(|response| response.status() != 201) {
        assert_eq!(problem(refused).await.code, Code::QuotaExceeded);
    }
}

#[tokio::test]
async fn bytes_that_did_not_come_leave_their_room() {
    let app = TestApp::start_with(|config| config.limits.storage_bytes_max = 10).await;
    let customer = app.customer(0).await;
    for _ in 0..3 {
        let request = customer.http.post(format!("{}/v1/uploads", customer.url)).bearer_auth(&customer.key);
        let sum = Sha256::of(b"others").to_string();
        let refused = request.header("x-content-sha256", sum).body(&b"12345678"[..]).send().await.expect("an answer");
        assert_eq!(problem(refused).await.status, 422);
        // Given back a moment after the answer.
        let started = tokio::time::Instant::now();
        while stored(&app, &customer).await != 0 {
            assert!(started.elapsed() < PATIENCE, "the room stays taken");
            tokio::task::yield_now().await;
        }
    }
    let parts = app.app();
    let swept = sweep::sweep(&parts.store, &parts.blobs, &parts.config.timers).await.expect("swept");
    assert_eq!((swept.recounted, swept.reservations), (0, 0));
}

/// Bytes a customer is counted to keep.
pub(crate) async fn stored(app: &TestApp, customer: &Customer) -> u64 {
    let mut connection = app.app().store.read().await.expect("a connection");
    let record = customers::find(&mut connection, customer.id).await.expect("read").expect("a customer");
    record.storage_bytes_used
}

#[tokio::test]
async fn what_an_attempt_brings_counts_at_once_and_is_free_again_if_nothing_comes_of_it() {
    let app = TestApp::start_with(|config| config.limits.storage_bytes_max = 100).await;
    let customer = app.customer(10).await;
    let mut rig = FakeAgent::connect(&app).await;
    customer.submit(json!({ "outputs": ["out"] })).await;
    let offer = rig.offer().await;
    rig.run(&offer).await;
    rig.bring(&offer, "out/a", &[1; 60]).await;
    assert_eq!(stored(&app, &customer).await, 60);
    assert_eq!(problem(customer.upload(&[2; 41]).await).await.code, Code::QuotaExceeded, "the rest is too little");
    let bytes = [3; 50];
    let address = offer.base.join(&format!("objects/{}", Sha256::of(&bytes))).expect("an address");
    let request = reqwest::Client::new().put(address).bearer_auth(&offer.token).body(bytes.to_vec());
    assert_eq!(problem(request.send().await.expect("an answer")).await.code, Code::QuotaExceeded);
    rig.finish(&offer, Outcome::Yielded { reason: Reason::OwnerReturned }, None).await;
    rig.settled().await;
    assert_eq!(stored(&app, &customer).await, 0);

    let offer = rig.offer().await;
    rig.run(&offer).await;
    let file = rig.bring(&offer, "out/a", &[1; 60]).await;
    rig.finish(&offer, Outcome::Succeeded { outputs: vec![file] }, None).await;
    rig.settled().await;
    assert_eq!(stored(&app, &customer).await, 60, "what is kept counts once");
}

#[tokio::test]
async fn a_customer_sees_his_uploads_and_frees_room_by_deleting_results() {
    let app = TestApp::start().await;
    let customer = app.customer(10).await;
    let mut ids = Vec::new();
    for bytes in [b"a", b"b", b"c"] {
        ids.push(customer.uploaded(bytes).await.id);
    }
    ids.reverse();
    let page: UploadList = customer.get("/v1/uploads?limit=2").await.json().await.expect("a page");
    let next = page.next.expect("there is more");
    let rest: UploadList = customer.get(&format!("/v1/uploads?after={next}")).await.json().await.expect("a page");
    assert_eq!((page.uploads.len(), rest.next), (2, None));
    let seen: Vec<_> = page.uploads.iter().chain(&rest.uploads).map(|upload| upload.id).collect();
    assert_eq!(seen, ids, "newest first, each once");
    let stranger = app.customer(0).await;
    let nothing: UploadList = stranger.get("/v1/uploads").await.json().await.expect("a page");
    assert!(nothing.uploads.is_empty());

    let waiting = customer.submit(json!({ "max_price_per_hour": "1" })).await;
    assert_eq!(problem(customer.delete(&format!("/v1/jobs/{}/artifacts", waiting.id)).await).await.code, Code::Conflict);
    let job = Box::pin(done(&app, &customer, "out", b"0123456789")).await;
    let path = format!("/v1/jobs/{job}/artifacts");
    let before = stored(&app, &customer).await;
    assert_eq!(problem(stranger.delete(&path).await).await.code, Code::NotFound);
    assert_eq!(customer.delete(&path).await.status(), 204);
    assert_eq!(before - stored(&app, &customer).await, 10);
    assert_eq!(customer.delete(&path).await.status(), 204, "twice is fine");
    assert_eq!(problem(customer.get(&format!("{path}/out")).await).await.code, Code::NotFound);
    assert_eq!(customer.get(&format!("/v1/jobs/{job}/provenance.json")).await.status(), 200, "how it came to be stays known");
}

#[tokio::test]
async fn a_result_is_a_download_in_whole_or_in_part() {
    let app = TestApp::start().await;
    let customer = app.customer(10).await;
    let job = Box::pin(done(&app, &customer, "out/größe 1.html", b"<script>0123456789")).await;
    let path = format!("/v1/jobs/{job}/artifacts/out/gr%C3%B6%C3%9Fe%201.html");
    let whole = customer.get(&path).await;
    let header = |name: &str| whole.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    assert_eq!(header("content-type"), "application/octet-stream");
    assert_eq!(header("x-content-type-options"), "nosniff");
    assert_eq!(header("content-disposition"), "attachment; filename*=UTF-8''gr%C3%B6%C3%9Fe%201.html");
    let etag = header("etag");
    assert_eq!(etag, format!("\"{}\"", Sha256::of(b"<script>0123456789")));
    assert_eq!(whole.content_length(), Some(18));
    assert_eq!(&whole.bytes().await.expect("bytes")[..], b"<script>0123456789");

    let part = customer.ranged(&path, "bytes=8-11").await;
    assert_eq!((part.status().as_u16(), part.headers()["content-range"].to_str().ok()), (206, Some("bytes 8-11/18")));
    assert_eq!(&part.bytes().await.expect("bytes")[..], b"0123");
    assert_eq!(&customer.ranged(&path, "bytes=-2").await.bytes().await.expect("bytes")[..], b"89");
    let outside = customer.ranged(&path, "bytes=18-").await;
    assert_eq!(outside.headers()["content-range"].to_str().ok(), Some("bytes */18"));
    assert_eq!(problem(outside).await.status, 416);

    let request = customer.http.get(format!("{}{path}", customer.url)).bearer_auth(&customer.key);
    assert_eq!(request.header("if-none-match", &etag).send().await.expect("an answer").status(), 304);
    let head = customer.http.head(format!("{}{path}", customer.url)).bearer_auth(&customer.key).send().await.expect("an answer");
    assert_eq!((head.status().as_u16(), head.headers()["content-length"].to_str().ok()), (200, Some("18")));
    assert!(head.bytes().await.expect("bytes").is_empty());

    let stranger = app.customer(0).await;
    assert_eq!(problem(stranger.get(&path).await).await.code, Code::NotFound);
    for odd in ["/v1/jobs/x/artifacts/a", &format!("/v1/jobs/{job}/artifacts/../../x"), &format!("/v1/jobs/{job}/artifacts/%00")]
    {
        assert_eq!(problem(customer.get(odd).await).await.code, Code::NotFound, "{odd}");
    }
}

#[tokio::test]
async fn a_result_says_how_it_came_to_be() {
    let app = TestApp::start().await;
    let customer = app.customer(10).await;
    let open = customer.submit(json!({})).await;
    assert_eq!(problem(customer.get(&format!("/v1/jobs/{}/provenance.json", open.id)).await).await.code, Code::NotFound);
    assert_eq!(problem(customer.get(&format!("/v1/jobs/{}/artifacts", open.id)).await).await.code, Code::NotFound);
    customer.cancel(open.id).await;
    let job = Box::pin(done(&app, &customer, "out", b"42")).await;
    let provenance: Provenance =
        customer.get(&format!("/v1/jobs/{job}/provenance.json")).await.json().await.expect("a provenance");
    assert_eq!(provenance.outputs[0].sha256, Sha256::of(b"42"));
    let receipt = provenance.receipt.expect("a receipt");
    assert_eq!((receipt.job, receipt.device, receipt.running_ms), (job, provenance.device, 10));
    assert!(provenance.receipt_signature.is_some_and(|signature| signature.starts_with("0x")));
}

#[tokio::test]
async fn an_attempt_brings_only_what_it_names() {
    let app = TestApp::start().await;
    let customer = app.customer(10).await;
    let mut rig = FakeAgent::connect(&app).await;
    customer.submit(json!({ "outputs": ["out"] })).await;
    let offer = rig.offer().await;
    rig.run(&offer).await;
    let put = |name: String, bytes: &'static [u8]| {
        let address = offer.base.join(&format!("objects/{name}")).expect("an address");
        reqwest::Client::new().put(address).bearer_auth(&offer.token).body(bytes).send()
    };
    let sum = Sha256::of(b"abc").to_string();
    let wrong = problem(put(sum.clone(), b"abd").await.expect("an answer")).await;
    assert_eq!((wrong.status, wrong.errors[0].field.as_str()), (422, "sha256"));
    assert_eq!(put(sum.clone(), b"abc").await.expect("an answer").status(), 201);
    assert_eq!(put(sum, b"abc").await.expect("an answer").status(), 200, "brought twice is brought");
    assert_eq!(problem(put("x".to_owned(), b"abc").await.expect("an answer")).await.status, 404);
    rig.succeed(&offer, 0).await;
    let late = put(Sha256::of(b"late").to_string(), b"late").await.expect("an answer");
    assert_eq!(problem(late).await.code, Code::StaleEpoch);
}

#[tokio::test]
async fn bytes_go_when_nothing_refers_to_them_and_not_before() {
    let app = TestApp::start_with(|config| {
        config.timers.blob_grace = Duration::from_millis(50);
        config.timers.checkpoint_upload = Duration::from_millis(40);
        config.timers.sweep = Duration::from_secs(3_600);
    })
    .await;
    let customer = app.customer(10).await;
    let (kept, gone) = (customer.uploaded(b"kept").await, customer.uploaded(b"gone").await);
    let same = customer.uploaded(b"kept").await;
    let job = Box::pin(done(&app, &customer, "out", b"result")).await;
    assert_eq!(customer.delete(&format!("/v1/uploads/{}", gone.id)).await.status(), 204);
    assert_eq!(customer.delete(&format!("/v1/uploads/{}", same.id)).await.status(), 204);
    tokio::time::sleep(Duration::from_millis(120)).await;
    let parts = app.app();
    let swept = sweep::sweep(&parts.store, &parts.blobs, &parts.config.timers).await.expect("swept");
    assert_eq!(swept.objects, 2, "the deleted upload's bytes, and the second copy of what is kept: {swept:?}");
    assert_eq!(swept.recounted, 0, "storage was counted rightly all along");
    let mut rig = FakeAgent::connect(&app).await;
    let input = json!({ "upload": kept.id, "sha256": kept.sha256, "path": "in" });
    customer.submit(json!({ "inputs": [input] })).await;
    let offer = rig.offer().await;
    let address = offer.base.join("inputs/0").expect("an address");
    let bytes = reqwest::Client::new().get(address).bearer_auth(&offer.token).send().await.expect("an answer").bytes().await;
    assert_eq!(&bytes.expect("bytes")[..], b"kept");
    let result = customer.get(&format!("/v1/jobs/{job}/artifacts/out")).await;
    assert_eq!(&result.bytes().await.expect("bytes")[..], b"result");
}

#[tokio::test]
async fn an_upload_nobody_uses_goes_when_its_time_is_over() {
    let app = TestApp::start_with(|config| {
        config.timers.upload_keep = Duration::from_millis(50);
        config.timers.blob_grace = Duration::from_millis(300);
        config.timers.checkpoint_upload = Duration::from_millis(290);
        config.timers.sweep = Duration::from_secs(3_600);
    })
    .await;
    let customer = app.customer(10).await;
    let (used, unused) = (customer.uploaded(b"used").await, customer.uploaded(b"unused").await);
    let input = json!({ "upload": used.id, "sha256": used.sha256, "path": "in" });
    customer.submit(json!({ "inputs": [input] })).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    let parts = app.app();
    let swept = sweep::sweep(&parts.store, &parts.blobs, &parts.config.timers).await.expect("swept");
    assert_eq!(swept.uploads, 1);
    assert_eq!(customer.get(&format!("/v1/uploads/{}", used.id)).await.status(), 200);
    assert_eq!(customer.get(&format!("/v1/uploads/{}", unused.id)).await.status(), 404);
}
