//! What the window costs its owner: how much it loads, how soon it shows something, what it takes while nothing happens.

use std::{path::Path, thread::sleep, time::Duration};

use anyhow::{Context as _, Result, bail};

use super::{Figure, guest::cpu_of_tree, printed_figure};
use crate::{
    display::Display,
    process::{Server, capture, cargo, find, run, tied_to_us},
    setup::{self, Area, Tool},
    story, ui,
    workspace::{self, Profile},
};

/// What the figures should reach. Nothing here fails a test: a busy machine is not a slow window.
const GOALS: [(&str, f64); 7] = [
    ("ui.js_kb_gz", 180.0),
    ("ui.js_first_kb_gz", 120.0),
    ("ui.js_all_kb_gz", 260.0),
    ("window.first_paint_s", 1.0),
    ("window.idle_cpu_pct", 1.0),
    ("window.log_scroll_fps", 60.0),
    ("window.day_heap_growth_kb", 500.0),
];

/// How long a window has been open before it is looked at, and how long it is.
const SETTLED_AFTER: Duration = Duration::from_secs(30);
const COUNTED: Duration = Duration::from_secs(120);

/// An agent that plays a part, so that nothing changes while nothing should.
const AGENT: &str = "scripted_agent";

/// All figures of the area.
pub(super) fn measure() -> Result<Vec<Figure>> {
    setup::ensure(&[Area::Build, Area::WindowBuild, Area::Ui, Area::Display, Area::WindowTest, Area::Browser])?;
    setup::install_tool(&Tool::TAURI_DRIVER)?;
    ui::install()?;
    ui::build()?;
    let mut lines = ui::measured("bench:size")?;
    lines.extend(ui::measured("bench:pages")?);
    run(cargo().args(["build", "--profile", "rig", "--package", "headframe-desktop", "--bin", "headframe-desktop"]))?;
    run(cargo().args(["build", "--package", "headframe-desktop", "--example", AGENT]))?;
    let display = Display::private()?;
    lines.push(first_paint(&display)?);
    let figures = lines.iter().map(|line| printed_figure(line, &GOALS).with_context(|| format!("this is no figure: {line}")));
    let mut figures = figures.collect::<Result<Vec<_>>>()?;
    figures.push(idle(&display)?);
    if figures.len() != GOALS.len() {
        bail!("{} figures instead of {}", figures.len(), GOALS.len());
    }
    Ok(figures)
}

/// The window's own measurement prints one line.
fn first_paint(display: &Display) -> Result<String> {
    let mut measure = cargo();
    measure.args(["bench", "--quiet", "--profile", "dev", "--package", "headframe-desktop", "--bench", "window"]);
    display.lend(&mut measure);
    measure.env("HEADFRAME_DESKTOP_BIN", workspace::binary(Profile::Rig, "headframe-desktop"));
    measure.envs(find("tauri-driver").map(|driver| ("HEADFRAME_TAURI_DRIVER", driver)));
    measure.envs(find("WebKitWebDriver").map(|driver| ("HEADFRAME_WEBKIT_DRIVER", driver)));
    measure.env("HEADFRAME_SCREENSHOTS", workspace::target_folder("window")?);
    capture(&mut measure).context("the window could not be measured")
}

/// The processor time of the window's processes while nothing changes.
fn idle(display: &Display) -> Result<Figure> {
    let dir = workspace::target_folder("bench/window")?;
    let _agent = start("the agent", &workspace::target().join("debug/examples").join(AGENT), &["run"], &dir, display)?;
    let window = start("the window", &workspace::binary(Profile::Rig, "headframe-desktop"), &[], &dir, display)?;
    story::tell(format_args!("Watching a window in which nothing happens for {} s", COUNTED.as_secs()));
    sleep(SETTLED_AFTER);
    let before = cpu_of_tree(window.id())?;
    sleep(COUNTED);
    let value = (cpu_of_tree(window.id())? - before) / COUNTED.as_secs_f64() * 100.0;
    let note = format!("the Rig page beside a rig that is off, all processes of the window, over {} s", COUNTED.as_secs());
    let baseline = GOALS.iter().find(|(id, _)| *id == "window.idle_cpu_pct").map_or(f64::NAN, |(_, goal)| *goal);
    Ok(Figure { id: "window.idle_cpu_pct".to_owned(), value, unit: "% of a core".to_owned(), baseline, note })
}

fn start(name: &'static str, program: &Path, arguments: &[&str], dir: &Path, display: &Display) -> Result<Server> {
    let mut command = tied_to_us(program, None);
    command.args(arguments).env("HEADFRAME_AGENT_DIR", dir);
    display.lend(&mut command);
    Server::start(name, &mut command, &workspace::log("bench-window")?)
}
