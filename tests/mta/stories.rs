//! What became of each message of a run, as an observer saw it.
#![allow(dead_code, reason = "each file of this target uses a part of it")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use mxsim::dns::DnsObserver;
use mxsim::engine::time::SimTime;
use mxsim::faults::FaultObserver;
use mxsim::mail::{AttemptRecord, Delivery, End, MailObserver, Notice};
use mxsim::model::Model;
use mxsim::model::compile::{Memory, load_source};
use mxsim::scenario::diagnostic::SourceText;
use mxsim::scenario::render::render;
use mxsim::sim::Observer;

/// One message, times in seconds since the start of the run.
#[derive(Debug, Clone, Default)]
pub struct Story {
    pub arrived: f64,
    pub domain: String,
    /// When each attempt began, and when the last did that may turn out to be none.
    pub began: Vec<f64>,
    began_last: f64,
    /// When each attempt failed, or ended it.
    pub attempts: Vec<f64>,
    /// When its sender was told that it is late.
    pub warned: Vec<f64>,
    /// Connections made, over all attempts.
    pub connections: usize,
    pub end: Option<(f64, End)>,
    pub host: Option<String>,
}

impl Story {
    /// Seconds since arrival at which the attempts ended.
    pub fn ages(&self) -> Vec<f64> {
        self.attempts.iter().map(|at| at - self.arrived).collect()
    }

    /// Seconds from arrival to the end.
    pub fn age_at_end(&self) -> Option<f64> {
        self.end.map(|(at, _)| at - self.arrived)
    }
}

/// Watches mail.
pub struct Stories<'m> {
    model: &'m Model,
    by_number: BTreeMap<(u32, u64), Story>,
}

impl DnsObserver for Stories<'_> {}
impl FaultObserver for Stories<'_> {}
impl Observer for Stories<'_> {}

impl Stories<'_> {
    fn story(&mut self, delivery: &Delivery) -> &mut Story {
        self.by_number.entry((delivery.sender.0, delivery.number)).or_default()
    }
}

impl MailObserver for Stories<'_> {
    fn on_created(&mut self, now: SimTime, delivery: &Delivery) {
        let domain = self.model.dns.names.text(delivery.domain).to_owned();
        *self.story(delivery) = Story { arrived: now.as_secs_f64(), domain, ..Story::default() };
    }
    fn on_attempt_start(&mut self, now: SimTime, delivery: &Delivery) {
        self.story(delivery).began_last = now.as_secs_f64();
    }
    fn on_try(&mut self, _: &AttemptRecord, delivery: &Delivery) {
        self.story(delivery).connections += 1;
    }
    fn on_deferred(&mut self, now: SimTime, delivery: &Delivery, _: SimTime) {
        // What was held back is told as put off, too, and was no attempt.
        let story = self.story(delivery);
        if story.attempts.len() < delivery.attempts as usize {
            story.attempts.push(now.as_secs_f64());
            story.began.push(story.began_last);
        }
    }
    fn on_notice(&mut self, now: SimTime, delivery: &Delivery, notice: Notice) {
        if notice == Notice::Warning {
            self.story(delivery).warned.push(now.as_secs_f64());
        }
    }
    fn on_end(&mut self, now: SimTime, delivery: &Delivery, end: End) {
        let host = delivery.host.map(|host| self.model.mail.hosts[host.index()].name);
        let host = host.map(|host| self.model.dns.names.text(host).to_owned());
        let story = self.story(delivery);
        // The last attempt ends with the message; a timer ends it between attempts.
        if story.attempts.len() < delivery.attempts as usize {
            story.attempts.push(now.as_secs_f64());
            story.began.push(story.began_last);
        }
        story.end = Some((now.as_secs_f64(), end));
        story.host = host;
    }
}

/// Compiles a text with files beside it.
pub fn model(text: &str, files: &[(&str, &str)]) -> Arc<Model> {
    let source = Arc::new(SourceText { name: "test.ron".into(), text: text.into() });
    let mut files = Memory(files.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect());
    let loaded =
        load_source(&source, &[], &mut files).unwrap_or_else(|problems| panic!("{}", render(&problems, false)));
    Arc::clone(&loaded.variants[0].model)
}

/// The messages of one replication in the order of their numbers.
pub fn stories(model: &Model, replication: u32) -> Vec<Story> {
    let mut watch = Stories { model, by_number: BTreeMap::new() };
    mxsim::sim::run(model, replication, &mut watch, &AtomicBool::new(false)).unwrap_or_else(|why| panic!("{why}"));
    watch.by_number.into_values().collect()
}

/// Rows of a fixture, without its first line (the source) and its heading.
pub fn rows(fixture: &str) -> Vec<Vec<String>> {
    let mut lines = fixture.lines();
    assert!(lines.next().is_some_and(|line| line.starts_with("# measured: ")), "a fixture names its source");
    lines.next();
    lines.map(|line| line.split(',').map(str::to_owned).collect()).collect()
}
