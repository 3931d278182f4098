//! Bytes of a log as text, although a character may lie across two pieces. Pure.

/// Whether more bytes may follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// They may: a character begun at the end is left for the next read.
    MoreMayFollow,
    /// This is all.
    Final,
}

/// The text of `bytes` and how many of them it covers. Bytes that are not UTF-8 are replaced.
#[must_use]
pub fn text_of(bytes: &[u8], cut: Cut) -> (String, usize) {
    let covered = match cut {
        Cut::Final => bytes.len(),
        Cut::MoreMayFollow => bytes.len() - begun(bytes),
    };
    (String::from_utf8_lossy(&bytes[..covered]).into_owned(), covered)
}

/// How many bytes at the end begin a character that is not complete: at most three.
fn begun(bytes: &[u8]) -> usize {
    let last = bytes.len().saturating_sub(3);
    // From the back to the nearest byte that is not a continuation.
    let Some(lead) = (last..bytes.len()).rev().find(|&at| bytes[at] & 0b1100_0000 != 0b1000_0000) else { return 0 };
    let needs = match bytes[lead] {
        0xC2..=0xDF => 2,
        0xE0..=0xEF => 3,
        0xF0..=0xF4 => 4,
        _ => 1,
    };
    let has = bytes.len() - lead;
    if has < needs { has } else { 0 }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Reads `bytes` as they would come in pieces cut at `cuts`.
    fn in_pieces(bytes: &[u8], cuts: &[usize]) -> String {
        let (mut all, mut from) = (String::new(), 0);
        for to in cuts.iter().map(|cut| cut % (bytes.len() + 1)).chain([bytes.len()]) {
            let cut = if to == bytes.len() { Cut::Final } else { Cut::MoreMayFollow };
            if to > from {
                let (text, covered) = text_of(&bytes[from..to], cut);
                all.push_str(&text);
                from += covered;
            }
        }
        all
    }

    #[test]
    fn a_character_across_two_pieces_comes_whole() {
        let bytes = "Größe 42 €, 🦀".as_bytes();
        for cut in 0..bytes.len() {
            assert_eq!(in_pieces(bytes, &[cut]), "Größe 42 €, 🦀", "cut at {cut}");
        }
    }

    #[test]
    fn what_can_never_become_a_character_is_not_waited_for() {
        assert_eq!(text_of(b"ab\xff", Cut::MoreMayFollow), ("ab\u{fffd}".to_owned(), 3));
        assert_eq!(text_of(b"ab\x80\x80\x80\x80", Cut::MoreMayFollow).1, 6);
        assert_eq!(text_of(b"ab\xe2\x82", Cut::MoreMayFollow), ("ab".to_owned(), 2));
        assert_eq!(text_of(b"ab\xe2\x82", Cut::Final), ("ab\u{fffd}".to_owned(), 4));
    }

    proptest! {
        #[test]
        fn cutting_never_changes_text(text in ".{0,40}", cuts in prop::collection::vec(0_usize..200, 0..6)) {
            let mut cuts = cuts;
            cuts.sort_by_key(|cut| cut % (text.len() + 1));
            prop_assert_eq!(in_pieces(text.as_bytes(), &cuts), text);
        }
    }
}
