//! Where the tray is not built: it says so, and the agent runs on.

use headframe_agent::Handle;
use headframe_control::AgentPaths;
use tokio_util::sync::CancellationToken;
use tracing::warn;

pub(crate) async fn show(_agent: Handle, _paths: AgentPaths, _stop: CancellationToken) {
    warn!("This build has no tray for this system; the agent runs without");
}
