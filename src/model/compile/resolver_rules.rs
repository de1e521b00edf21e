//! A resolver's rules: its preset, and what overrides it.

use super::Compiler;
use super::presets;
use crate::engine::time::SimDuration;
use crate::model::dns::{AskingRules, DeadRules, NegativeRules, PrefetchRules, Rules, StaleRules, TtlRules};
use crate::scenario::tree::{
    BackOff, BadReplies, Expiry, KnownTimeout, NegativeTtl, NsRule, Prefetch, Push, QnameMinimisation, ResolverRules,
    Selection, ServeStale, Software, StaleTimer, TopBit, UnequalTtls,
};
use crate::scenario::units::Duration;

impl Compiler<'_> {
    pub(super) fn rules(&mut self, key: &str, software: &Software) -> Rules {
        let (name, own) = software.parts();
        let all = own.or(&presets::resolver_rules(name));
        let at = |field: &'static str| ["resolvers", key, "software", field];
        if let Some(Prefetch::Near { share, .. }) = own.prefetch
            && !(0.0..=1.0).contains(&share)
        {
            self.error(&at("prefetch"), format!("{share} is no share")).label = "expected 0 to 1".into();
        }
        let is_out_of_range = |list: &Vec<Duration>| list.len() > 32 || list.iter().any(|span| span.0.is_zero());
        if own.timeouts.as_ref().is_some_and(is_out_of_range) {
            self.error(&at("timeouts"), "time-outs out of range").label =
                "expected at most 32 durations above zero".into();
        }
        self.check_bounds(key, own);
        for (field, span) in [("first_timeout", own.first_timeout), ("max_timeout", own.max_timeout)] {
            if span.is_some_and(|span| span.0.is_zero()) {
                self.error(&at(field), "no time to answer").label = "expected a duration above zero".into();
            }
        }
        let mut ttl_s = |field: &'static str, span: Option<Duration>| {
            span.map_or(0, |span| self.ttl_s(&["resolvers", key, "software", field], span))
        };
        let (min_s, max_s) = (ttl_s("min_ttl", all.min_ttl), ttl_s("max_ttl", all.max_ttl));
        let max_answer_s = ttl_s("max_answer_ttl", all.max_answer_ttl);
        let min_negative_s = ttl_s("min_negative_ttl", all.min_negative_ttl);
        let max_negative_s = ttl_s("max_negative_ttl", all.max_negative_ttl);
        let no_soa_s = ttl_s("no_soa_ttl", all.no_soa_ttl);
        let stale_ttl_s = ttl_s("stale_ttl", all.stale_ttl);
        if min_s > max_s {
            self.error(&at("min_ttl"), "a `min_ttl` above the `max_ttl`");
        }
        let servfail_ttl = span(all.servfail_ttl);
        if servfail_ttl > SimDuration::from_secs(300) {
            self.warning(&at("servfail_ttl"), "failures kept for more than 5 min").help =
                Some("RFC 9520 section 3.2 allows at most 5 min".into());
        }
        let raises = all.min_ttl_raises_negatives.unwrap_or(false);
        let dead_after = all.dead_after.filter(|after| *after > 0);
        Rules {
            expiry: all.expiry.unwrap_or(Expiry::Exact),
            ttl: TtlRules {
                min_s,
                max_s,
                max_answer_s: if max_answer_s == 0 { u32::MAX } else { max_answer_s },
                top_bit: all.top_bit_ttl.unwrap_or(TopBit::Zero),
                unequal: all.unequal_ttls.unwrap_or(UnequalTtls::Least),
                passes: all.passes_ttl.unwrap_or(false),
            },
            negatives: NegativeRules {
                from: all.negative_ttl.unwrap_or(NegativeTtl::Least),
                min_s: if raises { min_negative_s.max(min_s) } else { min_negative_s },
                max_s: max_negative_s,
                no_soa_s,
                raises_zero_nodata: all.zero_nodata_is_raised.unwrap_or(true),
                shares_soa: all.negatives_share_soa.unwrap_or(false),
                cut: all.nxdomain_cut.unwrap_or(false),
            },
            prefetch: match all.prefetch {
                Some(Prefetch::Near { left, share, min_ttl }) => Some(PrefetchRules {
                    left: left.0,
                    share,
                    min_ttl_s: u32::try_from(min_ttl.0.whole_seconds()).unwrap_or(u32::MAX),
                }),
                Some(Prefetch::Off) | None => None,
            },
            stale: StaleRules {
                serve: all.serve_stale.unwrap_or(ServeStale::Off),
                timer: all.stale_timer.unwrap_or(StaleTimer::Each),
                ttl_s: stale_ttl_s,
                ttl_is_capped: all.stale_ttl_is_capped.unwrap_or(false),
                max: limit(all.max_stale).unwrap_or(SimDuration::MAX),
                refresh: span(all.stale_refresh_time),
                extensions: all.stale_extensions.unwrap_or(0),
            },
            servfail_ttl,
            servfail_is_exact: all.servfail_is_exact.unwrap_or(true),
            discard_after: limit(all.discard_timeout),
            capacity: all.cache_size.filter(|size| *size > 0),
            cached_types: all.cached_types.iter().flatten().fold(0, |bits, kind| bits | 1 << *kind as u8),
            coalesces: all.coalescing.unwrap_or(true),
            told_after: match all.push {
                Some(Push::After(delay)) => Some(delay.0),
                Some(Push::Off) | None => None,
            },
            asking: AskingRules {
                timeouts: all.timeouts.iter().flatten().map(|span| span.0).collect(),
                first_timeout: span(all.first_timeout),
                known_timeout: all.known_timeout.unwrap_or(KnownTimeout::Fixed),
                back_off: all.back_off.unwrap_or(BackOff::Off),
                rounds_before_back_off: all.rounds_before_back_off.unwrap_or(1),
                max_timeout: span(all.max_timeout),
                total: limit(all.total_time),
                total_cuts: all.total_time_cuts.unwrap_or(false),
                tries_in_a_row: all.tries_in_a_row.filter(|tries| *tries > 0),
                sends_per_loss: all.sends_per_loss.unwrap_or(1),
                bad_replies: all.bad_replies.unwrap_or(BadReplies::PerServer(1)),
                servfail_is_loss: all.servfail_is_loss.unwrap_or(false),
                tries_per_server: all.tries_per_server.filter(|tries| *tries > 0),
                last_resort: all.last_resort.unwrap_or(false),
                dead: dead_after.map(|after| DeadRules { after, lasts: span(all.dead_for) }),
                failing_throttle: span(all.failing_throttle),
                silent_throttle: span(all.silent_throttle),
                server_memory: span(all.server_memory),
                heeds_refusals: all.heeds_refusals.unwrap_or(false),
                tcp_above: limit(all.tcp_above),
                selection: all.selection.unwrap_or(Selection::Random),
                ns: all.ns.unwrap_or(NsRule::Parent),
                refresh_asks_parent: all.refresh_asks_parent.unwrap_or(false),
                qname_minimisation: all.qname_minimisation.unwrap_or(QnameMinimisation::Off),
                takes_alias_targets: all.takes_alias_targets.unwrap_or(false),
            },
        }
    }

    /// What a scenario writes itself of numbers without which nothing would be asked, or kept, or that are no probability or factor.
    fn check_bounds(&mut self, key: &str, own: &ResolverRules) {
        let selection = own.selection.and_then(|selection| match selection {
            Selection::BestOrAny(share) if !(0.0..=1.0).contains(&share) => Some((share.to_string(), "0 to 1")),
            Selection::LowestSrtt { decay } if !(0.0..=1.0).contains(&decay) => Some((decay.to_string(), "0 to 1")),
            Selection::FadingAverage(span) if span.0.is_zero() => Some(("0s".into(), "a duration above zero")),
            _ => None,
        });
        let sends = own.sends_per_loss.filter(|sends| *sends == 0);
        let replies =
            own.bad_replies.filter(|bears| matches!(bears, BadReplies::PerServer(0) | BadReplies::PerFetch(0)));
        let types = own.cached_types.as_ref().filter(|types| types.is_empty());
        let problems = [
            ("selection", selection),
            ("sends_per_loss", sends.map(|sends| (sends.to_string(), "at least 1"))),
            ("bad_replies", replies.map(|_| ("0".into(), "at least 1"))),
            ("cached_types", types.map(|_| ("nothing".into(), "at least one type"))),
        ];
        for (field, problem) in problems {
            if let Some((value, expected)) = problem {
                let message = format!("`{field}` is out of range: {value}");
                self.error(&["resolvers", key, "software", field], message).label = format!("expected {expected}");
            }
        }
    }
}

fn span(span: Option<Duration>) -> SimDuration {
    span.map_or(SimDuration::ZERO, |span| span.0)
}

/// A limit of which 0 means that there is none.
fn limit(span: Option<Duration>) -> Option<SimDuration> {
    span.map(|span| span.0).filter(|span| !span.is_zero())
}
