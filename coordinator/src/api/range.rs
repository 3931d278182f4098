//! Which bytes of a file a request wants, after RFC 9110 §13 and §14. Pure.

use std::ops::Range;

use axum::http::{HeaderMap, header};

/// Which bytes are wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Wanted {
    /// All of them.
    All,
    /// These.
    Part(Range<u64>),
    /// Some that the file does not have.
    Outside,
}

/// Whether the caller has what `etag` names.
pub(super) fn has_already(headers: &HeaderMap, etag: &str) -> bool {
    let value = headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    value
        .is_some_and(|value| value.split(',').map(|tag| tag.trim().trim_start_matches("W/")).any(|tag| tag == etag || tag == "*"))
}

/// What of `bytes` bytes the headers ask for. A range that cannot be read is as if it were not there, as the RFC wants,
/// and so is more than one: a client must cope with getting everything.
pub(super) fn wanted(headers: &HeaderMap, etag: &str, bytes: u64) -> Wanted {
    let other = headers.get(header::IF_RANGE).is_some_and(|value| value.as_bytes() != etag.as_bytes());
    let range = headers.get(header::RANGE).and_then(|value| value.to_str().ok()).filter(|_| !other);
    let Some((from, to)) = range.and_then(|range| range.strip_prefix("bytes=")).and_then(|range| range.split_once('-')) else {
        return Wanted::All;
    };
    match (from.trim().parse::<u64>(), to.trim().parse::<u64>()) {
        (Ok(from), Ok(to)) if from > to => Wanted::All,
        (Ok(from), Ok(to)) => part(from, to.saturating_add(1), bytes),
        (Ok(from), Err(_)) if to.trim().is_empty() => part(from, bytes, bytes),
        (Err(_), Ok(last)) if from.trim().is_empty() => {
            if last == 0 {
                Wanted::Outside
            } else {
                part(bytes.saturating_sub(last), bytes, bytes)
            }
        }
        (Ok(_) | Err(_), Err(_)) | (Err(_), Ok(_)) => Wanted::All,
    }
}

fn part(from: u64, to: u64, bytes: u64) -> Wanted {
    if from >= bytes { Wanted::Outside } else { Wanted::Part(from..to.min(bytes)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(range: &str) -> Wanted {
        let mut headers = HeaderMap::new();
        headers.insert(header::RANGE, range.parse().expect("a test's own header"));
        wanted(&headers, "\"x\"", 10)
    }

    #[test]
    fn ranges_read_as_the_rfc_says() {
        assert_eq!(check("bytes=0-3"), Wanted::Part(0..4));
        assert_eq!(check("bytes=4-"), Wanted::Part(4..10));
        assert_eq!(check("bytes=-3"), Wanted::Part(7..10));
        assert_eq!(check("bytes=-30"), Wanted::Part(0..10));
        assert_eq!(check("bytes=8-300"), Wanted::Part(8..10));
        assert_eq!(check("bytes=10-"), Wanted::Outside);
        assert_eq!(check("bytes=-0"), Wanted::Outside);
        assert_eq!(check(&format!("bytes=0-{}", u64::MAX)), Wanted::Part(0..10));
    }

    #[test]
    fn what_is_no_single_range_gives_everything() {
        for range in
            ["bytes=3-1", "bytes=0-1,3-4", "lines=0-1", "bytes=", "bytes=-", "bytes=a-b", "bytes=99999999999999999999999-"]
        {
            assert_eq!(check(range), Wanted::All, "{range}");
        }
    }

    #[test]
    fn a_part_of_another_file_is_not_given() {
        let mut headers = HeaderMap::new();
        headers.insert(header::RANGE, "bytes=0-3".parse().expect("a header"));
        headers.insert(header::IF_RANGE, "\"other\"".parse().expect("a header"));
        assert_eq!(wanted(&headers, "\"x\"", 10), Wanted::All);
    }
}
