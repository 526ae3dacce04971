//! The settings as a TOML document: what a user may write, what the module reads of it, and how it is changed without
//! touching anything else.
//!
//! A key such as `station.ssid` is the key `ssid` of the table `station`. Numbers are integers (`true` and `false` are taken
//! for 1 and 0), texts are strings; bytes that are no UTF-8 are `{ escaped = 'caf\xe9' }`, where a backslash is `\\`.

use std::fmt::Write;

use espat_core::{StoreValue, setting_keys};
use toml_edit::{Document, DocumentMut, InlineTable, Item, Table, TableLike, Value};

/// A document and what it says.
#[derive(Clone, Debug, Default)]
pub(super) struct Settings {
    pub(super) document: DocumentMut,
    /// The settings that it holds.
    pub(super) values: Vec<(String, StoreValue)>,
    /// Where each of them stands.
    places: Vec<Place>,
    /// Keys that no setting has.
    pub(super) unknown: Vec<String>,
    /// The version of the firmware that an upgrade installed.
    pub(super) installed: Option<String>,
}

/// A place in a file, counted from 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) line: usize,
    pub(super) column: usize,
}

/// What is wrong with a document.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) place: Place,
    pub(super) what: String,
}

const ESCAPED: &str = "escaped";
/// The key of the installed firmware's version. It is no setting: `AT+RESTORE` leaves it.
pub(super) const INSTALLED: &str = "firmware.version";

impl Settings {
    /// Reads a document. Its faults never show what the document holds: that may be a password.
    pub(super) fn parse(text: &str) -> Result<Self, Fault> {
        let document = Document::parse(text).map_err(|error| Fault {
            place: place(text, error.span().map_or(0, |span| span.start)),
            what: error.message().trim().replace('\n', "; "),
        })?;
        let mut settings = Self::default();
        for key in setting_keys() {
            let item = find(document.as_item(), key).map_err(|item| Fault {
                place: place_of(text, item),
                what: format!("`{key}` needs a table here"),
            })?;
            let Some(item) = item else {
                continue;
            };
            let place = place_of(text, item);
            let value = read(item).ok_or_else(|| Fault {
                place,
                what: format!(
                    "`{key}` is a whole number, true or false, a string, or {{ {ESCAPED} = '...' }} with \\xNN and \\\\ in it"
                ),
            })?;
            settings.values.push((key.to_owned(), value));
            settings.places.push(place);
        }
        settings.installed = installed(text, document.as_item())?;
        list_unknown(document.as_table(), "", &mut settings.unknown);
        settings.document = document.into_mut();
        Ok(settings)
    }

    /// Where a setting stands.
    pub(super) fn place(&self, key: &str) -> Option<Place> {
        let at = self.values.iter().position(|(known, _)| known == key)?;
        self.places.get(at).copied()
    }
}

/// Changes one setting; everything else stays as it is. `false`: something that is no table stands where its table should.
pub(super) fn change(document: &mut DocumentMut, key: &str, value: &StoreValue) -> bool {
    let (tables, leaf) = key.rsplit_once('.').unwrap_or(("", key));
    let mut table: &mut dyn TableLike = document.as_table_mut();
    for name in tables.split('.').filter(|name| !name.is_empty()) {
        if *value == StoreValue::Default && !table.contains_key(name) {
            return true;
        }
        let inner = table.entry(name).or_insert(Item::Table(Table::new()));
        let Some(inner) = inner.as_table_like_mut() else {
            return false;
        };
        table = inner;
    }
    let Some(mut new) = show(value) else {
        table.remove(leaf);
        return true;
    };
    match table.get_mut(leaf).and_then(Item::as_value_mut) {
        Some(old) => {
            // The comment behind a value belongs to the user.
            *new.decor_mut() = old.decor().clone();
            *old = new;
        }
        None => {
            table.insert(leaf, Item::Value(new));
        }
    }
    true
}

/// Removes all settings; comments and keys that no setting has stay.
pub(super) fn erase(document: &mut DocumentMut) {
    for key in setting_keys() {
        change(document, key, &StoreValue::Default);
    }
    let has_comment = |table: &Table| {
        let prefix = table.decor().prefix().and_then(|text| text.as_str());
        prefix.is_some_and(|text| text.contains('#'))
    };
    document
        .as_table_mut()
        .retain(|_, item| match item.as_table() {
            Some(table) => !table.is_empty() || has_comment(table),
            None => true,
        });
}

/// The item of a key; `Err` where something that is no table stands where its table should.
fn find<'a>(root: &'a Item, key: &str) -> Result<Option<&'a Item>, &'a Item> {
    let mut item = root;
    for name in key.split('.') {
        let Some(table) = item.as_table_like() else {
            return Err(item);
        };
        let Some(inner) = table.get(name) else {
            return Ok(None);
        };
        item = inner;
    }
    Ok(Some(item))
}

fn read(item: &Item) -> Option<StoreValue> {
    if let Some(number) = item.as_integer() {
        return Some(StoreValue::Int(number));
    }
    if let Some(flag) = item.as_bool() {
        return Some(StoreValue::Int(flag.into()));
    }
    if let Some(text) = item.as_str() {
        return Some(StoreValue::Text(text.into()));
    }
    let table = item.as_table_like().filter(|table| table.len() == 1)?;
    unescape(table.get(ESCAPED)?.as_str()?).map(StoreValue::Text)
}

/// `None` for a value that removes its key.
fn show(value: &StoreValue) -> Option<Value> {
    match value {
        StoreValue::Default => None,
        StoreValue::Int(number) => Some(Value::from(*number)),
        StoreValue::Text(bytes) => Some(match str::from_utf8(bytes) {
            Ok(text) => Value::from(text),
            Err(_) => {
                let mut table = InlineTable::new();
                table.insert(ESCAPED, Value::from(escape(bytes)));
                Value::from(table)
            }
        }),
    }
}

fn escape(bytes: &[u8]) -> String {
    let mut text = String::new();
    for chunk in bytes.utf8_chunks() {
        text.push_str(&chunk.valid().replace('\\', r"\\"));
        for byte in chunk.invalid() {
            // Writing to a String cannot fail.
            let _ = write!(text, "\\x{byte:02x}");
        }
    }
    text
}

fn unescape(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut rest = text;
    while let Some((plain, escape)) = rest.split_once('\\') {
        bytes.extend_from_slice(plain.as_bytes());
        if let Some(after) = escape.strip_prefix('\\') {
            bytes.push(b'\\');
            rest = after;
        } else {
            let digits = escape.strip_prefix('x')?.get(..2)?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
            rest = &escape[3..];
        }
    }
    bytes.extend_from_slice(rest.as_bytes());
    Some(bytes)
}

fn installed(text: &str, root: &Item) -> Result<Option<String>, Fault> {
    let fault = |item| Fault {
        place: place_of(text, item),
        what: format!("`{INSTALLED}` is a string of up to 64 letters, digits and signs"),
    };
    let Some(item) = find(root, INSTALLED).map_err(fault)? else {
        return Ok(None);
    };
    let is_version =
        |s: &&str| (1..=64).contains(&s.len()) && s.bytes().all(|b| b.is_ascii_graphic());
    let version = item.as_str().filter(is_version);
    version
        .map(|s| Some(s.to_owned()))
        .ok_or_else(|| fault(item))
}

fn list_unknown(table: &dyn TableLike, above: &str, unknown: &mut Vec<String>) {
    for (name, item) in table.iter() {
        let key = if above.is_empty() {
            name.to_owned()
        } else {
            format!("{above}.{name}")
        };
        if key == INSTALLED || setting_keys().any(|known| known == key) {
            continue;
        }
        match item.as_table_like() {
            Some(inner) => list_unknown(inner, &key, unknown),
            None => unknown.push(key),
        }
    }
}

fn place_of(text: &str, item: &Item) -> Place {
    place(text, item.span().map_or(0, |span| span.start))
}

fn place(text: &str, offset: usize) -> Place {
    let before = text.get(..offset).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    Place {
        line: before.matches('\n').count() + 1,
        column: before[line_start..].chars().count() + 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: &[u8]) -> StoreValue {
        StoreValue::Text(bytes.to_vec())
    }

    fn changed(before: &str, changes: &[(&str, StoreValue)]) -> String {
        let mut settings = Settings::parse(before).unwrap();
        for (key, value) in changes {
            assert!(change(&mut settings.document, key, value));
        }
        settings.document.to_string()
    }

    #[test]
    fn what_a_user_wrote_stays() {
        let before = "\
# my board
coffee = \"black\"

[station] # at home
# the cellar
ssid = \"old\" # was broken
password = 'x'
mine = 1.5
";
        let after = changed(
            before,
            &[
                ("station.ssid", text(b"new")),
                ("station.password", StoreValue::Default),
                ("uart.baud", StoreValue::Int(9600)),
            ],
        );
        assert_eq!(
            after,
            "\
# my board
coffee = \"black\"

[station] # at home
# the cellar
ssid = \"new\" # was broken
mine = 1.5

[uart]
baud = 9600
"
        );
        let settings = Settings::parse(&after).unwrap();
        assert_eq!(settings.unknown, ["coffee", "station.mine"]);
    }

    #[test]
    fn every_byte_comes_back_readable() {
        let all: Vec<u8> = (0..=255).collect();
        let values = [
            text(b""),
            text(b"plain"),
            text(br#"a\"b'\n"#),
            text("\u{1f4f6} caf\u{e9}".as_bytes()),
            text(b"caf\xe9 \\x \xff"),
            text(&all),
            StoreValue::Int(-1),
        ];
        for value in values {
            let after = changed("", &[("station.ssid", value.clone())]);
            let settings = Settings::parse(&after).unwrap();
            assert_eq!(
                settings.values,
                [("station.ssid".to_owned(), value)],
                "{after}"
            );
        }
        let after = changed("", &[("station.ssid", text(b"caf\xe9"))]);
        assert_eq!(after, "[station]\nssid = { escaped = 'caf\\xe9' }\n");
    }

    #[test]
    fn dotted_keys_and_inline_tables_are_tables_too() {
        let before = "station.ssid = \"a\"\nuart = { baud = 1, flow = 0 }\n";
        let after = changed(
            before,
            &[
                ("station.ssid", text(b"b")),
                ("uart.baud", StoreValue::Int(2)),
            ],
        );
        assert_eq!(
            after,
            "station.ssid = \"b\"\nuart = { baud = 2, flow = 0 }\n"
        );
    }

    #[test]
    fn erasing_leaves_what_is_no_setting() {
        let before = "\
sysmsg = 1
coffee = 2

[uart]
baud = 9600

# keep me
[station]
ssid = \"x\"

[mine]
a = 1
";
        let mut settings = Settings::parse(before).unwrap();
        erase(&mut settings.document);
        let after = settings.document.to_string();
        assert_eq!(
            after,
            "coffee = 2\n\n# keep me\n[station]\n\n[mine]\na = 1\n"
        );
    }

    #[test]
    fn faults_have_a_place_and_no_content() {
        let cases = [
            ("sysmsg = = 1", 1, 10),
            ("\n\n[station]\nssid = \"secret", 4, 15),
            ("station = 3", 1, 11),
            ("[uart]\nbaud = 9600.5", 2, 8),
            ("[station]\nssid = { escaped = 'secret\\q' }", 2, 8),
            ("[station]\nssid = { escaped = 'a', b = 1 }", 2, 8),
        ];
        for (text, line, column) in cases {
            let fault = Settings::parse(text).unwrap_err();
            assert_eq!(fault.place, Place { line, column }, "{text}: {fault:?}");
            assert!(!fault.what.contains("secret"), "{}", fault.what);
        }
    }

    #[test]
    fn settings_know_where_they_stand() {
        let settings = Settings::parse("[uart]\nbaud = 7\n").unwrap();
        let place = settings.place("uart.baud");
        assert_eq!(place, Some(Place { line: 2, column: 8 }));
        assert_eq!(settings.place("uart.flow"), None);
    }
}
