//! Next hops as Postfix writes them: a domain whose MX are looked up, or `[host]`, each with a `:port` perhaps, several of
//! them in a list (`smtp_connect.c`: `smtp_connect_inet` splits at commas and spaces, `smtp_parse_destination` does the rest).

/// One of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NextHop<'a> {
    /// A domain, or with `is_host` a host.
    pub name: &'a str,
    /// Whether its addresses are looked up without looking for MX.
    pub is_host: bool,
    /// The port, where one is named that is not SMTP's own.
    pub port: Option<&'a str>,
}

/// The next hops of a list, in the order in which they are tried.
///
/// ```
/// let hops: Vec<_> = mxsim::scenario::next_hop::next_hops("[a.example]:587, example.org").collect();
/// assert!(hops[0].is_host && hops[0].name == "a.example" && hops[0].port == Some("587"));
/// assert!(!hops[1].is_host && hops[1].port.is_none());
/// ```
pub fn next_hops(text: &str) -> impl Iterator<Item = NextHop<'_>> {
    text.split([',', ' ', '\t']).filter(|part| !part.is_empty()).map(|part| {
        let bracketed = part.strip_prefix('[').and_then(|rest| rest.split_once(']'));
        let (name, is_host, port) = match bracketed {
            Some((name, rest)) => (name, true, rest.strip_prefix(':')),
            None => part.rsplit_once(':').map_or((part, false, None), |(name, port)| (name, false, Some(port))),
        };
        NextHop { name, is_host, port: port.filter(|port| !matches!(*port, "" | "25" | "smtp")) }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_form_of_a_destination_is_read() {
        let read = |text| next_hops(text).map(|hop| (hop.name, hop.is_host, hop.port)).collect::<Vec<_>>();
        assert_eq!(read(""), []);
        assert_eq!(read("example.org"), [("example.org", false, None)]);
        assert_eq!(read("[a.example]:smtp,b.example:25"), [("a.example", true, None), ("b.example", false, None)]);
        assert_eq!(read("[2001:db8::1]:587  c:465"), [("2001:db8::1", true, Some("587")), ("c", false, Some("465"))]);
        // A bracket that is not closed is part of the name, which no scenario has.
        assert_eq!(read("[a.example"), [("[a.example", false, None)]);
    }
}
