//! Whose queue mail waits in, where hosts have queues of their own.

use super::super::Outcome;
use super::super::chart::{Heading, QueueDepthChart};
use super::{curve, cut_tail, shades};

/// Curves that can be told apart.
const CURVES_MAX: usize = 8;

/// A queue that never holds so much on average is left out.
const LEAST: f64 = 0.5;

/// The queues of senders and relays, each a curve of its own.
pub(super) fn by_node(outcome: &Outcome<'_>, heading: &Heading) -> Option<QueueDepthChart> {
    let (baseline, model) = outcome.results.variants.first().zip(outcome.baseline())?;
    if model.mail.nodes.len() <= model.mail.senders {
        return None;
    }
    let is_one = outcome.results.variants.len() == 1;
    let mut nodes: Vec<&str> = Vec::new();
    let mut curves = Vec::new();
    for (variant, loaded) in outcome.results.variants.iter().zip(&outcome.loaded.variants) {
        for series in variant.series.iter().filter(|series| series.measure == "queue_depth") {
            let Some((_, node)) = series.scope.split_once(':') else { continue };
            if series.mean.iter().all(|depth| *depth < LEAST) {
                continue;
            }
            if !nodes.contains(&node) {
                nodes.push(node);
            }
            let label = if is_one { node.to_owned() } else { format!("{}: {node}", variant.name) };
            curves.push(curve(&label, series, &loaded.model));
        }
    }
    let outages = shades(baseline.shades.iter());
    cut_tail(&mut curves, outages.iter().flat_map(|shade| [shade.from_s, shade.to_s]).fold(0.0, f64::max));
    let is_legible = (2..=CURVES_MAX).contains(&curves.len());
    // With one queue the chart of all says the same.
    (nodes.len() > 1 && is_legible).then(|| QueueDepthChart { heading: heading.clone(), curves, outages })
}
