//! Makes a history that fails short enough to be read: whole stretches are left out as long as it still fails.

use super::acts::Story;

/// Histories told for it. Each takes as long as a history does.
const TRIES_MAX: u32 = 150;

/// The shortest that was found, and why it fails. `fails` says why one does.
pub(super) fn shorten(mut story: Story, mut why: String, fails: impl Fn(&Story) -> Option<String>) -> (Story, String) {
    let (mut tries, mut stretch) = (0, story.acts.len().div_ceil(2));
    while stretch > 0 && tries < TRIES_MAX {
        let (mut at, before) = (0, story.acts.len());
        while at < story.acts.len() && tries < TRIES_MAX {
            let mut less = story.clone();
            less.acts.drain(at..(at + stretch).min(less.acts.len()));
            tries += 1;
            match fails(&less) {
                Some(reason) => (story, why) = (less, reason),
                None => at += stretch,
            }
        }
        // Leaving one act out may make another superfluous.
        stretch = if stretch == 1 && story.acts.len() < before { 1 } else { stretch / 2 };
    }
    (story, why)
}
