//! Writing a chart's two files, each whole or not at all.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use super::canvas::Canvas;
use super::{ChartError, Heading, render};

/// Renders `canvas` and writes `<path>.svg` and `<path>.png`; returns their paths in that order.
///
/// # Errors
/// [`ChartError::NoFileName`] if `path` ends in none; [`ChartError::Draw`] if rendering fails, with no file touched;
/// [`ChartError::Io`] if a file cannot be written or renamed, with its temporary removed.
pub(super) fn write_both(path: &Path, canvas: &Canvas, heading: &Heading) -> Result<Vec<PathBuf>, ChartError> {
    let svg = render::svg(canvas, &heading.title, &heading.subtitle)?;
    let png = render::png(canvas)?;
    Ok(vec![write_whole(path, "svg", svg.as_bytes())?, write_whole(path, "png", &png)?])
}

/// The extension is added, not put in place of what follows the last dot, so that `latency.p99` keeps its name.
fn write_whole(path: &Path, extension: &str, bytes: &[u8]) -> Result<PathBuf, ChartError> {
    let name = path.file_name().ok_or_else(|| ChartError::NoFileName(path.to_owned()))?;
    let named = |prefix: &str, suffix: &str| {
        let mut file = OsString::from(prefix);
        file.push(name);
        file.push(suffix);
        path.with_file_name(file)
    };
    let target = named("", &format!(".{extension}"));
    let temporary = named(".", &format!(".tmp.{extension}"));
    let written = fs::write(&temporary, bytes).and_then(|()| fs::rename(&temporary, &target));
    match written {
        Ok(()) => Ok(target),
        Err(source) => {
            // The first error is the one to tell; a temporary that was never made cannot be removed either.
            let _ = fs::remove_file(&temporary);
            Err(ChartError::Io { path: target, source })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("mxsim-chart-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        folder
    }

    fn names(folder: &Path) -> Vec<OsString> {
        let mut names: Vec<_> = fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name()).collect();
        names.sort();
        names
    }

    #[test]
    fn the_extension_is_added_to_the_whole_name() {
        let folder = folder("names");
        let paths = write_both(&folder.join("latency.p99"), &Canvas::new().unwrap(), &Heading::default()).unwrap();
        assert_eq!(paths, [folder.join("latency.p99.svg"), folder.join("latency.p99.png")]);
        assert_eq!(names(&folder), ["latency.p99.png", "latency.p99.svg"]);
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn an_error_leaves_no_temporary() {
        let folder = folder("error");
        // A folder with something in it stands where the PNG should go, so the rename fails.
        fs::create_dir_all(folder.join("queue.png/occupied")).unwrap();
        let error = write_both(&folder.join("queue"), &Canvas::new().unwrap(), &Heading::default()).unwrap_err();
        assert!(matches!(&error, ChartError::Io { path, .. } if path.ends_with("queue.png")), "{error}");
        assert_eq!(names(&folder), ["queue.png", "queue.svg"]);
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn missing_folders_and_names_are_errors() {
        let canvas = Canvas::new().unwrap();
        let nowhere = folder("gone").join("no/such/folder/x");
        assert!(matches!(write_both(&nowhere, &canvas, &Heading::default()), Err(ChartError::Io { .. })));
        assert!(matches!(write_both(Path::new("/"), &canvas, &Heading::default()), Err(ChartError::NoFileName(_))));
    }
}
