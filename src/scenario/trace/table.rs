//! A CSV file as cells that know where they stand.

use std::ops::Range;
use std::sync::Arc;

use crate::scenario::diagnostic::{Diagnostic, SourceText};
use crate::scenario::nearest::did_you_mean;
use crate::scenario::units::TextError;

/// One cell: its text without quotes and surrounding blanks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cell {
    pub text: String,
    /// Byte offsets in the file, of the text if it is not quoted, else with its quotes.
    pub span: Range<usize>,
}

/// One row, not blank.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    pub cells: Vec<Cell>,
}

impl Row {
    /// Byte offsets from the first cell to the last.
    pub fn span(&self) -> Range<usize> {
        match (self.cells.first(), self.cells.last()) {
            (Some(first), Some(last)) => first.span.start..last.span.end,
            _ => 0..0,
        }
    }
}

impl Cell {
    /// An error at this cell.
    pub fn error(&self, source: &Arc<SourceText>, message: impl Into<String>, expected: &str) -> Diagnostic {
        Diagnostic::error(message).at(source, self.span.clone()).label(format!("expected {expected}"))
    }

    /// The error of a reader of this cell's text, under the part of the cell that it names.
    pub fn text_error(&self, source: &Arc<SourceText>, error: TextError) -> Diagnostic {
        let written = source.text.get(self.span.clone()).unwrap_or_default();
        let part = self.span.start + error.span.start..self.span.start + error.span.end;
        // Offsets inside a quoted cell differ from those inside its text.
        let exact = written == self.text && !error.span.is_empty() && source.text.get(part.clone()).is_some();
        let span = if exact { part } else { self.span.clone() };
        let expected = if error.expected.is_empty() { String::new() } else { format!("expected {}", error.expected) };
        Diagnostic::error(format!("`{}`: {}", self.text, error.message)).at(source, span).label(expected)
    }
}

fn body_start(source: &SourceText) -> usize {
    if source.text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 }
}

/// All rows of the file.
pub(super) fn rows(source: &Arc<SourceText>) -> Vec<Row> {
    let start = body_start(source);
    let body = source.text.as_bytes().get(start..).unwrap_or_default();
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).comment(Some(b'#')).from_reader(body);
    let mut rows = Vec::new();
    let mut record = csv::StringRecord::new();
    // Reading memory that is UTF-8, rows of any length: there is no error to meet.
    while let Ok(true) = reader.read_record(&mut record) {
        let at = record.position().map_or(0, |position| usize::try_from(position.byte()).unwrap_or(usize::MAX));
        let mut spans = Scanner::at_record(body, at);
        let cells: Vec<Cell> = record
            .iter()
            .map(|text| {
                let raw = spans.cell();
                Cell { text: text.trim().to_string(), span: trimmed(&source.text, start + raw.start..start + raw.end) }
            })
            .collect();
        if cells.iter().any(|cell| !cell.text.is_empty()) {
            rows.push(Row { cells });
        }
    }
    rows
}

fn trimmed(text: &str, span: Range<usize>) -> Range<usize> {
    let cell = text.get(span.clone()).unwrap_or_default();
    let start = span.start + (cell.len() - cell.trim_start().len());
    start..start + cell.trim().len()
}

/// Finds the cells of a record in the text as written; `csv` gives the place of a record, not of its cells.
struct Scanner<'a> {
    body: &'a [u8],
    at: usize,
    /// Where the quote stands that the last cell left open.
    open: Option<usize>,
}

impl<'a> Scanner<'a> {
    /// At the first cell of the record that `csv` says begins at `at`: it counts blank lines and comments before it in.
    fn at_record(body: &'a [u8], at: usize) -> Self {
        let mut scanner = Self { body, at, open: None };
        while let Some(byte) = scanner.peek() {
            match byte {
                b'\r' | b'\n' => scanner.at += 1,
                b'#' => {
                    while scanner.peek().is_some_and(|byte| byte != b'\n') {
                        scanner.at += 1;
                    }
                }
                _ => break,
            }
        }
        scanner
    }

    fn peek(&self) -> Option<u8> {
        self.body.get(self.at).copied()
    }

    /// The next cell as written, quotes and blanks included; goes past one comma after it.
    fn cell(&mut self) -> Range<usize> {
        let start = self.at;
        self.open = None;
        if self.peek() == Some(b'"') {
            self.open = Some(self.at);
            self.at += 1;
            while let Some(byte) = self.peek() {
                self.at += 1;
                if byte == b'"' {
                    if self.peek() != Some(b'"') {
                        self.open = None;
                        break;
                    }
                    self.at += 1;
                }
            }
        }
        while self.peek().is_some_and(|byte| !matches!(byte, b',' | b'\r' | b'\n')) {
            self.at += 1;
        }
        let end = self.at;
        if self.peek() == Some(b',') {
            self.at += 1;
        }
        start..end
    }
}

/// An error for a quote that nothing closes: `csv` would take the rest of the file for one cell.
pub(super) fn unclosed_quotes(source: &Arc<SourceText>) -> Vec<Diagnostic> {
    let start = body_start(source);
    let body = source.text.as_bytes().get(start..).unwrap_or_default();
    let mut scanner = Scanner::at_record(body, 0);
    while scanner.peek().is_some() {
        scanner.cell();
        if let Some(quote) = scanner.open {
            let error = Diagnostic::error("a quoted cell is never closed")
                .at(source, start + quote..start + quote + 1)
                .label("opened here")
                .help("close it with `\"`; a quote inside a quoted cell is written twice");
            return vec![error];
        }
        if matches!(scanner.peek(), Some(b'\r' | b'\n')) {
            scanner = Scanner::at_record(body, scanner.at);
        }
    }
    Vec::new()
}

/// A table whose header names its columns.
pub(super) struct Table {
    /// For each known column, where it stands in a row.
    columns: Vec<Option<usize>>,
    pub header: Row,
    pub rows: Vec<Row>,
}

impl Table {
    /// Reads a table of the columns `known`, of which the first is required.
    ///
    /// Says what is wrong with the header and with rows that have more cells than it.
    pub fn read(source: &Arc<SourceText>, known: &[&str], found: &mut Vec<Diagnostic>) -> Option<Self> {
        let mut rows = rows(source);
        let example = known.join(",");
        if rows.is_empty() {
            let error = Diagnostic::error("the file has no row").at(source, 0..0);
            found.push(
                error.label("expected a header that names the columns").help(format!("begin it with `{example}`")),
            );
            return None;
        }
        let header = rows.remove(0);
        let mut columns = vec![None; known.len()];
        for (at, cell) in header.cells.iter().enumerate() {
            let name = cell.text.to_lowercase();
            match known.iter().position(|column| *column == name).and_then(|index| columns.get_mut(index)) {
                Some(column @ None) => *column = Some(at),
                Some(Some(_)) => {
                    found.push(cell.error(source, format!("the column `{name}` stands here twice"), "each column once"))
                }
                None => {
                    let warning = Diagnostic::warning(format!("the column `{}` is not read", cell.text))
                        .at(source, cell.span.clone())
                        .label(format!("expected one of {example}"));
                    found.push(match did_you_mean(&name, known.iter().copied()) {
                        Some(question) => warning.help(question),
                        None => warning,
                    });
                }
            }
        }
        let required = known.first().copied().unwrap_or_default();
        if columns.first().copied().flatten().is_none() {
            let error = Diagnostic::error(format!("no column `{required}`"))
                .at(source, header.span())
                .label("expected a header that names the columns")
                .help(format!("begin the file with a line such as `{example}`, parted by commas"));
            found.push(error);
            return None;
        }
        for row in &rows {
            if let Some(extra) = row.cells.get(header.cells.len()) {
                let message = format!("the row has {} cells, the header {}", row.cells.len(), header.cells.len());
                let error = extra.error(source, message, "the end of the row");
                found.push(error.help("put a cell that holds a comma in double quotes"));
            }
        }
        Some(Self { columns, header, rows })
    }

    /// Whether the header has the known column `index`.
    pub fn has(&self, index: usize) -> bool {
        self.columns.get(index).copied().flatten().is_some()
    }

    /// The cell of `row` in the known column `index`, `None` if there is none or it is blank.
    pub fn cell<'a>(&self, row: &'a Row, index: usize) -> Option<&'a Cell> {
        let at = self.columns.get(index).copied().flatten()?;
        row.cells.get(at).filter(|cell| !cell.text.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn source(text: &str) -> Arc<SourceText> {
        Arc::new(SourceText { name: "t.csv".into(), text: text.into() })
    }

    /// What a cell as written holds.
    fn unquoted(raw: &str) -> String {
        match raw.strip_prefix('"').and_then(|inner| inner.strip_suffix('"')) {
            Some(inner) => inner.replace("\"\"", "\"").trim().to_string(),
            None => raw.to_string(),
        }
    }

    proptest! {
        #[test]
        fn every_cell_stands_where_its_span_says(
            table in proptest::collection::vec(
                proptest::collection::vec("[a-z0-9 ]{0,4}|\"([a-z ,\n#]|\"\"){0,5}\"", 1..4), 1..6),
            breaks in proptest::collection::vec("\n|\r\n|\n\n|\n#c,d\n", 6),
            bom in any::<bool>(),
        ) {
            let mut text = String::from(if bom { "\u{feff}" } else { "" });
            for (row, end) in table.iter().zip(&breaks) {
                text.push_str(&row.join(","));
                text.push_str(end);
            }
            let source = source(&text);
            prop_assert!(unclosed_quotes(&source).is_empty());
            for cell in rows(&source).iter().flat_map(|row| &row.cells) {
                prop_assert_eq!(unquoted(&text[cell.span.clone()]), cell.text.clone());
            }
        }

        #[test]
        fn no_text_panics(text in "[a-z0-9,\"\r\n# ;\u{e9}]{0,40}") {
            let source = source(&text);
            unclosed_quotes(&source);
            for cell in rows(&source).iter().flat_map(|row| &row.cells) {
                prop_assert!(text.get(cell.span.clone()).is_some(), "{:?}", cell);
            }
        }
    }
}
