//! Time, pending events, random streams and the event loop. Knows nothing of DNS or mail.

pub mod choice;
pub mod dist;
pub mod logarithm;
pub mod pending;
pub mod random;
pub mod scheduler;
pub mod special;
pub mod time;
