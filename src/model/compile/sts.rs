//! MTA-STS policies of zones.

use super::Compiler;
use crate::model::NameId;
use crate::model::dns::canonical;
use crate::model::mail::{StsFirst, StsPolicy};
use crate::scenario::tree::{Sts, StsMode};

impl Compiler<'_> {
    /// The policies that zones begin with.
    pub(super) fn sts(&mut self) -> Vec<StsFirst> {
        let mut first = Vec::new();
        for id in 0..self.zones.len() {
            let member = self.zones.members[id].clone();
            let Some((key, zone)) = self.tree.zones.get_index(member.key) else { continue };
            let Some(sts) = &zone.sts else { continue };
            self.number = member.number;
            let policy = Some(self.sts_policy(&["zones", key, "sts"], sts));
            let domain = self.dns.names.intern(&member.name);
            first.push(StsFirst { domain, policy, txt_ttl: sts.txt_ttl.0 });
        }
        self.number = 0;
        first
    }

    /// Keeps a policy for the model, and gives its index there.
    pub(super) fn sts_policy(&mut self, path: &[&str], sts: &Sts) -> usize {
        if sts.mx.is_empty() && sts.mode == StsMode::Enforce {
            self.error(path, "a policy that allows nothing").help =
                Some("name the exchanges: `mx: [\"mx.example.org\"]`".into());
        }
        let names = sts.mx.iter().map(|name| canonical(&super::names::stamp(name, self.number))).collect();
        self.sts_policies.push(StsPolicy { enforces: sts.mode == StsMode::Enforce, max_age: sts.max_age.0, names });
        self.sts_policies.len() - 1
    }

    pub(super) fn has_sts(&self, domain: NameId) -> bool {
        let name = self.dns.names.text(domain);
        let zone = self.zones.get(name).map(|id| self.zones.members[id as usize].key);
        zone.and_then(|key| self.tree.zones.get_index(key)).is_some_and(|(_, zone)| zone.sts.is_some())
    }
}
