//! The owner's file as his window reads and changes it. Only lines that differ are touched: his comments, and what he left to the
//! defaults, stay as they are.

use std::path::Path;

use headframe_protocol::{
    Sha256,
    control::{OwnerRules, RULES_BYTES_MAX, RulesPage},
};
use toml_edit::{Array, ArrayOfTables, DocumentMut, InlineTable, Item, Table, Value};

use super::{DEFAULTS, FILE_NAME, Rules, RulesError, read};
use crate::{owner_file, owner_toml, settings::over_defaults};

/// Where an unreadable file is kept once other rules take its place.
const ASIDE: &str = "rules.toml.unreadable";

/// Why rules were not changed.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// The file is not what the change was made from.
    #[error("the rules were changed elsewhere meanwhile")]
    Changed,
    /// The new rules cannot be.
    #[error(transparent)]
    Rules(#[from] RulesError),
    /// Rules of a size that no rules have.
    #[error("rules are at most 64 KiB long")]
    TooLong,
    /// The file was not written.
    #[error("the rules could not be written")]
    Write(#[source] std::io::Error),
}

/// What there is in `data_dir`.
///
/// # Errors
/// [`RulesError`] if the file is there and cannot be read.
pub fn page(data_dir: &Path) -> Result<RulesPage, RulesError> {
    let file = data_dir.join(FILE_NAME);
    let text = read(&file)?;
    let found = Rules::parse(&text, &file).and_then(|_| plain(&text, &file));
    let (rules, problem) = match found {
        Ok(rules) => (Some(rules), None),
        Err(error) => (None, Some(error.to_string())),
    };
    Ok(RulesPage {
        rules,
        problem,
        defaults: plain("", &file)?,
        revision: revision(&text),
        file: file.display().to_string(),
        zone: jiff::tz::TimeZone::system().iana_name().unwrap_or_default().to_owned(),
    })
}

/// Writes `rules` into the owner's file in `data_dir`, if it is still the one of `revision`. A file that cannot be understood is kept
/// beside the new one.
///
/// # Errors
/// [`ChangeError`]; then the file is as before.
pub fn change(data_dir: &Path, revision: &str, rules: &OwnerRules) -> Result<(), ChangeError> {
    let file = data_dir.join(FILE_NAME);
    let text = read(&file)?;
    if self::revision(&text) != revision {
        return Err(ChangeError::Changed);
    }
    let is_understood = plain(&text, &file).is_ok();
    let new = rewritten(if is_understood { &text } else { "" }, rules, &file)?;
    if new.len() > RULES_BYTES_MAX {
        return Err(ChangeError::TooLong);
    }
    Rules::parse(&new, &file)?;
    if !is_understood {
        owner_file::write(&data_dir.join(ASIDE), text.as_bytes()).map_err(ChangeError::Write)?;
    }
    owner_file::write(&file, new.as_bytes()).map_err(ChangeError::Write)
}

/// What an owner would write who wants these rules and has written none.
///
/// # Errors
/// [`RulesError::Parse`].
pub fn text_of(rules: &OwnerRules) -> Result<String, RulesError> {
    rewritten("", rules, Path::new(FILE_NAME))
}

pub(super) fn revision(text: &str) -> String {
    Sha256::of(text.as_bytes()).to_string()
}

pub(super) fn plain(text: &str, file: &Path) -> Result<OwnerRules, RulesError> {
    over_defaults(DEFAULTS, text).map_err(|error| unclear(file, &error))
}

fn unclear(file: &Path, error: &impl ToString) -> RulesError {
    RulesError::Parse { file: file.to_owned(), problem: error.to_string().trim().replace('\n', " ") }
}

/// The text with every value changed that is not as wanted.
fn rewritten(text: &str, wanted: &OwnerRules, file: &Path) -> Result<String, RulesError> {
    let table = |rules: &OwnerRules| toml::Table::try_from(rules).map_err(|error| unclear(file, &error));
    let (wanted, found) = (table(wanted)?, table(&plain(text, file)?)?);
    let mut document: DocumentMut = text.parse().map_err(|error: toml_edit::TomlError| unclear(file, &error))?;
    for (section, values) in &wanted {
        let (Some(values), before) = (values.as_table(), found.get(section)) else { continue };
        for (key, value) in values {
            if before.and_then(|before| before.get(key)) != Some(value) {
                set(&mut document, section, key, value);
            }
        }
    }
    Ok(document.to_string())
}

fn set(document: &mut DocumentMut, section: &str, key: &str, value: &toml::Value) {
    if let (Some(rows), true) = (tables(value), matches!(key, "bands" | "blocked")) {
        let table = document.entry(section).or_insert_with(|| Item::Table(Table::new()));
        let Some(table) = table.as_table_like_mut() else { return };
        // `[[tariff.bands]]` and `bands = [...]` cannot stand side by side.
        table.remove(key);
        if !rows.is_empty() {
            table.insert(key, Item::ArrayOfTables(rows));
        }
        return;
    }
    if let Some(new) = edited(value) {
        owner_toml::set(document, section, key, new);
    }
}

fn tables(value: &toml::Value) -> Option<ArrayOfTables> {
    let row = |row: &toml::Value| {
        let fields = row.as_table()?.iter().map(|(key, value)| Some((key.as_str(), Item::Value(edited(value)?))));
        fields.collect::<Option<Table>>()
    };
    value.as_array()?.iter().map(row).collect()
}

/// The same value as the editor has it. Rules have no dates.
fn edited(value: &toml::Value) -> Option<Value> {
    Some(match value {
        toml::Value::String(text) => text.as_str().into(),
        toml::Value::Integer(number) => (*number).into(),
        toml::Value::Float(number) => (*number).into(),
        toml::Value::Boolean(flag) => (*flag).into(),
        toml::Value::Array(all) => Value::Array(all.iter().map(edited).collect::<Option<Array>>()?),
        toml::Value::Table(all) => {
            let fields = all.iter().map(|(key, value)| Some((key.as_str(), edited(value)?)));
            Value::InlineTable(fields.collect::<Option<InlineTable>>()?)
        }
        toml::Value::Datetime(_) => return None,
    })
}

#[cfg(test)]
mod tests {
    use headframe_protocol::{Micros, control::BandRules};
    use proptest::prelude::*;

    use super::*;

    fn shipped() -> OwnerRules {
        plain("", Path::new(FILE_NAME)).expect("the defaults")
    }

    fn wrote(text: &str, rules: &OwnerRules) -> String {
        rewritten(text, rules, Path::new(FILE_NAME)).expect("they can be written")
    }

    #[test]
    fn only_what_differs_is_written_and_comments_stay() {
        let own = "# Mine.\n[away]\nthreshold_s = 60 # a minute\n\n# Nothing at night.\n[schedule]\nmon = \"------|iiiiii|iiiiii|iiiiii\"\n";
        let mut rules = plain(own, Path::new(FILE_NAME)).expect("rules");
        assert_eq!(wrote(own, &rules), own);
        rules.away.threshold_s = 300;
        rules.programs.never_disturb = vec!["factorio".to_owned()];
        let expected = own.replace("60 #", "300 #") + "\n[programs]\nnever_disturb = [\"factorio\"]\n";
        assert_eq!(wrote(own, &rules), expected);
        assert_eq!(wrote("", &shipped()), "", "defaults need no file");
    }

    #[test]
    fn bands_are_replaced_as_a_whole() {
        let mut rules = shipped();
        let band = |from, to| BandRules { days: Vec::new(), from, to, price_per_kwh: Micros::new(450_000) };
        rules.tariff.bands = vec![band(17, 21), band(6, 9)];
        let own = "[tariff]\nwatts = 300 # measured\nbands = []\n";
        rules.tariff.watts = 300;
        let text = wrote(own, &rules);
        assert!(text.contains("watts = 300 # measured") && text.contains("[[tariff.bands]]"), "{text}");
        assert_eq!(plain(&text, Path::new(FILE_NAME)).expect("rules"), rules);
        rules.tariff.bands.clear();
        let text = wrote(&text, &rules);
        assert!(!text.contains("bands"), "{text}");
    }

    #[test]
    fn a_change_of_what_was_not_seen_or_cannot_be_changes_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let (dir, file) = (folder.path(), folder.path().join(FILE_NAME));
        let seen = page(dir).expect("a page");
        assert_eq!((&seen.rules, &seen.defaults), (&Some(shipped()), &shipped()));
        let mut rules = shipped();
        rules.away.threshold_s = 0;
        let error = change(dir, &seen.revision, &rules).expect_err("out of range").to_string();
        assert!(error.contains("away.threshold_s"), "{error}");
        assert!(!file.exists());
        rules.away.threshold_s = 10;
        change(dir, &seen.revision, &rules).expect("written");
        assert_eq!(page(dir).expect("a page").rules, Some(rules.clone()));
        let late = change(dir, &seen.revision, &shipped());
        assert!(matches!(late, Err(ChangeError::Changed)), "{late:?}");
        assert_eq!(page(dir).expect("a page").rules, Some(rules));
    }

    #[test]
    fn a_file_nobody_understands_is_kept_beside_the_new_one() {
        let folder = tempfile::tempdir().expect("a folder");
        let dir = folder.path();
        std::fs::write(dir.join(FILE_NAME), "[away\n").expect("written");
        let seen = page(dir).expect("a page");
        assert!(seen.rules.is_none() && seen.problem.as_ref().is_some_and(|problem| problem.contains("line 1")), "{seen:?}");
        let mut rules = shipped();
        rules.power.on_battery = true;
        change(dir, &seen.revision, &rules).expect("written");
        assert_eq!(page(dir).expect("a page").rules, Some(rules));
        assert_eq!(std::fs::read_to_string(dir.join(ASIDE)).expect("kept"), "[away\n");
    }

    proptest! {
        #[test]
        fn whatever_names_an_owner_types_come_back_as_they_were(names in proptest::collection::vec(any::<String>(), 0..4)) {
            let mut rules = shipped();
            rules.programs.never_disturb = names;
            let text = wrote("[programs]\nfullscreen = false\n", &rules);
            prop_assert_eq!(plain(&text, Path::new(FILE_NAME)).expect("rules"), rules);
        }
    }
}
