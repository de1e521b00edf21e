//! The part of the tree that says where, when and how often: run, regions, links, risks, timeline, objectives.

use serde::{Deserialize, Serialize};

use super::distribution::{DistSpec, DurationDist};
use super::tree_dns::RecordType;
use super::tree_host::{FailureMode, HostIpv6};
use super::tree_resolver::ServeStale;
use super::units::{Bandwidth, Duration, seconds};

/// The run's clock and its replications.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Run {
    /// Calendar time of simulated time 0: a weekday and a time of day.
    pub starts: String,
    /// Local time minus UTC, `+01:00`: `starts` and the timeline's calendar times are in this local time.
    pub utc_offset: String,
    /// Simulated, and not measured.
    pub warmup: Duration,
    /// The measured window that follows.
    pub measure: Duration,
    /// Time after the window in which what was created in it can end.
    pub drain: Duration,
    /// Whether sources go on during the drain.
    pub drain_arrivals: bool,
    /// Independent repetitions: the unit of inference.
    pub replications: u32,
    /// What all randomness is keyed by.
    pub seed: u64,
    /// Confidence level of intervals.
    pub confidence: f64,
    /// Grid cells of each time series.
    pub cells: u32,
    /// Most events in one replication; a scenario that would need more is refused.
    pub event_budget: u64,
    /// Spans of which `slo_attainment` tells the share of deliveries made in time, beside those that objectives name.
    pub slo: Vec<Duration>,
    /// Instants at which the queues' ages are written to `qshape.csv`, such as `warmup + 3h`.
    pub qshape: Vec<String>,
}

impl Default for Run {
    fn default() -> Self {
        Self {
            starts: "Mon 00:00".into(),
            utc_offset: "+00:00".into(),
            warmup: seconds(0),
            measure: seconds(86_400),
            drain: seconds(5 * 86_400),
            drain_arrivals: false,
            replications: 10,
            seed: 1,
            confidence: 0.95,
            cells: 240,
            event_budget: 1_000_000_000,
            slo: Vec::new(),
            qshape: Vec::new(),
        }
    }
}

/// A place on the network.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Region {
    /// How many, with `{i}` in the key.
    pub count: Option<u32>,
    /// Another entry whose fields are defaults here.
    pub like: Option<String>,
    /// Round-trip time between two things in this region.
    pub rtt: DurationDist,
    /// Share of packets lost inside it, each way.
    pub loss: f64,
    /// Local time minus UTC, of the daily profiles of senders and clients here; the run's if absent.
    pub utc_offset: Option<String>,
}

impl Default for Region {
    fn default() -> Self {
        Self { count: None, like: None, rtt: DurationDist(DistSpec::Constant(1e-3)), loss: 0.0, utc_offset: None }
    }
}

/// What joins two regions. Regions without a link of their own are reached over the path of least mean round-trip time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Link {
    /// The two regions.
    pub between: (String, String),
    /// Round-trip time.
    pub rtt: DurationDist,
    /// Share of packets lost, each way.
    #[serde(default)]
    pub loss: f64,
    /// Bytes a second of one connection, unlimited if absent.
    #[serde(default)]
    pub bandwidth: Option<Bandwidth>,
}

/// A cause shared by what names it in `risks`: while it is down, they are.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Risk {
    /// How many, with `{i}` in the key.
    pub count: Option<u32>,
    /// Another entry whose fields are defaults here.
    pub like: Option<String>,
    /// Time to failure.
    pub up: Option<DurationDist>,
    /// Time to repair.
    pub down: Option<DurationDist>,
    /// How what it takes down fails.
    pub fails: FailureMode,
    /// Outages from a CSV file instead.
    pub outages: Option<String>,
}

/// Something an operator, or fate, does at a time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TimelineEntry {
    /// What it is called in charts, and in the times of later entries.
    #[serde(default)]
    pub name: String,
    /// When: `warmup + 12h`, `cutover + 30m`, `Tue 07:00`, `36h`.
    pub at: String,
    /// What.
    #[serde(rename = "do")]
    pub action: Action,
    /// How long it lasts, after which what it changed is put back; for ever if absent.
    #[serde(default, rename = "for")]
    pub lasts: Option<Duration>,
}

/// What the timeline can do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Action {
    /// Replaces a zone's MX RRset at its primary; an empty list removes it.
    SetMx { zone: String, mx: Vec<(u16, String)> },
    /// Makes a name resolve to the addresses of these hosts; an empty list removes its address records.
    SetAddress { name: String, hosts: Vec<String> },
    /// Makes a name an alias; `to: None` removes the alias.
    SetCname { name: String, to: Option<String> },
    /// Replaces the text records of a name; an empty list removes them.
    SetTxt { name: String, texts: Vec<String> },
    /// Names other servers for a zone: at the parent, in the zone, or both. Servers that are then named nowhere go on as
    /// `old` says.
    SetNs {
        zone: String,
        ns: Vec<String>,
        #[serde(default)]
        at: NsAt,
        #[serde(default)]
        old: OldServers,
        /// TTL of the NS RRset from then on, as it was if absent.
        #[serde(default)]
        ttl: Option<Duration>,
        #[serde(default)]
        ds: DsAtMove,
    },
    /// Takes the DS record of a zone away from its parent.
    RemoveDs { zone: String },
    /// Sets the serial of a zone's SOA: one that is not greater than a secondary's (RFC 1982) stops its transfers.
    SetSerial { zone: String, serial: u32 },
    /// Changes the TTL of a zone's records of one type, or of all types.
    SetTtl {
        zone: String,
        ttl: Duration,
        #[serde(default)]
        only: Option<RecordType>,
    },
    /// Takes hosts, name servers, resolvers or risks down (names or globs).
    Outage {
        #[serde(default)]
        host: Option<String>,
        #[serde(default)]
        server: Option<String>,
        /// Silent; what it holds is there when it is back.
        #[serde(default)]
        resolver: Option<String>,
        #[serde(default)]
        risk: Option<String>,
        /// All hosts, name servers and resolvers of a region, and the sites there of resolvers with several.
        #[serde(default)]
        region: Option<String>,
        #[serde(default)]
        mode: FailureMode,
    },
    /// Cuts all links between two regions (names or globs): mail, DNS and zone transfers go other ways, if there are any.
    Partition { between: (String, String) },
    /// Hosts or name servers (names or globs) that are slow, or answer only some of those who ask.
    Brownout {
        #[serde(default)]
        host: Option<String>,
        #[serde(default)]
        server: Option<String>,
        /// All hosts and name servers of a region.
        #[serde(default)]
        region: Option<String>,
        /// Service times of hosts and latencies of servers are so many times as long.
        #[serde(default = "unchanged")]
        slow: f64,
        /// Share of connections and queries that are answered.
        #[serde(default = "unchanged")]
        answers: f64,
        /// How the other connections to a host fail; a server is silent.
        #[serde(default = "unanswered")]
        mode: FailureMode,
    },
    /// Changes a host's session limit; `None` lifts it.
    SetSessions { host: String, sessions: Option<u32> },
    /// Changes a zone's MTA-STS policy, `None` removes it; `announced` whether the TXT record gets a new `id`.
    SetSts {
        zone: String,
        sts: Option<super::tree::Sts>,
        #[serde(default = "yes")]
        announced: bool,
    },
    /// Breaks off what is under way at a host, as the end of its server process does: sessions, kept ones too, and
    /// connections that wait for one.
    CloseSessions { host: String },
    /// Changes what a connection over IPv6 meets at a host; with `Absent` its AAAA record goes, with the others it is there.
    SetIpv6 { host: String, ipv6: HostIpv6 },
    /// Changes a host's service time.
    SetService { host: String, service: DurationDist },
    /// Empties a resolver's caches, or drops one name from them.
    FlushCache {
        resolver: String,
        #[serde(default)]
        name: Option<String>,
    },
    /// Changes when a resolver gives out what has expired.
    SetServeStale { resolver: String, serve_stale: ServeStale },
    /// Makes everything that a sender holds back due now, as `postqueue -f` does.
    FlushQueue { sender: String },
    /// Starts a queue run besides those of `queue_run`, as `exim -q` and `sendmail -q` do: what is due is tried.
    RunQueue { sender: String },
}

/// Where a zone's name servers are named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum NsAt {
    /// At the parent and in the zone.
    #[default]
    Both,
    /// At the parent only.
    Parent,
    /// In the zone only.
    Child,
}

/// What servers do that a zone has left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum OldServers {
    /// They answer from the zone as it was.
    #[default]
    Keep,
    /// They still get every change.
    Follow,
    /// They drop the zone (and are lame).
    Drop,
}

/// What becomes of the DS record when a signed zone moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum DsAtMove {
    /// The new servers sign with the key that it stands for.
    #[default]
    Follows,
    /// It is left behind: the new servers do not sign with that key.
    LeftBehind,
}

fn unchanged() -> f64 {
    1.0
}

fn unanswered() -> FailureMode {
    FailureMode::BlackHole
}

fn yes() -> bool {
    true
}

/// What must hold of a result.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Objective {
    /// `measure.statistic`, as in the tables: `delivery_latency.p99`.
    pub measure: String,
    /// Whose: `all`, `sender:campus`, ...
    #[serde(default = "scope_all")]
    pub scope: String,
    /// It must be below this: a number, a span or a share.
    #[serde(default)]
    pub below: Option<String>,
    /// It must be above this.
    #[serde(default)]
    pub above: Option<String>,
}

fn scope_all() -> String {
    "all".into()
}
