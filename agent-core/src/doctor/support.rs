//! A check-up that may be shown to strangers: without names of people and PCs.

use std::path::Path;

use headframe_protocol::control::{Check, Checkup};

/// What must not be shown.
#[derive(Debug, Clone, Default)]
pub struct Private {
    home: Option<String>,
    words: Vec<(String, &'static str)>,
}

impl Private {
    /// Of this user on this PC.
    #[must_use]
    pub fn of_this_pc() -> Self {
        let home = directories::BaseDirs::new().map(|dirs| dirs.home_dir().to_owned());
        let folder = home.as_deref().and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned());
        let user = ["USER", "LOGNAME", "USERNAME"].iter().find_map(|name| std::env::var(name).ok());
        Self::new(home.as_deref(), [user, folder], sysinfo::System::host_name().ok())
    }

    fn new(home: Option<&Path>, users: [Option<String>; 2], host: Option<String>) -> Self {
        let users = users.into_iter().flatten().map(|user| (user, "<user>"));
        let words = users.chain(host.map(|host| (host, "<this PC>")));
        // `root` is nobody's name, and the shortest names are parts of ordinary sentences.
        let words = words.filter(|(word, _)| word.chars().count() >= 2 && word != "root" && word != "localhost").collect();
        let home = home.map(|home| home.display().to_string()).filter(|home| home.len() > 1);
        Self { home, words }
    }

    /// The same check-up without any of it.
    #[must_use]
    pub fn hidden(&self, checkup: Checkup) -> Checkup {
        let hide = |check: Check| {
            let Check { id, verdict, what, actual, required, why, fix } = check;
            let (actual, fix) = (self.hide(&actual), fix.map(|fix| self.hide(&fix)));
            Check { id, verdict, what, actual, required, why, fix }
        };
        Checkup { checks: checkup.checks.into_iter().map(hide).collect(), support: String::new() }
    }

    /// A text without any of it.
    #[must_use]
    pub fn hide(&self, text: &str) -> String {
        let text = match &self.home {
            Some(home) => replace_word(text, home, "~"),
            None => text.to_owned(),
        };
        self.words.iter().fold(text, |text, (word, instead)| replace_word(&text, word, instead))
    }
}

/// Replaces `word` where it is not part of a longer one.
fn replace_word(text: &str, word: &str, instead: &str) -> String {
    let is_part = |letter: Option<char>| letter.is_some_and(|letter| letter.is_alphanumeric() || letter == '_');
    let mut done = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(word) {
        let (before, after) = (&rest[..at], &rest[at + word.len()..]);
        let alone = !is_part(before.chars().next_back()) && !is_part(after.chars().next());
        done.push_str(before);
        done.push_str(if alone { instead } else { word });
        rest = after;
    }
    done + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hide(text: &str) -> String {
        let users = [Some("ann".to_owned()), Some("anna.k".to_owned())];
        Private::new(Some(Path::new("/home/anna.k")), users, Some("cellar".to_owned())).hide(text)
    }

    #[test]
    fn names_and_homes_are_not_shown() {
        for (text, shown) in [
            ("/home/anna.k/.local/share/headframe is read-only", "~/.local/share/headframe is read-only"),
            ("unix:///home/anna.k/.docker/run/docker.sock", "unix://~/.docker/run/docker.sock"),
            ("/mnt/anna.k/x and /run/user/ann", "/mnt/<user>/x and /run/user/<user>"),
            ("cellar: planned channels", "<this PC>: planned channels"),
            ("it cannot annul", "it cannot annul"),
        ] {
            assert_eq!(hide(text), shown);
        }
    }

    #[test]
    fn a_word_that_is_no_name_is_left() {
        let plain = Private::new(Some(Path::new("/")), [Some("root".to_owned()), Some("a".to_owned())], None);
        assert_eq!(plain.hide("root in a container, /root/a"), "root in a container, /root/a");
    }
}
