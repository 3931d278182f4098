//! Files an owner also edits by hand: a value is changed where it stands, and his comments stay.

use toml_edit::{DocumentMut, Item, Table, Value};

/// Sets `section.key`, and adds either where it is missing. A section that is no table is left as it is: whoever reads the file says so.
pub(crate) fn set(document: &mut DocumentMut, section: &str, key: &str, mut value: Value) {
    let table = document.entry(section).or_insert_with(|| Item::Table(Table::new()));
    let Some(table) = table.as_table_like_mut() else { return };
    match table.get_mut(key).and_then(Item::as_value_mut) {
        Some(old) => {
            // A comment behind the value is the owner's.
            *value.decor_mut() = old.decor().clone();
            *old = value;
        }
        None => {
            table.insert(key, Item::Value(value));
        }
    }
}
