//! Entries that change what zones hold.

use std::collections::BTreeSet;

use super::{Done, State};
use crate::model::DataId;
use crate::model::compile::Compiler;
use crate::model::compile::name_servers::Move;
use crate::model::compile::zones::ancestors;
use crate::model::dns::{Question, Rdata};
use crate::model::timeline::ActionModel;
use crate::scenario::tree::{Action, RecordType};

impl Compiler<'_> {
    /// The actions on records, TTLs, name servers and serial numbers.
    pub(super) fn set_records(&mut self, index: &str, action: &Action, state: &mut State, done: &mut Done) {
        let path = |field: &'static str| ["timeline", index, "do", field];
        match action {
            Action::SetMx { zone, mx } => {
                for zone in self.find(&path("zone"), "zone", zone) {
                    let member = self.zones.members[zone as usize].clone();
                    self.check_mx(&path("mx"), mx, member.number);
                    let data = self.mx(&path("mx"), mx, member.number);
                    self.set_record(&member.name, RecordType::Mx, data, state, done);
                }
            }
            Action::SetAddress { name, hosts } => {
                let name = self.domain(&path("name"), name);
                let data = self.addresses(&path("hosts"), hosts);
                let id = self.dns.names.intern(&name);
                if data != DataId::ABSENT && state.held(Question::new(id, RecordType::Cname)).0 != DataId::ABSENT {
                    self.error(&path("name"), format!("`{name}` is an alias at that time")).help =
                        Some("remove the alias first: `SetCname(name: .., to: None)`".into());
                }
                self.set_record(&name, RecordType::A, data, state, done);
                let also = self.ipv6_addresses(data, &state.ipv6);
                if also != state.held(Question::new(id, RecordType::Aaaa)).0 {
                    self.set_record(&name, RecordType::Aaaa, also, state, done);
                }
            }
            Action::SetCname { name, to } => {
                let name = self.domain(&path("name"), name);
                let target = to.as_ref().map(|to| self.domain(&path("to"), to));
                let target = target.map(|target| Rdata::Cname(self.dns.names.intern(&target)));
                let data = target.map_or(DataId::ABSENT, |target| self.data(target));
                let id = self.dns.names.intern(&name);
                let is_apex = self.apexes.contains(&id);
                if data != DataId::ABSENT && (is_apex || self.has_other_data(id, &state.rrsets)) {
                    let message = format!("`{name}` has other records at that time (RFC 1034 section 3.6.2)");
                    self.error(&path("name"), message).help = Some(
                        "an alias stands alone: remove them first, as in `SetAddress(name: .., hosts: [])`".into(),
                    );
                }
                self.set_record(&name, RecordType::Cname, data, state, done);
            }
            Action::SetTxt { name, texts } => {
                let name = self.domain(&path("name"), name);
                let data = self.texts(texts, 0);
                self.set_record(&name, RecordType::Txt, data, state, done);
            }
            Action::SetNs { zone, ns, at, old, ttl, ds } => {
                let to = Move { zone, ns, at: *at, old: *old, ttl: *ttl, ds: *ds };
                self.set_ns(index, &to, done);
            }
            Action::RemoveDs { zone } => {
                let zones = self.zones_of(&path("zone"), zone);
                done.actions.push(ActionModel::RemoveDs { zones });
            }
            Action::SetSerial { zone, serial } => {
                let zones = self.zones_of(&path("zone"), zone);
                done.actions.push(ActionModel::SetSerial { zones, serial: *serial });
            }
            Action::SetTtl { zone, ttl, only } => {
                let ttl_s = self.ttl_s(&path("ttl"), *ttl);
                let zones = self.find(&path("zone"), "zone", zone);
                self.set_ttl(&path("only"), &zones, *only, ttl_s, state, done);
            }
            _ => {}
        }
    }

    pub(super) fn set_record(
        &mut self,
        name: &str,
        kind: RecordType,
        data: DataId,
        state: &mut State,
        done: &mut Done,
    ) {
        let question = Question::new(self.dns.names.intern(name), kind);
        let set = self.zone_apex(name).and_then(|apex| state.ttls.get(&(apex, kind)).copied());
        let ttl_s = set.unwrap_or_else(|| self.ttl_at(name, kind));
        state.set_data(done, question, data, ttl_s);
    }

    fn set_ttl(
        &mut self,
        path: &[&str],
        zones: &[u32],
        only: Option<RecordType>,
        ttl_s: u32,
        state: &mut State,
        done: &mut Done,
    ) {
        let apexes: BTreeSet<String> = zones.iter().map(|&zone| self.zones.name(zone).to_owned()).collect();
        // A zone's NS and SOA are the business of its servers: they are meant only if named.
        let is_apex_kind = |kind: RecordType| matches!(kind, RecordType::Ns | RecordType::Soa);
        let is_meant = |kind: RecordType| only.map_or(!is_apex_kind(kind), |only| only == kind);
        let mut questions: Vec<Question> = state
            .rrsets
            .iter()
            .filter(|(_, held)| held.0 != DataId::ABSENT)
            .map(|(&question, _)| question)
            .filter(|question| is_meant(question.kind()))
            .filter(|question| {
                let apex = self.zone_apex(self.dns.names.text(question.name()));
                apex.is_some_and(|apex| apexes.contains(&apex))
            })
            .collect();
        questions.sort_unstable();
        if questions.is_empty() && !zones.is_empty() {
            self.warning(path, "the zone has no such records at that time");
        }
        for kind in [RecordType::Mx, RecordType::A, RecordType::Cname, RecordType::Txt]
            .into_iter()
            .filter(|&kind| is_meant(kind))
        {
            for apex in &apexes {
                let key = (apex.clone(), kind);
                done.ttls.push((key.clone(), state.ttls.insert(key, ttl_s)));
            }
        }
        let before = questions.iter().map(|&question| (question, state.held(question).1)).collect();
        let questions = questions.into_iter().map(|question| (question, ttl_s)).collect();
        state.set(done, ActionModel::SetTtl { questions }, vec![ActionModel::SetTtl { questions: before }]);
    }

    /// The apex of the zone that holds a name.
    fn zone_apex(&self, name: &str) -> Option<String> {
        let is_apex = |up: &&str| self.dns.names.get(up).is_some_and(|id| self.apexes.contains(&id));
        ancestors(name).find(is_apex).map(str::to_owned)
    }
}
