//! DNS as real resolvers do it: rows of measurements beside the simulation, and the rules of the RFCs.
//! Rows are read from `tests/fixtures/dns`, where each file's first line names what was measured.

mod support;
#[path = "support/tests_of_fit.rs"]
#[allow(dead_code, reason = "other test binaries use the rest")]
mod tests_of_fit;

#[path = "dns/bench.rs"]
mod bench;
#[path = "dns/chains.rs"]
mod chains;
#[path = "dns/clamps.rs"]
mod clamps;
#[path = "dns/farms.rs"]
mod farms;
#[path = "dns/hit_ratio.rs"]
mod hit_ratio;
#[path = "dns/negatives.rs"]
mod negatives;
#[path = "dns/operator.rs"]
mod operator;
#[path = "dns/propagation.rs"]
mod propagation;
#[path = "dns/random.rs"]
mod random;
#[path = "dns/recovery.rs"]
mod recovery;
#[path = "dns/rfc_cache.rs"]
mod rfc_cache;
#[path = "dns/rfc_mail.rs"]
mod rfc_mail;
#[path = "dns/serve_stale.rs"]
mod serve_stale;
