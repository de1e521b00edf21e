//! A failover as a timeline: the states of hosts, and where each attempt went.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::axis::Axis;
use super::canvas::{Anchor, Canvas, Colour, TextStyle, WIDTH};
use super::frame::{self, MARGIN, Plot};
use super::palette::{AXIS, AXIS_TITLE, BLUE, GRID, LABEL, NOTE, ORANGE};
use super::rows::{Sign, draw_key, draw_row_label, left_of_rows, range_or_extent, spans};
use super::{ChartError, Heading, file, ticks};

/// How a host is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HostState {
    /// It accepts as configured.
    #[default]
    Up,
    /// Slower or lossier.
    Brownout,
    /// It accepts nothing.
    Down,
}

/// The states of one MX host.
#[derive(Clone, Debug, Default)]
pub struct HostLane {
    /// Name of the host.
    pub label: String,
    /// `(second, state from then on)`; before the first the host is up.
    pub changes: Vec<(f64, HostState)>,
}

/// How an attempt at a host ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AttemptOutcome {
    /// A 250 after the end of data.
    #[default]
    Accepted,
    /// A 4xx reply.
    Deferred,
    /// No session, or a 5xx reply.
    Failed,
}

/// One attempt at one host.
#[derive(Clone, Copy, Debug, Default)]
pub struct Attempt {
    /// Sender and number of the delivery; attempts of one delivery are joined by a line.
    pub delivery: (u32, u64),
    /// Index of the host in the chart's `hosts`; an attempt at no such host is left out.
    pub host: usize,
    /// When, in seconds since the start of the run.
    pub at_s: f64,
    /// How it ended.
    pub outcome: AttemptOutcome,
}

/// Hosts and attempts in time for one replication.
#[derive(Clone, Debug, Default)]
pub struct FailoverChart {
    /// Words and facts around the plot.
    pub heading: Heading,
    /// First second shown; with `to_s` not after it, the range of the data is shown.
    pub from_s: f64,
    /// Last second shown.
    pub to_s: f64,
    /// Hosts in order of preference; the first 12 are shown.
    pub hosts: Vec<HostLane>,
    /// Attempts, all or some; the chart takes at most 400, by whole deliveries.
    pub attempts: Vec<Attempt>,
    /// How many attempts there were in the span shown, if `attempts` holds only some.
    pub attempts_total: u64,
    /// The replication shown.
    pub replication: u32,
    /// The variant shown; empty if there is only one.
    pub variant: String,
}

/// Hosts that have room.
pub const HOSTS_MAX: usize = 12;
const ATTEMPTS_MAX: usize = 400;
/// With more marks than this, lines between them hide more than they tell.
const JOINED_MAX: usize = 120;
/// Lower lanes have no guide lines under their marks.
const GUIDED_LANE: f64 = 80.0;
/// Words in a bar are no smaller than this.
const WORDS_EM_MIN: f64 = 11.0;
const UP: Colour = Colour(0xCF, 0xE8, 0xDF);
const BROWNOUT: Colour = Colour(0xF2, 0xC1, 0x4E);
const DOWN: Colour = Colour(0x3A, 0x3A, 0x3A);
const WHITE: Colour = Colour(0xFF, 0xFF, 0xFF);
const DEFERRED: Colour = ORANGE;

fn look(state: HostState) -> (Colour, Colour, &'static str) {
    match state {
        HostState::Up => (UP, LABEL.colour, "up"),
        HostState::Brownout => (BROWNOUT, LABEL.colour, "brownout"),
        HostState::Down => (DOWN, WHITE, "down"),
    }
}

fn sign(outcome: AttemptOutcome) -> Sign {
    match outcome {
        AttemptOutcome::Accepted => Sign::Disc(BLUE),
        AttemptOutcome::Deferred => Sign::Triangle(DEFERRED),
        AttemptOutcome::Failed => Sign::Cross,
    }
}

/// Draws `<path>.svg` and `<path>.png` and returns their paths.
///
/// # Errors
/// [`ChartError`] if a file cannot be written.
pub fn draw_failover(path_without_extension: &Path, chart: &FailoverChart) -> Result<Vec<PathBuf>, ChartError> {
    file::write_both(path_without_extension, &page(chart)?, &chart.heading)
}

pub(super) fn page(chart: &FailoverChart) -> Result<Canvas, ChartError> {
    let mut canvas = Canvas::new()?;
    frame::draw_heading(&mut canvas, &chart.heading, &frame::shown_note(&chart.variant, chart.replication));
    let hosts: Vec<&HostLane> = chart.hosts.iter().take(HOSTS_MAX).collect();
    let times = chart.hosts.iter().flat_map(|h| h.changes.iter().map(|c| c.0));
    let (from, to) = range_or_extent(chart.from_s, chart.to_s, times.chain(chart.attempts.iter().map(|a| a.at_s)));
    let left = left_of_rows(&canvas, hosts.iter().map(|h| h.label.as_str()), LABEL);
    let right = WIDTH - MARGIN - 20.0;
    let x = Axis::linear(from, to, left, right);

    let top = 128.0;
    let bottom = frame::plot_bottom();
    let lane = (bottom - top) / hosts.len().max(1) as f64;
    let plot = Plot { left, right, top, bottom };
    let visible = |a: &&Attempt| a.host < hosts.len() && x.holds(a.at_s);
    let candidates: Vec<Attempt> = chart.attempts.iter().filter(visible).copied().collect();
    let shown = whole_deliveries(&candidates);

    let outcomes = outcomes_of(&shown);
    let key_left = draw_failover_key(&mut canvas, &hosts, &x, &outcomes);
    let title = attempts_title(chart, shown.len(), hosts.len());
    canvas.text((MARGIN, frame::STRIP_BASELINE), &title, AXIS_TITLE, Anchor::Left, key_left - MARGIN);
    let time_title = "time since the start of the run";
    frame::draw_x_axis(&mut canvas, &plot, &x, &ticks::time_linear(from, to, 8), time_title);
    if hosts.is_empty() {
        frame::draw_empty(&mut canvas, &plot, "no hosts");
    }
    let lanes = Lanes { plot: &plot, x: &x, lane, outcomes: &outcomes };
    lanes.draw_joins(&mut canvas, &shown);
    for (i, host) in hosts.iter().enumerate() {
        lanes.draw_lane(&mut canvas, i, host);
    }
    lanes.draw_attempts(&mut canvas, &shown);
    Ok(canvas)
}

/// The outcomes that some attempt has, in the order of their rows.
fn outcomes_of(attempts: &[Attempt]) -> Vec<AttemptOutcome> {
    let all = [AttemptOutcome::Accepted, AttemptOutcome::Deferred, AttemptOutcome::Failed];
    all.into_iter().filter(|outcome| attempts.iter().any(|attempt| attempt.outcome == *outcome)).collect()
}

/// The key of what there is to see.
fn draw_failover_key(canvas: &mut Canvas, hosts: &[&HostLane], x: &Axis, outcomes: &[AttemptOutcome]) -> f64 {
    let right = x.px(f64::INFINITY).unwrap_or(WIDTH);
    let is_seen = |state: HostState| {
        hosts.iter().any(|host| spans(&host.changes, HostState::Up, x, right).iter().any(|span| span.2 == state))
    };
    let states = [HostState::Up, HostState::Brownout, HostState::Down].into_iter().filter(|state| is_seen(*state));
    let states = states.map(|state| (Sign::Box(look(state).0), look(state).2));
    let key: Vec<(Sign, &str)> =
        states.chain(outcomes.iter().map(|&outcome| (sign(outcome), words(outcome)))).collect();
    draw_key(canvas, &key)
}

fn words(outcome: AttemptOutcome) -> &'static str {
    match outcome {
        AttemptOutcome::Accepted => "accepted",
        AttemptOutcome::Deferred => "deferred",
        AttemptOutcome::Failed => "failed",
    }
}

fn attempts_title(chart: &FailoverChart, shown: usize, hosts: usize) -> String {
    let total = chart.attempts_total.max(chart.attempts.len() as u64);
    let mut title = if (shown as u64) < total {
        format!("{} of {} attempts", frame::thousands(shown as u64), frame::thousands(total))
    } else {
        format!("{} attempts", frame::thousands(total))
    };
    if hosts < chart.hosts.len() {
        title.push_str(&format!(", {hosts} of {} hosts", chart.hosts.len()));
    }
    title
}

/// All attempts of evenly taken deliveries, in order of time, [`ATTEMPTS_MAX`] at most.
fn whole_deliveries(attempts: &[Attempt]) -> Vec<Attempt> {
    let mut of_delivery: BTreeMap<(u32, u64), Vec<Attempt>> = BTreeMap::new();
    for attempt in attempts {
        of_delivery.entry(attempt.delivery).or_default().push(*attempt);
    }
    let mut every = attempts.len().div_ceil(ATTEMPTS_MAX).max(1);
    loop {
        let count: usize = of_delivery.values().step_by(every).map(Vec::len).sum();
        if count <= ATTEMPTS_MAX || every >= of_delivery.len() {
            break;
        }
        every += every.div_ceil(4);
    }
    let mut shown: Vec<Attempt> = of_delivery.into_values().step_by(every).flatten().collect();
    shown.sort_by(|a, b| a.at_s.total_cmp(&b.at_s).then((a.delivery, a.host).cmp(&(b.delivery, b.host))));
    shown.truncate(ATTEMPTS_MAX);
    shown
}

fn bar_height(lane: f64) -> f64 {
    (lane * 0.34).min(34.0)
}

/// The lanes of a chart, one a host: its bar, and below it a row for each outcome that there is.
struct Lanes<'a> {
    plot: &'a Plot,
    x: &'a Axis,
    /// Height of one.
    lane: f64,
    outcomes: &'a [AttemptOutcome],
}

impl Lanes<'_> {
    /// Height of the marks of an outcome below the top of a lane.
    fn mark_offset(&self, outcome: AttemptOutcome) -> f64 {
        let rows = self.outcomes.len().max(1) as f64;
        let step = (self.lane - bar_height(self.lane) - 6.0) / (rows + 0.4);
        let rank = self.outcomes.iter().position(|known| *known == outcome).unwrap_or(0) as f64;
        bar_height(self.lane) + 2.0 + step * (rank + 0.6)
    }

    fn draw_lane(&self, canvas: &mut Canvas, index: usize, host: &HostLane) {
        let Self { plot, x, lane, outcomes } = self;
        let (top, height) = (plot.top + lane * index as f64, bar_height(*lane));
        for (from, to, state) in spans(&host.changes, HostState::Up, x, plot.right) {
            let (fill, ink, words) = look(state);
            canvas.rect((from, top), (to.max(from + 1.0), top + height), fill);
            let style = TextStyle { em: (height * 0.72).min(15.0), bold: false, colour: ink };
            if state != HostState::Up && style.em >= WORDS_EM_MIN && canvas.width(words, style) + 12.0 <= to - from {
                canvas.text((from + 6.0, top + height / 2.0 + style.em * 0.36), words, style, Anchor::Left, to - from);
            }
        }
        if *lane >= GUIDED_LANE {
            for &outcome in *outcomes {
                let y = top + self.mark_offset(outcome);
                canvas.rule((plot.left, y), (plot.right, y), 0.7, GRID);
                draw_row_label(canvas, plot, y, words(outcome), NOTE);
            }
        }
        draw_row_label(canvas, plot, top + height / 2.0, &host.label, LABEL);
    }

    /// Where an attempt's mark stands.
    fn place(&self, a: &Attempt) -> Option<(f64, f64)> {
        Some((self.x.px(a.at_s)?, self.plot.top + self.lane * a.host as f64 + self.mark_offset(a.outcome)))
    }

    /// Lines from each attempt to the next of its delivery, if the marks are few enough to follow them.
    fn draw_joins(&self, canvas: &mut Canvas, shown: &[Attempt]) {
        if shown.len() > JOINED_MAX {
            return;
        }
        let mut before: BTreeMap<(u32, u64), (f64, f64)> = BTreeMap::new();
        for attempt in shown {
            let Some(at) = self.place(attempt) else { continue };
            if let Some(from) = before.insert(attempt.delivery, at) {
                canvas.path(&[from, at], 1.0, AXIS, &[]);
            }
        }
    }

    fn draw_attempts(&self, canvas: &mut Canvas, shown: &[Attempt]) {
        let radius = (self.lane * 0.075).clamp(3.0, 5.5);
        for attempt in shown {
            if let Some(at) = self.place(attempt) {
                sign(attempt.outcome).draw(canvas, at, radius);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempt(delivery: u64, at_s: f64) -> Attempt {
        Attempt { delivery: (0, delivery), host: 0, at_s, outcome: AttemptOutcome::Accepted }
    }

    #[test]
    fn few_attempts_are_all_shown() {
        let attempts: Vec<Attempt> = (0..50).map(|i| attempt(i, i as f64)).collect();
        assert_eq!(whole_deliveries(&attempts).len(), 50);
    }

    #[test]
    fn deliveries_are_shown_whole() {
        let attempts: Vec<Attempt> = (0..3000_u64).map(|i| attempt(i / 3, i as f64)).collect();
        let shown = whole_deliveries(&attempts);
        assert!(shown.len() > 250 && shown.len() <= ATTEMPTS_MAX, "{}", shown.len());
        let mut counts: BTreeMap<(u32, u64), usize> = BTreeMap::new();
        for a in &shown {
            *counts.entry(a.delivery).or_default() += 1;
        }
        assert!(counts.values().all(|c| *c == 3));
    }

    #[test]
    fn one_endless_delivery_is_cut() {
        let attempts: Vec<Attempt> = (0..1000_u64).map(|i| attempt(7, i as f64)).collect();
        assert_eq!(whole_deliveries(&attempts).len(), ATTEMPTS_MAX);
    }

    #[test]
    fn the_title_says_how_many_of_how_many() {
        let chart = FailoverChart { attempts_total: 12_345, ..FailoverChart::default() };
        assert_eq!(attempts_title(&chart, 400, 0), "400 of 12 345 attempts");
    }
}
