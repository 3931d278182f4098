//! Where the tray is not built: it says so, and the agent runs on.

use headframe_agent::{Handle, tasks::Tasks};
use headframe_control::AgentPaths;
use tracing::warn;

pub(crate) fn show(_guests: &Tasks, _agent: &Handle, _paths: &AgentPaths) {
    warn!("This build has no tray for this system; the agent runs without");
}
