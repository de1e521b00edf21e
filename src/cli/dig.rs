//! `mxsim dig`.

use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use clap::Args;
use mxsim::model::compile::{instant_of, invalid_domain, is_match};
use mxsim::model::dns::{Question, canonical};
use mxsim::model::{CacheId, Model};
use mxsim::report::dig::Answers;
use mxsim::scenario::nearest::did_you_mean;
use mxsim::scenario::tree::RecordType;
use mxsim::sim;

use super::Exit;
use super::load::load_all;
use super::options::Options;
use super::terminal::Terminal;

const EXAMPLES: &str = "\
Examples:
  mxsim dig move.ron example.org MX --at 'cutover + 1h'                   every resolver's answer
  mxsim dig move.ron example.org MX --at 'cutover + 1h' --resolver isp-7  one resolver's
  mxsim dig move.ron mx.example.org A --at 'Tue 07:00' --trace            the delegation, from the root
  mxsim dig move.ron example.org --variant 'five-minute TTL' --json       for machines";

/// Arguments of `dig`.
#[derive(Debug, Args)]
#[command(before_help = EXAMPLES)]
pub struct DigArgs {
    /// A scenario file
    file: PathBuf,
    /// The name asked about
    name: String,
    /// MX, A, AAAA, CNAME, NS, TXT or SOA
    #[arg(default_value = "MX", value_name = "TYPE")]
    kind: String,
    /// When: as in the timeline (`36h`, `warmup + 2h`, `Tue 07:00`, `cutover + 1h`)
    #[arg(long, value_name = "TIME", default_value = "warmup")]
    at: String,
    /// Whom: a resolver, one member of a farm (`isp-1#3`), or a glob
    #[arg(long, value_name = "R", default_value = "*")]
    resolver: String,
    /// Walk the delegation from the root, past all caches
    #[arg(long)]
    trace: bool,
    /// In this variant, instead of the scenario as written
    #[arg(long, value_name = "NAME")]
    variant: Option<String>,
}

/// Asks resolvers at an instant of one replication and prints what they say.
pub fn dig(args: &DigArgs, options: &Options, terminal: &Terminal) -> Exit {
    let scenarios = match load_all(std::slice::from_ref(&args.file), options, terminal) {
        Ok(scenarios) => scenarios,
        Err(exit) => return exit,
    };
    let variants = scenarios.first().map_or(&[][..], |scenario| &scenario.loaded.variants);
    let names = || variants.iter().map(|variant| variant.name.as_str());
    let wanted = args.variant.as_deref();
    let Some(variant) = variants.iter().find(|variant| wanted.is_none_or(|name| variant.name == name)) else {
        let name = wanted.unwrap_or("");
        return usage(terminal, &format!("no variant `{name}`"), did_you_mean(name, names()));
    };
    let mut model = Model::clone(&variant.model);
    let Some(kind) = RecordType::ALL.into_iter().find(|kind| kind.text().eq_ignore_ascii_case(&args.kind)) else {
        let known = RecordType::ALL.iter().map(|kind| kind.text());
        if args.kind.eq_ignore_ascii_case("DS") {
            return usage(terminal, "no type `DS`", Some("`--trace` shows the DS beside the NS".into()));
        }
        return usage(terminal, &format!("no type `{}`", args.kind), did_you_mean(&args.kind.to_uppercase(), known));
    };
    let at = match instant_of(&model, &args.at) {
        Ok(at) => at,
        Err(error) => return usage(terminal, &format!("--at: {error}"), None),
    };
    if at > model.clock.end {
        let end = model.clock.end.since(mxsim::engine::time::SimTime::ZERO);
        return usage(terminal, &format!("--at lies behind the end of the run, {end}"), None);
    }
    let caches = caches(&model, &args.resolver);
    if caches.is_empty() {
        let known = model.dns.resolvers.iter().map(|resolver| resolver.name.as_str());
        return usage(terminal, &format!("no resolver `{}`", args.resolver), did_you_mean(&args.resolver, known));
    }
    if let Some(why) = invalid_domain(&canonical(&args.name)) {
        return usage(terminal, &format!("`{}` is no domain name: {why}", args.name), None);
    }
    // A name that the scenario does not know can be asked about all the same.
    let name = model.dns.names.intern(&args.name);
    let zones = std::mem::take(&mut model.dns.zones);
    model.dns.names.settle(&zones);
    model.dns.zones = zones;
    let question = Question::new(name, kind);
    let stop = AtomicBool::new(false);
    let replication = options.replication.unwrap_or(0);
    let dug = match sim::dig::dig(&model, replication, at, &caches, question, &stop) {
        Ok(Some(dug)) => dug,
        Ok(None) => return Exit::Interrupted,
        Err(error) => {
            terminal.error(&error.to_string());
            return Exit::Failed;
        }
    };
    let answers = Answers { model: &model, at, question, caches: &caches, dug: &dug };
    terminal.data(&match (options.json, args.trace) {
        (true, true) => format!("{}\n", answers.trace_json()),
        (true, false) => format!("{}\n", answers.json()),
        (false, true) => answers.trace(),
        (false, false) => answers.text(),
    })
}

/// The caches that a resolver's name, a farm member's name or a glob means.
fn caches(model: &Model, wanted: &str) -> Vec<CacheId> {
    let is_wanted = |cache: &CacheId| {
        let resolver = &model.dns.resolvers[model.dns.caches[cache.index()].resolver.index()].name;
        is_match(wanted, resolver) || is_match(wanted, &model.dns.cache_name(*cache))
    };
    (0..model.dns.caches.len() as u32).map(CacheId).filter(is_wanted).collect()
}

fn usage(terminal: &Terminal, message: &str, hint: Option<String>) -> Exit {
    terminal.error(&hint.map_or_else(|| message.to_owned(), |hint| format!("{message}; {hint}")));
    Exit::Usage
}
