//! From a path to models: the scenario as written, and each of its variants.

use std::path::Path;
use std::sync::Arc;

use super::files::read_text;
use super::{Compiled, Files, Folder, compile};
use crate::model::Model;
use crate::scenario::diagnostic::{Diagnostic, SourceText};
use crate::scenario::locator::Locator;
use crate::scenario::splice::{Override, read_with};
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
}

/// One variant.
#[derive(Debug)]
pub struct Variant {
    /// Its name; the scenario as written is `baseline`.
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
    let mut loaded = Loaded { source: Arc::clone(source), variants: Vec::new(), warnings: Vec::new() };
    let mut problems: Vec<Diagnostic> = Vec::new();
    let baseline = variant(source, "baseline", overrides, files)?;
    let written = Locator::of(source);
    let names = baseline.0.scenario.variants.clone();
    keep(&mut loaded, &mut problems, baseline);
    for (name, paths) in &names {
        let mut own: Vec<Override> = Vec::new();
        for (path, value) in paths {
            // A key may hold `/`; a locator takes it whole.
            let origin = written.value_place(&["variants", name, path]);
            own.push(Override { path: path.clone(), value: value.clone(), origin });
        }
        own.extend(overrides.iter().cloned());
        match variant(source, name, &own, files) {
            Ok(found) => keep(&mut loaded, &mut problems, found),
            Err(found) => {
                for problem in found {
                    if !problems.contains(&problem) {
                        problems.push(problem);
                    }
                }
            }
        }
    }
    if names.contains_key("baseline") {
        let mut problem = Diagnostic::error("a variant named `baseline`");
        problem.place = Some(written.key_place(&["variants", "baseline"]));
        problems.push(problem.help("`baseline` is the scenario as written: give the variant another name"));
    }
    if problems.iter().any(Diagnostic::is_error) { Err(problems) } else { Ok(loaded) }
}

fn keep(loaded: &mut Loaded, problems: &mut Vec<Diagnostic>, (variant, warnings): (Variant, Vec<Diagnostic>)) {
    for warning in warnings {
        if !loaded.warnings.contains(&warning) {
            problems.push(warning.clone());
            loaded.warnings.push(warning);
        }
    }
    loaded.variants.push(variant);
}

fn variant(
    source: &Arc<SourceText>,
    name: &str,
    overrides: &[Override],
    files: &mut dyn Files,
) -> Result<(Variant, Vec<Diagnostic>), Vec<Diagnostic>> {
    let (scenario, text, map) = read_with::<Scenario>(source, overrides)?;
    let Compiled { model, warnings } = compile(&scenario, &Locator::new(text, map), files)?;
    Ok((Variant { name: name.to_owned(), scenario, model: Arc::new(model) }, warnings))
}
