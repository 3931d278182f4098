//! Whether two results are the same: the files' names and sums first, and only what differs and may differ is looked into.

use std::collections::BTreeMap;

use headframe_protocol::{Sha256, job::Compare, session::OutputFile};

use super::{Class, array, picture};

/// A file larger than this is compared bit for bit or not at all: two of them are in memory at once.
pub const LOOKED_INTO_BYTES_MAX: u64 = 256 << 20;

/// What comparing the manifests has shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Manifests {
    /// The same files with the same bytes.
    Same,
    /// They cannot be the same result, whatever is in the files.
    Different,
    /// They are, if each of these pairs is alike.
    LookInto(Vec<Pair>),
}

/// A file of both results whose bytes differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pair {
    /// What it is called.
    pub path: String,
    /// The one's bytes.
    pub one: Sha256,
    /// The other's.
    pub other: Sha256,
}

/// What can be told from the manifests of two results.
#[must_use]
pub fn manifests(compare: Compare, one: &[OutputFile], other: &[OutputFile]) -> Manifests {
    let by_path = |files: &[OutputFile]| -> BTreeMap<String, (Sha256, u64)> {
        files.iter().map(|file| (file.path.clone(), (file.sha256, file.bytes))).collect()
    };
    let (one, other) = (by_path(one), by_path(other));
    if !one.keys().eq(other.keys()) {
        return Manifests::Different;
    }
    let mut pairs = Vec::new();
    for ((path, (one, one_bytes)), (other, other_bytes)) in one.into_iter().zip(other.into_values()) {
        if one == other {
            continue;
        }
        if !may_differ(compare, &path) || one_bytes.max(other_bytes) > LOOKED_INTO_BYTES_MAX {
            return Manifests::Different;
        }
        pairs.push(Pair { path, one, other });
    }
    if pairs.is_empty() { Manifests::Same } else { Manifests::LookInto(pairs) }
}

/// Whether files of this name are anything but bits.
fn may_differ(compare: Compare, path: &str) -> bool {
    let ending = path.rsplit('.').next().unwrap_or_default().to_ascii_lowercase();
    match compare {
        Compare::Exact => false,
        Compare::Psnr { .. } => ["png", "ppm", "pgm", "pnm"].contains(&ending.as_str()),
        Compare::Floats { .. } => ending == "npy",
    }
}

/// Whether two files whose bytes differ are alike. What cannot be read is like nothing.
#[must_use]
pub fn are_alike(compare: Compare, one: &[u8], other: &[u8]) -> bool {
    match compare {
        Compare::Exact => one == other,
        Compare::Psnr { min_db } => picture::are_alike(one, other, min_db).unwrap_or(false),
        Compare::Floats { rel, abs } => array::are_alike(one, other, rel.into(), abs.into()).unwrap_or(false),
    }
}

/// Whether results of rigs of these classes can be compared at all: bit for bit only within one.
#[must_use]
pub fn are_comparable(compare: Compare, one: &Class, other: &Class) -> bool {
    match compare {
        Compare::Exact => one == other,
        Compare::Psnr { .. } | Compare::Floats { .. } => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PSNR: Compare = Compare::Psnr { min_db: 40 };

    fn result(files: &[(&str, &[u8])]) -> Vec<OutputFile> {
        let file = |(path, bytes): &(&str, &[u8])| OutputFile {
            path: (*path).to_owned(),
            sha256: Sha256::of(bytes),
            bytes: bytes.len() as u64,
        };
        files.iter().map(file).collect()
    }

    #[test]
    fn the_order_of_a_manifest_does_not_matter_and_each_file_does() {
        let one = result(&[("a", b"1"), ("b", b"2")]);
        assert_eq!(manifests(Compare::Exact, &one, &result(&[("b", b"2"), ("a", b"1")])), Manifests::Same);
        assert_eq!(manifests(Compare::Exact, &one, &result(&[("a", b"1")])), Manifests::Different);
        assert_eq!(manifests(Compare::Exact, &one, &result(&[("a", b"1"), ("b", b"3")])), Manifests::Different);
        assert_eq!(manifests(Compare::Exact, &one, &result(&[("a", b"1"), ("c", b"2")])), Manifests::Different);
    }

    #[test]
    fn only_pictures_may_differ_where_pictures_may() {
        let one = result(&[("frames/1.PNG", b"1"), ("log.txt", b"x")]);
        let alike = result(&[("frames/1.PNG", b"2"), ("log.txt", b"x")]);
        let Manifests::LookInto(pairs) = manifests(PSNR, &one, &alike) else { panic!("the pictures differ") };
        assert_eq!(pairs.iter().map(|pair| pair.path.as_str()).collect::<Vec<_>>(), ["frames/1.PNG"]);
        let other = result(&[("frames/1.PNG", b"2"), ("log.txt", b"y")]);
        assert_eq!(manifests(PSNR, &one, &other), Manifests::Different);
        assert!(!are_alike(PSNR, b"no picture", b"neither"), "what cannot be read is like nothing");
    }

    #[test]
    fn a_file_too_large_to_look_into_is_compared_by_its_bits() {
        let large =
            |sum: &[u8]| vec![OutputFile { path: "x.npy".to_owned(), sha256: Sha256::of(sum), bytes: LOOKED_INTO_BYTES_MAX + 1 }];
        let floats = serde_json::from_value(serde_json::json!({ "floats": { "rel": 0.1, "abs": 0.1 } })).expect("a comparison");
        assert_eq!(manifests(floats, &large(b"1"), &large(b"2")), Manifests::Different);
        assert_eq!(manifests(floats, &large(b"1"), &large(b"1")), Manifests::Same);
    }

    #[test]
    fn bits_are_compared_only_within_a_class() {
        let [one, other] = ["nvidia/rtx-4090", "amd/rx-7900"].map(|text| text.parse::<Class>().expect("any text"));
        assert!(!are_comparable(Compare::Exact, &one, &other));
        assert!(are_comparable(Compare::Exact, &one, &one));
        assert!(are_comparable(PSNR, &one, &other));
    }
}
