//! How long an owner waits for his window: from the start of its process to the first content that its page draws. Xvfb, WebKitWebDriver
//! and tauri-driver as in the tests of the window; the agent plays a part and runs already.
//!
//! First paint is the page's own `first-contentful-paint`: sidebar and headline, drawn. The process begins when the system says that it does,
//! which is exact to a hundredth of a second. Prints one figure as a line of JSON; `cargo xtask bench window` says what it should be.

#[cfg(target_os = "linux")]
#[allow(dead_code, reason = "the tests of the window use more of it")]
#[path = "../tests/window/driver.rs"]
mod driver;
#[cfg(target_os = "linux")]
#[allow(dead_code, reason = "the tests of the window use more of it")]
#[path = "../tests/window/page.rs"]
mod page;
#[cfg(target_os = "linux")]
#[allow(dead_code, reason = "the tests of the window use more of it")]
#[path = "../tests/window/processes.rs"]
mod processes;
#[cfg(target_os = "linux")]
#[allow(dead_code, reason = "the tests of the window use more of it")]
#[path = "../tests/window/screen.rs"]
mod screen;
#[cfg(target_os = "linux")]
#[allow(dead_code, reason = "the tests of the window use more of it")]
#[path = "../tests/window/session.rs"]
mod session;
#[cfg(target_os = "linux")]
#[allow(dead_code, reason = "the tests of the window use more of it")]
#[path = "../tests/window/stage.rs"]
mod stage;

#[cfg(target_os = "linux")]
fn main() {
    linux::measure();
}

#[cfg(not(target_os = "linux"))]
#[expect(clippy::print_stderr, reason = "a measurement tells why there is none")]
fn main() {
    eprintln!("The window is measured on Linux only.");
}

#[cfg(target_os = "linux")]
mod linux {
    use std::{fs, time::UNIX_EPOCH};

    use serde_json::json;

    use crate::stage::{Stage, built};

    /// Windows that are opened. The first finds cold disks and is not counted.
    const WINDOWS: usize = 6;

    /// Parts of a second in which Linux counts the starts of processes, wherever it runs (`USER_HZ`).
    const TICKS_PER_S: f64 = 100.0;

    /// When the page drew its first content, in milliseconds since 1970; asked until it has.
    const PAINTED: &str = "
        for (;;) {
            const [first] = performance.getEntriesByName('first-contentful-paint');
            if (first) return performance.timeOrigin + first.startTime;
            await new Promise((go) => setTimeout(go, 50));
        }
    ";

    #[tokio::main(flavor = "current_thread")]
    #[expect(clippy::print_stdout, reason = "a measurement tells what it found")]
    pub(super) async fn measure() {
        let stage = Stage::set(built("examples/scripted_agent"));
        let mut took = Vec::new();
        for _ in 0..WINDOWS {
            let window = stage.open().await;
            let painted_ms = window.page.tries(PAINTED, vec![]).await.as_f64().expect("a page says when it drew");
            took.push(painted_ms / 1_000.0 - started_s(window.process.id()));
            window.process.kill();
        }
        took.remove(0);
        took.sort_by(f64::total_cmp);
        let (least, middle, most) = (took[0], took[took.len() / 2], took[took.len() - 1]);
        let note = format!(
            "start of the process to the page's first-contentful-paint, Xvfb, median of {} ({least:.2} to {most:.2})",
            took.len()
        );
        println!("{}", json!({ "id": "window.first_paint_s", "value": middle, "unit": "s", "note": note }));
    }

    /// When a process began, in seconds since 1970.
    fn started_s(pid: i32) -> f64 {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).expect("it runs");
        // Behind the name, which may hold anything, the start is the twentieth of the figures.
        let (_, figures) = stat.rsplit_once(')').expect("a name in brackets");
        let ticks: f64 = figures.split_whitespace().nth(19).and_then(|figure| figure.parse().ok()).expect("a number");
        let uptime = fs::read_to_string("/proc/uptime").expect("this is Linux");
        let now = UNIX_EPOCH.elapsed().expect("after 1970").as_secs_f64();
        let up: f64 = uptime.split(' ').next().and_then(|figure| figure.parse().ok()).expect("a number");
        now - up + ticks / TICKS_PER_S
    }
}
