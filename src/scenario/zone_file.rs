//! A zone from a master file (RFC 1035 section 5), read as BIND reads it (`lib/dns/master.c`).
//!
//! Kept are the types that mail routing asks for; other types are checked for their owner's CNAME and left out with a
//! warning. Differences from BIND: `$INCLUDE` and `$GENERATE` are refused, a type that nobody knows is a warning, and
//! TTLs that differ inside one RRset become the lowest of them, not the first. The lowest is what RFC 2181 section 5.2
//! asks of a reader, and it does not depend on the order of lines.

mod check;
mod lexer;
mod name;
mod rdata;
mod reader;
mod record_type;
#[cfg(test)]
mod tests;
mod ttl;

use std::net::{Ipv4Addr, Ipv6Addr};
use std::ops::Range;
use std::sync::Arc;

use crate::scenario::diagnostic::{Diagnostic, SourceText};

/// What a master file says of one zone.
///
/// Every name is lower-case presentation text without the trailing dot, the root is `.`; octets that would not stand
/// for themselves are escaped as `\X` or `\DDD`, always the same way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ZoneFile {
    /// The name of the zone.
    pub origin: String,
    /// The start of authority, if the file has one.
    pub soa: Option<Soa>,
    /// The other records in the order of the file, without duplicates; one TTL per RRset.
    pub records: Vec<Record>,
}

/// A start of authority record (RFC 1035 section 3.3.13); its owner is the zone's origin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Soa {
    /// The primary name server.
    pub mname: String,
    /// The mailbox of the person responsible, as a name.
    pub rname: String,
    /// Version of the zone, compared modulo 2^32 (RFC 1982).
    pub serial: u32,
    /// Seconds between a secondary's checks of the serial.
    pub refresh_s: u32,
    /// Seconds before a failed check is repeated.
    pub retry_s: u32,
    /// Seconds after which a secondary that reaches no primary stops answering.
    pub expire_s: u32,
    /// The greatest TTL of a negative answer, seconds (RFC 2308 section 4).
    pub minimum_s: u32,
    /// TTL of the record itself, seconds; a negative answer lives for the lesser of this and `minimum_s`.
    pub ttl_s: u32,
    /// Byte offsets of the record in the file.
    pub span: Range<usize>,
}

/// A record of class IN.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The name it belongs to.
    pub owner: String,
    /// Seconds that it may be cached for, at most 2^31 - 1.
    pub ttl_s: u32,
    /// Type and contents.
    pub data: RecordData,
    /// Byte offsets of the record in the file.
    pub span: Range<usize>,
}

/// The contents of a record, by type.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum RecordData {
    /// A name server of the zone, or of a zone delegated here.
    Ns(String),
    /// A mail exchanger.
    Mx {
        /// The lower is tried first.
        preference: u16,
        /// The host; `.` says that the domain takes no mail (null MX, RFC 7505).
        exchange: String,
    },
    /// An IPv4 address.
    A(Ipv4Addr),
    /// An IPv6 address.
    Aaaa(Ipv6Addr),
    /// The owner is an alias of this name.
    Cname(String),
    /// Character strings with their escapes resolved, at most 255 octets each.
    Txt(Vec<String>),
}

impl RecordData {
    /// The mnemonic of the type.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Ns(_) => "NS",
            Self::Mx { .. } => "MX",
            Self::A(_) => "A",
            Self::Aaaa(_) => "AAAA",
            Self::Cname(_) => "CNAME",
            Self::Txt(_) => "TXT",
        }
    }
}

/// Reads the master file `source` of the zone `origin` (with or without the trailing dot), which is also the first
/// `$ORIGIN`.
///
/// TTL of a record: its own, else `$TTL`, else that of the record before it (RFC 1035 section 5.1), else, for the SOA
/// record and from there on, the SOA MINIMUM (as BIND does; RFC 2308 section 4 has given that field another meaning).
///
/// # Errors
/// The zone is `None` if any diagnostic is an error; reading goes on after an error, so all are reported at once, in
/// the order of the file.
pub fn read_zone_file(source: &Arc<SourceText>, origin: &str) -> (Option<ZoneFile>, Vec<Diagnostic>) {
    let origin = match name::read_name(origin, ".") {
        Ok(origin) => origin,
        Err(fault) => {
            let message = format!("the zone's name `{origin}` is not a domain name: {}", fault.message);
            return (None, vec![Diagnostic::error(message).help(fault.expected)]);
        }
    };
    let mut contents = reader::read(source, &origin);
    check::check(source, &origin, &mut contents);
    let reader::Contents { soas, records, mut diagnostics, .. } = contents;
    // Stable: what has no place stays in front, what shares a place keeps its order.
    diagnostics.sort_by_key(|diagnostic| diagnostic.place.as_ref().map(|place| place.span.start));
    if diagnostics.iter().any(Diagnostic::is_error) {
        return (None, diagnostics);
    }
    (Some(ZoneFile { origin, soa: soas.into_iter().next(), records }), diagnostics)
}
