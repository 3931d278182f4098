//! Tables for people, and the answer of every command in both of its forms.

use headframe_protocol::TimestampMs;
use serde::Serialize;
use serde_json::Value;

use crate::registry::token::rfc3339;

/// What a command shows.
pub(super) struct Shown {
    /// With `--json`.
    pub(super) json: Value,
    /// Without.
    pub(super) text: String,
}

impl Shown {
    /// `value` with a sentence for people.
    pub(super) fn said(value: &impl Serialize, text: impl Into<String>) -> serde_json::Result<Self> {
        Ok(Self { json: serde_json::to_value(value)?, text: text.into() + "\n" })
    }

    /// `values` as a table with these headings.
    pub(super) fn rows<T: Serialize, const N: usize>(
        values: &[T],
        headings: [&str; N],
        row: impl Fn(&T) -> [String; N],
    ) -> serde_json::Result<Self> {
        let rows: Vec<[String; N]> = values.iter().map(row).collect();
        Ok(Self { json: serde_json::to_value(values)?, text: table(headings, &rows) })
    }
}

/// Columns as wide as their widest cell, two spaces between them.
fn table<const N: usize>(headings: [&str; N], rows: &[[String; N]]) -> String {
    let mut widths = headings.map(|heading| heading.chars().count());
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut text = String::new();
    let headings = headings.map(str::to_owned);
    for row in std::iter::once(&headings).chain(rows) {
        let padded: Vec<String> = row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        text.push_str(padded.join("  ").trim_end());
        text.push('\n');
    }
    text
}

/// A moment, or a dash.
pub(super) fn when(at: Option<TimestampMs>) -> String {
    at.map_or_else(|| "-".to_owned(), rfc3339)
}

/// Bytes with a unit people read.
pub(super) fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut unit = 0;
    let mut scaled = bytes as f64;
    while scaled >= 1024.0 && unit + 1 < UNITS.len() {
        scaled /= 1024.0;
        unit += 1;
    }
    if unit == 0 { format!("{bytes} B") } else { format!("{scaled:.1} {}", UNITS[unit]) }
}
