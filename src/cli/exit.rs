use std::io::Write;

use miette::{GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteDiagnostic, NamedSource, Report};

use crate::pipeline::{InvalidPipeline, RunError};

pub const DONE: u8 = 0;
pub const FAILED: u8 = 1;
pub const USAGE: u8 = 2;
pub const TOO_MANY_REJECTIONS: u8 = 3;
pub const TARGET_MISSED: u8 = 4;
#[cfg(feature = "delta")]
pub const NO_LAKE: u8 = 10;
#[cfg(feature = "delta")]
pub const LOCKED: u8 = 11;
#[cfg(feature = "delta")]
pub const VERIFICATION_FAILED: u8 = 12;
pub const IO: u8 = 74;

/// What ended a command whose defect has been described before.
pub const DEFECT: &str = "it was ended by the defect that is named above";

/// Why a command ended without success: for the exit code and for the person.
#[derive(Debug)]
pub struct Failure {
    pub code: u8,
    message: String,
    hint: Option<String>,
}

impl Failure {
    pub fn new(code: u8, message: impl Into<String>) -> Failure {
        Failure { code, message: message.into(), hint: None }
    }

    /// Of which somebody else has spoken already.
    #[cfg(all(feature = "query", feature = "delta"))]
    pub fn silent(code: u8) -> Failure {
        Failure::new(code, "")
    }

    pub fn with_hint(mut self, hint: impl Into<String>) -> Failure {
        self.hint = Some(hint.into());
        self
    }

    /// For people on stderr, or as the last line of the log.
    pub fn print(&self, to_log: bool) {
        if to_log {
            if self.code == TARGET_MISSED {
                // The line that says what was published names the targets.
                return;
            }
            let hint = self.hint.as_deref().unwrap_or_default();
            tracing::error!(exit_code = self.code, reason = self.message.trim_end(), hint, "failed");
            return;
        }
        if self.message.is_empty() {
            return;
        }
        let mut stderr = anstream::stderr();
        let _ = writeln!(stderr, "error: {}", self.message.trim_end());
        if let Some(hint) = &self.hint {
            let _ = writeln!(stderr, "hint: {hint}");
        }
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Failure {
        Failure::new(IO, error.to_string())
    }
}

impl From<RunError> for Failure {
    fn from(error: RunError) -> Failure {
        let hint = error.hint();
        let (code, message) = match &error {
            RunError::Pipeline(invalid) => (USAGE, show(invalid)),
            RunError::Usage(_) | RunError::Seeds(_) => (USAGE, error.to_string()),
            RunError::TooManyRejections { .. } => (TOO_MANY_REJECTIONS, error.to_string()),
            RunError::NoFile { .. }
            | RunError::NotAFile { .. }
            | RunError::Io { .. }
            | RunError::Changed { .. }
            | RunError::Scratch(_) => (IO, error.to_string()),
            RunError::Source { error: source, .. } if source.is_io() => (IO, error.to_string()),
            RunError::Report(crate::report::ReportError::Io { .. }) => (IO, error.to_string()),
            #[cfg(feature = "delta")]
            RunError::Lake(lake) => (lake_code(lake), error.to_string()),
            _ => (FAILED, error.to_string()),
        };
        Failure { code, message, hint }
    }
}

#[cfg(feature = "delta")]
pub fn lake_code(error: &crate::lake::LakeError) -> u8 {
    use crate::lake::LakeError;
    match error {
        LakeError::Missing { .. } => NO_LAKE,
        LakeError::Locked { .. } => LOCKED,
        LakeError::Io { .. } => IO,
        _ => FAILED,
    }
}

#[cfg(feature = "delta")]
impl From<crate::lake::LakeError> for Failure {
    fn from(error: crate::lake::LakeError) -> Failure {
        let failure = Failure::new(lake_code(&error), error.to_string());
        match error {
            crate::lake::LakeError::Missing { .. } => failure.with_hint("`assay run` makes one"),
            _ => failure,
        }
    }
}

/// The problems of a pipeline file, each with the lines it points at.
pub fn show(invalid: &InvalidPipeline) -> String {
    let theme = if std::env::var_os("NO_COLOR").is_some() {
        GraphicalTheme::unicode_nocolor()
    } else {
        GraphicalTheme::unicode()
    };
    let handler = GraphicalReportHandler::new_themed(theme).with_width(100);
    let mut text = invalid.to_string();
    for problem in &invalid.problems {
        let mut diagnostic = MietteDiagnostic::new(problem.message.clone())
            .with_label(LabeledSpan::underline(problem.span.clone()));
        if let Some(help) = &problem.help {
            diagnostic = diagnostic.with_help(help.clone());
        }
        let name = invalid.path.display().to_string();
        let report = Report::new(diagnostic).with_source_code(NamedSource::new(name, invalid.text.clone()));
        text.push('\n');
        if handler.render_report(&mut text, report.as_ref()).is_err() {
            text.push_str(&problem.message);
        }
    }
    text
}
