//! `mxsim check`.

use std::path::PathBuf;

use clap::Args;
use mxsim::model::compile::load;

use super::{Global, INVALID, scenario_files};

pub const EXAMPLES: &str = "\
Examples:
  mxsim check my.ron
  mxsim check scenarios/ --set run/seed=7
";

#[derive(Args)]
pub struct Check {
    /// Scenario files, or folders of them
    #[arg(required = true, value_name = "FILE|DIR")]
    files: Vec<PathBuf>,
}

impl Check {
    pub fn execute(&self, global: &Global) -> u8 {
        let (files, overrides) = match scenario_files(&self.files).and_then(|files| Ok((files, global.overrides()?))) {
            Ok(found) => found,
            Err(why) => {
                eprintln!("error: {why}");
                return INVALID;
            }
        };
        let mut code = 0;
        for file in files {
            match load(&file, &overrides) {
                Ok(loaded) => {
                    global.complain(&loaded.warnings);
                    let variants = loaded.variants.len() - 1;
                    let more = match variants {
                        0 => String::new(),
                        1 => " and 1 variant".into(),
                        n => format!(" and {n} variants"),
                    };
                    global.say(&format!("{}: fine{more}", file.display()));
                }
                Err(problems) => {
                    global.complain(&problems);
                    let errors = problems.iter().filter(|problem| problem.is_error()).count();
                    eprintln!("{}: {errors} error{}", file.display(), if errors == 1 { "" } else { "s" });
                    code = INVALID;
                }
            }
        }
        code
    }
}
