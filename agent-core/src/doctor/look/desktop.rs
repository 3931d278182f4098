//! Asks the session's bus who is there. Starts nobody: a keeper of passwords that could be started counts.

#[cfg(target_os = "linux")]
use std::time::Duration;

use crate::doctor::facts::Desktop;

/// A bus answers in microseconds; one that hangs is none.
#[cfg(target_os = "linux")]
const PATIENCE: Duration = Duration::from_secs(2);

#[cfg(target_os = "linux")]
pub(super) async fn look() -> Desktop {
    let asked = async {
        let bus = zbus::Connection::session().await?;
        let names = zbus::fdo::DBusProxy::new(&bus).await?;
        let (mut known, startable) = (names.list_names().await?, names.list_activatable_names().await?);
        known.extend(startable);
        let has = |wanted: &str| known.iter().any(|name| name.as_str() == wanted);
        let (tray, secrets) = (has("org.kde.StatusNotifierWatcher"), has("org.freedesktop.secrets"));
        Ok::<_, zbus::Error>(Desktop { tray: Some(tray), secrets: Some(secrets) })
    };
    tokio::time::timeout(PATIENCE, asked).await.ok().and_then(Result::ok).unwrap_or_default()
}

/// The keepers of the other systems are always there; their trays are not used yet.
#[cfg(not(target_os = "linux"))]
pub(super) async fn look() -> Desktop {
    Desktop { tray: Some(false), secrets: Some(true) }
}
