//! Domain names in presentation form, and the escapes they share with character strings.
//!
//! A name is kept as lower-case text without the trailing dot, the root as `.`. An octet that would not stand for
//! itself is written as `\X` or `\DDD`, always the same way, so that equal names are equal texts.

use std::fmt::Write as _;
use std::ops::Range;

/// Octets in a name on the wire, the root's zero octet included (RFC 1035 section 2.3.4).
const NAME_OCTETS_MAX: usize = 255;
/// Octets in a label (RFC 1035 section 2.3.4).
const LABEL_OCTETS_MAX: usize = 63;

/// What is wrong with a field, in byte offsets of that field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    pub span: Range<usize>,
    pub message: String,
    pub expected: String,
}

impl Fault {
    pub fn new(span: Range<usize>, message: impl Into<String>, expected: impl Into<String>) -> Self {
        Self { span, message: message.into(), expected: expected.into() }
    }
}

/// The octet that starts at `at` in `text`, with whether it was escaped and where the next one starts.
///
/// # Errors
/// A `\` at the end, or before digits that are not three or exceed 255 (RFC 1035 section 5.1).
pub(super) fn octet(text: &str, at: usize) -> Result<Option<(u8, bool, usize)>, Fault> {
    let bytes = text.as_bytes();
    match bytes.get(at..) {
        None | Some([]) => Ok(None),
        Some([b'\\']) => Err(Fault::new(at..at + 1, "a backslash protects nothing", "expected a character after `\\`")),
        Some([b'\\', first, rest @ ..]) if first.is_ascii_digit() => {
            if let [second, third, ..] = rest
                && second.is_ascii_digit()
                && third.is_ascii_digit()
            {
                let value = [first, second, third].iter().fold(0u32, |sum, &&digit| sum * 10 + u32::from(digit - b'0'));
                return match u8::try_from(value) {
                    Ok(value) => Ok(Some((value, true, at + 4))),
                    Err(_) => Err(Fault::new(at..at + 4, "an escape exceeds one octet", "expected `\\000` to `\\255`")),
                };
            }
            let digits = 1 + rest.iter().take(1).filter(|byte| byte.is_ascii_digit()).count();
            Err(Fault::new(at..at + 1 + digits, "an escape is cut short", "expected three digits after `\\`"))
        }
        Some([b'\\', plain, ..]) => Ok(Some((*plain, true, at + 2))),
        Some([plain, ..]) => Ok(Some((*plain, false, at + 1))),
    }
}

/// Reads a name; one that does not end in a dot is completed with `origin`, `@` is `origin` itself.
///
/// # Errors
/// An empty label, a label over 63 octets, a name over 255 octets, or a broken escape.
pub(super) fn read_name(text: &str, origin: &str) -> Result<String, Fault> {
    match text {
        "@" => return Ok(origin.to_string()),
        "." => return Ok(".".to_string()),
        "" => return Err(Fault::new(0..0, "a name is empty", "expected a domain name")),
        _ => {}
    }
    let mut name = String::with_capacity(text.len() + 1 + origin.len());
    let (mut at, mut label_start, mut label_octets, mut octets) = (0, 0, 0usize, 1usize);
    while let Some((byte, escaped, next)) = octet(text, at)? {
        if byte == b'.' && !escaped {
            if label_octets == 0 {
                let message = format!("`{text}` has an empty label");
                return Err(Fault::new(at..next, message, "expected one or more characters before each dot"));
            }
            octets += label_octets + 1;
            name.push('.');
            (label_start, label_octets) = (next, 0);
        } else {
            label_octets += 1;
            if label_octets > LABEL_OCTETS_MAX {
                let end = text.get(at..).and_then(|rest| rest.find('.')).map_or(text.len(), |dot| at + dot);
                let message = format!("a label is longer than {LABEL_OCTETS_MAX} octets");
                return Err(Fault::new(label_start..end, message, "RFC 1035 section 2.3.4"));
            }
            push_octet(&mut name, byte.to_ascii_lowercase());
        }
        at = next;
    }
    if label_octets == 0 {
        name.pop();
    } else {
        octets += label_octets + 1;
        if origin != "." {
            name.push('.');
            name.push_str(origin);
            octets += wire_octets(origin) - 1;
        }
    }
    if octets > NAME_OCTETS_MAX {
        let message = format!("a name of {octets} octets is longer than {NAME_OCTETS_MAX}");
        return Err(Fault::new(0..text.len(), message, "RFC 1035 section 2.3.4"));
    }
    Ok(name)
}

fn push_octet(name: &mut String, byte: u8) {
    match byte {
        b'"' | b'(' | b')' | b'.' | b';' | b'\\' | b'@' | b'$' => {
            name.push('\\');
            name.push(char::from(byte));
        }
        0x21..=0x7e => name.push(char::from(byte)),
        // Writing to a string cannot fail.
        _ => _ = write!(name, "\\{byte:03}"),
    }
}

/// Octets on the wire of a name that `read_name` gave.
fn wire_octets(name: &str) -> usize {
    if name == "." {
        return 1;
    }
    let (mut at, mut octets) = (0, 2);
    while let Ok(Some((_, _, next))) = octet(name, at) {
        octets += 1;
        at = next;
    }
    octets
}

/// Whether `name` is `zone` or below it; both as `read_name` gives them.
pub(super) fn is_in_zone(name: &str, zone: &str) -> bool {
    if zone == "." || name == zone {
        return true;
    }
    let Some(above) = name.strip_suffix(zone).and_then(|rest| rest.strip_suffix('.')) else { return false };
    let backslashes = above.bytes().rev().take_while(|&byte| byte == b'\\').count();
    !above.is_empty() && backslashes % 2 == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_completed_lowered_and_written_one_way() {
        for (text, origin, expected) in [
            ("WWW", "example.org", "www.example.org"),
            ("www.Example.ORG.", "x", "www.example.org"),
            ("@", "example.org", "example.org"),
            (".", "example.org", "."),
            ("org", ".", "org"),
            ("\\065b\\.c", "z", "ab\\.c.z"),
            ("\\a\\032\\;", "z", "a\\032\\;.z"),
            ("\u{e9}", "z", "\\195\\169.z"),
            ("*", "z", "*.z"),
        ] {
            assert_eq!(read_name(text, origin).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn limits_of_labels_and_names() {
        let label = "a".repeat(63);
        assert!(read_name(&label, ".").is_ok());
        assert_eq!(read_name(&format!("x.{label}a.y."), ".").unwrap_err().span, 2..66);
        // Four labels: 3 * 64 + 62 + 1 = 255 octets with a last label of 61.
        let name = |last: usize| format!("{label}.{label}.{label}.{}", "b".repeat(last));
        assert!(read_name(&format!("{}.", name(61)), ".").is_ok());
        assert!(read_name(&format!("{}.", name(62)), ".").unwrap_err().message.contains("256 octets"));
        assert!(read_name(&name(59), "z").is_ok());
        assert!(read_name(&name(60), "z").is_err());
        for broken in ["a..b", ".a", "a\\", "a\\25", "a\\2x", "a\\256", ""] {
            assert!(read_name(broken, "z").is_err(), "{broken}");
        }
    }

    #[test]
    fn an_escaped_dot_does_not_part_labels() {
        assert!(is_in_zone("a.example.org", "example.org"));
        assert!(is_in_zone("example.org", "example.org"));
        assert!(is_in_zone("anything", "."));
        assert!(!is_in_zone("aexample.org", "example.org"));
        assert!(!is_in_zone("a\\.example.org", "example.org"));
        assert!(is_in_zone("a\\\\.example.org", "example.org"));
        assert!(!is_in_zone(".example.org", "example.org"));
    }
}
