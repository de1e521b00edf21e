//! What is read of a system's parameters and not acted on: said where it is set, never passed over in silence.

use super::super::Compiler;
use super::field;
use crate::scenario::tree::{ChasquidRetry, ExchangeRetry, EximRetry, Retry};

impl Compiler<'_> {
    /// Parameters that are read, written otherwise than by default, and change nothing.
    pub(super) fn warn_not_modelled(&mut self, path: &[&str], retry: &Retry) {
        for (name, why) in not_modelled(retry) {
            let message = format!("`{name}` changes nothing: {why}");
            self.warning(&field(path, name), message);
        }
    }
}

const PER_SENDER: &str = "whoever writes to a recipient again is one sender here (`correspondents`)";

/// `queue.go`, `Put`: with so many items in the queue another is refused to whoever submits it.
const NOT_REFUSED: &str = "a sender's queue takes all that its arrivals bring, and none is refused at submission";

/// The parameters that were written otherwise than by default and change nothing, with why.
fn not_modelled(retry: &Retry) -> Vec<(&'static str, &'static str)> {
    let mut found = Vec::new();
    let mut check = |name, is_default: bool, why| {
        if !is_default {
            found.push((name, why));
        }
    };
    if let Retry::Exim(own) = retry {
        let default = EximRetry::default();
        check(
            "address_retry_include_sender",
            own.address_retry_include_sender == default.address_retry_include_sender,
            PER_SENDER,
        );
    }
    if let Retry::Chasquid(own) = retry {
        check("max_queue_items", own.max_queue_items == ChasquidRetry::default().max_queue_items, NOT_REFUSED);
    }
    if let Retry::Exchange(own) = retry {
        let default = ExchangeRetry::default();
        let is_default = own.MaxIdleTimeBeforeResubmit == default.MaxIdleTimeBeforeResubmit;
        check("MaxIdleTimeBeforeResubmit", is_default, "a message's route is looked up at each attempt");
    }
    found
}
