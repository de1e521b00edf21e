//! TTLs and SOA timers: seconds, or numbers with the units that BIND reads (`1h30m`).

use super::name::Fault;

/// The greatest TTL (RFC 2181 section 8).
pub(super) const TTL_MAX_S: u32 = 0x7fff_ffff;

/// Reads `300`, `5m`, `1h30m`, `1w2d`; units in either case, each number with its unit or one number alone.
///
/// # Errors
/// Other text, and what exceeds 32 bits.
pub(super) fn read_seconds(text: &str) -> Result<u32, Fault> {
    const EXPECTED: &str = "expected seconds or numbers with w, d, h, m or s, such as `300` or `1h30m`";
    let fault = |message: &str| Fault::new(0..text.len(), format!("`{text}` {message}"), EXPECTED);
    let too_long = || fault("exceeds 32 bits");
    let (mut total, mut number, mut units) = (0u64, None::<u64>, 0u32);
    for byte in text.bytes() {
        if byte.is_ascii_digit() {
            let grown = number.unwrap_or(0).checked_mul(10).and_then(|n| n.checked_add(u64::from(byte - b'0')));
            number = Some(grown.ok_or_else(too_long)?);
            continue;
        }
        let unit = match byte.to_ascii_lowercase() {
            b'w' => 604_800,
            b'd' => 86_400,
            b'h' => 3_600,
            b'm' => 60,
            b's' => 1,
            _ => return Err(fault("is not a TTL")),
        };
        let number = number.take().ok_or_else(|| fault("has a unit without a number"))?;
        total = number.checked_mul(unit).and_then(|part| total.checked_add(part)).ok_or_else(too_long)?;
        units += 1;
    }
    match (number, units) {
        (Some(number), 0) => total = number,
        (Some(_), _) => return Err(fault("ends in a number without a unit")),
        (None, 0) => return Err(fault("is not a TTL")),
        (None, _) => {}
    }
    u32::try_from(total).map_err(|_| too_long())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_as_bind_reads_them() {
        for (text, seconds) in
            [("0", 0), ("300", 300), ("5m", 300), ("1h30m", 5_400), ("1W2D", 777_600), ("4294967295", u32::MAX)]
        {
            assert_eq!(read_seconds(text), Ok(seconds), "{text}");
        }
        for text in
            ["", "h", "1h30", "1.5h", "-1", "1y", "4294967296", "99999999999999999999", "99999999999999999w", "\u{e9}"]
        {
            assert!(read_seconds(text).is_err(), "{text}");
        }
    }
}
