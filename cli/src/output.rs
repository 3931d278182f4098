//! Where answers go: standard output for what was asked, standard error for how it is going.
//!
//! With `--json` standard output carries JSON only: one document for a question that is answered once, one line per event
//! for what goes on. Progress bars are for people: only on a terminal, only on standard error, never with `--json`.
//!
//! Half of what is told comes from the coordinator, and some of that from strangers' programs. Everything for people passes
//! through [`harmless`] here, and nowhere else, so that no command can forget it.

use std::{
    fmt::Display,
    io::{self, Write as _},
};

use console::Term;
use headframe_protocol::TimestampMs;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;

use crate::error::Error;

/// How answers are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// For people.
    Text,
    /// For programs.
    Json,
}

/// The way out of a command.
#[derive(Debug)]
pub struct Output {
    form: Form,
    bars: MultiProgress,
}

impl Output {
    /// Writes in this form.
    #[must_use]
    pub fn new(form: Form) -> Self {
        let shown = form == Form::Text && Term::stderr().is_term();
        let target = if shown { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        Self { form, bars: MultiProgress::with_draw_target(target) }
    }

    /// The form answers have.
    #[must_use]
    pub const fn form(&self) -> Form {
        self.form
    }

    /// Answers with `document` for programs and `text` for people.
    ///
    /// # Errors
    /// [`Error::Output`]; so do the others.
    pub fn answer<T: Serialize>(&self, document: &T, text: impl FnOnce(&T) -> String) -> Result<(), Error> {
        match self.form {
            Form::Json => self.json(document),
            Form::Text => self.print(&format!("{}\n", text(document))),
        }
    }

    /// One line of JSON.
    #[allow(clippy::missing_errors_doc, reason = "said once at `answer`")]
    pub fn json(&self, document: &impl Serialize) -> Result<(), Error> {
        let mut line = serde_json::to_string(document).map_err(|error| Error::Output(error.into()))?;
        line.push('\n');
        self.write(&line)
    }

    /// Text for people, at once.
    #[allow(clippy::missing_errors_doc, reason = "said once at `answer`")]
    pub fn print(&self, text: &str) -> Result<(), Error> {
        self.write(&harmless(text))
    }

    fn write(&self, text: &str) -> Result<(), Error> {
        self.bars.suspend(|| {
            let mut out = io::stdout().lock();
            out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(Error::Output)
        })
    }

    /// A remark beside the answer, for people only.
    pub fn remark(&self, text: impl Display) {
        if self.form == Form::Text {
            // Nothing is left to do if even the remark cannot be written.
            let _unseen = self.bars.suspend(|| writeln!(io::stderr().lock(), "{}", harmless(&text.to_string())));
        }
    }

    /// A bar that counts bytes.
    #[must_use]
    pub fn bytes_bar(&self, label: impl Into<String>) -> ProgressBar {
        let style = "{msg:30!} [{bar:30}] {bytes}/{total_bytes} {binary_bytes_per_sec} {eta}";
        self.bars.add(ProgressBar::no_length()).with_style(styled(style).progress_chars("=> ")).with_message(label.into())
    }

    /// A line that shows that something goes on.
    #[must_use]
    pub fn spinner(&self) -> ProgressBar {
        let bar = self.bars.add(ProgressBar::new_spinner()).with_style(styled("{spinner} {msg} {elapsed}").tick_chars("|/-\\ "));
        bar.enable_steady_tick(std::time::Duration::from_millis(200));
        bar
    }
}

fn styled(template: &str) -> ProgressStyle {
    // Our own templates; a mistake in one costs the looks, not the command.
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

/// What is said on standard error when a command fails.
#[must_use]
pub fn failure(error: &Error, form: Form) -> String {
    match form {
        Form::Text => format!("headframe: {}", harmless(&error.sentence())),
        Form::Json => serde_json::json!({
            "error": { "exit_code": error.exit() as u8, "message": error.sentence(), "problem": error.problem() }
        })
        .to_string(),
    }
}

/// The form a command line asks for that could not be understood as a whole.
#[must_use]
pub fn form_of(mut arguments: impl Iterator<Item = std::ffi::OsString>) -> Form {
    let asked = arguments.by_ref().take_while(|argument| argument != "--").any(|argument| argument == "--json");
    if asked { Form::Json } else { Form::Text }
}

/// Rows under headings, columns as wide as they must be.
#[must_use]
pub fn table(headings: &[&str], rows: &[Vec<String>]) -> String {
    let widths: Vec<usize> = headings
        .iter()
        .enumerate()
        .map(|(at, heading)| {
            rows.iter().map(|row| console::measure_text_width(&row[at])).chain([heading.len()]).max().unwrap_or(0)
        })
        .collect();
    let line = |cells: &mut dyn Iterator<Item = &str>| {
        let padded: Vec<_> =
            cells.zip(&widths).map(|(cell, width)| console::pad_str(cell, *width, console::Alignment::Left, None)).collect();
        padded.join("  ").trim_end().to_owned()
    };
    let mut lines = vec![line(&mut headings.iter().copied())];
    lines.extend(rows.iter().map(|row| line(&mut row.iter().map(String::as_str))));
    lines.join("\n")
}

/// How long ago, in the largest unit that fits.
#[must_use]
pub fn age(then: TimestampMs, now: TimestampMs) -> String {
    duration(now.since(then).as_millis()) + " ago"
}

/// A span of time in the largest unit that fits.
#[must_use]
pub fn duration(millis: u128) -> String {
    match millis {
        0..60_000 => format!("{}.{} s", millis / 1_000, millis % 1_000 / 100),
        60_000..3_600_000 => format!("{} min {} s", millis / 60_000, millis % 60_000 / 1_000),
        3_600_000..86_400_000 => format!("{} h {} min", millis / 3_600_000, millis % 3_600_000 / 60_000),
        _ => format!("{} d {} h", millis / 86_400_000, millis % 86_400_000 / 3_600_000),
    }
}

/// Text from a stranger, without what would drive the reader's terminal or turn the order of what he reads.
fn harmless(text: &str) -> String {
    let drives = |letter: char| letter.is_control() && !matches!(letter, '\n' | '\t' | '\r');
    let turns = |letter: char| matches!(letter, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    text.chars().filter(|letter| !drives(*letter) && !turns(*letter)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_cannot_drive_the_terminal() {
        assert_eq!(harmless("a\x1b]0;title\x07b\n\tc"), "a]0;titleb\n\tc");
        assert_eq!(harmless("paid\u{202e}diap"), "paiddiap");
    }

    #[test]
    fn a_problem_document_cannot_drive_the_terminal_either() {
        use headframe_protocol::error::{Code, Problem};
        let problem = Problem::new(Code::Conflict, 409, "No\x1b[2J.");
        let error = Error::Client(crate::ClientError::Refused(Box::new(problem)));
        assert_eq!(failure(&error, Form::Text), "headframe: No[2J.");
    }

    #[test]
    fn a_command_line_that_is_not_understood_still_says_which_form_it_wants() {
        let form = |words: &[&str]| form_of(words.iter().map(Into::into));
        assert_eq!(form(&["headframe", "jobs", "--json", "--nonsense"]), Form::Json);
        assert_eq!(form(&["headframe", "jobs", "--nonsense"]), Form::Text);
        assert_eq!(form(&["headframe", "show", "--", "--json"]), Form::Text);
    }

    #[test]
    fn columns_are_as_wide_as_they_must_be() {
        let text = table(&["ID", "STATE"], &[vec!["job_1".into(), "running".into()], vec!["j".into(), String::new()]]);
        assert_eq!(text, "ID     STATE\njob_1  running\nj");
    }
}
