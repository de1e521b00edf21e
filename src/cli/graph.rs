//! `mxsim graph`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use mxsim::model::compile::load;
use mxsim::report::{GraphFormat, topology};

use super::{Global, INVALID, print};

pub const EXAMPLES: &str = "\
Examples:
  mxsim graph my.ron | dot -Tsvg > my.svg
  mxsim graph my.ron --format mermaid
";

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    Dot,
    Mermaid,
}

#[derive(Args)]
pub struct Graph {
    /// A scenario file
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The language of the graph
    #[arg(long, value_enum, default_value_t = Format::Dot)]
    format: Format,
}

impl Graph {
    pub fn execute(&self, global: &Global) -> u8 {
        let overrides = match global.overrides() {
            Ok(overrides) => overrides,
            Err(why) => {
                eprintln!("error: {why}");
                return INVALID;
            }
        };
        match load(&self.file, &overrides) {
            Ok(loaded) => {
                global.complain(&loaded.warnings);
                let format = match self.format {
                    Format::Dot => GraphFormat::Dot,
                    Format::Mermaid => GraphFormat::Mermaid,
                };
                print(&topology(&loaded.variants[0].model, format));
                0
            }
            Err(problems) => {
                global.complain(&problems);
                INVALID
            }
        }
    }
}
