//! A master file cut into entries: one entry is one line, or several inside parentheses (RFC 1035 section 5.1).

use std::ops::Range;
use std::sync::Arc;

use crate::scenario::diagnostic::{Diagnostic, SourceText};

/// One field of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    /// Byte offsets of the field; for a quoted string, of what stands between the quotes.
    pub span: Range<usize>,
    /// Whether it stood in double quotes.
    pub quoted: bool,
}

/// One entry: a directive or a record, never without a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// The line begins with white space: the owner is that of the record before.
    pub blank_owner: bool,
    /// The fields in order.
    pub tokens: Vec<Token>,
}

/// Reads entries one after another; after an error it goes on with the next line.
pub(super) struct Lexer<'a> {
    source: &'a Arc<SourceText>,
    at: usize,
    /// Once a parenthesis was left open, a later one ends where a line begins with an owner again:
    /// looking for its end through the whole rest each time would take quadratic time.
    distrustful: bool,
}

impl<'a> Lexer<'a> {
    pub fn new(source: &'a Arc<SourceText>) -> Self {
        let at = if source.text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
        Self { source, at, distrustful: false }
    }

    fn peek(&self) -> Option<u8> {
        self.source.text.as_bytes().get(self.at).copied()
    }

    fn error(&self, span: Range<usize>, message: &str) -> Diagnostic {
        Diagnostic::error(message).at(self.source, span)
    }

    /// The next entry that has a token, an error in its place, or `None` at the end of the file.
    pub fn next_entry(&mut self) -> Option<Result<Entry, Diagnostic>> {
        while self.peek().is_some() {
            match self.entry() {
                Ok(entry) if entry.tokens.is_empty() => {}
                other => return Some(other),
            }
        }
        None
    }

    fn entry(&mut self) -> Result<Entry, Diagnostic> {
        let mut entry = Entry { blank_owner: matches!(self.peek(), Some(b' ' | b'\t')), tokens: Vec::new() };
        let mut open: Vec<usize> = Vec::new();
        while let Some(byte) = self.peek() {
            match byte {
                b'\n' => {
                    self.at += 1;
                    match open.first() {
                        None => return Ok(entry),
                        Some(&parenthesis) if self.distrustful && self.at_owner() => {
                            return Err(self.left_open(parenthesis));
                        }
                        Some(_) => {}
                    }
                }
                b' ' | b'\t' | b'\r' => self.at += 1,
                b';' => self.skip_to_line_end(),
                b'(' => {
                    open.push(self.at);
                    self.at += 1;
                }
                b')' => {
                    if open.pop().is_none() {
                        let at = self.at;
                        self.skip_to_line_end();
                        return Err(self
                            .error(at..at + 1, "a closing parenthesis without an opening one")
                            .label("no `(` is open here")
                            .help("remove it, or write `\\)` if it is part of a name"));
                    }
                    self.at += 1;
                }
                b'"' => entry.tokens.push(self.quoted()?),
                _ => entry.tokens.push(self.word()?),
            }
        }
        match open.first() {
            None => Ok(entry),
            Some(&parenthesis) => {
                self.resume_after(parenthesis);
                Err(self.left_open(parenthesis))
            }
        }
    }

    fn left_open(&self, parenthesis: usize) -> Diagnostic {
        self.error(parenthesis..parenthesis + 1, "a parenthesis is never closed")
            .label("opened here")
            .help("put `)` after the last field of this record")
    }

    /// Whether the line that begins here begins with an owner or a directive.
    fn at_owner(&self) -> bool {
        self.peek().is_some_and(|byte| !matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | b';' | b'(' | b')'))
    }

    /// Goes to the first line after `parenthesis` that begins with an owner, so that the rest of the file is still read.
    fn resume_after(&mut self, parenthesis: usize) {
        self.distrustful = true;
        self.at = parenthesis;
        while self.peek().is_some() {
            self.skip_to_line_end();
            self.at += 1;
            if self.at_owner() {
                return;
            }
        }
    }

    fn skip_to_line_end(&mut self) {
        while self.peek().is_some_and(|byte| byte != b'\n') {
            self.at += 1;
        }
    }

    fn quoted(&mut self) -> Result<Token, Diagnostic> {
        let quote = self.at;
        self.at += 1;
        while let Some(byte) = self.peek() {
            match byte {
                b'"' => {
                    self.at += 1;
                    return Ok(Token { span: quote + 1..self.at - 1, quoted: true });
                }
                b'\n' => break,
                b'\\' => self.escape(),
                _ => self.at += 1,
            }
        }
        Err(self
            .error(quote..quote + 1, "a quoted string is not closed on its line")
            .label("opened here")
            .help("close it with `\"`; a long text is several strings side by side inside parentheses"))
    }

    fn word(&mut self) -> Result<Token, Diagnostic> {
        let start = self.at;
        while let Some(byte) = self.peek() {
            match byte {
                b' ' | b'\t' | b'\r' | b'\n' | b';' | b'(' | b')' | b'"' => break,
                b'\\' => self.escape(),
                _ => self.at += 1,
            }
        }
        Ok(Token { span: start..self.at, quoted: false })
    }

    /// Passes a backslash and what it protects; the end of a line is not protected.
    fn escape(&mut self) {
        self.at += 1;
        let line_ends =
            matches!(self.source.text.as_bytes().get(self.at..), None | Some([] | [b'\n', ..] | [b'\r', b'\n', ..]));
        if !line_ends {
            self.at += self.source.text.get(self.at..).and_then(|rest| rest.chars().next()).map_or(1, char::len_utf8);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(text: &str) -> Vec<Result<(bool, Vec<String>), String>> {
        let source = Arc::new(SourceText { name: "z".into(), text: text.into() });
        let mut lexer = Lexer::new(&source);
        let mut found = Vec::new();
        while let Some(entry) = lexer.next_entry() {
            found.push(
                entry
                    .map(|e| (e.blank_owner, e.tokens.iter().map(|t| text[t.span.clone()].to_string()).collect()))
                    .map_err(|d| d.message),
            );
        }
        found
    }

    #[test]
    fn parentheses_join_lines_and_comments_end_them() {
        let text = "a ( b ; c\n  d )\r\n\n ; only a comment\n\te \"f ; g\" h\\;i\\ j";
        let expected = vec![
            Ok((false, vec!["a".into(), "b".into(), "d".into()])),
            Ok((true, vec!["e".into(), "f ; g".into(), "h\\;i\\ j".into()])),
        ];
        assert_eq!(entries(text), expected);
    }

    #[test]
    fn an_open_parenthesis_costs_one_entry_not_the_file() {
        let text = "a (\n b\nc d\ne (\n f\ng h\n";
        let found = entries(text);
        assert_eq!(found.len(), 4, "{found:?}");
        assert!(found[0].is_err() && found[2].is_err());
        assert_eq!(found[1], Ok((false, vec!["c".into(), "d".into()])));
        assert_eq!(found[3], Ok((false, vec!["g".into(), "h".into()])));
    }

    #[test]
    fn an_open_quote_costs_one_line() {
        let found = entries("a \"b\nc )\nd \"e\\\"f\"\n");
        assert!(found[0].as_ref().unwrap_err().contains("quoted string"));
        assert!(found[1].as_ref().unwrap_err().contains("closing parenthesis"));
        assert_eq!(found[2], Ok((false, vec!["d".into(), "e\\\"f".into()])));
    }
}
