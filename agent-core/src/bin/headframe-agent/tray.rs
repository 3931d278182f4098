//! The icon in the desktop's tray (StatusNotifierItem, no toolkit): the state, and what an owner wants at hand.

use std::{
    io,
    path::PathBuf,
    process::{Command, Stdio},
    sync::Arc,
    time::Duration,
};

use headframe_agent::{Handle, clock, duty::Ask, settings::notices, tasks::apart};
use headframe_control::{AgentPaths, Client, paths::DATA_DIR_ENV};
use headframe_protocol::control::{JobsArgs, Language, MoneyNews, Phase, Snapshot, ToldArgs, WalletAnswer, WalletRequest};
use jiff::Zoned;
use ksni::{Icon, MenuItem, Status, ToolTip, Tray, TrayMethods as _, menu::StandardItem};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::{
    news::{self, Due, News},
    words,
};

/// Clicks waiting to be carried out.
const CLICKS_MAX: usize = 16;

/// What `Snooze` means.
const SNOOZE: Duration = Duration::from_secs(3_600);

/// The hour at which a rig that was to rest until tomorrow begins again; the window means the same one.
const MORNING_HOUR: i8 = 6;

/// How often to look whether the owner is to be told something.
const LOOK_EVERY: Duration = Duration::from_mins(1);

/// Jobs that are looked at when the history has changed: more end in a minute on no rig.
const NEWEST: u32 = 50;

/// The window's program.
const WINDOW_BIN: &str = "headframe-desktop";

/// Shows the tray until the agent ends. Without a session bus or a tray on it, says so once and leaves the agent alone.
pub(crate) async fn show(agent: Handle, paths: AgentPaths, stop: CancellationToken) {
    let (clicks, mut inbox) = mpsc::channel(CLICKS_MAX);
    let mut snapshots = agent.snapshots();
    let rig_tray = RigTray { snapshot: snapshots.borrow_and_update().clone(), icons: Icons::load(), clicks };
    // A desktop that is still starting has no tray yet: it appears when the desktop has one.
    let tray = match rig_tray.assume_sni_available(true).spawn().await {
        Ok(tray) => tray,
        Err(error) => {
            warn!("No tray: {error}; the agent runs without");
            return;
        }
    };
    info!("The tray is there");
    let (mut herald, mut look) = (Herald::new(news::of_desktop()), tokio::time::interval(LOOK_EVERY));
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled() => break,
            Some(click) = inbox.recv() => carry_out(click, &agent, &paths).await,
            _ = look.tick() => {
                let snapshot = Arc::clone(&snapshots.borrow());
                herald.look(&snapshot, &paths).await;
            }
            changed = snapshots.changed() => match changed {
                Ok(()) => {
                    let snapshot = snapshots.borrow_and_update().clone();
                    tray.update(|tray| tray.snapshot = snapshot).await;
                    // Some trays draw every update: four a second are enough for anybody.
                    tokio::time::sleep(Duration::from_millis(250)).await;
                }
                Err(_) => break,
            },
        }
    }
    tray.shutdown().await;
}

/// Looks what the owner may want to be told, and tells him.
struct Herald {
    news: News,
    /// The history that was looked at last; none before the first look.
    history: Option<u32>,
}

impl Herald {
    fn new(language: Language) -> Self {
        Self { news: News::new(language), history: None }
    }

    async fn look(&mut self, snapshot: &Snapshot, paths: &AgentPaths) {
        let dir = paths.data_dir().to_owned();
        let wanted = match apart(move || notices::page(&dir)).await {
            Some(Ok(page)) => page.notices,
            Some(Err(error)) => return info!("Nobody is told anything: {error}"),
            None => return,
        };
        if self.history != Some(snapshot.history) {
            // As any guest: the history is in the agent's store, and its door is the socket.
            let asked = async { Client::connect(paths).await?.jobs(JobsArgs { after: None, limit: NEWEST }).await };
            if let Ok(page) = asked.await {
                self.news.jobs(&page.jobs, wanted);
                self.history = Some(snapshot.history);
            }
        }
        let untold = ask_money(paths, WalletRequest::News).await;
        if wanted.paid {
            self.news.money(untold);
        } else if !untold.is_empty() {
            // Whoever wants to hear of it later does not want to hear of what was before.
            self.know(paths, untold.into_iter().map(|news| news.id).collect()).await;
        }
        self.news.clock(snapshot.clock);
        let Some(Due { item, money }) = self.news.due(&snapshot.phase, snapshot.since_ms, clock::wall(), wanted) else { return };
        match news::tell(&item).await {
            Ok(()) => self.know(paths, money.into_iter().collect()).await,
            Err(error) => info!("Nobody could be told: {error}"),
        }
    }

    /// The owner knows of this money.
    async fn know(&mut self, paths: &AgentPaths, ids: Vec<String>) {
        if !ids.is_empty() {
            self.news.knows(&ids);
            self.news.money(ask_money(paths, WalletRequest::Told(ToldArgs { ids })).await);
        }
    }
}

/// Money the owner does not know of. Without an answer there is none, for now.
async fn ask_money(paths: &AgentPaths, ask: WalletRequest) -> Vec<MoneyNews> {
    let asked = async { Client::connect(paths).await?.wallet(ask).await };
    match asked.await {
        Ok(WalletAnswer::News { news }) => news,
        Ok(_) | Err(_) => Vec::new(),
    }
}

/// What can be clicked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Click {
    Open,
    Start,
    Pause,
    Snooze,
    Tomorrow,
    Finish,
    Quit,
}

async fn carry_out(click: Click, agent: &Handle, paths: &AgentPaths) {
    let ask = match click {
        Click::Open => {
            if let Err(error) = open_window(paths) {
                warn!("Could not open the window: {error}");
            }
            return;
        }
        Click::Start => Ask::Start,
        Click::Pause => Ask::Pause(None),
        Click::Snooze => Ask::Pause(Some(SNOOZE)),
        Click::Tomorrow => Ask::Pause(until_morning(&Zoned::now())),
        Click::Finish => Ask::Finish,
        Click::Quit => Ask::Quit,
    };
    if agent.ask(ask).await.is_err() {
        info!("The agent is ending; a click in the tray was dropped");
    }
}

/// How long it is until tomorrow's morning, by the calendar: one night of the year has an hour less, and one has one more. Absent only at
/// the end of all calendars, where a pause has no end either.
fn until_morning(now: &Zoned) -> Option<Duration> {
    let morning = now.tomorrow().ok()?.with().time(jiff::civil::time(MORNING_HOUR, 0, 0, 0)).build().ok()?;
    now.timestamp().duration_until(morning.timestamp()).try_into().ok()
}

/// Starts the window beside us, or the one on the path. It keeps to a single instance by itself.
fn open_window(paths: &AgentPaths) -> io::Result<()> {
    let beside = std::env::current_exe()?.with_file_name(WINDOW_BIN);
    let program = if beside.is_file() { beside } else { PathBuf::from(WINDOW_BIN) };
    let mut command = Command::new(program);
    command.env(DATA_DIR_ENV, paths.data_dir()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    // Its own process group: a signal to the agent's terminal is not for the window.
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    let mut window = command.spawn()?;
    // Somebody has to ask how it ended, or it stays in the process table while we live.
    std::thread::Builder::new().name("window-reaper".to_owned()).spawn(move || window.wait())?;
    Ok(())
}

struct RigTray {
    snapshot: Arc<Snapshot>,
    icons: Icons,
    clicks: mpsc::Sender<Click>,
}

impl RigTray {
    fn item(label: &str, enabled: bool, click: Click) -> MenuItem<Self> {
        let activate = move |tray: &mut Self| {
            // Full only if the owner clicks faster than the agent decides; the extra clicks say nothing new.
            tray.clicks.try_send(click).ok();
        };
        StandardItem { label: label.to_owned(), enabled, activate: Box::new(activate), ..StandardItem::default() }.into()
    }

    fn state(&self) -> String {
        words::state(&self.snapshot, clock::wall())
    }
}

impl Tray for RigTray {
    fn id(&self) -> String {
        "headframe-agent".to_owned()
    }

    fn title(&self) -> String {
        "Headframe".to_owned()
    }

    fn status(&self) -> Status {
        Status::Active
    }

    fn icon_pixmap(&self) -> Vec<Icon> {
        self.icons.of(&self.snapshot.phase)
    }

    fn tool_tip(&self) -> ToolTip {
        ToolTip { title: "Headframe".to_owned(), description: self.state(), ..ToolTip::default() }
    }

    fn activate(&mut self, _x: i32, _y: i32) {
        self.clicks.try_send(Click::Open).ok();
    }

    fn menu(&self) -> Vec<MenuItem<Self>> {
        let (start, pausable) = match self.snapshot.phase {
            Phase::Off => (Some("Start"), false),
            Phase::Paused { .. } | Phase::Draining => (Some("Resume"), true),
            Phase::Checking
            | Phase::Waiting { .. }
            | Phase::Ready
            | Phase::Preparing
            | Phase::Working
            | Phase::Benchmarking { .. }
            | Phase::Yielding
            | Phase::Uploading => (None, true),
        };
        let working = matches!(self.snapshot.phase, Phase::Working);
        vec![
            StandardItem { label: self.state(), enabled: false, ..StandardItem::default() }.into(),
            MenuItem::Separator,
            Self::item("Open Headframe", true, Click::Open),
            // The words are those of the window.
            Self::item("Why is it not earning?", !working, Click::Open),
            MenuItem::Separator,
            Self::item(start.unwrap_or("Start"), start.is_some(), Click::Start),
            Self::item("Pause", pausable, Click::Pause),
            Self::item("Snooze for 1 h", pausable, Click::Snooze),
            Self::item("Snooze until tomorrow, 06:00", pausable, Click::Tomorrow),
            Self::item("Finish, then stop", pausable, Click::Finish),
            MenuItem::Separator,
            Self::item("Quit", true, Click::Quit),
        ]
    }
}

/// One icon for each kind of state, in the two sizes desktops ask for.
struct Icons {
    idle: Vec<Icon>,
    working: Vec<Icon>,
    paused: Vec<Icon>,
    fault: Vec<Icon>,
}

impl Icons {
    fn load() -> Self {
        Self {
            idle: decode(&[
                include_bytes!("../../../../icons/tray-idle.png"),
                include_bytes!("../../../../icons/tray-idle@2x.png"),
            ]),
            working: decode(&[
                include_bytes!("../../../../icons/tray-working.png"),
                include_bytes!("../../../../icons/tray-working@2x.png"),
            ]),
            paused: decode(&[
                include_bytes!("../../../../icons/tray-paused.png"),
                include_bytes!("../../../../icons/tray-paused@2x.png"),
            ]),
            fault: decode(&[
                include_bytes!("../../../../icons/tray-fault.png"),
                include_bytes!("../../../../icons/tray-fault@2x.png"),
            ]),
        }
    }

    fn of(&self, phase: &Phase) -> Vec<Icon> {
        let icon = match phase {
            // Amber means earning now, here as in the window.
            Phase::Working => &self.working,
            Phase::Off | Phase::Paused { .. } | Phase::Draining | Phase::Yielding => &self.paused,
            Phase::Waiting { reasons } if reasons.iter().any(is_fault) => &self.fault,
            Phase::Waiting { .. }
            | Phase::Ready
            | Phase::Checking
            | Phase::Benchmarking { .. }
            | Phase::Preparing
            | Phase::Uploading => &self.idle,
        };
        icon.clone()
    }
}

/// Whether the owner would want to do something about it.
const fn is_fault(reason: &headframe_protocol::control::WaitReason) -> bool {
    use headframe_protocol::control::WaitReason;
    match reason {
        WaitReason::NoIdleProbe
        | WaitReason::NoEngine
        | WaitReason::EngineUnusable { .. }
        | WaitReason::Refused { .. }
        | WaitReason::ProbeBroken { .. }
        | WaitReason::RulesBroken { .. }
        | WaitReason::Schedule { opens_ms: None }
        | WaitReason::DiskFull => true,
        WaitReason::OwnerActive { .. }
        | WaitReason::Offline
        | WaitReason::BackingOff { .. }
        | WaitReason::Schedule { opens_ms: Some(_) }
        | WaitReason::Remote
        | WaitReason::Program { .. }
        | WaitReason::Fullscreen
        | WaitReason::OnBattery
        | WaitReason::Metered
        | WaitReason::Hot { .. }
        | WaitReason::GpuInUse { .. }
        | WaitReason::GpuKept { .. }
        | WaitReason::CoolingDown { .. }
        | WaitReason::Busy { .. }
        | WaitReason::Unprofitable { .. } => false,
    }
}

/// The files are ours and RGBA; one that is not is left out, and the desktop draws its own placeholder.
fn decode(files: &[&[u8]]) -> Vec<Icon> {
    files.iter().filter_map(|file| rgba(file)).collect()
}

fn rgba(file: &[u8]) -> Option<Icon> {
    let mut reader = png::Decoder::new(io::Cursor::new(file)).read_info().ok()?;
    let mut pixels = vec![0; reader.output_buffer_size()?];
    let frame = reader.next_frame(&mut pixels).ok()?;
    if (frame.color_type, frame.bit_depth) != (png::ColorType::Rgba, png::BitDepth::Eight) {
        return None;
    }
    pixels.truncate(frame.buffer_size());
    // The bus wants alpha first.
    for pixel in pixels.chunks_exact_mut(4) {
        pixel.rotate_right(1);
    }
    Some(Icon { width: i32::try_from(frame.width).ok()?, height: i32::try_from(frame.height).ok()?, data: pixels })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tomorrow_begins_at_six_however_long_the_night_is() {
        // The rules of eastern Europe, written out: not every PC that tests has a list of zones.
        let zone = jiff::tz::TimeZone::posix("EET-2EEST,M3.5.0/3,M10.5.0/4").expect("a zone");
        for (now, hours) in [
            ("2026-11-23T22:00", 8),
            ("2026-11-23T02:00", 28),
            // Clocks go back in this night, and forward in the other.
            ("2026-10-24T22:00", 9),
            ("2026-03-28T22:00", 7),
        ] {
            let now = now.parse::<jiff::civil::DateTime>().expect("a time").to_zoned(zone.clone()).expect("it happens");
            assert_eq!(until_morning(&now), Some(Duration::from_hours(hours)), "{now}");
        }
    }

    #[test]
    fn every_state_has_its_icon_in_two_sizes() {
        let Icons { idle, working, paused, fault } = Icons::load();
        for icons in [idle, working, paused, fault] {
            assert_eq!(icons.len(), 2);
            assert!(icons.iter().all(|icon| icon.data.len() == (icon.width * icon.height * 4) as usize));
        }
    }
}
