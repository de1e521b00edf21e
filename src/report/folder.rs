//! The folder of one scenario's files: each written under a temporary name and renamed when whole.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::{self, File, TryLockError};
use std::io::{self, BufWriter, Write};
use std::path::{Component, Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The file that says what the others are; it is taken away first and written last.
pub const MANIFEST: &str = "manifest.json";

/// What the manifest says of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileEntry {
    /// SHA-256 of its bytes, in lower-case hexadecimal.
    pub sha256: String,
    /// How many bytes it has.
    pub bytes: u64,
}

/// Why a file could not be written. Its temporary is gone.
#[derive(Debug)]
pub struct WriteError {
    /// The file that was being made.
    pub path: PathBuf,
    /// What the operating system, or the chart, said.
    pub source: io::Error,
}

impl fmt::Display for WriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot write {}: {}", self.path.display(), self.source)
    }
}

impl std::error::Error for WriteError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}

/// A folder that is being filled.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    files: BTreeMap<String, FileEntry>,
    /// What an earlier run left here, by its manifest.
    earlier: BTreeMap<String, FileEntry>,
    /// Held for as long as the folder is being filled.
    _lock: Option<File>,
}

impl Folder {
    /// Makes the folder where it is not there yet. An earlier run's manifest is taken away at once, so that no manifest
    /// ever stands beside files that it does not describe. Two runs never fill one folder at once.
    ///
    /// # Errors
    /// Where the folder cannot be made, another run fills it, or the old manifest cannot be removed.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, WriteError> {
        let path = path.into();
        let fail = |at: &Path| {
            let path = at.to_owned();
            move |source| WriteError { path, source }
        };
        fs::create_dir_all(&path).map_err(fail(&path))?;
        let lock = lock(&path).map_err(fail(&path))?;
        let manifest = path.join(MANIFEST);
        sweep(&path);
        let earlier = fs::read(&manifest).ok().and_then(|bytes| serde_json::from_slice::<Listing>(&bytes).ok());
        match fs::remove_file(&manifest) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(fail(&manifest)(error)),
            _ => {}
        }
        Ok(Self { path, files: BTreeMap::new(), earlier: earlier.unwrap_or_default().files, _lock: lock })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What was written so far, by path within the folder.
    pub fn files(&self) -> &BTreeMap<String, FileEntry> {
        &self.files
    }

    /// Writes the file `name` (a path within the folder) with what `fill` puts out.
    ///
    /// # Errors
    /// What the operating system says; then there is neither the file nor its temporary.
    pub fn write(&mut self, name: &str, fill: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), WriteError> {
        let path = self.path.join(name);
        let entry = write_whole(&path, fill).map_err(|source| WriteError { path, source })?;
        self.files.insert(name.to_owned(), entry);
        Ok(())
    }

    /// Puts a copy of a file at `name`, with these bytes, unless something else is there that is not of an earlier run.
    /// Whether it did.
    ///
    /// # Errors
    /// What the operating system says; then there is no copy.
    pub fn copy(&mut self, name: &str, bytes: &[u8]) -> Result<bool, WriteError> {
        let path = self.place(name)?;
        let is_other = || !self.earlier.contains_key(name) && fs::read(&path).is_ok_and(|known| known != bytes);
        if !is_inside(name) || path.is_dir() || is_other() {
            return Ok(false);
        }
        let fail = |source| WriteError { path: path.clone(), source };
        // Beside the tables, where what a killed run leaves half written is looked for.
        let temporary = self.path.join(".input.tmp");
        let entry = fill_file(&temporary, |out| out.write_all(bytes)).map_err(fail)?;
        fs::rename(&temporary, &path).map_err(fail)?;
        self.files.insert(name.to_owned(), entry);
        Ok(true)
    }

    /// A path for whoever writes whole files of its own, such as a chart, in a folder that is there.
    ///
    /// # Errors
    /// Where the folder around it cannot be made.
    pub fn place(&self, name: &str) -> Result<PathBuf, WriteError> {
        let path = self.path.join(name);
        let parent = path.parent().unwrap_or(&self.path);
        fs::create_dir_all(parent).map_err(|source| WriteError { path: parent.to_owned(), source })?;
        Ok(path)
    }

    /// Takes note of a file that was written at a [`place`](Self::place) of this folder.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub fn note(&mut self, path: &Path) -> Result<(), WriteError> {
        let fail = |source| WriteError { path: path.to_owned(), source };
        let mut hashed = Hashed { inner: io::sink(), hash: Sha256::new(), bytes: 0 };
        io::copy(&mut File::open(path).map_err(fail)?, &mut hashed).map_err(fail)?;
        let inside = path.strip_prefix(&self.path).unwrap_or(path);
        let parts: Vec<_> = inside.iter().map(|part| part.to_string_lossy()).collect();
        let entry = FileEntry { sha256: hex(&hashed.hash.finalize()), bytes: hashed.bytes };
        self.files.insert(parts.join("/"), entry);
        Ok(())
    }

    /// Removes what an earlier run left and this one did not write, then writes the manifest. Gives the paths of all
    /// files, the manifest last.
    ///
    /// # Errors
    /// Where the manifest cannot be written.
    pub fn finish(self, manifest: &[u8]) -> Result<Vec<PathBuf>, WriteError> {
        for (name, entry) in self.earlier.iter().filter(|(name, _)| !self.files.contains_key(*name)) {
            let path = self.path.join(name);
            // Only what is as that run wrote it: what its user changed since is theirs.
            let same = is_inside(name) && fs::read(&path).is_ok_and(|bytes| sha256(&bytes) == entry.sha256);
            if same {
                // A file that stays is no harm: no manifest lists it any more.
                let _ = fs::remove_file(&path);
            }
        }
        let path = self.path.join(MANIFEST);
        write_whole(&path, |out| out.write_all(manifest))
            .map_err(|source| WriteError { path: path.clone(), source })?;
        Ok(self.files.keys().map(|name| self.path.join(name)).chain([path]).collect())
    }
}

/// What is left of files that never became whole goes, however the run ended.
impl Drop for Folder {
    fn drop(&mut self) {
        sweep(&self.path);
    }
}

/// Keeps other runs out of a folder until the file is dropped, or the program ends in whatever way: the folder itself is
/// locked, so that nothing is left behind. `None` where a system cannot do that.
fn lock(folder: &Path) -> io::Result<Option<File>> {
    let Ok(file) = File::open(folder) else { return Ok(None) };
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Err(io::Error::new(
            io::ErrorKind::ResourceBusy,
            "another run is writing there; give one of them its own `--out`",
        )),
        Err(TryLockError::Error(_)) => Ok(None),
    }
}

/// Removes temporary files, such as those of a run that was killed, from a folder and the folder of its charts.
fn sweep(folder: &Path) {
    for folder in [folder.to_owned(), folder.join("charts")] {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        for path in entries.map(|entry| entry.path()).filter(|path| is_temporary(path)) {
            // One that stays is listed nowhere, and the next run tries again.
            let _ = fs::remove_file(path);
        }
    }
}

/// `.summary.csv.tmp`, `.deliveries.0.3.tmp`, `.latency.tmp.svg`.
fn is_temporary(path: &Path) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    name.starts_with('.') && [".tmp", ".tmp.svg", ".tmp.png"].iter().any(|end| name.ends_with(end))
}

/// The part of a manifest that a later run reads.
#[derive(Debug, Default, Deserialize)]
struct Listing {
    files: BTreeMap<String, FileEntry>,
}

fn is_inside(name: &str) -> bool {
    Path::new(name).components().all(|part| matches!(part, Component::Normal(_)))
}

/// The SHA-256 of some bytes, in lower-case hexadecimal.
pub fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Bytes in lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Fills a temporary file beside `path` and renames it.
fn write_whole(path: &Path, fill: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<FileEntry> {
    let no_name = || io::Error::new(io::ErrorKind::InvalidInput, "no file name");
    let name = path.file_name().ok_or_else(no_name)?.to_string_lossy().into_owned();
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    let temporary = path.with_file_name(format!(".{name}.tmp"));
    let written = fill_file(&temporary, fill).and_then(|entry| fs::rename(&temporary, path).map(|()| entry));
    if written.is_err() {
        // The first error is the one to tell; a temporary that was never made cannot be removed either.
        let _ = fs::remove_file(&temporary);
    }
    written
}

fn fill_file(path: &Path, fill: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<FileEntry> {
    let mut out = BufWriter::new(Hashed { inner: File::create(path)?, hash: Sha256::new(), bytes: 0 });
    fill(&mut out)?;
    let Hashed { hash, bytes, .. } = out.into_inner().map_err(io::IntoInnerError::into_error)?;
    Ok(FileEntry { sha256: hex(&hash.finalize()), bytes })
}

/// A writer that hashes what goes through it.
struct Hashed<W> {
    inner: W,
    hash: Sha256,
    bytes: u64,
}

impl<W: Write> Write for Hashed<W> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let count = self.inner.write(buffer)?;
        self.hash.update(buffer.get(..count).unwrap_or(buffer));
        self.bytes += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(path: &Path) -> Vec<String> {
        let mut names: Vec<String> =
            fs::read_dir(path).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_that_fails_half_way_leaves_nothing() {
        let home = tempfile::tempdir().unwrap();
        let mut folder = Folder::open(home.path().join("a/b")).unwrap();
        let failed = folder.write("x.csv", |out| {
            out.write_all(&[b'x'; 100_000])?;
            Err(io::Error::other("no more"))
        });
        assert!(failed.unwrap_err().to_string().contains("x.csv: no more"));
        assert!(names(folder.path()).is_empty() && folder.files().is_empty());
    }

    #[test]
    fn what_a_killed_run_left_half_written_is_swept_away() {
        let home = tempfile::tempdir().unwrap();
        for name in [".summary.csv.tmp", ".deliveries.0.3.tmp", ".latency.tmp.svg", "notes.tmp", ".hidden"] {
            fs::write(home.path().join(name), "").unwrap();
        }
        let folder = Folder::open(home.path()).unwrap();
        assert_eq!(names(home.path()), [".hidden", "notes.tmp"]);
        fs::write(home.path().join(".lookups.0.0.tmp"), "").unwrap();
        drop(folder);
        assert_eq!(names(home.path()), [".hidden", "notes.tmp"]);
    }

    #[cfg(unix)]
    #[test]
    fn a_folder_is_filled_by_one_run_at_a_time() {
        let home = tempfile::tempdir().unwrap();
        let mut folder = Folder::open(home.path()).unwrap();
        folder.write("mine.csv", |out| out.write_all(b"1")).unwrap();
        fs::write(home.path().join(".more.csv.tmp"), "").unwrap();
        let refused = Folder::open(home.path()).unwrap_err();
        assert!(refused.to_string().contains("another run is writing there"), "{refused}");
        assert_eq!(names(home.path()), [".more.csv.tmp", "mine.csv"], "the other's files are left alone");
        folder.finish(b"{}").unwrap();
        assert!(Folder::open(home.path()).is_ok());
    }

    #[test]
    fn hashes_are_those_of_the_bytes_on_disk() {
        let home = tempfile::tempdir().unwrap();
        let mut folder = Folder::open(home.path()).unwrap();
        folder.write("charts/a.txt", |out| out.write_all(b"abc")).unwrap();
        let entry = &folder.files()["charts/a.txt"];
        assert_eq!(entry.bytes, 3);
        // FIPS 180-4's example for "abc".
        assert_eq!(entry.sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        let place = folder.place("charts/b.txt").unwrap();
        fs::write(&place, b"abc").unwrap();
        folder.note(&place).unwrap();
        assert_eq!(folder.files()["charts/a.txt"], folder.files()["charts/b.txt"]);
    }

    #[test]
    fn what_an_earlier_run_left_goes_and_what_its_user_changed_stays() {
        let home = tempfile::tempdir().unwrap();
        let mut folder = Folder::open(home.path()).unwrap();
        for name in ["kept.csv", "gone.csv", "edited.csv"] {
            folder.write(name, |out| out.write_all(name.as_bytes())).unwrap();
        }
        let listing = serde_json::json!({ "files": folder.files() });
        folder.finish(listing.to_string().as_bytes()).unwrap();
        fs::write(home.path().join("edited.csv"), "mine").unwrap();

        let mut folder = Folder::open(home.path()).unwrap();
        assert!(!names(home.path()).contains(&MANIFEST.to_owned()), "an old manifest beside new files");
        folder.write("kept.csv", |out| out.write_all(b"new")).unwrap();
        let written = folder.finish(b"{}").unwrap();
        assert_eq!(written, [home.path().join("kept.csv"), home.path().join(MANIFEST)]);
        assert_eq!(names(home.path()), ["edited.csv", "kept.csv", MANIFEST]);
    }
}
