//! The event loop over all layers.

use std::sync::atomic::{AtomicBool, Ordering};

use super::Observer;
use crate::arrivals::ArrivalClock;
use crate::dns::{Ask, Asker, Dns, DnsEvent, Waiter};
use crate::engine::random::{EntityKey, Stream, draw};
use crate::engine::scheduler::Scheduler;
use crate::engine::time::{SimDuration, SimTime};
use crate::faults::{Cause, FaultEvent, Faults};
use crate::mail::{Mail, MailContext, MailEvent};
use crate::model::timeline::ActionModel;
use crate::model::{CacheId, ClientId, Entities, HostId, Model, NodeId, ProbeId, ServerId};
use crate::scenario::tree::ProbeKind;

/// Everything that can happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Event {
    /// The next item of the timeline.
    Timeline,
    Fault(FaultEvent),
    Dns(DnsEvent),
    /// A client asks.
    Client(u32),
    /// A probe looks.
    Probe(u32),
    Mail(MailEvent),
}

impl From<FaultEvent> for Event {
    fn from(event: FaultEvent) -> Self {
        Self::Fault(event)
    }
}
impl From<DnsEvent> for Event {
    fn from(event: DnsEvent) -> Self {
        Self::Dns(event)
    }
}
impl From<MailEvent> for Event {
    fn from(event: MailEvent) -> Self {
        Self::Mail(event)
    }
}

/// What an observer may look at between events.
pub struct View<'a, 'm> {
    /// Caches and primaries.
    pub dns: &'a Dns<'m>,
    /// Queues.
    pub mail: &'a Mail<'m>,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunEnd {
    /// Events handled.
    pub events: u64,
    /// A hash over all of them.
    pub fingerprint: u64,
    /// When it ended: early if nothing measured was left and nothing more could come.
    pub ended: SimTime,
    /// Whether it was told to stop.
    pub interrupted: bool,
}

/// Why a run could not be finished.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunError {
    /// It needed more events than it may.
    EventBudget {
        /// What it may.
        budget: u64,
        /// How far it came.
        at: SimTime,
    },
}

impl std::fmt::Display for RunError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self::EventBudget { budget, at } = self;
        write!(
            f,
            "the event budget of {budget} was used up at {at:?} of simulated time; raise `run/event_budget` \
             (for example `--set run/event_budget={}`)",
            budget.saturating_mul(10)
        )
    }
}

impl std::error::Error for RunError {}

/// Runs one replication of a model, told to `observer`, until its end or until `stop` is set.
///
/// # Errors
/// [`RunError::EventBudget`] if the model's event budget is used up.
pub fn run<O: Observer>(
    model: &Model,
    replication: u32,
    observer: &mut O,
    stop: &AtomicBool,
) -> Result<RunEnd, RunError> {
    Simulation::new(model, replication, observer).run(observer, stop)
}

pub(super) struct Simulation<'m> {
    model: &'m Model,
    pub(super) scheduler: Scheduler<Event>,
    pub(super) faults: Faults<'m>,
    pub(super) dns: Dns<'m>,
    mail: Mail<'m>,
    clients: Vec<Client<'m>>,
    probe_keys: Vec<EntityKey>,
    entities: Entities,
    timeline_done: usize,
}

struct Client<'m> {
    arrivals: ArrivalClock<'m>,
    key: EntityKey,
    asked: u64,
    /// How long each of its questions is on its way, if that never changes: its event is then the question's arrival.
    way: Option<SimDuration>,
}

/// Why a run ended before its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stopped {
    Done,
    Interrupted,
}

/// Events between two looks at the stop flag and the budget.
pub(super) const CHECK_EVERY: u64 = 1 << 12;

impl<'m> Simulation<'m> {
    pub(super) fn new<O: Observer>(model: &'m Model, replication: u32, observer: &mut O) -> Self {
        let entities = model.entities();
        let mut scheduler = Scheduler::new(entities.count as usize);
        if let Some(first) = model.timeline.first() {
            scheduler.schedule(0, first.at, Event::Timeline);
        }
        let faults = Faults::new(model, replication, &mut scheduler, observer);
        let mut dns = Dns::new(model, replication);
        dns.start(&mut scheduler);
        let is_steady = model.timeline.iter().all(|item| !item.action.moves_questions());
        let clients = model
            .dns
            .clients
            .iter()
            .map(|client| {
                let way = dns.constant_way(client.resolver, client.region).filter(|way| is_steady && !way.is_zero());
                let stream = Stream::new(model.seed, replication, "client", &client.name, "arrivals");
                Client {
                    arrivals: ArrivalClock::new(&client.arrivals, &client.begins, stream),
                    key: EntityKey::new(model.seed, replication, "client", &client.name, "questions"),
                    asked: 0,
                    way,
                }
            })
            .collect();
        let probes = model.dns.probes.iter();
        let probe_keys =
            probes.map(|probe| EntityKey::new(model.seed, replication, "probe", &probe.name, "questions")).collect();
        let mail = Mail::new(model, replication, &mut scheduler);
        let mut simulation =
            Self { model, scheduler, faults, dns, mail, clients, probe_keys, entities, timeline_done: 0 };
        for client in 0..simulation.clients.len() {
            simulation.schedule_client(client);
        }
        for probe in 0..model.dns.probes.len() as u32 {
            simulation.scheduler.schedule(entities.probes + probe, SimTime::ZERO, Event::Probe(probe));
        }
        // What a queue holds at the start is there before anything happens: time 0 is looked at with it.
        for node in 0..simulation.model.mail.nodes.len() as u32 {
            simulation.inherit(observer, NodeId(node));
        }
        simulation
    }

    fn inherit<O: Observer>(&mut self, observer: &mut O, node: NodeId) {
        let mut cx = MailContext { scheduler: &mut self.scheduler, observer, dns: &mut self.dns, faults: &self.faults };
        self.mail.inherit(&mut cx, node);
    }

    fn run<O: Observer>(mut self, observer: &mut O, stop: &AtomicBool) -> Result<RunEnd, RunError> {
        let clock = self.model.clock;
        let mut looks = self.model.qshape.iter().copied().peekable();
        let mut stopped = None;
        'run: for index in 0..=clock.cells {
            let is_last = index == clock.cells;
            let limit = if is_last { clock.end } else { SimTime::ZERO + clock.cell.saturating_mul(u64::from(index)) };
            loop {
                let may_end = looks.peek().is_none();
                let look = looks.next_if(|at| *at < limit || is_last);
                let until = look.unwrap_or(limit);
                stopped = self.run_until(observer, stop, until, may_end)?;
                if stopped.is_some() {
                    break 'run;
                }
                self.scheduler.advance(until);
                if look.is_none() {
                    break;
                }
                observer.on_look(until, &View { dns: &self.dns, mail: &self.mail });
            }
            observer.on_grid(limit, index, &View { dns: &self.dns, mail: &self.mail });
            if self.is_done() && looks.peek().is_none() {
                break;
            }
        }
        let interrupted = stopped == Some(Stopped::Interrupted);
        let ended = self.scheduler.now();
        for delivery in self.mail.held() {
            observer.on_still_queued(ended, &delivery);
        }
        let (events, fingerprint) = (self.scheduler.handled(), self.scheduler.fingerprint());
        Ok(RunEnd { events, fingerprint, ended, interrupted })
    }

    /// Handles what comes before an instant. `Some` if the run is to end before it: told to stop, or, if it `may_end`, with
    /// nothing left to do.
    fn run_until<O: Observer>(
        &mut self,
        observer: &mut O,
        stop: &AtomicBool,
        until: SimTime,
        may_end: bool,
    ) -> Result<Option<Stopped>, RunError> {
        while let Some(event) = self.scheduler.next_before(until) {
            self.handle(observer, event);
            if self.scheduler.handled().is_multiple_of(CHECK_EVERY) {
                self.check_budget()?;
                if stop.load(Ordering::Relaxed) {
                    return Ok(Some(Stopped::Interrupted));
                }
            }
            if self.is_done() && may_end {
                return Ok(Some(Stopped::Done));
            }
        }
        Ok(None)
    }

    /// Whether nothing measured is left and nothing more will come.
    fn is_done(&self) -> bool {
        self.mail.measured_live() == 0
            && self.timeline_done == self.model.timeline.len()
            && self.scheduler.now() >= self.model.clock.arrivals_end.max(self.model.clock.window_end)
    }

    pub(super) fn check_budget(&self) -> Result<(), RunError> {
        let budget = self.model.event_budget;
        if self.scheduler.handled() <= budget {
            return Ok(());
        }
        Err(RunError::EventBudget { budget, at: self.scheduler.now() })
    }

    pub(super) fn handle<O: Observer>(&mut self, observer: &mut O, event: Event) {
        match event {
            Event::Mail(event) => {
                let mut cx =
                    MailContext { scheduler: &mut self.scheduler, observer, dns: &mut self.dns, faults: &self.faults };
                self.mail.handle(&mut cx, event);
            }
            Event::Dns(event) => self.dns.handle(&mut self.scheduler, observer, &self.faults, event),
            Event::Fault(event) => {
                self.faults.handle(&mut self.scheduler, observer, event);
                self.tell_faults(observer);
            }
            Event::Client(client) => self.on_client(observer, ClientId(client)),
            Event::Probe(probe) => self.on_probe(observer, ProbeId(probe)),
            Event::Timeline => self.on_timeline(observer),
        }
        self.deliver_answers(observer);
    }

    /// Hands late answers to whoever asked; clients and probes only wanted them asked for.
    pub(super) fn deliver_answers<O: Observer>(&mut self, observer: &mut O) {
        while let Some(completed) = self.dns.take_completed() {
            if let Asker::Node(_) = completed.asker {
                let mut cx =
                    MailContext { scheduler: &mut self.scheduler, observer, dns: &mut self.dns, faults: &self.faults };
                self.mail.on_answer(&mut cx, completed.waiter.0, &completed.answer);
            }
        }
    }

    fn schedule_client(&mut self, client: usize) {
        let way = self.clients[client].way.unwrap_or(SimDuration::ZERO);
        let next = self.clients[client].arrivals.next().filter(|next| next.at < self.model.clock.arrivals_end);
        if let Some(next) = next {
            let at = (next.at + way).max(self.scheduler.now());
            self.scheduler.schedule(self.entities.clients + client as u32, at, Event::Client(client as u32));
        }
    }

    fn on_client<O: Observer>(&mut self, observer: &mut O, id: ClientId) {
        let model = &self.model.dns.clients[id.index()];
        let client = &mut self.clients[id.index()];
        client.asked += 1;
        let question = model.asks[model.choice.index(draw(client.key, client.asked, 0))];
        let ask = Ask {
            resolver: model.resolver,
            question,
            region: model.region,
            key: client.key,
            a: client.asked,
            b: 1 << 8,
            asker: Asker::Client(id),
            waiter: Waiter(0),
        };
        match client.way {
            Some(way) => self.dns.arrive(&mut self.scheduler, observer, &self.faults, &ask, way),
            None => _ = self.dns.ask(&mut self.scheduler, observer, &self.faults, ask),
        }
        self.schedule_client(id.index());
    }

    fn on_probe<O: Observer>(&mut self, observer: &mut O, id: ProbeId) {
        let (now, probe) = (self.scheduler.now(), &self.model.dns.probes[id.index()]);
        let mut asked = None;
        for &cache in &probe.caches {
            match probe.how {
                ProbeKind::Peek => {
                    let seen = self.dns.peek(now, cache, probe.question);
                    observer.on_peek(now, id, cache, seen);
                }
                // A farm answers as one: whoever asks cannot choose the member.
                ProbeKind::Ask if asked != Some(self.model.dns.caches[cache.index()].resolver) => {
                    asked = Some(self.model.dns.caches[cache.index()].resolver);
                    self.ask_for_probe(observer, id, cache);
                }
                ProbeKind::Ask => {}
            }
        }
        let next = now + probe.every.max(SimDuration::TICK);
        if next < self.model.clock.end {
            self.scheduler.schedule(self.entities.probes + id.0, next, Event::Probe(id.0));
        }
    }

    fn ask_for_probe<O: Observer>(&mut self, observer: &mut O, id: ProbeId, cache: CacheId) {
        let resolver = self.model.dns.caches[cache.index()].resolver;
        let model = &self.model.dns.resolvers[resolver.index()];
        let ask = Ask {
            resolver,
            question: self.model.dns.probes[id.index()].question,
            region: model.region,
            key: self.probe_keys[id.index()],
            a: self.scheduler.now().as_nanos(),
            b: 0,
            asker: Asker::Probe(id),
            waiter: Waiter(0),
        };
        self.dns.ask(&mut self.scheduler, observer, &self.faults, ask);
    }

    fn on_timeline<O: Observer>(&mut self, observer: &mut O) {
        let now = self.scheduler.now();
        while let Some(item) = self.model.timeline.get(self.timeline_done).filter(|item| item.at <= now) {
            self.act(observer, item.entry, &item.action);
            self.dns.tell_secondaries(&mut self.scheduler);
            observer.on_timeline(now, item);
            self.timeline_done += 1;
        }
        if let Some(next) = self.model.timeline.get(self.timeline_done).filter(|next| next.at <= self.model.clock.end) {
            self.scheduler.schedule(0, next.at, Event::Timeline);
        } else {
            self.timeline_done = self.model.timeline.len();
        }
    }

    fn act<O: Observer>(&mut self, observer: &mut O, entry: u32, action: &'m ActionModel) {
        let now = self.scheduler.now();
        match action {
            ActionModel::SetData { question, data, ttl_s } => {
                self.dns.set_data(&mut self.scheduler, observer, *question, *data, *ttl_s);
            }
            ActionModel::SetTtl { questions } => {
                questions.iter().for_each(|&(question, ttl_s)| self.dns.set_ttl(question, ttl_s));
            }
            ActionModel::SetNs { zone, ns, ttl_s, at, old, is_new_key } => {
                self.dns.set_ns(&mut self.scheduler, observer, *zone, *ns, *ttl_s, *at, *old);
                if *is_new_key {
                    self.dns.change_key(*zone);
                }
            }
            ActionModel::RemoveDs { zones } => zones.iter().for_each(|&zone| self.dns.remove_ds(zone)),
            ActionModel::SetSerial { zones, serial } => {
                zones.iter().for_each(|&zone| self.dns.set_serial(zone, *serial));
            }
            ActionModel::Down { targets, mode } => {
                for &target in targets {
                    self.faults.add(now, observer, target, Cause::Entry(entry), *mode);
                }
                self.tell_faults(observer);
            }
            ActionModel::Up { targets } => {
                targets.iter().for_each(|&target| self.faults.remove(now, observer, target, Cause::Entry(entry)));
                self.tell_faults(observer);
            }
            ActionModel::SetDown { caches, is_down } => self.dns.set_down(caches, *is_down),
            ActionModel::FlushCache { caches, name } => {
                caches.iter().for_each(|&cache| self.dns.flush(now, observer, cache, *name));
            }
            ActionModel::SetServeStale { resolvers, serve } => {
                resolvers.iter().for_each(|&resolver| self.dns.set_serve_stale(resolver, *serve));
            }
            ActionModel::SetService { hosts, service } => {
                hosts.iter().for_each(|&host| self.mail.set_service(host, service.clone()));
            }
            ActionModel::SetIpv6 { hosts, ipv6 } => hosts.iter().for_each(|&host| self.mail.set_ipv6(host, *ipv6)),
            ActionModel::SetSts { domains, policy, is_announced } => {
                domains.iter().for_each(|&domain| self.mail.publish_sts(domain, *policy, *is_announced));
            }
            ActionModel::SetBrownout { each } => {
                for &(target, brownout) in each {
                    match target.index().checked_sub(self.model.faults.hosts) {
                        None => self.mail.set_brownout(HostId(target.0), brownout),
                        Some(server) => self.dns.set_brownout(ServerId(server as u32), brownout),
                    }
                }
            }
            ActionModel::SetNetwork { network, .. } => {
                self.dns.set_network(network);
                let (scheduler, dns, faults) = (&mut self.scheduler, &mut self.dns, &self.faults);
                self.mail.set_network(&mut MailContext { scheduler, observer, dns, faults }, network);
            }
            ActionModel::SetSessions { .. }
            | ActionModel::CloseSessions { .. }
            | ActionModel::FlushQueue { .. }
            | ActionModel::RunQueue { .. } => self.act_on_mail(observer, action),
        }
    }

    fn act_on_mail<O: Observer>(&mut self, observer: &mut O, action: &ActionModel) {
        let mut cx = MailContext { scheduler: &mut self.scheduler, observer, dns: &mut self.dns, faults: &self.faults };
        match action {
            ActionModel::SetSessions { hosts, sessions } => {
                hosts.iter().for_each(|&host| self.mail.set_sessions(&mut cx, host, *sessions));
            }
            ActionModel::CloseSessions { hosts } => {
                hosts.iter().for_each(|&host| self.mail.close_sessions(&mut cx, host));
            }
            ActionModel::FlushQueue { nodes } => {
                nodes.iter().for_each(|&node| self.mail.flush_queue(&mut cx, node));
            }
            ActionModel::RunQueue { nodes } => nodes.iter().for_each(|&node| self.mail.run_queue(&mut cx, node)),
            _ => {}
        }
    }

    /// Connections that wait at a host that went down are reset with it; a host that stood still goes on.
    fn tell_faults<O: Observer>(&mut self, observer: &mut O) {
        let mut cx = MailContext { scheduler: &mut self.scheduler, observer, dns: &mut self.dns, faults: &self.faults };
        self.mail.on_faults(&mut cx);
    }
}
