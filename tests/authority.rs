//! Authoritative servers and the walk through the tree: held to what real resolvers and servers did, and to the RFCs.

mod support;

#[path = "authority/lag.rs"]
mod lag;
#[path = "authority/moves.rs"]
mod moves;
#[path = "authority/rules.rs"]
mod rules;
#[path = "authority/selection.rs"]
mod selection;
#[path = "authority/watch.rs"]
mod watch;
