//! Compilation as a user meets it: a text goes in, a model or rendered diagnostics come out.

mod dns;
mod errors;
mod example;
mod faults;
mod load;
mod mail;
mod name_servers;
mod timeline;

use std::sync::Arc;

use super::{Loaded, Memory, load_source};
use crate::model::Model;
use crate::model::dns::{Question, Rdata};
use crate::scenario::diagnostic::{Diagnostic, SourceText};
use crate::scenario::render::render;
use crate::scenario::splice::Override;
use crate::scenario::tree::RecordType;

/// A scenario that compiles without a word; `{}` are its further sections.
const SMALL: &str = r#"(
    title: "small",
    zones: { "example.org": (mx: [(10, "mx.example.org")]) },
    hosts: { "mx.example.org": () },
    resolvers: { "isp": () },
    senders: { "campus": (resolver: "isp", arrivals: Poisson(rate: "1/s"), to: Weights({"example.org": 1.0})) },
)"#;

fn try_load(text: &str, overrides: &[(&str, &str)], files: &[(&str, &str)]) -> Result<Loaded, Vec<Diagnostic>> {
    let source = Arc::new(SourceText { name: "a.ron".into(), text: text.into() });
    let overrides: Vec<Override> =
        overrides.iter().map(|(path, value)| Override::named(format!("--set {path}"), *path, *value)).collect();
    let mut files = Memory(files.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect());
    load_source(&source, &overrides, &mut files)
}

/// The model of a scenario, with its warnings as one text.
fn model_of(text: &str, overrides: &[(&str, &str)], files: &[(&str, &str)]) -> (Arc<Model>, String) {
    match try_load(text, overrides, files) {
        Ok(loaded) => (Arc::clone(&loaded.variants[0].model), render(&loaded.warnings, false)),
        Err(problems) => panic!("{}", render(&problems, false)),
    }
}

/// The model of [`SMALL`] with changes, which must compile without a word.
fn small(overrides: &[(&str, &str)]) -> Arc<Model> {
    let (model, warnings) = model_of(SMALL, overrides, &[]);
    assert_eq!(warnings, "");
    model
}

/// What is said of [`SMALL`] with changes: the first line of each, and the text under its caret.
fn complaints(overrides: &[(&str, &str)], files: &[(&str, &str)]) -> Vec<String> {
    let problems = match try_load(SMALL, overrides, files) {
        Ok(loaded) => loaded.warnings,
        Err(problems) => problems,
    };
    let shown = |problem: &Diagnostic| {
        let under = problem.place.as_ref().map_or("nowhere", |place| &place.source.text[place.span.clone()]);
        format!("{} @ {}", problem.message, under)
    };
    problems.iter().map(shown).collect()
}

/// Rdata of a name at time 0 as text: `10 mx.a, 20 mx.b`, `host-name`, `-> target`.
fn rdata(model: &Model, name: &str, kind: RecordType) -> String {
    let found = model.dns.names.get(name).map(|id| Question::new(id, kind));
    let Some(rrset) = model.dns.rrsets.iter().find(|rrset| Some(rrset.question) == found) else {
        return "nothing".into();
    };
    data_text(model, &model.dns.data[rrset.data.index()]) + &format!(" ({} s)", rrset.ttl_s)
}

fn data_text(model: &Model, data: &Rdata) -> String {
    let name = |id| model.dns.names.text(id).to_owned();
    match data {
        Rdata::Absent => "absent".into(),
        Rdata::Mx(list) => {
            let list = list.iter().map(|(preference, exchange)| format!("{preference} {}", name(*exchange)));
            list.collect::<Vec<_>>().join(", ")
        }
        Rdata::Address(hosts) => {
            let hosts = hosts.iter().map(|host| name(model.mail.hosts[host.index()].name));
            hosts.collect::<Vec<_>>().join(", ")
        }
        Rdata::Cname(target) => format!("-> {}", name(*target)),
        Rdata::Txt(texts) => texts.join(" / "),
        Rdata::Ns(servers) => {
            let name = |server: &crate::model::ServerId| model.dns.names.text(model.dns.servers[server.index()].name);
            servers.iter().map(name).collect::<Vec<_>>().join(", ")
        }
        Rdata::Soa => "soa".into(),
    }
}
