//! What is read of a system's parameters and not acted on: said where it is set, never passed over in silence.

use super::super::Compiler;
use super::field;
use crate::scenario::tree::{EximRetry, KumoMtaRetry, Retry};

impl Compiler<'_> {
    /// Parameters that are read, written otherwise than by default, and change nothing.
    pub(super) fn warn_not_modelled(&mut self, path: &[&str], retry: &Retry) {
        for (name, why) in not_modelled(retry) {
            let message = format!("`{name}` changes nothing: {why}");
            self.warning(&field(path, name), message);
        }
    }
}

const READY_QUEUE: &str = "the ready queue is not modelled";
const PER_SENDER: &str = "a 4yz to RCPT is kept by each message, not by recipient and sender";

/// The parameters that were written otherwise than by default and change nothing, with why.
fn not_modelled(retry: &Retry) -> Vec<(&'static str, &'static str)> {
    let mut found = Vec::new();
    let mut check = |name, is_default: bool, why| {
        if !is_default {
            found.push((name, why));
        }
    };
    match retry {
        Retry::Exim(own) => {
            let default = EximRetry::default();
            check(
                "address_retry_include_sender",
                own.address_retry_include_sender == default.address_retry_include_sender,
                PER_SENDER,
            );
        }
        Retry::KumoMta(own) => {
            let default = KumoMtaRetry::default();
            let failures = own.consecutive_connection_failures_before_delay;
            check(
                "consecutive_connection_failures_before_delay",
                failures == default.consecutive_connection_failures_before_delay,
                READY_QUEUE,
            );
        }
        _ => {}
    }
    found
}
