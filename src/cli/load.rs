//! From the arguments of a command to loaded scenarios.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use mxsim::model::compile::{Loaded, load};
use mxsim::scenario::diagnostic::Diagnostic;
use mxsim::scenario::nearest::nearest;

use super::Exit;
use super::options::Options;
use super::terminal::Terminal;

/// A scenario that can be run.
pub struct Scenario {
    /// Its file's name without `.ron`: the name of its folder of results.
    pub name: String,
    /// Its file.
    pub path: PathBuf,
    /// What it holds.
    pub loaded: Loaded,
}

/// Reads all scenarios of `paths`; a folder stands for the `*.ron` files in it.
///
/// # Errors
/// With [`Exit::Usage`] where anything is wrong with any of them; everything has been said then.
pub fn load_all(paths: &[PathBuf], options: &Options, terminal: &Terminal) -> Result<Vec<Scenario>, Exit> {
    let files = match expand(paths) {
        Ok(files) => files,
        Err(problems) => {
            terminal.diagnostics(&problems);
            return Err(Exit::Usage);
        }
    };
    let overrides = options.overrides();
    let mut scenarios = Vec::new();
    let mut problems = Vec::new();
    let mut bad_files = 0;
    for path in files {
        match load(&path, &overrides) {
            Ok(loaded) => {
                say_once(&mut problems, &loaded.warnings);
                scenarios.push(Scenario { name: stem(&path), path, loaded });
            }
            Err(found) => {
                bad_files += 1;
                say_once(&mut problems, &found);
            }
        }
    }
    if bad_files == 0 {
        problems.extend(same_names(&scenarios));
    }
    terminal.diagnostics(&problems);
    let errors = problems.iter().filter(|problem| problem.is_error()).count();
    if errors == 0 && bad_files == 0 {
        return Ok(scenarios);
    }
    terminal.say(&count_errors(errors, bad_files));
    Err(Exit::Usage)
}

/// What is wrong with a flag is wrong in every file, and said once.
fn say_once(problems: &mut Vec<Diagnostic>, found: &[Diagnostic]) {
    for problem in found {
        if !problems.contains(problem) {
            problems.push(problem.clone());
        }
    }
}

/// `3 errors in 2 files`.
pub fn count_errors(errors: usize, files: usize) -> String {
    let plural = |count: usize| if count == 1 { "" } else { "s" };
    let in_files = if files > 1 { format!(" in {files} files") } else { String::new() };
    format!("\n{errors} error{}{in_files}; nothing was run", plural(errors))
}

/// The files that `paths` mean, folders opened, in order; one that is named twice is taken once.
///
/// # Errors
/// A folder without scenarios, and one that cannot be read.
pub fn expand(paths: &[PathBuf]) -> Result<Vec<PathBuf>, Vec<Diagnostic>> {
    let mut files: Vec<PathBuf> = Vec::new();
    let mut problems = Vec::new();
    for path in paths {
        let found = match (path.is_dir(), near(path)) {
            (true, _) => scenarios_in(path),
            (false, Some(near)) if !path.exists() => {
                Err(Diagnostic::error(format!("no file `{}`", path.display())).help(format!("did you mean `{near}`?")))
            }
            _ => Ok(vec![path.clone()]),
        };
        match found {
            Ok(found) => {
                for file in found {
                    if !files.contains(&file) {
                        files.push(file);
                    }
                }
            }
            Err(problem) => problems.push(problem),
        }
    }
    if problems.is_empty() { Ok(files) } else { Err(problems) }
}

/// The scenario beside a path that was probably meant.
fn near(path: &Path) -> Option<String> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let beside =
        std::fs::read_dir(folder).ok()?.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
    let known: Vec<String> = beside.filter(|name| name.ends_with(".ron")).collect();
    let wanted = path.file_name()?.to_string_lossy();
    let name = nearest(&wanted, known.iter().map(String::as_str))?;
    Some(path.with_file_name(name).display().to_string())
}

fn scenarios_in(folder: &Path) -> Result<Vec<PathBuf>, Diagnostic> {
    let cannot =
        |why: std::io::Error| Diagnostic::error(format!("cannot read the folder `{}`: {why}", folder.display()));
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(cannot)? {
        let path = entry.map_err(cannot)?.path();
        if path.is_file() && path.extension().is_some_and(|extension| extension == "ron") {
            files.push(path);
        }
    }
    files.sort();
    if files.is_empty() {
        let error = Diagnostic::error(format!("no `*.ron` file in `{}`", folder.display()));
        return Err(error.help("folders inside it are not searched; `mxsim init` writes a scenario to start from"));
    }
    Ok(files)
}

/// The name of a scenario's folder: never one that is the folder above it, or a way out of it (`..ron`, `...ron`).
fn stem(path: &Path) -> String {
    let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
    stem.filter(|stem| !matches!(stem.as_str(), "." | "..")).unwrap_or_else(|| "scenario".into())
}

/// Two files whose results would land in one folder.
fn same_names(scenarios: &[Scenario]) -> Vec<Diagnostic> {
    let mut first: BTreeMap<&str, &Path> = BTreeMap::new();
    let mut problems = Vec::new();
    for scenario in scenarios {
        if let Some(other) = first.insert(&scenario.name, &scenario.path) {
            let (a, b) = (other.display(), scenario.path.display());
            let error =
                Diagnostic::error(format!("`{a}` and `{b}` would both write to the folder `{}`", scenario.name));
            problems.push(error.help("rename one of the files, or run them apart with different `--out`"));
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_land_in_a_folder_of_their_own() {
        for (path, name) in
            [("a/b.ron", "b"), ("x", "x"), (".ron", ".ron"), ("..ron", "scenario"), ("...ron", "scenario")]
        {
            assert_eq!(stem(Path::new(path)), name);
        }
    }
}
