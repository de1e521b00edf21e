//! Where a scenario's other files come from.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::PathBuf;
use std::sync::Arc;

use crate::scenario::diagnostic::SourceText;

/// The largest file that is read, in bytes: a trace of ten million rows fits.
const BYTES_MAX: u64 = 1 << 30;

/// Reads the files that a scenario names.
pub trait Files {
    /// The text of a file, by the path that the scenario gives.
    ///
    /// # Errors
    /// Why it cannot be read, in words.
    fn read(&mut self, path: &str) -> Result<Arc<SourceText>, String>;
}

/// Files of a folder: the scenario's own.
#[derive(Debug, Clone)]
pub struct Folder(pub PathBuf);

impl Files for Folder {
    fn read(&mut self, path: &str) -> Result<Arc<SourceText>, String> {
        read_text(&self.0.join(path))
    }
}

/// Files in memory, by name.
#[derive(Debug, Clone, Default)]
pub struct Memory(pub BTreeMap<String, String>);

impl Files for Memory {
    fn read(&mut self, path: &str) -> Result<Arc<SourceText>, String> {
        let text = self.0.get(path).ok_or_else(|| format!("cannot read `{path}`: no such file"))?;
        Ok(Arc::new(SourceText { name: path.into(), text: text.clone() }))
    }
}

/// Reads a text file, without the byte order mark that some editors put first.
pub(super) fn read_text(path: &std::path::Path) -> Result<Arc<SourceText>, String> {
    let name = path.display().to_string();
    let fail = |why: io::Error| format!("cannot read `{name}`: {why}");
    // What has no size, such as a pipe, is read up to the limit, too.
    let mut bytes = Vec::new();
    let read = File::open(path).map_err(&fail)?.take(BYTES_MAX + 1).read_to_end(&mut bytes).map_err(fail)?;
    if read as u64 > BYTES_MAX {
        return Err(format!("`{name}` has more than the {BYTES_MAX} bytes that are read"));
    }
    let text = String::from_utf8(bytes).map_err(|why| {
        let valid = why.utf8_error().valid_up_to();
        format!("`{name}` is not UTF-8 text (byte {valid})")
    })?;
    let text = text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text);
    Ok(Arc::new(SourceText { name, text }))
}
