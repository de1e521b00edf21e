//! What an outage on the timeline does, and how it is got over.

use crate::engine::time::{NANOS_PER_SECOND, SimDuration, SimTime};
use crate::model::outages::{destinations, domains_of, hosts_out};
use crate::model::timeline::TimelineItem;
use crate::model::{HostId, Model, NameId};

/// Windows of the definitions of `retries_at_recovery` and `time_to_normal`.
const HERD_WINDOW: SimDuration = SimDuration::from_secs(300);
const BEFORE: SimDuration = SimDuration::from_secs(3600);
const STAYS: SimDuration = SimDuration::from_secs(600);

/// One outage.
#[derive(Debug, Clone)]
pub(super) struct Outage {
    /// What its rows are called after `event:`.
    pub scope: String,
    pub start: SimTime,
    /// `NEVER` if it does not end within the run.
    pub end: SimTime,
    hosts: Vec<HostId>,
    /// Domains with one of the hosts among their exchanges, by name.
    domains: Vec<bool>,
    /// Those of them that mail is sent to.
    pub zones: Vec<ZoneGap>,
    /// Deliveries that were queued at its end and still are where they were.
    undrained: u64,
    pub drained_at: Option<SimTime>,
    pub herd: u64,
    bins: Vec<u32>,
    before: u64,
    /// Greatest depth in the hour before, that which it began with among it.
    normal: u64,
    /// The depth when last told, and when that was.
    depth: u64,
    told: SimTime,
    /// Since when the depth has been normal again.
    normal_since: Option<SimTime>,
    pub normal_at: Option<SimTime>,
}

/// How long a zone was without an acceptance.
#[derive(Debug, Clone)]
pub(super) struct ZoneGap {
    pub zone: NameId,
    last_accepted: SimTime,
    pub gap: SimDuration,
    /// Whether the longest interval was cut by the end of the run.
    pub is_cut: bool,
}

impl Outage {
    /// The outages of hosts on a model's timeline.
    pub fn of(model: &Model) -> Vec<Self> {
        let mut outages = Vec::new();
        for ((index, item), scope) in model.timeline.iter().enumerate().zip(model.scopes()) {
            if item.undoes {
                continue;
            }
            let hosts = hosts_out(model, &item.action);
            let is_end = |later: &&TimelineItem| later.entry == item.entry && later.undoes;
            let end = model.timeline[index..].iter().find(is_end).map_or(SimTime::NEVER, |end| end.at);
            if hosts.is_empty() || item.at >= model.clock.end {
                continue;
            }
            let domains = domains_of(model, &hosts);
            let zones = destinations(model).into_iter().filter(|zone| domains[zone.index()]);
            let gap = |zone| ZoneGap { zone, last_accepted: item.at, gap: SimDuration::ZERO, is_cut: false };
            outages.push(Self {
                scope,
                start: item.at,
                end: if end < model.clock.end { end } else { SimTime::NEVER },
                zones: zones.map(gap).collect(),
                domains,
                hosts,
                undrained: 0,
                drained_at: None,
                herd: 0,
                bins: vec![0; HERD_WINDOW.whole_seconds() as usize],
                before: 0,
                normal: 0,
                depth: 0,
                told: SimTime::ZERO,
                normal_since: None,
                normal_at: None,
            });
        }
        outages
    }

    pub fn is_about(&self, domain: NameId) -> bool {
        self.domains.get(domain.index()).copied().unwrap_or(false)
    }

    /// Whether it ended within the run.
    pub fn is_over(&self) -> bool {
        self.end < SimTime::NEVER
    }

    /// The outage is over: so many deliveries to its domains are queued.
    pub fn on_over(&mut self, now: SimTime, queued: u64, depth: u64) {
        self.zones.iter_mut().for_each(|zone| zone.close(now));
        self.undrained = queued;
        self.drained_at = (queued == 0).then_some(now);
        self.on_depth(now, depth);
    }

    pub fn on_accepted(&mut self, now: SimTime, domain: NameId) {
        if now >= self.start
            && now < self.end
            && let Ok(index) = self.zones.binary_search_by_key(&domain, |gap| gap.zone)
        {
            self.zones[index].close(now);
        }
    }

    /// Deliveries that came to their queue at `since` have left it: ended, or gone to another node.
    pub fn on_left(&mut self, now: SimTime, since: SimTime, count: u64) {
        if now >= self.end && since < self.end && self.undrained > 0 {
            self.undrained = self.undrained.saturating_sub(count);
            if self.undrained == 0 {
                self.drained_at = Some(now);
            }
        }
    }

    pub fn on_syn(&mut self, now: SimTime, host: HostId, attempt: u32) {
        if !self.hosts.contains(&host) {
            return;
        }
        if now < self.start && now >= self.start - BEFORE {
            self.before += 1;
        } else if now >= self.end && now < self.end + HERD_WINDOW && attempt > 1 {
            self.herd += 1;
            self.bins[(now.since(self.end).as_nanos() / NANOS_PER_SECOND) as usize] += 1;
        }
    }

    /// The depth of all queues changed, or is looked at.
    #[inline]
    pub fn on_depth(&mut self, now: SimTime, depth: u64) {
        // What was held until now belongs to the hour before as well, however long ago it was told.
        if self.told < self.start && now > self.start - BEFORE {
            self.normal = self.normal.max(self.depth);
        }
        (self.told, self.depth) = (now, depth);
        if now < self.start {
            if now >= self.start - BEFORE {
                self.normal = self.normal.max(depth);
            }
        } else if now >= self.end && self.normal_at.is_none() {
            if let Some(since) = self.normal_since.filter(|since| now >= *since + STAYS) {
                self.normal_at = Some(since);
            } else if depth > self.normal {
                self.normal_since = None;
            } else if self.normal_since.is_none() {
                self.normal_since = Some(now);
            }
        }
    }

    /// The run is over at `ended`, of a run that might have gone on to `end`; `depth` deliveries are queued. A run stops
    /// early only when nothing more comes: the depth does not rise any more.
    pub fn finish(&mut self, ended: SimTime, end: SimTime, depth: u64) {
        self.on_depth(if ended < end { end } else { ended }, depth);
        if !self.is_over() {
            self.zones.iter_mut().for_each(|zone| {
                zone.is_cut = ended.since(zone.last_accepted) >= zone.gap;
                zone.close(ended);
            });
        }
    }

    /// The longest interval without an acceptance, of any of its zones, and whether the end of the run cut it.
    pub fn gap(&self) -> Option<(SimDuration, bool)> {
        self.zones.iter().map(|zone| (zone.gap, zone.is_cut)).max()
    }

    /// Most retries in one second after the end.
    pub fn herd_peak(&self) -> u32 {
        self.bins.iter().copied().max().unwrap_or(0)
    }

    /// Retries in the first ten seconds after the end.
    pub fn herd_at_once(&self) -> u64 {
        self.bins.iter().take(10).map(|&bin| u64::from(bin)).sum()
    }

    /// The retries' rate after the end over the rate of connections in the hour before the start.
    pub fn herd_ratio(&self) -> f64 {
        let after = self.herd as f64 / HERD_WINDOW.as_secs_f64();
        let before = self.before as f64 / self.start.since(self.start - BEFORE).as_secs_f64();
        if before > 0.0 { after / before } else { f64::NAN }
    }
}

impl ZoneGap {
    /// An acceptance, or the end of the outage.
    fn close(&mut self, now: SimTime) {
        self.gap = self.gap.max(now.since(self.last_accepted));
        self.last_accepted = now;
    }
}
