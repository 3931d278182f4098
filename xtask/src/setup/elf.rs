//! Whether a program needs anything beside itself.

use std::path::Path;

/// The kind of segment that names the loader of a program that is not static.
const PT_INTERP: u32 = 3;

/// Whether the file is a program for Linux that runs alone in an empty file system.
pub(super) fn is_static(program: &Path) -> bool {
    std::fs::read(program).is_ok_and(|bytes| names_a_loader(&bytes) == Some(false))
}

/// Whether a 64-bit little-endian ELF file names a loader. `None` for anything else; every machine we know is of this kind.
fn names_a_loader(elf: &[u8]) -> Option<bool> {
    if !elf.starts_with(b"\x7fELF\x02\x01") {
        return None;
    }
    let bytes = |at: usize, count: usize| elf.get(at..at.checked_add(count)?);
    let half = |at| Some(u16::from_le_bytes(bytes(at, 2)?.try_into().ok()?));
    let table = usize::try_from(u64::from_le_bytes(bytes(0x20, 8)?.try_into().ok()?)).ok()?;
    let (size, count) = (usize::from(half(0x36)?), usize::from(half(0x38)?));
    let mut found = false;
    for index in 0..count {
        let segment = table.checked_add(index.checked_mul(size)?)?;
        found |= u32::from_le_bytes(bytes(segment, 4)?.try_into().ok()?) == PT_INTERP;
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn program(segments: &[u32]) -> Vec<u8> {
        let mut elf = b"\x7fELF\x02\x01".to_vec();
        elf.resize(64, 0);
        elf[0x20] = 64;
        elf[0x36] = 56;
        elf[0x38] = u8::try_from(segments.len()).expect("a few");
        for kind in segments {
            elf.extend(kind.to_le_bytes());
            elf.resize(elf.len() + 52, 0);
        }
        elf
    }

    #[test]
    fn a_program_with_a_loader_is_not_static() {
        assert_eq!(names_a_loader(&program(&[6, PT_INTERP, 1])), Some(true));
        assert_eq!(names_a_loader(&program(&[1, 2])), Some(false));
    }

    #[test]
    fn what_is_no_program_or_cut_off_is_neither() {
        assert_eq!(names_a_loader(b"#!/bin/sh\n"), None);
        assert_eq!(names_a_loader(&program(&[1, 2])[..100]), None);
    }
}
