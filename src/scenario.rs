//! What the user wrote: the RON tree, its units, overrides, and what is said of it.

pub mod diagnostic;
pub mod distribution;
pub mod exim_retry;
pub mod exim_section;
pub mod like;
mod lines;
pub mod locator;
pub mod nearest;
pub mod postconf;
pub mod read;
pub mod render;
pub mod source_map;
pub mod splice;
mod syntax;
pub mod text;
pub mod trace;
pub mod tree;
mod tree_authority;
mod tree_dns;
mod tree_host;
mod tree_mail;
mod tree_reception;
mod tree_resolver;
mod tree_retry;
mod tree_run;
pub mod units;
pub mod zone_file;
