//! Causes of being down, target by target.

use smallvec::SmallVec;

use super::FaultObserver;
use crate::engine::random::{Stream, unit_open};
use crate::engine::scheduler::Scheduler;
use crate::engine::time::{SimDuration, SimTime};
use crate::model::{HostId, Model, ServerId, TargetId};
use crate::scenario::tree::FailureMode;

/// What can happen in the fault layer; the number is a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultEvent {
    /// A renewal process turns over.
    Turns(u32),
    /// The next edge of a trace of outages.
    Edge(u32),
}

/// Why something is down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// Its own renewal process.
    Chance,
    /// Its own trace.
    Trace,
    /// A risk that it shares.
    Shared(TargetId),
    /// An entry of the timeline.
    Entry(u32),
}

/// What is down in one replication, and why.
///
/// Something with several causes is down until the last of them is gone; it fails as the latest says.
#[derive(Debug)]
pub struct Faults<'m> {
    model: &'m Model,
    targets: Vec<Target>,
    /// How each fails now: what is asked most often, close together.
    modes: Vec<Option<FailureMode>>,
    first_entity: u32,
}

#[derive(Debug, Default)]
struct Target {
    causes: SmallVec<[(Cause, FailureMode); 2]>,
    stream: Option<Stream>,
    /// The next edge of its trace: outage `edge / 2`, its start if even.
    edge: usize,
}

impl<'m> Faults<'m> {
    /// Everything in its state at time 0: a renewal process begins as if it had always run.
    pub fn new<E: Copy + From<FaultEvent>>(
        model: &'m Model,
        replication: u32,
        scheduler: &mut Scheduler<E>,
        observer: &mut impl FaultObserver,
    ) -> Self {
        let targets = model.faults.targets.iter().map(|_| Target::default()).collect();
        let modes = vec![None; model.faults.targets.len()];
        let mut faults = Self { model, targets, modes, first_entity: model.entities().faults };
        for (index, target) in model.faults.targets.iter().enumerate() {
            let id = TargetId(index as u32);
            if let Some((up, down)) = &target.renewal {
                let mut stream = Stream::new(model.seed, replication, target.kind, &target.name, "availability");
                let is_down = unit_open(stream.next_u64()) * (up.mean() + down.mean()) >= up.mean();
                let phase = if is_down { down } else { up };
                // The model's check refuses an infinite mean, the only case without a residual life.
                let residual = phase.sample_residual(stream.next_u64()).unwrap_or(0.0);
                faults.targets[index].stream = Some(stream);
                if is_down {
                    faults.add(SimTime::ZERO, observer, id, Cause::Chance, target.fails);
                }
                faults.schedule(scheduler, id, SimDuration::from_secs_f64(residual), FaultEvent::Turns(id.0));
            }
            if let Some((start, ..)) = target.outages.first() {
                let at = start.since(SimTime::ZERO);
                faults.schedule(scheduler, id, at, FaultEvent::Edge(id.0));
            }
        }
        faults
    }

    /// Carries out one event.
    pub fn handle<E: Copy + From<FaultEvent>>(
        &mut self,
        scheduler: &mut Scheduler<E>,
        observer: &mut impl FaultObserver,
        event: FaultEvent,
    ) {
        match event {
            FaultEvent::Turns(target) => self.on_turn(scheduler, observer, TargetId(target)),
            FaultEvent::Edge(target) => self.on_edge(scheduler, observer, TargetId(target)),
        }
    }

    fn on_turn<E: Copy + From<FaultEvent>>(
        &mut self,
        scheduler: &mut Scheduler<E>,
        observer: &mut impl FaultObserver,
        id: TargetId,
    ) {
        let target = &self.model.faults.targets[id.index()];
        let (Some((up, down)), now) = (&target.renewal, scheduler.now()) else { return };
        let was_down = self.targets[id.index()].causes.iter().any(|(cause, _)| *cause == Cause::Chance);
        if was_down {
            self.remove(now, observer, id, Cause::Chance);
        } else {
            self.add(now, observer, id, Cause::Chance, target.fails);
        }
        let Some(stream) = &mut self.targets[id.index()].stream else { return };
        let next = if was_down { up } else { down }.sample_span(stream.next_u64()).max(SimDuration::TICK);
        self.schedule(scheduler, id, next, FaultEvent::Turns(id.0));
    }

    fn on_edge<E: Copy + From<FaultEvent>>(
        &mut self,
        scheduler: &mut Scheduler<E>,
        observer: &mut impl FaultObserver,
        id: TargetId,
    ) {
        let outages = &self.model.faults.targets[id.index()].outages;
        let (edge, now) = (self.targets[id.index()].edge, scheduler.now());
        let Some(&(_, end, mode)) = outages.get(edge / 2) else { return };
        let next = if edge % 2 == 0 {
            self.add(now, observer, id, Cause::Trace, mode);
            Some(end)
        } else {
            self.remove(now, observer, id, Cause::Trace);
            outages.get(edge / 2 + 1).map(|(start, ..)| *start)
        };
        self.targets[id.index()].edge += 1;
        if let Some(at) = next {
            self.schedule(scheduler, id, at.since(now), FaultEvent::Edge(id.0));
        }
    }

    fn schedule<E: Copy + From<FaultEvent>>(
        &self,
        scheduler: &mut Scheduler<E>,
        target: TargetId,
        after: SimDuration,
        event: FaultEvent,
    ) {
        let at = scheduler.now() + after;
        if at < SimTime::NEVER {
            scheduler.schedule(self.first_entity + target.0, at, event.into());
        }
    }

    /// Takes a target down for one more cause, and what shares it.
    pub fn add(
        &mut self,
        now: SimTime,
        observer: &mut impl FaultObserver,
        id: TargetId,
        cause: Cause,
        mode: FailureMode,
    ) {
        self.targets[id.index()].causes.push((cause, mode));
        self.modes[id.index()] = Some(mode);
        observer.on_state(now, id, Some(mode));
        if self.targets[id.index()].causes.len() == 1 {
            for &shared in &self.model.faults.targets[id.index()].takes_down {
                self.add(now, observer, shared, Cause::Shared(id), mode);
            }
        }
    }

    /// Takes one cause away; with the last one the target is up again, and what shares it.
    pub fn remove(&mut self, now: SimTime, observer: &mut impl FaultObserver, id: TargetId, cause: Cause) {
        let causes = &mut self.targets[id.index()].causes;
        let Some(at) = causes.iter().position(|(held, _)| *held == cause) else { return };
        causes.remove(at);
        let left = causes.last().map(|(_, mode)| *mode);
        self.modes[id.index()] = left;
        observer.on_state(now, id, left);
        if left.is_none() {
            for &shared in &self.model.faults.targets[id.index()].takes_down {
                self.remove(now, observer, shared, Cause::Shared(id));
            }
        }
    }

    fn mode(&self, index: usize) -> Option<FailureMode> {
        self.modes[index]
    }
}

impl crate::mail::HostAvailability for Faults<'_> {
    fn host_down(&self, host: HostId) -> Option<FailureMode> {
        self.mode(host.index())
    }
}

impl crate::dns::ServerState for Faults<'_> {
    fn server_is_up(&self, server: ServerId) -> bool {
        self.mode(self.model.faults.hosts + server.index()).is_none()
    }

    fn server_refuses(&self, server: ServerId) -> bool {
        self.mode(self.model.faults.hosts + server.index()) == Some(FailureMode::Refuse)
    }
}
