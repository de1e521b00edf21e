//! Which addresses an attempt tries, in which order (RFC 5321 section 5.1).

use smallvec::SmallVec;

use super::{BounceCause, Candidate};
use crate::model::{HostId, NameId};
use crate::scenario::tree::Shuffle;

/// What an MX RRset leaves to try.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Exchanges {
    /// These, in zone order.
    Try(SmallVec<[(u16, NameId); 4]>),
    /// Nothing.
    Bounce(BounceCause),
}

/// The exchanges of an MX RRset that a node may use: not a null MX, and for a relay neither itself nor its equals nor
/// what is less preferred (RFC 5321 section 5.1, RFC 7505 section 3).
pub(super) fn usable(mx: &[(u16, NameId)], own: Option<NameId>, root: NameId) -> Exchanges {
    let is_root = |name: NameId| name == root;
    if let [(_, only)] = mx
        && is_root(*only)
    {
        return Exchanges::Bounce(BounceCause::NullMx);
    }
    let ceiling =
        own.and_then(|own| mx.iter().filter(|(_, name)| *name == own).map(|(preference, _)| *preference).min());
    let left: SmallVec<[(u16, NameId); 4]> = mx
        .iter()
        .copied()
        .filter(|(preference, name)| !is_root(*name) && ceiling.is_none_or(|ceiling| *preference < ceiling))
        .collect();
    if left.is_empty() { Exchanges::Bounce(BounceCause::Loop) } else { Exchanges::Try(left) }
}

/// Puts candidates in the order of trial: by preference, equals as `shuffle` says. `random(i)` is a number of the i-th
/// place (an address, or an exchange), the same whatever else is drawn.
pub(super) fn order(
    candidates: &mut SmallVec<[Candidate; 4]>,
    shuffle: Shuffle,
    host_of_name: impl Fn(usize) -> u32,
    random: impl Fn(u32) -> u64,
) {
    let mut keyed: SmallVec<[(u16, u64, u32, Candidate); 4]> = candidates
        .iter()
        .enumerate()
        .map(|(place, candidate)| {
            let bits = match shuffle {
                Shuffle::Addresses => random(place as u32),
                Shuffle::Names => random(host_of_name(place)),
                Shuffle::Off => 0,
            };
            (candidate.preference, bits, place as u32, *candidate)
        })
        .collect();
    keyed.sort_unstable_by_key(|&(preference, bits, place, _)| (preference, bits, place));
    for (slot, (.., candidate)) in candidates.iter_mut().zip(keyed) {
        *slot = candidate;
    }
}

/// Adds one candidate an address of an exchange.
pub(super) fn add(candidates: &mut SmallVec<[Candidate; 4]>, preference: u16, name: NameId, hosts: &[HostId]) {
    candidates.extend(hosts.iter().map(|&host| Candidate { host, preference, name }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_null_mx_alone_bounces_and_beside_others_is_passed_over() {
        let (root, mx1) = (NameId(0), NameId(1));
        assert_eq!(usable(&[(0, root)], None, NameId(0)), Exchanges::Bounce(BounceCause::NullMx));
        assert_eq!(usable(&[(0, root), (5, mx1)], None, NameId(0)), Exchanges::Try([(5, mx1)].into_iter().collect()));
    }

    #[test]
    fn a_relay_drops_itself_its_equals_and_what_is_worse() {
        // RFC 5321 section 5.1.
        let (mx1, mx2, mx3) = (NameId(1), NameId(2), NameId(3));
        let mx = [(10, mx1), (20, mx2), (20, mx3)];
        assert_eq!(usable(&mx, Some(mx2), NameId(0)), Exchanges::Try([(10, mx1)].into_iter().collect()));
        assert_eq!(usable(&mx, Some(mx1), NameId(0)), Exchanges::Bounce(BounceCause::Loop));
    }

    #[test]
    fn equals_are_shuffled_by_address_or_by_name_and_never_across_preferences() {
        let candidate = |host, preference, name| Candidate { host: HostId(host), preference, name: NameId(name) };
        let list = || -> SmallVec<[Candidate; 4]> {
            [candidate(3, 20, 2), candidate(0, 10, 0), candidate(0, 10, 0), candidate(1, 10, 1)].into_iter().collect()
        };
        let exchange = |place: usize| [2, 0, 0, 1][place];
        let mut by_address = list();
        order(&mut by_address, Shuffle::Addresses, exchange, |place| [0, 30, 10, 20][place as usize]);
        assert_eq!(by_address.iter().map(|c| c.host.0).collect::<Vec<_>>(), [0, 1, 0, 3]);
        let mut by_name = list();
        order(&mut by_name, Shuffle::Names, exchange, |name| [9, 1, 5][name as usize]);
        assert_eq!(by_name.iter().map(|c| c.host.0).collect::<Vec<_>>(), [1, 0, 0, 3]);
    }
}
