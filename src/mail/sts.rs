//! MTA-STS (RFC 8461): what senders keep of a domain's policy, and which exchanges it lets them use.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use crate::engine::time::{SimDuration, SimTime};
use crate::model::mail::{MailModel, StsPolicy};
use crate::model::{NameId, NodeId};

/// The policies that domains publish, and those that nodes keep.
#[derive(Debug)]
pub(super) struct Sts<'m> {
    policies: &'m [StsPolicy],
    published: BTreeMap<NameId, Published>,
    kept: FxHashMap<(NodeId, NameId), Kept>,
}

#[derive(Debug, Clone, Copy)]
struct Published {
    policy: Option<usize>,
    /// The `id` of the TXT record.
    id: u32,
    txt_ttl: SimDuration,
}

#[derive(Debug, Clone, Copy)]
struct Kept {
    policy: usize,
    id: u32,
    fetched: SimTime,
    /// When the TXT record was last looked up.
    checked: SimTime,
}

impl<'m> Sts<'m> {
    pub fn new(model: &'m MailModel) -> Self {
        let published = model
            .sts
            .iter()
            .map(|first| (first.domain, Published { policy: first.policy, id: 0, txt_ttl: first.txt_ttl }));
        Self { policies: &model.sts_policies, published: published.collect(), kept: FxHashMap::default() }
    }

    /// Whether any domain ever has a policy.
    pub fn is_used(&self) -> bool {
        !self.published.is_empty()
    }

    /// A domain changes its policy; whoever keeps the old one only learns of it if the TXT record's `id` changes, too.
    pub fn publish(&mut self, domain: NameId, policy: Option<usize>, is_announced: bool) {
        if let Some(published) = self.published.get_mut(&domain) {
            published.policy = policy;
            published.id += u32::from(is_announced);
        }
    }

    /// Before an attempt: a policy is fetched if none is kept, if it is older than its `max_age`, or if the TXT record,
    /// looked up again after its TTL, has another `id` (RFC 8461 sections 3.3 and 5.1).
    pub fn refresh(&mut self, now: SimTime, node: NodeId, domain: NameId) {
        let Some(published) = self.published.get(&domain).copied() else { return };
        let fetched = published.policy.map(|policy| Kept { policy, id: published.id, fetched: now, checked: now });
        let kept = self.kept.get(&(node, domain)).copied();
        let kept = kept.filter(|kept| now.since(kept.fetched) < self.policies[kept.policy].max_age);
        let next = match kept {
            None => fetched,
            Some(kept) if now.since(kept.checked) < published.txt_ttl => return,
            Some(kept) if kept.id == published.id => Some(Kept { checked: now, ..kept }),
            // A policy that is gone is no new one: the old one holds until it expires (section 3.3).
            Some(kept) => fetched.or(Some(Kept { checked: now, ..kept })),
        };
        match next {
            Some(next) => self.kept.insert((node, domain), next),
            None => self.kept.remove(&(node, domain)),
        };
    }

    /// Whether the policy that a node keeps lets it deliver to an exchange of this name (section 4.1); `has_tls` says
    /// whether the host offers STARTTLS.
    pub fn permits(&self, node: NodeId, domain: NameId, exchange: &str, has_tls: bool) -> bool {
        let Some(kept) = self.kept.get(&(node, domain)) else { return true };
        let policy = &self.policies[kept.policy];
        !policy.enforces || (has_tls && policy.names.iter().any(|pattern| matches(pattern, exchange)))
    }
}

/// `*.example.org` stands for one label more, and not for several (section 4.1).
fn matches(pattern: &str, name: &str) -> bool {
    match pattern.strip_prefix("*.") {
        Some(suffix) => name.split_once('.').is_some_and(|(_, rest)| rest == suffix),
        None => pattern == name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::mail::StsFirst;

    fn policy(names: &[&str]) -> StsPolicy {
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        StsPolicy { enforces: true, max_age: SimDuration::from_secs(86_400), names }
    }

    #[test]
    fn a_wildcard_is_one_label() {
        assert!(matches("*.example.org", "mx.example.org") && matches("mx.example.org", "mx.example.org"));
        assert!(!matches("*.example.org", "a.mx.example.org") && !matches("*.example.org", "example.org"));
    }

    #[test]
    fn a_kept_policy_outlives_the_one_that_is_published() {
        let first = StsFirst { domain: NameId(0), policy: Some(0), txt_ttl: SimDuration::from_secs(3600) };
        let sts_policies = vec![policy(&["old.example"]), policy(&["new.example"])];
        let model = MailModel { sts: vec![first], sts_policies, ..MailModel::default() };
        let (node, domain, at) = (NodeId(0), NameId(0), SimTime::from_secs);
        for (is_announced, permitted_from) in [(true, 3600), (false, 86_400)] {
            let mut sts = Sts::new(&model);
            sts.refresh(at(0), node, domain);
            assert!(sts.permits(node, domain, "old.example", true));
            assert!(!sts.permits(node, domain, "old.example", false), "no TLS");
            sts.publish(domain, Some(1), is_announced);
            sts.refresh(at(permitted_from - 1), node, domain);
            assert!(!sts.permits(node, domain, "new.example", true));
            // The check before was late by so much.
            sts.refresh(at(permitted_from + 3599), node, domain);
            assert!(sts.permits(node, domain, "new.example", true), "{is_announced}");
        }
    }
}
