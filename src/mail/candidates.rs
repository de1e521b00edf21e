//! Which addresses an attempt tries, in which order (RFC 5321 section 5.1).

use smallvec::SmallVec;

use super::BounceCause;
use crate::engine::random::unit_open;
use crate::model::client::ClientRules;
use crate::model::{HostId, NameId};
use crate::scenario::tree::{AddressPreference, OwnMx, Shuffle};

/// An address to try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Candidate {
    pub host: HostId,
    pub preference: u16,
    /// Whether it is an IPv6 address.
    pub is_v6: bool,
    /// Which of the host's addresses in the RRset it is, from 0; 255 for all from there on.
    pub nth: u8,
    pub name: NameId,
}

/// One address of a host: what systems remember failures by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Address {
    pub host: HostId,
    is_v6: bool,
    nth: u8,
}

impl Candidate {
    pub fn address(&self) -> Address {
        Address { host: self.host, is_v6: self.is_v6, nth: self.nth }
    }
}

#[cfg(test)]
impl Address {
    /// The only address of a host.
    pub const fn only(host: u32) -> Self {
        Self { host: HostId(host), is_v6: false, nth: 0 }
    }
}

/// What an MX RRset leaves to try, in zone order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Exchanges<'m> {
    mx: Option<&'m [(u16, NameId)]>,
    implicit: [(u16, NameId); 1],
    root: NameId,
    /// Only preferences below this one: a relay's own.
    ceiling: Option<u16>,
    /// A name to pass over: a relay's own.
    own: Option<NameId>,
}

impl<'m> Exchanges<'m> {
    /// The domain itself, at preference 0 (RFC 5321 section 5.1).
    pub fn implicit(owner: NameId, root: NameId) -> Self {
        Self { mx: None, implicit: [(0, owner)], root, ceiling: None, own: None }
    }

    /// The exchanges of an MX RRset that a node may use: not a null MX, and for a relay what its rules leave when it finds
    /// itself in the list (RFC 5321 section 5.1, RFC 7505 section 3). An error stands for "nowhere to send it": what
    /// becomes of it then is the client's to say.
    pub fn of(
        mx: &'m [(u16, NameId)],
        own: Option<NameId>,
        root: NameId,
        client: &ClientRules,
    ) -> Result<Self, BounceCause> {
        let is_null = |mx: &(u16, NameId)| mx.1 == root;
        if mx.first().is_some_and(is_null) && mx.len() == 1
            || client.dns.null_among_others_bounces && mx.iter().any(is_null)
        {
            return Err(BounceCause::NullMx);
        }
        let own = own.filter(|_| client.own != OwnMx::Keep);
        let ceiling = own
            .filter(|_| client.own == OwnMx::DropEqualsAndWorse)
            .and_then(|own| mx.iter().filter(|(_, name)| *name == own).map(|mx| mx.0).min());
        let exchanges = Self { mx: Some(mx), implicit: [(0, root)], root, ceiling, own };
        if exchanges.next_preference(None).is_some() { Ok(exchanges) } else { Err(BounceCause::Loop) }
    }

    fn list(&self) -> &[(u16, NameId)] {
        self.mx.unwrap_or(&self.implicit)
    }

    fn may_use(&self, (preference, name): (u16, NameId)) -> bool {
        name != self.root && Some(name) != self.own && self.ceiling.is_none_or(|ceiling| preference < ceiling)
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

/// Places of draws among the addresses of one exchange.
const WITHIN: u32 = 1 << 16;

/// Where a candidate stands: preference, draws for its exchange and within it, place.
type Place = (u16, u64, u64, u32);

/// When an exchange of this weight comes in a race of exponential times, as bits that sort like it: the order of arrival is
/// that of drawing one after the other, each in proportion to its weight among those left (Plackett 1975). One of weight
/// zero comes last.
fn race(bits: u64, weight: f64) -> u64 {
    let time = -libm::log(unit_open(bits)) / weight;
    if time.is_finite() { time.to_bits() } else { u64::MAX }
}

/// Puts candidates in the order of trial: by preference, equals as `shuffle` says. `random(i)` is a number of the i-th
/// place (an address, or an exchange; addresses within an exchange from `WITHIN` on), the same whatever else is drawn.
pub(super) fn order(
    candidates: &mut [Candidate],
    shuffle: Shuffle,
    host_of_name: impl Fn(usize) -> u32,
    weight: impl Fn(NameId) -> f64,
    random: impl Fn(u32) -> u64,
) {
    if shuffle == Shuffle::AdjacentSwaps {
        candidates.sort_by_key(|candidate| candidate.preference);
        for place in 1..candidates.len() {
            if candidates[place - 1].preference == candidates[place].preference && random(place as u32) >> 63 == 1 {
                candidates.swap(place - 1, place);
            }
        }
        return;
    }
    let mut keyed: SmallVec<[(Place, Candidate); 4]> = candidates
        .iter()
        .enumerate()
        .map(|(place, candidate)| {
            let (bits, within) = match shuffle {
                Shuffle::Addresses => (random(place as u32), 0),
                Shuffle::Names => (random(host_of_name(place)), 0),
                Shuffle::Weighted => (race(random(host_of_name(place)), weight(candidate.name)), 0),
                Shuffle::NamesAndAddresses => (random(host_of_name(place)), random(WITHIN + place as u32)),
                Shuffle::AdjacentSwaps | Shuffle::Off => (0, 0),
            };
            ((candidate.preference, bits, within, place as u32), *candidate)
        })
        .collect();
    keyed.sort_unstable_by_key(|&(key, _)| key);
    for (slot, (_, candidate)) in candidates.iter_mut().zip(keyed) {
        *slot = candidate;
    }
}

/// Most addresses of an attempt: a client may limit them (RFC 5321 section 5.1), and each RRset alone is held to one message.
const CANDIDATES_MAX: usize = u16::MAX as usize - 1;

/// Adds one candidate an address of an exchange.
pub(super) fn add(
    candidates: &mut SmallVec<[Candidate; 4]>,
    preference: u16,
    name: NameId,
    hosts: &[HostId],
    is_v6: bool,
) {
    let room = CANDIDATES_MAX - candidates.len();
    let nth = |place: usize| nth(hosts, place);
    let one = |(place, &host)| Candidate { host, preference, is_v6, nth: nth(place), name };
    candidates.extend(hosts.iter().enumerate().take(room).map(one));
}

/// Which of its host's addresses in an RRset the one at a place is.
#[inline]
pub(super) fn nth(hosts: &[HostId], place: usize) -> u8 {
    // Most RRsets hold one address, and most that hold more one a host.
    let before = hosts[..place].iter().filter(|host| **host == hosts[place]).count();
    u8::try_from(before).unwrap_or(u8::MAX)
}

/// Puts one family of addresses first within each preference, where the client does.
pub(super) fn prefer(candidates: &mut [Candidate], preference: AddressPreference) {
    match preference {
        AddressPreference::Ipv6First => candidates.sort_by_key(|known| (known.preference, !known.is_v6)),
        AddressPreference::Ipv4First => candidates.sort_by_key(|known| (known.preference, known.is_v6)),
        AddressPreference::Ipv4FirstOfEach | AddressPreference::Ipv6FirstOfEach => {
            let v6_is_first = preference == AddressPreference::Ipv6FirstOfEach;
            for of_one in candidates.chunk_by_mut(|a, b| (a.preference, a.name) == (b.preference, b.name)) {
                of_one.sort_by_key(|known| known.is_v6 != v6_is_first);
            }
        }
        AddressPreference::Any | AddressPreference::Ipv4Only => {}
    }
}

/// Where there are more addresses than are tried, leaves some of each family (Postfix: smtp_addr.c, smtp_balance_inet_proto):
/// half of the limit each, or all of the one that has fewer; the order stays.
pub(super) fn balance(candidates: &mut SmallVec<[Candidate; 4]>, limit: u32) {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let v6 = candidates.iter().filter(|known| known.is_v6).count();
    let v4 = candidates.len() - v6;
    if v4 == 0 || v6 == 0 || v4 + v6 <= limit {
        return;
    }
    let v4_left = if v6 <= limit / 2 {
        limit - v6
    } else if v4 <= limit / 2 {
        v4
    } else {
        (limit + usize::from(!candidates[0].is_v6)) / 2
    };
    let mut left = [v4_left, limit - v4_left];
    candidates.retain(|known| {
        let left = &mut left[usize::from(known.is_v6)];
        let stays = *left > 0;
        *left -= usize::from(stays);
        stays
    });
}

/// Leaves as many exchanges, and as many addresses of each, as a client tries; they are in the order of trial.
#[inline]
pub(super) fn limit(candidates: &mut SmallVec<[Candidate; 4]>, client: &ClientRules) {
    if client.exchange_limit == u32::MAX && client.exchange_address_limit == u32::MAX {
        return;
    }
    let mut exchanges: SmallVec<[(NameId, u32); 4]> = SmallVec::new();
    candidates.retain(|known| {
        let place = exchanges.iter().position(|(name, _)| *name == known.name).unwrap_or_else(|| {
            exchanges.push((known.name, 0));
            exchanges.len() - 1
        });
        exchanges[place].1 += 1;
        place < client.exchange_limit as usize && exchanges[place].1 <= client.exchange_address_limit
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::compile::smtp_clients::client_rules;
    use crate::scenario::tree::ClientSystem;

    const ROOT: NameId = NameId(0);

    fn left(mx: &[(u16, NameId)], own: Option<NameId>, client: &ClientRules) -> Result<Vec<u32>, BounceCause> {
        let exchanges = Exchanges::of(mx, own, ROOT, client)?;
        let mut names = Vec::new();
        let mut from = 0;
        while let Some((place, _, name)) = exchanges.next(from, None, u16::MAX) {
            names.push(name.0);
            from = place + 1;
        }
        Ok(names)
    }

    #[test]
    fn n1_n2_a_null_mx_alone_bounces_and_beside_others_only_with_postfix() {
        // RFC 7505 section 3; measured: Exim 4.96, sendmail 8.17 and OpenSMTPD 6.8 use the real one of null and real.
        let both = [(0, ROOT), (5, NameId(1))];
        for system in ClientSystem::ALL {
            let null = Err(BounceCause::NullMx);
            assert_eq!(left(&both[..1], None, &client_rules(system)), null, "{system:?}");
            let expected = if system == ClientSystem::Postfix { null } else { Ok(vec![1]) };
            assert_eq!(left(&both, None, &client_rules(system)), expected, "{system:?}");
        }
    }

    #[test]
    fn an_attempt_has_no_more_addresses_than_can_be_numbered() {
        let mut candidates = SmallVec::new();
        for preference in [1, 2, 3] {
            add(&mut candidates, preference, NameId(1), &[HostId(0); 30_000], false);
        }
        assert_eq!(candidates.len(), CANDIDATES_MAX);
        assert!(u16::try_from(candidates.len() + 1).is_ok(), "the place behind the last is a number, too");
    }

    #[test]
    fn r19_a_relay_drops_itself_its_equals_and_what_is_worse() {
        // RFC 5321 section 5.1; Haraka drops itself alone (outbound/hmail.js, try_deliver); KumoMTA, Stalwart, ZoneMTA, mox, maddy
        // and chasquid do not look for themselves. All thirteen: `tests/rules.rs`.
        let mx = [(10, NameId(1)), (20, NameId(2)), (20, NameId(3)), (30, NameId(4))];
        assert_eq!(left(&mx, Some(NameId(2)), &client_rules(ClientSystem::Postfix)), Ok(vec![1]));
        assert_eq!(left(&mx, Some(NameId(1)), &client_rules(ClientSystem::Exim)), Err(BounceCause::Loop));
        assert_eq!(left(&mx, Some(NameId(2)), &client_rules(ClientSystem::Haraka)), Ok(vec![1, 3, 4]));
        assert_eq!(left(&mx, Some(NameId(2)), &client_rules(ClientSystem::Maddy)), Ok(vec![1, 2, 3, 4]));
    }

    #[test]
    fn haraka_never_puts_the_last_of_three_equals_first() {
        // outbound/hmail.js, sort_mx: one pass of adjacent swaps; first with probabilities 1/2, 1/2, 0.
        let mut firsts = [0; 3];
        for coins in 0..4u64 {
            let mut list: SmallVec<[Candidate; 4]> = (0..3)
                .map(|host| Candidate { host: HostId(host), preference: 10, is_v6: false, nth: 0, name: NameId(host) })
                .collect();
            order(&mut list, Shuffle::AdjacentSwaps, |place| place as u32, |_| 1.0, |place| coins >> (place - 1) << 63);
            firsts[list[0].host.index()] += 1;
        }
        assert_eq!(firsts, [2, 2, 0]);
    }

    #[test]
    fn preferences_come_one_after_the_other_whatever_the_order_of_the_zone() {
        let (mx1, mx2, mx3) = (NameId(1), NameId(2), NameId(3));
        let mx = [(20, mx1), (10, mx2), (20, mx3)];
        let exchanges = Exchanges::of(&mx, None, ROOT, &client_rules(ClientSystem::Ideal)).expect("usable");
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
        let candidate = |host, preference, name| Candidate {
            host: HostId(host),
            preference,
            is_v6: false,
            nth: 0,
            name: NameId(name),
        };
        let list = || -> SmallVec<[Candidate; 4]> {
            [candidate(3, 20, 2), candidate(0, 10, 0), candidate(0, 10, 0), candidate(1, 10, 1)].into_iter().collect()
        };
        let exchange = |place: usize| [2, 0, 0, 1][place];
        let mut by_address = list();
        order(&mut by_address, Shuffle::Addresses, exchange, |_| 1.0, |place| [0, 30, 10, 20][place as usize]);
        assert_eq!(by_address.iter().map(|c| c.host.0).collect::<Vec<_>>(), [0, 1, 0, 3]);
        let mut by_name = list();
        order(&mut by_name, Shuffle::Names, exchange, |_| 1.0, |name| [9, 1, 5][name as usize]);
        assert_eq!(by_name.iter().map(|c| c.host.0).collect::<Vec<_>>(), [1, 0, 0, 3]);
    }

    #[test]
    fn families_come_in_the_clients_order_and_none_crowds_the_other_out() {
        let list = |families: &str| -> SmallVec<[Candidate; 4]> {
            let candidate = |(host, family): (u32, char)| Candidate {
                host: HostId(host),
                preference: 10,
                nth: 0,
                is_v6: family == '6',
                name: NameId(host),
            };
            (0..).zip(families.chars()).map(candidate).collect()
        };
        let told =
            |list: &[Candidate]| -> String { list.iter().map(|known| if known.is_v6 { '6' } else { '4' }).collect() };
        let mut mixed = list("4646");
        prefer(&mut mixed, AddressPreference::Ipv6First);
        assert_eq!(told(&mixed), "6644");
        prefer(&mut mixed, AddressPreference::Ipv4First);
        assert_eq!(told(&mixed), "4466");
        // The three regions of smtp_balance_inet_proto, with a limit of 5.
        for (from, to) in [
            ("666666644", "66644"),
            ("444444466", "44466"),
            ("4466664444", "44664"),
            ("6646464444", "66464"),
            ("64", "64"),
        ] {
            let mut candidates = list(from);
            balance(&mut candidates, 5);
            assert_eq!(told(&candidates), to, "{from}");
        }
    }

    #[test]
    fn weights_decide_who_is_first_and_zero_is_last() {
        let mut firsts = [0u32; 3];
        for number in 0..4000u64 {
            let mut list: SmallVec<[Candidate; 4]> = (0..3)
                .map(|host| Candidate { host: HostId(host), preference: 10, is_v6: false, nth: 0, name: NameId(host) })
                .collect();
            let draw = |name: u32| {
                number
                    .wrapping_mul(0x9e37_79b9_7f4a_7c15)
                    .rotate_left(17 * name + 7)
                    .wrapping_mul(0xd134_2543_de82_ef95)
            };
            order(&mut list, Shuffle::Weighted, |place| place as u32, |name| [3.0, 1.0, 0.0][name.index()], draw);
            firsts[list[0].host.index()] += 1;
            assert_eq!(list[2].host, HostId(2));
        }
        assert!(firsts[0].abs_diff(3000) < 120, "{firsts:?}");
    }
}
