//! The scenario as its user wrote it: the RON tree, every field with its default.
//!
//! Names are text here and ids in [`crate::model`]; one function, [`crate::model::compile`], stands between.
//! Serialising a tree writes every default out.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

pub use super::tree_authority::*;
pub use super::tree_dns::*;
pub use super::tree_host::*;
pub use super::tree_mail::*;
pub use super::tree_reception::*;
pub use super::tree_resolver::*;
pub use super::tree_retry::*;
pub use super::tree_run::*;
pub use super::tree_systems::*;
pub use super::tree_unix::*;

/// A map that keeps the order in which its keys were written: declaration order is part of the contract of determinism.
pub type Map<V> = IndexMap<String, V>;

/// A whole scenario file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// One line that names the scenario in tables and charts.
    pub title: String,
    /// One line under the title of every chart: what to look for.
    #[serde(default)]
    pub look_for: String,
    /// When it starts, how long it is measured, how often it is repeated.
    #[serde(default)]
    pub run: Run,
    /// Where things are; a single region `everywhere` if none is given.
    #[serde(default)]
    pub regions: Map<Region>,
    /// What joins the regions.
    #[serde(default)]
    pub links: Vec<Link>,
    /// Zones by domain name.
    #[serde(default)]
    pub zones: Map<Zone>,
    /// Authoritative name servers by name.
    #[serde(default)]
    pub servers: Map<Server>,
    /// Mail exchangers by name.
    #[serde(default)]
    pub hosts: Map<Host>,
    /// Recursive resolvers and forwarders.
    #[serde(default)]
    pub resolvers: Map<Resolver>,
    /// What asks resolvers without sending mail.
    #[serde(default)]
    pub clients: Map<Client>,
    /// What looks at resolvers on a schedule.
    #[serde(default)]
    pub probes: Map<Probe>,
    /// SMTP clients with a queue.
    #[serde(default)]
    pub senders: Map<Sender>,
    /// Causes that take several things down at once.
    #[serde(default)]
    pub risks: Map<Risk>,
    /// What an operator does, and when.
    #[serde(default)]
    pub timeline: Vec<TimelineEntry>,
    /// What the scenario as written is called beside its variants, in tables and charts.
    #[serde(default = "baseline")]
    pub baseline: String,
    /// Named sets of overrides: path to RON text.
    #[serde(default)]
    pub variants: Map<Map<String>>,
    /// What must hold of the results.
    #[serde(default)]
    pub objectives: Vec<Objective>,
}

fn baseline() -> String {
    "baseline".into()
}
