//! Record types by mnemonic, and classes.

use crate::scenario::nearest::did_you_mean;

/// A type as a master file names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum RecordType {
    Soa,
    Ns,
    Mx,
    A,
    Aaaa,
    Cname,
    Txt,
    /// A type that exists and that no mail route depends on here; the mnemonic in upper case.
    Other(String),
}

/// Mnemonics of the IANA registry of RR types that a master file may hold and that are left out here.
const OTHER: [&str; 55] = [
    "AFSDB",
    "AMTRELAY",
    "APL",
    "AVC",
    "CAA",
    "CDNSKEY",
    "CDS",
    "CERT",
    "CSYNC",
    "DHCID",
    "DLV",
    "DNAME",
    "DNSKEY",
    "DS",
    "EUI48",
    "EUI64",
    "GPOS",
    "HINFO",
    "HIP",
    "HTTPS",
    "IPSECKEY",
    "ISDN",
    "KEY",
    "KX",
    "L32",
    "L64",
    "LOC",
    "LP",
    "MB",
    "MG",
    "MINFO",
    "MR",
    "NAPTR",
    "NID",
    "NSAP",
    "NSEC",
    "NSEC3",
    "NSEC3PARAM",
    "OPENPGPKEY",
    "PTR",
    "PX",
    "RP",
    "RRSIG",
    "RT",
    "SIG",
    "SMIMEA",
    "SPF",
    "SRV",
    "SSHFP",
    "SVCB",
    "TLSA",
    "URI",
    "WKS",
    "X25",
    "ZONEMD",
];

impl RecordType {
    /// The type named `text`, in either case, `TYPE15` included (RFC 3597 section 5); `None` if nobody knows it.
    pub fn from_mnemonic(text: &str) -> Option<Self> {
        let upper = text.to_ascii_uppercase();
        Some(match upper.as_str() {
            "SOA" | "TYPE6" => Self::Soa,
            "NS" | "TYPE2" => Self::Ns,
            "MX" | "TYPE15" => Self::Mx,
            "A" | "TYPE1" => Self::A,
            "AAAA" | "TYPE28" => Self::Aaaa,
            "CNAME" | "TYPE5" => Self::Cname,
            "TXT" | "TYPE16" => Self::Txt,
            other if OTHER.contains(&other) || number_after(other, "TYPE").is_some() => Self::Other(upper),
            _ => return None,
        })
    }

    /// Whether a CNAME may stand beside it: DNSSEC's own (RFC 2181 section 10.1, RFC 4034).
    pub fn may_stand_beside_cname(mnemonic: &str) -> bool {
        matches!(mnemonic, "RRSIG" | "NSEC" | "KEY" | "SIG")
    }

    /// ``did you mean `MX`?`` for a misspelt type.
    pub fn did_you_mean(text: &str) -> Option<String> {
        const KEPT: [&str; 7] = ["MX", "AAAA", "CNAME", "TXT", "SOA", "NS", "A"];
        // A type that matters here is meant more often than one that does not.
        did_you_mean(text, KEPT.into_iter()).or_else(|| did_you_mean(text, OTHER.into_iter()))
    }
}

/// A class as a master file names it: whether it is IN. `None` if `text` is no class.
pub(super) fn is_class_in(text: &str) -> Option<bool> {
    let upper = text.to_ascii_uppercase();
    match upper.as_str() {
        "IN" => Some(true),
        "CH" | "CHAOS" | "HS" | "HESIOD" | "CS" | "ANY" | "NONE" => Some(false),
        _ => number_after(&upper, "CLASS").map(|number| number == 1),
    }
}

fn number_after(text: &str, prefix: &str) -> Option<u16> {
    let digits = text.strip_prefix(prefix)?;
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mnemonics_and_numbers() {
        assert_eq!(RecordType::from_mnemonic("mx"), Some(RecordType::Mx));
        assert_eq!(RecordType::from_mnemonic("TYPE28"), Some(RecordType::Aaaa));
        assert_eq!(RecordType::from_mnemonic("type65534"), Some(RecordType::Other("TYPE65534".into())));
        for unknown in ["TYPE65536", "TYPE", "TYPE+1", "AA", ""] {
            assert_eq!(RecordType::from_mnemonic(unknown), None, "{unknown}");
        }
        assert_eq!((is_class_in("class1"), is_class_in("ch"), is_class_in("MX")), (Some(true), Some(false), None));
    }

    #[test]
    fn misspelt_types_find_their_neighbour() {
        for (text, meant) in [("MXX", "MX"), ("CNAM", "CNAME"), ("TEXT", "TXT"), ("AAA", "AAAA")] {
            assert_eq!(RecordType::did_you_mean(text), Some(format!("did you mean `{meant}`?")), "{text}");
        }
        assert_eq!(RecordType::did_you_mean("QQQQQQ"), None);
    }
}
