//! From a path to models: the scenario as written, and each of its variants.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::files::read_text;
use super::{Compiled, Files, Folder, compile};
use crate::model::Model;
use crate::scenario::diagnostic::{Diagnostic, SourceText};
use crate::scenario::like::Likes;
use crate::scenario::locator::Locator;
use crate::scenario::splice::{Override, Unread, read_partly_with, read_with};
use crate::scenario::tree::Scenario;

/// A scenario file, read and compiled.
#[derive(Debug)]
pub struct Loaded {
    /// Its text.
    pub source: Arc<SourceText>,
    /// The scenario as written, then its variants in order.
    pub variants: Vec<Variant>,
    /// What its user may not have meant.
    pub warnings: Vec<Diagnostic>,
    /// The files that it names, by the names that it gives them.
    pub inputs: BTreeMap<String, Input>,
}

/// A file that a scenario names, as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Input {
    /// Where it was.
    pub path: PathBuf,
    /// SHA-256 of its text, without a byte order mark.
    pub sha256: [u8; 32],
}

/// Takes note of what is read.
struct Noted<'a> {
    files: &'a mut dyn Files,
    inputs: BTreeMap<String, Input>,
}

impl Files for Noted<'_> {
    fn read(&mut self, path: &str) -> Result<Arc<SourceText>, String> {
        let source = self.files.read(path)?;
        let input = Input { path: PathBuf::from(&source.name), sha256: Sha256::digest(&source.text).into() };
        self.inputs.insert(path.to_owned(), input);
        Ok(source)
    }
}

/// One variant.
#[derive(Debug)]
pub struct Variant {
    /// Its name; that of the scenario as written is its `baseline`.
    pub name: String,
    /// Its tree, defaults filled in.
    pub scenario: Scenario,
    /// Ready to run.
    pub model: Arc<Model>,
}

/// Reads and compiles a scenario file; `overrides` (of `--set`) come last, after a variant's own.
///
/// # Errors
/// Everything that is wrong with it, in all its variants.
pub fn load(path: &Path, overrides: &[Override]) -> Result<Loaded, Vec<Diagnostic>> {
    let source = read_text(path).map_err(|why| vec![Diagnostic::error(why)])?;
    let folder = path.parent().map_or_else(Default::default, Path::to_path_buf);
    load_source(&source, overrides, &mut Folder(folder))
}

/// The same from a text.
///
/// # Errors
/// Everything that is wrong with it, in all its variants.
pub fn load_source(
    source: &Arc<SourceText>,
    overrides: &[Override],
    files: &mut dyn Files,
) -> Result<Loaded, Vec<Diagnostic>> {
    let mut noted = Noted { files, inputs: BTreeMap::new() };
    let mut loaded =
        Loaded { source: Arc::clone(source), variants: Vec::new(), warnings: Vec::new(), inputs: BTreeMap::new() };
    let mut problems: Vec<Diagnostic> = Vec::new();
    // What entries take from others stands before all changes.
    let likes = Likes::of(source)?;
    let all: Vec<Override> = likes.fields.iter().cloned().chain(likes.follow(overrides)).collect();
    let (scenario, text, map) =
        read_partly_with::<Scenario>(source, &all).map_err(|unread| all_of(unread, &mut noted))?;
    let written = Locator::new(text, map);
    let (names, baseline) = (scenario.variants.clone(), scenario.baseline.clone());
    match compiled(&baseline, scenario, &written, &mut noted) {
        Ok((found, warnings)) => {
            problems.extend(warnings);
            loaded.variants.push(found);
        }
        Err(found) => problems.extend(found),
    }
    for (name, paths) in &names {
        let mut own = Vec::new();
        for (path, value) in paths {
            // A key may hold `/`; a locator takes it whole.
            let origin = written.value_place(&["variants", name, path]);
            own.push(Override { path: path.clone(), value: value.clone(), origin });
        }
        let follows = likes.follow(&own);
        own.extend(overrides.iter().cloned());
        own = likes.fields.iter().cloned().chain(likes.follow(&own)).collect();
        match variant(source, name, &own, &mut noted) {
            Ok((found, warnings)) => {
                say(&mut problems, name, warnings);
                loaded.variants.push(found);
                // As resolved, every entry says all its fields, and takes none.
                if let Some(resolved) =
                    loaded.variants.first_mut().and_then(|first| first.scenario.variants.get_mut(name))
                {
                    *resolved = follows.into_iter().map(|change| (change.path, change.value)).collect();
                }
            }
            Err(found) => say(&mut problems, name, found),
        }
    }
    if baseline.trim().is_empty() {
        let mut problem = Diagnostic::error("a baseline without a name");
        problem.place = Some(written.value_place(&["baseline"]));
        problems.push(problem.help("say what the scenario as written is beside its variants: `baseline: \"Postfix\"`"));
    }
    for taken in names.keys().filter(|name| **name == baseline || name.trim().is_empty()) {
        let mut problem = Diagnostic::error(format!("a variant named `{taken}`"));
        problem.place = Some(written.key_place(&["variants", taken]));
        problems.push(problem.help(format!("`{baseline}` is the scenario as written: give the variant another name")));
    }
    if problems.iter().any(Diagnostic::is_error) {
        return Err(problems);
    }
    (loaded.warnings, loaded.inputs) = (problems, noted.inputs);
    Ok(loaded)
}

/// The errors of a text, and those of meaning in what could be read of it.
fn all_of(unread: Unread<Scenario>, files: &mut dyn Files) -> Vec<Diagnostic> {
    let Unread { mut problems, rest } = unread;
    if let Some(rest) = rest {
        let found = compile(&rest.value, &Locator::new(Arc::clone(&rest.text), rest.map.clone()), files);
        problems.extend(found.err().unwrap_or_default().into_iter().filter(|problem| rest.is_certain(problem)));
        problems.sort_by_key(|problem| {
            let place = problem.place.as_ref();
            place.map_or((true, usize::MAX), |place| (place.source.name != rest.text.name, place.span.start))
        });
    }
    problems
}

/// Adds what a variant brings, beside what was said before.
fn say(problems: &mut Vec<Diagnostic>, name: &str, found: Vec<Diagnostic>) {
    for mut problem in found {
        let is_known = |known: &Diagnostic| known.message == problem.message && known.place == problem.place;
        if !problems.iter().any(is_known) {
            problem.message = format!("in variant `{name}`: {}", problem.message);
            problems.push(problem);
        }
    }
}

fn variant(
    source: &Arc<SourceText>,
    name: &str,
    overrides: &[Override],
    files: &mut dyn Files,
) -> Result<(Variant, Vec<Diagnostic>), Vec<Diagnostic>> {
    let (scenario, text, map) = read_with::<Scenario>(source, overrides)?;
    compiled(name, scenario, &Locator::new(text, map), files)
}

fn compiled(
    name: &str,
    scenario: Scenario,
    text: &Locator,
    files: &mut dyn Files,
) -> Result<(Variant, Vec<Diagnostic>), Vec<Diagnostic>> {
    let Compiled { model, warnings } = compile(&scenario, text, files)?;
    Ok((Variant { name: name.to_owned(), scenario, model: Arc::new(model) }, warnings))
}
