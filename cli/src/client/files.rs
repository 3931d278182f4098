//! The part of the API that moves files: inputs there, results back.

use headframe_protocol::{
    JobId, Sha256,
    api::{ArtifactList, Upload},
};
use reqwest::{
    Method, Response,
    header::{CONTENT_LENGTH, IF_RANGE, RANGE},
};

use super::Client;
use crate::error::ClientError;

impl Client {
    /// The files of a job's accepted result.
    #[allow(clippy::missing_errors_doc, reason = "said once at `account`")]
    pub async fn artifacts(&self, id: JobId) -> Result<ArtifactList, ClientError> {
        self.get(&["jobs", &id.to_string(), "artifacts"], &[]).await
    }

    /// The bytes of one file of a result, from byte `from` on if the coordinator can; status 206 says that it did.
    #[allow(clippy::missing_errors_doc, reason = "said once at `account`")]
    pub async fn artifact(&self, id: JobId, path: &str, sum: Sha256, from: u64) -> Result<Response, ClientError> {
        let job = id.to_string();
        let segments: Vec<&str> = ["jobs", &job, "artifacts"].into_iter().chain(path.split('/')).collect();
        let request = || {
            let request = self.request(Method::GET, &segments);
            match from {
                0 => request,
                _ => request.header(RANGE, format!("bytes={from}-")).header(IF_RANGE, format!("\"{sum}\"")),
            }
        };
        self.send(&request).await
    }

    /// How a job's result came to be, as the coordinator serves it.
    #[allow(clippy::missing_errors_doc, reason = "said once at `account`")]
    pub async fn provenance(&self, id: JobId) -> Result<headframe_protocol::api::Provenance, ClientError> {
        self.get(&["jobs", &id.to_string(), "provenance.json"], &[]).await
    }

    /// Uploads bytes as an input. `body` is asked for the bytes again for every try.
    #[allow(clippy::missing_errors_doc, reason = "said once at `account`")]
    pub async fn upload(
        &self,
        sum: Sha256,
        bytes: u64,
        body: &(dyn Fn() -> reqwest::Body + Sync),
    ) -> Result<Upload, ClientError> {
        let request = || {
            let request = self.request(Method::POST, &["uploads"]).header("x-content-sha256", sum.to_string());
            request.header(CONTENT_LENGTH, bytes).header("content-type", "application/octet-stream").body(body())
        };
        self.document(self.send(&request).await?).await
    }
}
