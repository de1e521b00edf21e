//! The fields after a record's type (RFC 1035 section 3.3, RFC 3596), read one by one with a cursor.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::ops::Range;
use std::sync::Arc;

use super::lexer::Token;
use super::name::{self, Fault};
use super::record_type::RecordType;
use super::{RecordData, Soa, ttl};
use crate::scenario::diagnostic::{Diagnostic, SourceText};

/// Octets of a character string (RFC 1035 section 3.3).
const STRING_OCTETS_MAX: usize = 255;
/// Octets of a record's data: its length field has 16 bits (RFC 1035 section 3.2.1).
const DATA_OCTETS_MAX: usize = 65_535;

/// The tokens of an entry, taken from the front.
pub(super) struct Fields<'a> {
    pub source: &'a Arc<SourceText>,
    tokens: &'a [Token],
    /// Where the last token taken ends: the place of "something is missing here".
    end: Range<usize>,
}

impl<'a> Fields<'a> {
    pub fn new(source: &'a Arc<SourceText>, tokens: &'a [Token]) -> Self {
        let end = tokens.first().map_or(0..0, |token| token.span.clone());
        Self { source, tokens, end }
    }

    /// The text of a token.
    pub fn text(&self, token: &Token) -> &'a str {
        self.source.text.get(token.span.clone()).unwrap_or_default()
    }

    pub fn error(&self, span: Range<usize>, message: impl Into<String>) -> Diagnostic {
        Diagnostic::error(message).at(self.source, span)
    }

    /// An error whose offsets count from the start of `token`.
    pub fn fault(&self, token: &Token, fault: Fault) -> Diagnostic {
        let start = token.span.start;
        self.error(start + fault.span.start..start + fault.span.end, fault.message).label(fault.expected)
    }

    pub fn peek(&self) -> Option<&'a Token> {
        self.tokens.first()
    }

    /// The next field, quoted or not.
    pub fn any(&mut self, expected: &str) -> Result<&'a Token, Diagnostic> {
        let Some((token, rest)) = self.tokens.split_first() else {
            return Err(self
                .error(self.end.clone(), "the record ends too early")
                .label(format!("expected {expected} after this")));
        };
        self.tokens = rest;
        self.end = token.span.clone();
        Ok(token)
    }

    /// The next field, which must not stand in quotes.
    pub fn word(&mut self, expected: &str) -> Result<&'a Token, Diagnostic> {
        let token = self.any(expected)?;
        if token.quoted {
            return Err(self
                .error(token.span.clone(), "a quoted string stands here")
                .label(format!("expected {expected}")));
        }
        Ok(token)
    }

    pub fn name(&mut self, expected: &str, origin: &str) -> Result<String, Diagnostic> {
        let token = self.word(expected)?;
        name::read_name(self.text(token), origin).map_err(|fault| self.fault(token, fault))
    }

    pub fn seconds(&mut self, expected: &str) -> Result<u32, Diagnostic> {
        let token = self.word(expected)?;
        ttl::read_seconds(self.text(token)).map_err(|fault| self.fault(token, fault))
    }

    fn number<T: std::str::FromStr>(&mut self, expected: &str, limit: u64) -> Result<T, Diagnostic> {
        let token = self.word(expected)?;
        let text = self.text(token);
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse().ok().filter(|_| digits).ok_or_else(|| {
            self.error(token.span.clone(), format!("`{text}` is not {expected}"))
                .label(format!("expected a number from 0 to {limit}"))
        })
    }

    /// Nothing may follow.
    pub fn finish(&self) -> Result<(), Diagnostic> {
        match (self.tokens.first(), self.tokens.last()) {
            (Some(first), Some(last)) => Err(self
                .error(first.span.start..last.span.end, "the record has more fields than its type")
                .label("expected the end of the line")
                .help("put a comment after `;`, and a text that holds blanks in double quotes")),
            _ => Ok(()),
        }
    }
}

/// The data of an entry: a record's, or the zone's SOA.
pub(super) enum Data {
    Soa(Box<Soa>),
    Record(RecordData),
}

/// Reads the data of type `kind`; `warnings` takes what may not have been meant.
pub(super) fn read_data(
    kind: &RecordType,
    fields: &mut Fields<'_>,
    origin: &str,
    warnings: &mut Vec<Diagnostic>,
) -> Result<Option<Data>, Diagnostic> {
    let data = match kind {
        RecordType::Soa => return soa(fields, origin).map(|soa| Some(Data::Soa(Box::new(soa)))),
        RecordType::Ns => RecordData::Ns(host(fields, "the name of a name server", origin, warnings)?),
        RecordType::Mx => RecordData::Mx {
            preference: fields.number("a preference", u64::from(u16::MAX))?,
            exchange: host(fields, "the name of a mail exchanger", origin, warnings)?,
        },
        RecordType::Cname => RecordData::Cname(fields.name("the name that this one stands for", origin)?),
        RecordType::A => RecordData::A(address::<Ipv4Addr>(fields, "an IPv4 address", "192.0.2.1")?),
        RecordType::Aaaa => RecordData::Aaaa(address::<Ipv6Addr>(fields, "an IPv6 address", "2001:db8::1")?),
        RecordType::Txt => RecordData::Txt(strings(fields, warnings)?),
        RecordType::Other(_) => return Ok(None),
    };
    Ok(Some(Data::Record(data)))
}

fn soa(fields: &mut Fields<'_>, origin: &str) -> Result<Soa, Diagnostic> {
    Ok(Soa {
        mname: fields.name("the primary name server", origin)?,
        rname: fields.name("the mailbox of the person responsible", origin)?,
        serial: fields.number("a serial", u64::from(u32::MAX))?,
        refresh_s: fields.seconds("the refresh time")?,
        retry_s: fields.seconds("the retry time")?,
        expire_s: fields.seconds("the expire time")?,
        minimum_s: fields.seconds("the minimum TTL")?,
        ttl_s: 0,
        span: 0..0,
    })
}

/// A name that must be a host's, with a warning if it reads as an address (as BIND's `check-mx`).
fn host(
    fields: &mut Fields<'_>,
    expected: &str,
    origin: &str,
    warnings: &mut Vec<Diagnostic>,
) -> Result<String, Diagnostic> {
    let token = fields.peek().cloned();
    let name = fields.name(expected, origin)?;
    if let Some(token) = token {
        let text = fields.text(&token);
        let bare = text.strip_suffix('.').unwrap_or(text);
        if bare.parse::<Ipv4Addr>().is_ok() || bare.parse::<Ipv6Addr>().is_ok() {
            let warning = Diagnostic::warning(format!("`{text}` is an address where a name belongs"))
                .at(fields.source, token.span)
                .label(format!("expected {expected}; this is read as the name `{name}`"))
                .help("give the address a name with an A or AAAA record, and put that name here");
            warnings.push(warning);
        }
    }
    Ok(name)
}

fn address<T: std::str::FromStr>(fields: &mut Fields<'_>, expected: &str, example: &str) -> Result<T, Diagnostic> {
    let token = fields.word(expected)?;
    let text = fields.text(token);
    text.parse().map_err(|_| {
        fields
            .error(token.span.clone(), format!("`{text}` is not {expected}"))
            .label(format!("expected {expected}, such as `{example}`"))
    })
}

fn strings(fields: &mut Fields<'_>, warnings: &mut Vec<Diagnostic>) -> Result<Vec<String>, Diagnostic> {
    let mut found = Vec::new();
    let mut total = 0;
    let mut token = fields.any("a text in double quotes")?;
    let first = token.span.start;
    loop {
        let text = fields.text(token);
        let mut octets = Vec::with_capacity(text.len());
        let mut at = 0;
        while let Some((byte, _, next)) = name::octet(text, at).map_err(|fault| fields.fault(token, fault))? {
            octets.push(byte);
            at = next;
        }
        if octets.len() > STRING_OCTETS_MAX {
            return Err(fields
                .error(
                    token.span.clone(),
                    format!("a string of {} octets is longer than {STRING_OCTETS_MAX}", octets.len()),
                )
                .label("RFC 1035 section 3.3")
                .help("part it into several strings in double quotes, side by side: readers join them"));
        }
        total += octets.len() + 1;
        if total > DATA_OCTETS_MAX {
            let span = first..token.span.end;
            return Err(fields.error(span, "the strings exceed 65535 octets together").label("RFC 1035 section 3.2.1"));
        }
        found.push(String::from_utf8(octets).unwrap_or_else(|broken| {
            let warning = Diagnostic::warning("a text holds octets that are not UTF-8")
                .at(fields.source, token.span.clone())
                .label("each is read as U+FFFD");
            warnings.push(warning);
            String::from_utf8_lossy(broken.as_bytes()).into_owned()
        }));
        if fields.peek().is_none() {
            return Ok(found);
        }
        token = fields.any("a text")?;
    }
}
