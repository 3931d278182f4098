//! A check-up as a text for people.

use headframe_protocol::control::{Check, Checkup, Verdict};

/// The check-up in lines; with `in_full`, everything of each check. `by_agent` says whether the agent that runs has looked itself.
#[must_use]
pub fn text(checkup: &Checkup, in_full: bool, by_agent: bool) -> String {
    let widest = checkup.checks.iter().map(|check| check.what.chars().count()).max().unwrap_or_default();
    let mut lines =
        vec![format!("Headframe agent {}, {}.", env!("CARGO_PKG_VERSION"), if by_agent { "running" } else { "not running" })];
    for check in &checkup.checks {
        lines.extend(told(check, widest, in_full));
    }
    lines.push(summary(checkup));
    lines.join("\n")
}

/// What is as it should be is one line; what is not says what it takes.
fn told(check: &Check, widest: usize, in_full: bool) -> Vec<String> {
    let Check { id: _, verdict, what, actual, required, why, fix } = check;
    let mut lines = vec![format!("{:7}  {what:widest$}  {actual}", mark(*verdict))];
    let explained = match verdict {
        Verdict::Ok => in_full,
        Verdict::Warn | Verdict::Fail => true,
        Verdict::Unknown => in_full,
    };
    if explained {
        lines.push(format!("{:7}    needed: {required}", ""));
        lines.push(format!("{:7}    why: {why}", ""));
    }
    lines.extend(fix.iter().map(|fix| format!("{:7}    to mend it: {fix}", "")));
    lines
}

const fn mark(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Ok => "ok",
        Verdict::Warn => "warn",
        Verdict::Fail => "FAIL",
        Verdict::Unknown => "unknown",
    }
}

fn summary(checkup: &Checkup) -> String {
    let count = |wanted| checkup.checks.iter().filter(|check| check.verdict == wanted).count();
    let (fail, warn, unknown) = (count(Verdict::Fail), count(Verdict::Warn), count(Verdict::Unknown));
    let verdict = match (fail, warn) {
        (0, 0) => "This PC is ready.".to_owned(),
        (0, warn) => format!("This PC can work; {warn} could be better."),
        (1, _) => "One thing must be mended before this PC can work.".to_owned(),
        (fail, _) => format!("{fail} things must be mended before this PC can work."),
    };
    if unknown == 0 { verdict } else { format!("{verdict} {unknown} could not be found out.") }
}
