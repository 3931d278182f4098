//! The icon in the desktop's tray (StatusNotifierItem, no toolkit): the state, and what an owner wants at hand.

use std::{
    io,
    path::PathBuf,
    process::{Command, Stdio},
    sync::Arc,
    time::Duration,
};

use headframe_agent::{Handle, clock, duty::Ask, tasks::Tasks};
use headframe_control::{AgentPaths, paths::DATA_DIR_ENV};
use headframe_protocol::control::{Language, Phase, Snapshot};
use jiff::Zoned;
use ksni::{Icon, MenuItem, Status, ToolTip, Tray, TrayMethods as _, menu::StandardItem};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::{
    news::{self, Entry, as_label, as_markup, herald},
    words,
};

/// Clicks waiting to be carried out.
const CLICKS_MAX: usize = 16;

/// What `Snooze` means.
const SNOOZE: Duration = Duration::from_secs(3_600);

/// The hour at which a rig that was to rest until tomorrow begins again; the window means the same one.
const MORNING_HOUR: i8 = 6;

/// The window's program.
const WINDOW_BIN: &str = "headframe-desktop";

/// Shows the tray and tells the owner what he wants to hear, until `guests` are to end. A desktop without a tray may still show notices.
pub(crate) fn show(guests: &Tasks, agent: &Handle, paths: &AgentPaths) {
    guests.spawn("tray", serve(agent.clone(), paths.clone(), guests.stopped()));
    guests.spawn_until_stopped("herald", herald::tell_on(agent.clone(), paths.clone()));
}

/// Without a session bus or a tray on it, says so once and leaves the agent alone.
async fn serve(agent: Handle, paths: AgentPaths, stop: CancellationToken) {
    let (clicks, mut inbox) = mpsc::channel(CLICKS_MAX);
    let mut snapshots = agent.snapshots();
    let snapshot = snapshots.borrow_and_update().clone();
    let rig_tray = RigTray { snapshot, icons: Icons::load(), clicks, language: news::of_desktop() };
    // A desktop that is still starting has no tray yet: it appears when the desktop has one.
    let tray = match stop.run_until_cancelled(rig_tray.assume_sni_available(true).spawn()).await {
        Some(Ok(tray)) => tray,
        Some(Err(error)) => return warn!("No tray: {error}; the agent runs without"),
        // A bus that does not answer: nothing was shown yet.
        None => return,
    };
    info!("The tray is there");
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled() => break,
            Some(click) = inbox.recv() => carry_out(click, &agent, &paths).await,
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

/// What the owner may tell his rig in a phase: what the window offers there, in its order.
const fn offers(phase: &Phase) -> &'static [Entry] {
    match phase {
        Phase::Off => &[Entry::Start],
        Phase::Paused { .. } => &[Entry::Resume],
        Phase::Draining => &[Entry::Resume, Entry::Pause],
        Phase::Checking | Phase::Benchmarking { .. } | Phase::Waiting { .. } | Phase::Ready => {
            &[Entry::Pause, Entry::Snooze, Entry::Tomorrow]
        }
        Phase::Preparing | Phase::Working | Phase::Yielding | Phase::Uploading => {
            &[Entry::Pause, Entry::Snooze, Entry::Tomorrow, Entry::Finish]
        }
    }
}

async fn carry_out(click: Entry, agent: &Handle, paths: &AgentPaths) {
    let ask = match click {
        Entry::Open | Entry::Why => {
            if let Err(error) = open_window(paths) {
                warn!("Could not open the window: {error}");
            }
            return;
        }
        Entry::Start | Entry::Resume => Ask::Start,
        Entry::Pause => Ask::Pause(None),
        Entry::Snooze => Ask::Pause(Some(SNOOZE)),
        Entry::Tomorrow => Ask::Pause(until_morning(&Zoned::now())),
        Entry::Finish => Ask::Finish,
        Entry::Quit => Ask::Quit,
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
    clicks: mpsc::Sender<Entry>,
    language: Language,
}

impl RigTray {
    fn item(&self, click: Entry) -> StandardItem<Self> {
        let activate = move |tray: &mut Self| {
            // Full only if the owner clicks faster than the agent decides; the extra clicks say nothing new.
            tray.clicks.try_send(click).ok();
        };
        let label = as_label(news::label(click, self.language));
        StandardItem { label, activate: Box::new(activate), ..StandardItem::default() }
    }

    /// In English, as everything that [`words`] says: the sentences of states are too many to have them here and in the window.
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
        ToolTip { title: "Headframe".to_owned(), description: as_markup(&self.state()), ..ToolTip::default() }
    }

    fn activate(&mut self, _x: i32, _y: i32) {
        self.clicks.try_send(Entry::Open).ok();
    }

    fn menu(&self) -> Vec<MenuItem<Self>> {
        let state = StandardItem { label: as_label(&self.state()), enabled: false, ..StandardItem::default() };
        let why = StandardItem { enabled: !matches!(self.snapshot.phase, Phase::Working), ..self.item(Entry::Why) };
        let mut menu = vec![state.into(), MenuItem::Separator, self.item(Entry::Open).into(), why.into(), MenuItem::Separator];
        menu.extend(offers(&self.snapshot.phase).iter().map(|entry| self.item(*entry).into()));
        menu.extend([MenuItem::Separator, self.item(Entry::Quit).into()]);
        menu
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
    use headframe_protocol::control::{Event, MeasuringView, WaitReason};

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

    fn tray(snapshot: Snapshot) -> RigTray {
        let (clicks, _) = mpsc::channel(1);
        RigTray { snapshot: Arc::new(snapshot), icons: Icons::load(), clicks, language: Language::English }
    }

    fn snapshot(phase: Phase) -> Snapshot {
        let golden = include_str!("../../../../protocol/tests/wire/event-snapshot-proving.json");
        let Ok(Event::Snapshot { snapshot }) = serde_json::from_str(golden) else { panic!("a golden snapshot") };
        Snapshot { phase, ..*snapshot }
    }

    fn labels(tray: &RigTray) -> Vec<String> {
        let label = |item| if let MenuItem::Standard(item) = item { Some(item.label) } else { None };
        tray.menu().into_iter().filter_map(label).collect()
    }

    fn phases() -> Vec<Phase> {
        let until_ms = Some(clock::wall());
        vec![
            Phase::Off,
            Phase::Checking,
            Phase::Waiting { reasons: Vec::new() },
            Phase::Benchmarking { measuring: MeasuringView::default() },
            Phase::Ready,
            Phase::Preparing,
            Phase::Working,
            Phase::Yielding,
            Phase::Uploading,
            Phase::Draining,
            Phase::Paused { until_ms },
        ]
    }

    /// What the window's table says of a phase: the first line that returns something behind its case.
    fn window_offers(kind: &str) -> Vec<&'static str> {
        let table = include_str!("../../../../ui/src/lib/rig/actions.ts");
        let (_, behind) = table.split_once(&format!("case '{kind}':")).expect("the window knows the phase");
        let line = behind.lines().find(|line| line.contains("return")).expect("and offers something");
        line.split('\'').skip(1).step_by(2).collect()
    }

    #[test]
    fn the_menu_offers_in_each_phase_what_the_window_offers() {
        for phase in phases() {
            let kind = serde_json::to_value(&phase).expect("plain")["kind"].as_str().expect("a kind").to_owned();
            let offered: Vec<String> = offers(&phase).iter().map(|entry| format!("{entry:?}").to_lowercase()).collect();
            assert_eq!(offered, window_offers(&kind), "{kind}");
        }
    }

    #[test]
    fn the_menu_of_a_paused_rig_is_short_and_speaks_its_owners_language() {
        let mut tray = tray(snapshot(Phase::Paused { until_ms: None }));
        assert_eq!(labels(&tray)[1..], ["Open Headframe", "Why is it not earning?", "Resume", "Quit"]);
        tray.language = Language::Spanish;
        assert_eq!(labels(&tray)[1..], ["Abrir Headframe", "¿Por qué no gana?", "Reanudar", "Salir"]);
    }

    #[test]
    fn a_title_stands_in_the_tray_as_its_customer_wrote_it() {
        let reasons = vec![WaitReason::Program { name: "<b>my_job</b> & co".to_owned() }];
        let tray = tray(snapshot(Phase::Waiting { reasons }));
        let tip = tray.tool_tip().description;
        assert!(tip.contains("&lt;b&gt;my_job&lt;/b&gt; &amp; co") && !tip.contains('<'), "{tip}");
        assert!(labels(&tray)[0].contains("<b>my__job</b> & co"), "{:?}", labels(&tray));
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
