//! Whole replications of a run that is not finished, kept so that a later run of the same need not simulate them again.
//!
//! They stand in one file, each appended as soon as it is whole, with its length and a hash: a run that is killed leaves at
//! worst a last entry that is not read. What an entry is of is a digest: of everything that is simulated, and of this
//! program. Replications that were recorded have their records beside the file.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use serde::{Deserialize, Serialize};

use super::summary::Done;
use crate::measure::RecordKind;
use crate::model::Model;

/// The folder inside a scenario's that is there while its run is unfinished.
const FOLDER: &str = "unfinished";

const FILE: &str = "replications.bin";

/// How the file begins; the number changes with the form of its entries.
const MAGIC: &[u8] = b"mxsim replications 2\n";

/// What an entry is of.
type Digest = [u8; 32];

/// How many bytes of a hash stand before an entry.
const CHECK: usize = 16;

/// The beginning of an entry; a [`Done`] follows.
#[derive(Debug, Serialize, Deserialize)]
struct Head {
    of: Digest,
    replication: u32,
    /// Sizes of the files of its records, in the order of [`RecordKind::ALL`], if it has any.
    records: Option<[u64; 3]>,
}

/// The replications of one scenario that are kept.
#[derive(Debug)]
pub struct Keep {
    folder: PathBuf,
    /// Of each variant.
    digests: Vec<Digest>,
    /// Those of an earlier run that are of this one, too, by variant and number.
    found: Mutex<BTreeMap<(usize, u32), Done>>,
    taken: usize,
    ignored: usize,
    /// `None` once it could not be written.
    file: Mutex<Option<File>>,
}

impl Keep {
    /// Looks for what an earlier run left in `folder`, and gets ready to keep more. Whatever is there and of no use to
    /// these variants goes; all of it if the run is to begin anew.
    ///
    /// # Errors
    /// Where the folder or the file cannot be made.
    pub fn open(folder: &Path, variants: &[(String, Arc<Model>)], records: bool, anew: bool) -> io::Result<Self> {
        let folder = folder.join(FOLDER);
        fs::create_dir_all(&folder)?;
        let path = folder.join(FILE);
        let digests: Vec<Digest> = variants.iter().map(|(name, model)| digest(name, model)).collect();
        let mut keep = Self { folder, digests, found: Mutex::default(), taken: 0, ignored: 0, file: Mutex::default() };
        let bytes = if anew { Vec::new() } else { fs::read(&path).unwrap_or_default() };
        let (mut file, mut found) = (MAGIC.to_vec(), BTreeMap::new());
        for entry in entries(&bytes) {
            match keep.read(entry, variants, records) {
                Some((key, done)) => {
                    append(&mut file, entry);
                    found.insert(key, done);
                }
                None => keep.ignored += 1,
            }
        }
        keep.sweep(&found.keys().copied().collect());
        keep.taken = found.len();
        keep.found = Mutex::new(found);
        let temporary = keep.folder.join(".replications.tmp");
        fs::write(&temporary, &file)?;
        fs::rename(&temporary, &path)?;
        keep.file = Mutex::new(Some(OpenOptions::new().append(true).open(&path)?));
        Ok(keep)
    }

    /// How many replications of an earlier run are taken over.
    pub fn taken(&self) -> usize {
        self.taken
    }

    /// How many an earlier run left that are of something else.
    pub fn ignored(&self) -> usize {
        self.ignored
    }

    /// Whether some could not be kept: then the next run simulates them again.
    pub fn has_failed(&self) -> bool {
        self.file.lock().unwrap_or_else(PoisonError::into_inner).is_none()
    }

    /// Takes away what an unfinished run left in a scenario's folder.
    ///
    /// # Errors
    /// What the operating system says, but that nothing is there.
    pub fn remove(folder: &Path) -> io::Result<()> {
        match fs::remove_dir_all(folder.join(FOLDER)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// One that is kept; given once.
    pub(super) fn take(&self, variant: usize, replication: u32) -> Option<Done> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner).remove(&(variant, replication))
    }

    /// Keeps one that is whole. Its records, if any, are written by now.
    pub(super) fn add(&self, variant: usize, done: &Done, records: bool) {
        let replication = done.result.replication;
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(open) = file.as_mut() else { return };
        let sizes = || -> io::Result<[u64; 3]> {
            let [a, b, c] = RecordKind::ALL.map(|kind| fs::metadata(self.part(kind, variant, replication)));
            Ok([a?.len(), b?.len(), c?.len()])
        };
        let mut write = || -> io::Result<()> {
            let head =
                Head { of: self.digests[variant], replication, records: if records { Some(sizes()?) } else { None } };
            let mut entry = postcard::to_stdvec(&head).map_err(io::Error::other)?;
            entry.extend(postcard::to_stdvec(done).map_err(io::Error::other)?);
            let mut bytes = Vec::with_capacity(entry.len() + 8 + CHECK);
            append(&mut bytes, &entry);
            open.write_all(&bytes)
        };
        if write().is_err() {
            // Nothing can be read behind what was written in part.
            *file = None;
        }
    }

    /// Where the records of one replication wait until all are joined.
    pub(super) fn part(&self, kind: RecordKind, variant: usize, replication: u32) -> PathBuf {
        let of: String = self.digests[variant].iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        self.folder.join(format!("{}.{of}.{replication}.csv", kind.name()))
    }

    fn read(&self, entry: &[u8], variants: &[(String, Arc<Model>)], records: bool) -> Option<((usize, u32), Done)> {
        let (head, rest) = postcard::take_from_bytes::<Head>(entry).ok()?;
        let variant = self.digests.iter().position(|digest| *digest == head.of)?;
        if head.replication >= variants[variant].1.replications {
            return None;
        }
        if records {
            let is_there = |(kind, size): (RecordKind, u64)| {
                fs::metadata(self.part(kind, variant, head.replication)).is_ok_and(|file| file.len() == size)
            };
            if !RecordKind::ALL.into_iter().zip(head.records?).all(is_there) {
                return None;
            }
        }
        Some(((variant, head.replication), postcard::from_bytes(rest).ok()?))
    }

    /// Removes records of replications that are not kept.
    fn sweep(&self, kept: &BTreeSet<(usize, u32)>) {
        let parts = kept.iter().flat_map(|&(variant, replication)| {
            RecordKind::ALL.map(|kind| self.part(kind, variant, replication)).into_iter()
        });
        let parts: BTreeSet<PathBuf> = parts.chain([self.folder.join(FILE)]).collect();
        for path in fs::read_dir(&self.folder).into_iter().flatten().flatten().map(|entry| entry.path()) {
            if !parts.contains(&path) {
                // One that stays is written anew, or goes with the folder.
                let _ = fs::remove_file(path);
            }
        }
    }
}

/// The entries of a file, up to the first that is not whole.
fn entries(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = bytes.strip_prefix(MAGIC).unwrap_or_default();
    std::iter::from_fn(move || {
        let (length, after) = rest.split_first_chunk::<8>()?;
        let (check, after) = after.split_first_chunk::<CHECK>()?;
        let (entry, after) = after.split_at_checked(usize::try_from(u64::from_le_bytes(*length)).ok()?)?;
        rest = after;
        (blake3::hash(entry).as_bytes()[..CHECK] == check[..]).then_some(entry)
    })
}

/// An entry as it stands in the file.
fn append(file: &mut Vec<u8>, entry: &[u8]) {
    file.extend((entry.len() as u64).to_le_bytes());
    file.extend(&blake3::hash(entry).as_bytes()[..CHECK]);
    file.extend(entry);
}

/// What the results of a variant's replications depend on, beside their number: all of its model but what is made of
/// results afterwards, and the program.
fn digest(name: &str, model: &Model) -> Digest {
    let Model {
        title: _,
        look_for: _,
        replications: _,
        confidence: _,
        objectives: _,
        clock,
        seed,
        event_budget,
        network,
        dns,
        mail,
        faults,
        timeline,
        slo,
        qshape,
    } = model;
    struct Text(blake3::Hasher);
    impl std::fmt::Write for Text {
        fn write_str(&mut self, text: &str) -> std::fmt::Result {
            self.0.update(text.as_bytes());
            Ok(())
        }
    }
    let mut text = Text(blake3::Hasher::new());
    text.0.update(program());
    // Floating-point numbers print so that they can be told apart. A hash takes any text.
    let _ = write!(text, "{name:?} {clock:?} {seed} {event_budget} {network:?} {dns:?} {mail:?}");
    let _ = write!(text, "{faults:?} {timeline:?} {slo:?} {qshape:?}");
    *text.0.finalize().as_bytes()
}

/// This program: its version, and a hash of its file, since a version under work is many programs.
fn program() -> &'static [u8] {
    static PROGRAM: OnceLock<Vec<u8>> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let mut hasher = blake3::Hasher::new();
        // A file that cannot be read leaves the version. Read in pieces: it may be larger than all that a run needs.
        let _ = std::env::current_exe().and_then(fs::File::open).map(|file| hasher.update_reader(file).map(|_| ()));
        [env!("CARGO_PKG_VERSION").as_bytes(), hasher.finalize().as_bytes()].concat()
    })
}
