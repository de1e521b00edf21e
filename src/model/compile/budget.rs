//! About how many events a replication takes, before it is begun.

use super::Compiler;
use crate::model::Model;
use crate::model::dns::ArrivalsModel;
use crate::scenario::diagnostic::Diagnostic;

/// Events of a delivery and of a client's question, where nothing fails and caches are warm: two ways of a look-up each
/// for MX and addresses, two of a session.
const PER_MESSAGE: f64 = 4.0;
const PER_QUESTION: f64 = 3.0;

/// The scheduler's keys hold an entity in 24 bits.
const ENTITIES_MAX: u64 = 1 << 24;

impl Compiler<'_> {
    /// Refuses what would take more events than `run.event_budget`. What is wrong otherwise makes no such number.
    pub(super) fn check_budget(&mut self, model: &Model) {
        if self.problems.iter().any(Diagnostic::is_error) {
            return;
        }
        let window_s = model.clock.arrivals_end.as_secs_f64();
        let mut events = 0.0;
        for source in model.mail.nodes.iter().filter_map(|node| node.source.as_ref()) {
            events += arrivals(&source.arrivals, window_s) * PER_MESSAGE;
        }
        for client in &model.dns.clients {
            events += arrivals(&client.arrivals, window_s) * PER_QUESTION;
        }
        let end_s = model.clock.end.as_secs_f64();
        for target in &model.faults.targets {
            events +=
                target.renewal.as_ref().map_or(0.0, |(up, down)| 2.0 * end_s / (up.mean() + down.mean()).max(1e-9));
        }
        for probe in &model.dns.probes {
            events += end_s / probe.every.as_secs_f64().max(1e-9);
        }
        let entities = u64::from(model.entities().count);
        if entities > ENTITIES_MAX {
            let message = format!("{entities} things take part, and at most {ENTITIES_MAX} can");
            self.error(&[], message).help = Some("make the populations smaller".into());
        }
        let budget = model.event_budget as f64;
        if events > budget {
            let message =
                format!("would need about {events:.1e} events a replication, more than run.event_budget ({budget:e})");
            let raised = events * 2.0;
            self.error(&["run", "event_budget"], message).help = Some(format!(
                "simulate less time or fewer arrivals, or raise the budget: `--set run/event_budget={raised:.0}`"
            ));
        }
    }
}

fn arrivals(model: &ArrivalsModel, window_s: f64) -> f64 {
    match model {
        ArrivalsModel::Poisson { rate } => rate * window_s,
        ArrivalsModel::Periodic { every, .. } => window_s / every.as_secs_f64().max(1e-9),
        ArrivalsModel::Burst { count, .. } => *count as f64,
        ArrivalsModel::Renewal { gap } => window_s / gap.mean().max(1e-9),
        ArrivalsModel::Diurnal(diurnal) => diurnal.per_day.iter().sum::<f64>() / 7.0 * window_s / 86_400.0,
        ArrivalsModel::Trace(rows) => rows.len() as f64,
    }
}
