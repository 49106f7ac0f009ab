use std::io::Write;

use super::exit::{Failure, USAGE};
use super::{Global, Language};
use crate::model::{Code, nearest};

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// A code out of rejections.csv; all of them without it.
    code: Option<String>,
}

pub fn run(arguments: &Arguments, global: &Global) -> Result<(), Failure> {
    let mut stdout = anstream::stdout();
    let wanted: Vec<Code> = match &arguments.code {
        None => Code::ALL.to_vec(),
        Some(text) => match Code::ALL.iter().find(|code| code.as_str() == text) {
            Some(code) => vec![*code],
            None => {
                let known = Code::ALL.iter().map(|code| code.as_str());
                let failure = Failure::new(USAGE, format!("there is no code `{text}`"));
                return Err(match nearest(text, known) {
                    Some(near) => failure.with_hint(format!("did you mean `{near}`?")),
                    None => failure.with_hint("`assay explain` lists them all"),
                });
            }
        },
    };
    for code in wanted {
        match global.lang {
            Language::Zh => {
                writeln!(stdout, "{code}（{}）: {}\n    {}", code.zh(), code.meaning(), code.mend())?
            }
            Language::En => writeln!(stdout, "{code}: {}\n    to mend it: {}", code.meaning(), code.mend())?,
        }
    }
    Ok(())
}
