//! Entries that change how hosts take mail.

use super::{Done, State};
use crate::model::compile::Compiler;
use crate::model::dns::{Question, Rdata};
use crate::model::timeline::ActionModel;
use crate::model::{DataId, HostId, NameId};
use crate::scenario::tree::{Action, RecordType};

impl Compiler<'_> {
    /// Sessions, service and addresses of hosts.
    pub(super) fn set_hosts(&mut self, index: &str, action: &Action, state: &mut State, done: &mut Done) {
        let path = |field: &'static str| ["timeline", index, "do", field];
        match action {
            Action::SetSessions { host, sessions } => {
                let hosts = self.hosts_of(&path("host"), host);
                if *sessions == Some(0) {
                    self.error(&path("sessions"), "a host without sessions").help = Some("use `Outage`".into());
                }
                let undo = grouped(&hosts, |host| state.sessions[host.index()]).into_iter();
                let undo = undo.map(|(sessions, hosts)| ActionModel::SetSessions { hosts, sessions }).collect();
                state.set(done, ActionModel::SetSessions { hosts, sessions: *sessions }, undo);
            }
            Action::CloseSessions { host } => {
                let hosts = self.hosts_of(&path("host"), host);
                done.actions.push(ActionModel::CloseSessions { hosts });
            }
            Action::SetIpv6 { host, ipv6 } => {
                let hosts = self.hosts_of(&path("host"), host);
                let undo = grouped(&hosts, |host| state.ipv6[host.index()]).into_iter();
                let undo = undo.map(|(ipv6, hosts)| ActionModel::SetIpv6 { hosts, ipv6 }).collect();
                state.set(done, ActionModel::SetIpv6 { hosts: hosts.clone(), ipv6: *ipv6 }, undo);
                // Every name that has the address of one of them.
                let has = |data: DataId| match &self.dns.data[data.index()] {
                    Rdata::Address(list) => list.iter().any(|host| hosts.contains(host)),
                    _ => false,
                };
                let is_meant =
                    |(question, held): &(&Question, &(DataId, u32))| question.kind() == RecordType::A && has(held.0);
                let mut owners: Vec<NameId> =
                    state.rrsets.iter().filter(is_meant).map(|(question, _)| question.name()).collect();
                owners.sort_unstable();
                for id in owners {
                    let name = self.dns.names.text(id).to_owned();
                    let (a, aaaa) = (Question::new(id, RecordType::A), Question::new(id, RecordType::Aaaa));
                    let data = self.ipv6_addresses(state.held(a).0, &state.ipv6);
                    if data != state.held(aaaa).0 {
                        self.set_record(&name, RecordType::Aaaa, data, state, done);
                    }
                }
            }
            Action::SetService { host, service } => {
                let hosts = self.hosts_of(&path("host"), host);
                let service = self.dist(&path("service"), &service.0);
                let undo = grouped(&hosts, |host| state.service[host.index()].clone()).into_iter();
                let undo = undo.map(|(service, hosts)| ActionModel::SetService { hosts, service }).collect();
                state.set(done, ActionModel::SetService { hosts, service }, undo);
            }
            _ => {}
        }
    }

    fn hosts_of(&mut self, path: &[&str], reference: &str) -> Vec<HostId> {
        self.find(path, "host", reference).into_iter().map(HostId).collect()
    }
}

/// Hosts by what they have, in order of the first of each.
fn grouped<T: PartialEq>(hosts: &[HostId], has: impl Fn(HostId) -> T) -> Vec<(T, Vec<HostId>)> {
    let mut groups: Vec<(T, Vec<HostId>)> = Vec::new();
    for &host in hosts {
        let value = has(host);
        match groups.iter_mut().find(|(known, _)| *known == value) {
            Some((_, hosts)) => hosts.push(host),
            None => groups.push((value, vec![host])),
        }
    }
    groups
}
