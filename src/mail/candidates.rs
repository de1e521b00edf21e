//! Which addresses an attempt tries, in which order (RFC 5321 section 5.1).

use smallvec::SmallVec;

use super::{BounceCause, Candidate};
use crate::model::{HostId, NameId};
use crate::scenario::tree::Shuffle;

/// What an MX RRset leaves to try, in zone order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Exchanges<'m> {
    mx: Option<&'m [(u16, NameId)]>,
    implicit: [(u16, NameId); 1],
    root: NameId,
    /// Only preferences below this one: a relay's own.
    ceiling: Option<u16>,
}

impl<'m> Exchanges<'m> {
    /// The domain itself, at preference 0 (RFC 5321 section 5.1).
    pub fn implicit(owner: NameId, root: NameId) -> Self {
        Self { mx: None, implicit: [(0, owner)], root, ceiling: None }
    }

    /// The exchanges of an MX RRset that a node may use: not a null MX, and for a relay neither itself nor its equals nor
    /// what is less preferred (RFC 5321 section 5.1, RFC 7505 section 3).
    pub fn of(mx: &'m [(u16, NameId)], own: Option<NameId>, root: NameId) -> Result<Self, BounceCause> {
        if let [(_, only)] = mx
            && *only == root
        {
            return Err(BounceCause::NullMx);
        }
        let ceiling = own.and_then(|own| mx.iter().filter(|(_, name)| *name == own).map(|mx| mx.0).min());
        let exchanges = Self { mx: Some(mx), implicit: [(0, root)], root, ceiling };
        if exchanges.next_preference(None).is_some() { Ok(exchanges) } else { Err(BounceCause::Loop) }
    }

    fn list(&self) -> &[(u16, NameId)] {
        self.mx.unwrap_or(&self.implicit)
    }

    fn may_use(&self, (preference, name): (u16, NameId)) -> bool {
        name != self.root && self.ceiling.is_none_or(|ceiling| preference < ceiling)
    }

    /// The least preference above `after`.
    #[inline]
    pub fn next_preference(&self, after: Option<u16>) -> Option<u16> {
        let is_later = |preference: u16| after.is_none_or(|after| preference > after);
        self.list().iter().filter(|&&mx| self.may_use(mx) && is_later(mx.0)).map(|mx| mx.0).min()
    }

    /// The first exchange at or behind `place` in the RRset whose preference lies above `after` and not above `upto`.
    #[inline]
    pub fn next(&self, place: usize, after: Option<u16>, upto: u16) -> Option<(usize, u16, NameId)> {
        let is_in = |preference: u16| preference <= upto && after.is_none_or(|after| preference > after);
        let mut rest = self.list().iter().enumerate().skip(place);
        rest.find(|&(_, &mx)| self.may_use(mx) && is_in(mx.0))
            .map(|(place, &(preference, name))| (place, preference, name))
    }
}

/// Puts candidates in the order of trial: by preference, equals as `shuffle` says. `random(i)` is a number of the i-th
/// place (an address, or an exchange), the same whatever else is drawn.
pub(super) fn order(
    candidates: &mut [Candidate],
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

    fn left(mx: &[(u16, NameId)], own: Option<NameId>) -> Result<Vec<NameId>, BounceCause> {
        let exchanges = Exchanges::of(mx, own, NameId(0))?;
        let mut names = Vec::new();
        while let Some((_, _, name)) = exchanges.next(names.last().map_or(0, |&(place, _)| place + 1), None, u16::MAX) {
            let place = mx.iter().position(|(_, other)| *other == name).expect("one of the list");
            names.push((place, name));
        }
        Ok(names.into_iter().map(|(_, name)| name).collect())
    }

    #[test]
    fn a_null_mx_alone_bounces_and_beside_others_is_passed_over() {
        let (root, mx1) = (NameId(0), NameId(1));
        assert_eq!(left(&[(0, root)], None), Err(BounceCause::NullMx));
        assert_eq!(left(&[(0, root), (5, mx1)], None), Ok(vec![mx1]));
    }

    #[test]
    fn a_relay_drops_itself_its_equals_and_what_is_worse() {
        // RFC 5321 section 5.1.
        let (mx1, mx2, mx3) = (NameId(1), NameId(2), NameId(3));
        let mx = [(10, mx1), (20, mx2), (20, mx3)];
        assert_eq!(left(&mx, Some(mx2)), Ok(vec![mx1]));
        assert_eq!(left(&mx, Some(mx1)), Err(BounceCause::Loop));
    }

    #[test]
    fn preferences_come_one_after_the_other_whatever_the_order_of_the_zone() {
        let (mx1, mx2, mx3) = (NameId(1), NameId(2), NameId(3));
        let mx = [(20, mx1), (10, mx2), (20, mx3)];
        let exchanges = Exchanges::of(&mx, None, NameId(0)).expect("usable");
        assert_eq!(exchanges.next_preference(None), Some(10));
        assert_eq!(exchanges.next(0, None, 10), Some((1, 10, mx2)));
        assert_eq!(exchanges.next(2, None, 10), None);
        assert_eq!(exchanges.next_preference(Some(10)), Some(20));
        assert_eq!(exchanges.next(0, Some(10), 20), Some((0, 20, mx1)));
        assert_eq!(exchanges.next(1, Some(10), 20), Some((2, 20, mx3)));
        assert_eq!(exchanges.next_preference(Some(20)), None);
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
