//! Tables of a plan file: their values by kind, where they stand, and keys that do not exist.

use std::cell::RefCell;
use std::ops::{Range, RangeInclusive};

use espat_core::Duration;
use toml_edit::{Item, TableLike, Value};

use crate::error::{At, ScriptError};
use crate::time::duration_of;

/// The text that is read.
#[derive(Debug)]
pub(super) struct Source<'a> {
    text: &'a str,
    file: &'a str,
}

/// Where something stands, in bytes.
pub(super) type Span = Option<Range<usize>>;

impl<'a> Source<'a> {
    pub(super) const fn new(text: &'a str, file: &'a str) -> Self {
        Self { text, file }
    }

    pub(super) fn error(&self, span: Span, message: impl Into<String>) -> ScriptError {
        let start = span.map_or(0, |span| span.start).min(self.text.len());
        let before = &self.text[..start];
        let line = before.matches('\n').count() + 1;
        let head = before.rsplit('\n').next().unwrap_or_default();
        let source = self.text.lines().nth(line - 1).unwrap_or_default();
        At::new(head.chars().count() + 1, message).in_line(self.file, line, source)
    }
}

/// A value and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Found<T> {
    pub(super) value: T,
    pub(super) span: Span,
}

impl<T> Found<T> {
    pub(super) fn wrong(&self, source: &Source<'_>, message: impl Into<String>) -> ScriptError {
        source.error(self.span.clone(), message)
    }
}

/// A table that is being read. The keys that were asked for are those that exist.
pub(super) struct Table<'a> {
    source: &'a Source<'a>,
    table: Option<&'a dyn TableLike>,
    /// What messages call it.
    what: &'a str,
    span: Span,
    known: RefCell<Vec<&'static str>>,
}

impl<'a> Table<'a> {
    pub(super) fn new(
        source: &'a Source<'a>,
        table: &'a dyn TableLike,
        what: &'a str,
        span: Span,
    ) -> Self {
        Self {
            source,
            table: Some(table),
            what,
            span,
            known: RefCell::default(),
        }
    }

    /// A table that is not there.
    pub(super) fn empty(source: &'a Source<'a>) -> Self {
        Self {
            source,
            table: None,
            what: "",
            span: None,
            known: RefCell::default(),
        }
    }

    /// Complains of a key that nobody asked for.
    pub(super) fn finish(&self) -> Result<(), ScriptError> {
        let known = self.known.borrow();
        let Some(table) = self.table else {
            return Ok(());
        };
        let unknown = table.iter().find(|(key, _)| !known.contains(key));
        let Some((key, _)) = unknown else {
            return Ok(());
        };
        let others = known.iter().copied().filter(|known| *known != "action");
        let hint = hint(key, others);
        let message = format!("{} has no key `{key}`; {hint}", self.what);
        Err(self.source.error(self.span(key), message))
    }

    /// Where a key stands.
    pub(super) fn span(&self, key: &str) -> Span {
        let found = self.table.and_then(|table| table.key(key));
        found
            .and_then(toml_edit::Key::span)
            .or_else(|| self.item_span(key))
            .or_else(|| self.span.clone())
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.table.is_some_and(|table| table.contains_key(key))
    }

    pub(super) fn item(&self, key: &'static str) -> Option<&'a Item> {
        let mut known = self.known.borrow_mut();
        if !known.contains(&key) {
            known.push(key);
        }
        self.table.and_then(|table| table.get(key))
    }

    fn item_span(&self, key: &str) -> Span {
        self.table.and_then(|table| table.get(key)?.span())
    }

    pub(super) fn wrong(&self, key: &str, message: impl Into<String>) -> ScriptError {
        let span = self.item_span(key).or_else(|| self.span(key));
        self.source.error(span, message)
    }

    pub(super) fn text(&self, key: &'static str) -> Result<Option<Found<String>>, ScriptError> {
        let Some(item) = self.item(key) else {
            return Ok(None);
        };
        match item.as_str() {
            Some(text) => Ok(Some(Found {
                value: text.to_owned(),
                span: item.span(),
            })),
            None => Err(self.wrong(key, format!("`{key}` is a text in quotes"))),
        }
    }

    pub(super) fn texts(&self, key: &'static str) -> Result<Vec<String>, ScriptError> {
        let Some(item) = self.item(key) else {
            return Ok(Vec::new());
        };
        let texts = item.as_array().and_then(|array| {
            let texts = array.iter().map(|value| value.as_str().map(str::to_owned));
            texts.collect::<Option<Vec<_>>>()
        });
        texts.ok_or_else(|| self.wrong(key, format!("`{key}` is a list of texts: [\"a\", \"b\"]")))
    }

    pub(super) fn flag(&self, key: &'static str) -> Result<Option<bool>, ScriptError> {
        let Some(item) = self.item(key) else {
            return Ok(None);
        };
        let flag = item.as_bool();
        flag.map(Some)
            .ok_or_else(|| self.wrong(key, format!("`{key}` is true or false")))
    }

    pub(super) fn number(
        &self,
        key: &'static str,
        range: RangeInclusive<i64>,
    ) -> Result<Option<i64>, ScriptError> {
        let Some(item) = self.item(key) else {
            return Ok(None);
        };
        match item.as_integer().filter(|number| range.contains(number)) {
            Some(number) => Ok(Some(number)),
            None => Err(self.wrong(key, number_wanted(key, &range))),
        }
    }

    /// A number that counts bytes or the like.
    pub(super) fn count(
        &self,
        key: &'static str,
        range: RangeInclusive<i64>,
    ) -> Result<Option<usize>, ScriptError> {
        let number = self.number(key, range)?;
        Ok(number.and_then(|number| usize::try_from(number).ok()))
    }

    /// A time: `"250ms"`.
    pub(super) fn time(&self, key: &'static str) -> Result<Option<Duration>, ScriptError> {
        let Some(item) = self.item(key) else {
            return Ok(None);
        };
        let time = item.as_str().and_then(duration_of);
        time.map(Some).ok_or_else(|| {
            let message =
                format!("`{key}` is a time in quotes with us, ms, s, min or h: \"250ms\"");
            self.wrong(key, message)
        })
    }

    /// One of some words.
    pub(super) fn word<T: Clone>(
        &self,
        key: &'static str,
        words: &[(&str, T)],
    ) -> Result<Option<T>, ScriptError> {
        let Some(found) = self.text(key)? else {
            return Ok(None);
        };
        let known = words.iter().find(|(word, _)| *word == found.value);
        if let Some((_, value)) = known {
            return Ok(Some(value.clone()));
        }
        let hint = hint(&found.value, words.iter().map(|(word, _)| *word));
        let message = format!("there is no `{key} = \"{}\"`; {hint}", found.value);
        Err(found.wrong(self.source, message))
    }

    pub(super) fn table(
        &self,
        key: &'static str,
        what: &'a str,
    ) -> Result<Option<Self>, ScriptError> {
        let Some(item) = self.item(key) else {
            return Ok(None);
        };
        match item.as_table_like() {
            Some(table) => Ok(Some(Self::new(
                self.source,
                table,
                what,
                item.span().or_else(|| self.span(key)),
            ))),
            None => Err(self.wrong(
                key,
                format!("`{key}` is a table: {{ command = \"AT+CIPSEND*\" }}"),
            )),
        }
    }

    /// A list of tables, and where each stands.
    pub(super) fn tables(
        &self,
        key: &'static str,
    ) -> Result<Vec<(&'a dyn TableLike, Span)>, ScriptError> {
        match self.item(key) {
            None => Ok(Vec::new()),
            Some(Item::ArrayOfTables(tables)) => {
                let tables = tables.iter();
                Ok(tables
                    .map(|table| (table as &dyn TableLike, table.span()))
                    .collect())
            }
            Some(Item::Value(Value::Array(tables)))
                if tables.iter().all(Value::is_inline_table) =>
            {
                let tables = tables.iter().filter_map(Value::as_inline_table);
                Ok(tables
                    .map(|table| (table as &dyn TableLike, table.span()))
                    .collect())
            }
            Some(_) => Err(self.wrong(key, format!("`{key}` is a list of tables: [[{key}]]"))),
        }
    }
}

fn number_wanted(key: &str, range: &RangeInclusive<i64>) -> String {
    if *range.end() >= i64::from(u32::MAX) {
        format!("`{key}` is a number from {} on", range.start())
    } else {
        format!(
            "`{key}` is a number from {} to {}",
            range.start(),
            range.end()
        )
    }
}

/// The word that was meant, or all that there are.
pub(super) fn hint<'w>(word: &str, words: impl Iterator<Item = &'w str>) -> String {
    let words: Vec<&str> = words.collect();
    match near(word, words.iter().copied()) {
        Some(known) => format!("did you mean `{known}`?"),
        None if words.is_empty() => "it takes none".to_owned(),
        None => format!("there is {}", words.join(", ")),
    }
}

/// The word that was meant, where one is like it.
pub(super) fn near<'w>(word: &str, words: impl Iterator<Item = &'w str>) -> Option<&'w str> {
    let near = words.map(|known| (distance(word, known), known)).min();
    near.filter(|(distance, known)| *distance <= 1 + known.len() / 3)
        .map(|(_, known)| known)
}

/// How many letters have to be changed, added or taken away.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, letter) in a.chars().enumerate() {
        let mut above_left = row[0];
        row[0] = i + 1;
        for (j, other) in b.iter().enumerate() {
            let replaced = above_left + usize::from(letter != *other);
            above_left = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(above_left + 1);
        }
    }
    row[b.len()]
}
