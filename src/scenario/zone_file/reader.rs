//! From entries to records: owners, classes, TTLs and directives, with the state that one line hands to the next.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use super::lexer::{Entry, Lexer, Token};
use super::name;
use super::rdata::{Data, Fields, read_data};
use super::record_type::{RecordType, is_class_in};
use super::ttl::TTL_MAX_S;
use super::{Record, Soa};
use crate::scenario::diagnostic::{Diagnostic, SourceText};

/// What the file holds, before the zone as a whole is checked.
#[derive(Default)]
pub(super) struct Contents {
    /// SOA records in the order of the file.
    pub soas: Vec<Soa>,
    /// The other records kept.
    pub records: Vec<Record>,
    /// Owner and mnemonic of records left out.
    pub left_out: Vec<(String, String, Range<usize>)>,
    pub diagnostics: Vec<Diagnostic>,
    /// An SOA stood in the file and could not be read.
    pub soa_failed: bool,
}

/// Where a record's TTL may come from, beside its own.
#[derive(Default)]
struct Ttls {
    /// `$TTL`, or the SOA MINIMUM where neither that nor a TTL came before (as BIND does).
    default_s: Option<u32>,
    /// The last that a record gave.
    explicit_s: Option<u32>,
    /// Said once that TTLs come from the record before, once that there is none.
    warned_last: bool,
    failed: bool,
}

/// The owner that an indented line takes.
enum Owner {
    /// No record came before.
    Unset,
    /// That of the record before it.
    Known(String),
    /// The record before it had none that can be read; that has been said.
    Broken,
}

struct Reader<'a> {
    source: &'a Arc<SourceText>,
    zone: &'a str,
    origin: String,
    owner: Owner,
    ttls: Ttls,
    /// Types left out: where first, how often.
    left_out: BTreeMap<String, (Range<usize>, usize)>,
    contents: Contents,
}

/// Reads all entries of `source` for the zone `zone`.
pub(super) fn read(source: &Arc<SourceText>, zone: &str) -> Contents {
    let mut reader = Reader {
        source,
        zone,
        origin: zone.to_string(),
        owner: Owner::Unset,
        ttls: Ttls::default(),
        left_out: BTreeMap::new(),
        contents: Contents::default(),
    };
    let mut lexer = Lexer::new(source);
    while let Some(entry) = lexer.next_entry() {
        if let Err(error) = entry.and_then(|entry| reader.entry(&entry)) {
            reader.contents.diagnostics.push(error);
        }
    }
    reader.finish()
}

impl Reader<'_> {
    fn entry(&mut self, entry: &Entry) -> Result<(), Diagnostic> {
        let mut fields = Fields::new(self.source, &entry.tokens);
        if let Some(first) = fields.peek().filter(|token| !token.quoted)
            && fields.text(first).starts_with('$')
        {
            return self.directive(first, entry.blank_owner, &mut fields);
        }
        match self.owner(entry.blank_owner, &mut fields)? {
            Some(owner) => self.record(owner, &entry.tokens, &mut fields),
            None => Ok(()),
        }
    }

    fn directive(&mut self, token: &Token, blank: bool, fields: &mut Fields<'_>) -> Result<(), Diagnostic> {
        fields.any("a directive")?;
        let text = fields.text(token);
        let error = |message: String| fields.error(token.span.clone(), message);
        if blank {
            return Err(error(format!("`{text}` is indented")).label("a directive begins in the first column"));
        }
        match text.to_ascii_uppercase().as_str() {
            "$ORIGIN" => {
                let origin = fields.name("a domain name", &self.origin)?;
                fields.finish()?;
                self.origin = origin;
            }
            "$TTL" => {
                let seconds = self.ttl(fields)?;
                fields.finish()?;
                self.ttls.default_s = Some(seconds);
            }
            "$INCLUDE" => {
                return Err(error("`$INCLUDE` is not read: a zone is one file".into())
                    .label("expected records")
                    .help("put the contents of that file here; `named-compilezone -s full -o ZONE.txt NAME FILE` writes one file"));
            }
            "$GENERATE" => {
                return Err(error("`$GENERATE` is not read".into())
                    .label("expected records")
                    .help("write the records out; `named-compilezone -s full -o ZONE.txt NAME FILE` does it"));
            }
            _ => {
                return Err(error(format!("no directive `{text}`"))
                    .label("expected `$ORIGIN`, `$TTL` or a record")
                    .help("write a name that begins with a dollar sign as `\\$`"));
            }
        }
        Ok(())
    }

    /// A TTL of the next field, zero if it exceeds the greatest (RFC 2181 section 8, as BIND does).
    fn ttl(&mut self, fields: &mut Fields<'_>) -> Result<u32, Diagnostic> {
        let span = fields.peek().map(|token| token.span.clone());
        let seconds = fields.seconds("a TTL")?;
        if seconds <= TTL_MAX_S {
            return Ok(seconds);
        }
        let warning = Diagnostic::warning(format!("a TTL of {seconds} seconds exceeds {TTL_MAX_S} and is read as 0"))
            .at(self.source, span.unwrap_or_default())
            .label("RFC 2181 section 8");
        self.contents.diagnostics.push(warning);
        Ok(0)
    }

    /// The owner of the record, or `None` if the line takes one that could not be read.
    fn owner(&mut self, blank: bool, fields: &mut Fields<'_>) -> Result<Option<String>, Diagnostic> {
        if !blank {
            let owner = fields.name("an owner", &self.origin);
            self.owner = owner.as_ref().map_or(Owner::Broken, |name| Owner::Known(name.clone()));
            return owner.map(Some);
        }
        match &self.owner {
            Owner::Known(name) => Ok(Some(name.clone())),
            Owner::Broken => Ok(None),
            Owner::Unset => {
                let span = fields.peek().map_or(0..0, |token| token.span.clone());
                Err(fields
                    .error(span, "the first record has no owner")
                    .label("this line is indented, and no owner comes before it")
                    .help("begin the line with the owner, or with `@` for the zone itself"))
            }
        }
    }

    fn record(&mut self, owner: String, tokens: &[Token], fields: &mut Fields<'_>) -> Result<(), Diagnostic> {
        let (explicit, kind, type_token) = self.ttl_class_type(fields)?;
        if let Some(seconds) = explicit {
            self.ttls.explicit_s = Some(seconds);
        }
        let span = match (tokens.first(), tokens.last()) {
            // A closing quote belongs to the record.
            (Some(first), Some(last)) => first.span.start..last.span.end + usize::from(last.quoted),
            _ => type_token.span.clone(),
        };
        let generic = fields.peek().is_some_and(|token| !token.quoted && fields.text(token) == "\\#");
        let mnemonic = fields.text(&type_token).to_ascii_uppercase();
        let Some(kind) = kind.filter(|_| !generic) else {
            if generic && RecordType::from_mnemonic(&mnemonic).is_some_and(|kind| !matches!(kind, RecordType::Other(_)))
            {
                self.warn_generic(&mnemonic, &span);
            }
            self.leave_out(owner, mnemonic, &type_token, span);
            return Ok(());
        };
        let in_zone = name::is_in_zone(&owner, self.zone);
        let mut warnings = Vec::new();
        let data = read_data(&kind, fields, &self.origin, &mut warnings).and_then(|data| match data {
            Some(_) => fields.finish().map(|()| data),
            None => Ok(data),
        });
        self.contents.diagnostics.append(&mut warnings);
        if data.is_err() && kind == RecordType::Soa {
            self.contents.soa_failed = true;
        }
        match data? {
            None => self.leave_out(owner, mnemonic, &type_token, span),
            Some(Data::Soa(mut soa)) => {
                soa.ttl_s = explicit.unwrap_or_else(|| self.soa_ttl(&type_token, soa.minimum_s));
                soa.span = span;
                if owner != self.zone {
                    return Err(self.soa_elsewhere(&owner, &soa.span, tokens));
                }
                self.contents.soas.push(*soa);
            }
            Some(Data::Record(data)) => {
                let Some(ttl_s) = explicit.or_else(|| self.inherited_ttl(&type_token)) else { return Ok(()) };
                if in_zone {
                    self.contents.records.push(Record { owner, ttl_s, data, span });
                } else {
                    self.warn_out_of_zone(&owner, tokens, &span);
                }
            }
        }
        Ok(())
    }

    /// `[TTL] [class] type` or `[class] [TTL] type` (RFC 1035 section 5.1). A type that nobody knows is `None`.
    fn ttl_class_type(
        &mut self,
        fields: &mut Fields<'_>,
    ) -> Result<(Option<u32>, Option<RecordType>, Token), Diagnostic> {
        let (mut ttl, mut class_seen) = (None, false);
        loop {
            let token = fields.peek().cloned();
            let text = token.as_ref().map_or("", |token| fields.text(token));
            if ttl.is_none() && text.starts_with(|c: char| c.is_ascii_digit()) {
                ttl = Some(self.ttl(fields)?);
                continue;
            }
            let token = fields.word("a TTL, a class or a type")?.clone();
            match is_class_in(text) {
                Some(true) if !class_seen => class_seen = true,
                Some(false) if !class_seen => {
                    return Err(fields
                        .error(token.span, format!("class {} is not read", text.to_ascii_uppercase()))
                        .label("expected `IN`: mail is routed by the Internet class"));
                }
                Some(_) => return Err(fields.error(token.span, "a record has two classes").label("expected a type")),
                None => {
                    let kind = RecordType::from_mnemonic(text);
                    let plausible = text.starts_with(|c: char| c.is_ascii_alphabetic())
                        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
                    if kind.is_none() && !plausible {
                        return Err(fields
                            .error(token.span, format!("`{text}` is not a record type"))
                            .label("expected a TTL, a class or a type, such as `MX`")
                            .help("a line that begins with a blank belongs to the owner before it"));
                    }
                    if kind.is_none() {
                        self.warn_unknown_type(text, &token);
                    }
                    return Ok((ttl, kind, token));
                }
            }
        }
    }

    fn inherited_ttl(&mut self, token: &Token) -> Option<u32> {
        if let Some(seconds) = self.ttls.default_s {
            return Some(seconds);
        }
        if let Some(seconds) = self.ttls.explicit_s {
            if !self.ttls.warned_last {
                self.ttls.warned_last = true;
                let warning =
                    Diagnostic::warning(format!("no `$TTL`: this TTL is {seconds} s, the last one given before"))
                        .at(self.source, token.span.clone())
                        .label("RFC 1035 section 5.1")
                        .help("put `$TTL 1h` at the top; this is said for the first such record only");
                self.contents.diagnostics.push(warning);
            }
            return Some(seconds);
        }
        // An SOA that could not be read has been reported, and would have given the TTL.
        if !self.ttls.failed && !self.contents.soa_failed {
            self.ttls.failed = true;
            let error = Diagnostic::error("the record has no TTL")
                .at(self.source, token.span.clone())
                .label("expected a TTL before the type, and no `$TTL` comes before")
                .help("put `$TTL 1h` at the top; this is said for the first such record only");
            self.contents.diagnostics.push(error);
        }
        None
    }

    fn soa_ttl(&mut self, token: &Token, minimum_s: u32) -> u32 {
        if let Some(seconds) = self.ttls.default_s.or(self.ttls.explicit_s) {
            return seconds;
        }
        let minimum_s = if minimum_s > TTL_MAX_S { 0 } else { minimum_s };
        self.ttls.default_s = Some(minimum_s);
        let warning =
            Diagnostic::warning(format!("no TTL: the SOA minimum, {minimum_s} s, is taken for it and what follows"))
                .at(self.source, token.span.clone())
                .label("RFC 2308 section 4 asks for another source")
                .help("put `$TTL 1h` at the top");
        self.contents.diagnostics.push(warning);
        minimum_s
    }

    fn soa_elsewhere(&self, owner: &str, span: &Range<usize>, tokens: &[Token]) -> Diagnostic {
        let place = tokens.first().map_or(span.clone(), |token| token.span.clone());
        Diagnostic::error(format!("the SOA record belongs to `{owner}`, and the zone is `{}`", self.zone))
            .at(self.source, place)
            .label("expected the name of the zone")
            .help(format!(
                "write `@` here under `$ORIGIN {}`, or import the file as the zone `{owner}`",
                absolute(self.zone)
            ))
    }

    fn warn_out_of_zone(&mut self, owner: &str, tokens: &[Token], span: &Range<usize>) {
        let place = tokens.first().map_or(span.clone(), |token| token.span.clone());
        let warning = Diagnostic::warning(format!("`{owner}` is outside the zone `{}` and is left out", self.zone))
            .at(self.source, place)
            .label("as BIND does")
            .help("records of another zone belong in that zone's file");
        self.contents.diagnostics.push(warning);
    }

    fn warn_unknown_type(&mut self, text: &str, token: &Token) {
        let warning = Diagnostic::warning(format!("no record type `{text}`: the record is left out"))
            .at(self.source, token.span.clone())
            .label("expected a type, such as `MX`");
        let warning = match RecordType::did_you_mean(text) {
            Some(question) => warning.help(question),
            None => {
                warning.help("a line that begins with a type belongs to no owner: begin it with a blank or an owner")
            }
        };
        self.contents.diagnostics.push(warning);
    }

    fn warn_generic(&mut self, mnemonic: &str, span: &Range<usize>) {
        let warning =
            Diagnostic::warning(format!("this {mnemonic} record is left out: its data is in hexadecimal (RFC 3597)"))
                .at(self.source, span.clone())
                .label("expected the usual form of its type")
                .help("`named-compilezone` writes it so");
        self.contents.diagnostics.push(warning);
    }

    fn leave_out(&mut self, owner: String, mnemonic: String, token: &Token, span: Range<usize>) {
        if let Some(RecordType::Other(_)) = RecordType::from_mnemonic(&mnemonic) {
            self.left_out.entry(mnemonic.clone()).or_insert((token.span.clone(), 0)).1 += 1;
        }
        self.contents.left_out.push((owner, mnemonic, span));
    }

    fn finish(mut self) -> Contents {
        for (mnemonic, (span, count)) in self.left_out {
            let message = match count {
                1 => format!("a record of type {mnemonic} is left out"),
                _ => format!("{count} records of type {mnemonic} are left out"),
            };
            let warning = Diagnostic::warning(message)
                .at(self.source, span)
                .label("kept are SOA, NS, MX, A, AAAA, CNAME and TXT");
            self.contents.diagnostics.push(warning);
        }
        self.contents
    }
}

/// A name as a master file writes it in full.
fn absolute(name: &str) -> String {
    if name == "." { name.to_string() } else { format!("{name}.") }
}
