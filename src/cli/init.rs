//! `mxsim init`.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use mxsim::scenario::nearest::did_you_mean;

use super::{FAILED, Global, INVALID, print};

pub const EXAMPLES: &str = "\
Examples:
  mxsim init                          print a starter scenario
  mxsim init my.ron                   write it to a file
  mxsim init --template outage my.ron
";

const TEMPLATES: [(&str, &str); 3] = [
    ("minimal", include_str!("templates/minimal.ron")),
    ("migration", include_str!("templates/migration.ron")),
    ("outage", include_str!("templates/outage.ron")),
];

#[derive(Args)]
pub struct Init {
    /// Which one: minimal, migration, outage
    #[arg(long, default_value = "minimal", value_name = "NAME")]
    template: String,
    /// Overwrite the file if it is there
    #[arg(long)]
    force: bool,
    /// Where to; standard output if absent
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
}

impl Init {
    pub fn execute(&self, global: &Global) -> u8 {
        let names = || TEMPLATES.iter().map(|(name, _)| *name);
        let Some((_, text)) = TEMPLATES.iter().find(|(name, _)| *name == self.template) else {
            let hint = did_you_mean(&self.template, names());
            let hint = hint.unwrap_or_else(|| format!("there are {}", names().collect::<Vec<_>>().join(", ")));
            eprintln!("error: no template `{}`; {hint}", self.template);
            return INVALID;
        };
        let Some(file) = &self.file else {
            print(text);
            return 0;
        };
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create(true);
        if self.force {
            options.truncate(true)
        } else {
            options.create_new(true)
        };
        match options.open(file).and_then(|mut out| out.write_all(text.as_bytes())) {
            Ok(()) => {
                global.say(&format!("wrote {}; next: mxsim run {}", file.display(), file.display()));
                0
            }
            Err(why) if why.kind() == std::io::ErrorKind::AlreadyExists => {
                eprintln!("error: `{}` is there already; `--force` overwrites it", file.display());
                INVALID
            }
            Err(why) => {
                eprintln!("error: cannot write `{}`: {why}", file.display());
                FAILED
            }
        }
    }
}
