//! What a monitoring system reads of a run: the textfile format of Prometheus' node_exporter.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;

use super::exit::{Failure, IO};
use super::run::seconds_now;
use crate::pipeline::Outcome;

/// When a run last succeeded, kept over failures.
const LAST_SUCCESS: &str = "assay_last_success_timestamp_seconds";

/// Writes the file aside and moves it into place: a reader sees the old one or the new one.
///
/// # Errors
/// The operating system's.
pub fn write(
    path: &Path,
    pipeline: &str,
    seconds: f64,
    outcome: Option<&Outcome>,
    code: u8,
) -> Result<(), Failure> {
    let now = seconds_now();
    let before = std::fs::read_to_string(path).ok().and_then(|text| last_success(&text, pipeline));
    let text = text(pipeline, now, before, seconds, outcome, code);
    replace(path, text.as_bytes())
        .map_err(|error| Failure::new(IO, format!("--textfile {}: {error}", path.display())))
}

fn replace(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new().prefix(".assay-metrics-").tempfile_in(parent)?;
    file.write_all(bytes)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        file.as_file().set_permissions(std::fs::Permissions::from_mode(0o644))?;
    }
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

fn last_success(text: &str, pipeline: &str) -> Option<u64> {
    let name = format!("{LAST_SUCCESS}{{pipeline=\"{}\"}} ", escape(pipeline));
    text.lines().find_map(|line| line.strip_prefix(&name)?.parse().ok())
}

fn text(
    pipeline: &str,
    now: u64,
    before: Option<u64>,
    seconds: f64,
    outcome: Option<&Outcome>,
    code: u8,
) -> String {
    let own = format!("pipeline=\"{}\"", escape(pipeline));
    let mut text = String::new();
    let mut gauge = |name: &str, help: &str, values: &[(String, String)]| {
        if values.is_empty() {
            return;
        }
        let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} gauge");
        for (labels, value) in values {
            let comma = if labels.is_empty() { "" } else { "," };
            let _ = writeln!(text, "{name}{{{own}{comma}{labels}}} {value}");
        }
    };
    let one = |value: String| vec![(String::new(), value)];
    gauge("assay_last_run_timestamp_seconds", "When the last run ended.", &one(now.to_string()));
    let success = if outcome.is_some() { Some(now) } else { before };
    let success: Vec<_> = success.into_iter().map(|success| (String::new(), success.to_string())).collect();
    gauge(LAST_SUCCESS, "When a run last published a fresh report.", &success);
    gauge("assay_exit_code", "Exit code of the last run; 0 is a fresh report.", &one(code.to_string()));
    gauge("assay_duration_seconds", "How long the last run took.", &one(format!("{seconds:.3}")));
    let Some(outcome) = outcome else { return text };
    let rows = outcome.record.rows;
    let fates = [
        ("read", rows.read),
        ("accepted", rows.accepted),
        ("rejected", rows.rejected),
        ("duplicate", rows.duplicate),
        ("superseded", rows.superseded),
    ];
    let fates = fates.map(|(fate, count)| (format!("fate=\"{fate}\""), count.to_string()));
    gauge("assay_rows", "Rows of the exports by what became of them.", &fates);
    let codes = outcome.record.rejections.iter();
    let codes: Vec<_> =
        codes.map(|(code, count)| (format!("code=\"{}\"", escape(code)), count.to_string())).collect();
    gauge("assay_rejections", "Lines of rejections.csv by code.", &codes);
    let whole = outcome.evaluated.figures.iter().filter(|figure| figure.is_whole());
    let labelled = |indicator: &str| format!("indicator=\"{}\"", escape(indicator));
    let (mut values, mut states) = (Vec::new(), Vec::new());
    for figure in whole {
        // A figure without data has no value: a gauge that is absent is not a gauge that is zero.
        if figure.told().value.parse::<f64>().is_ok() {
            values.push((labelled(figure.indicator()), figure.told().value.to_string()));
        }
        let status = figure.status().as_str();
        if !status.is_empty() {
            states.push((format!("{},status=\"{status}\"", labelled(figure.indicator())), "1".to_owned()));
        }
    }
    gauge("assay_figure", "Figure of the whole, in the unit of its indicator.", &values);
    gauge("assay_target_status", "1 for the status that the target has.", &states);
    text
}

/// A label's value, as the format quotes it.
fn escape(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_keeps_the_moment_of_the_last_success() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("assay.prom");
        let kept = format!("{LAST_SUCCESS}{{pipeline=\"a \\\"county\\\"\"}} 1600000000\n");
        std::fs::write(&path, &kept).expect("writes");
        write(&path, "a \"county\"", 1.5, None, IO).expect("writes");
        let text = std::fs::read_to_string(&path).expect("reads");
        assert!(
            text.contains(&kept) && text.contains("assay_exit_code{pipeline=\"a \\\"county\\\"\"} 74\n"),
            "{text}"
        );
        write(&path, "another", 1.5, None, IO).expect("writes");
        let text = std::fs::read_to_string(&path).expect("reads");
        assert!(!text.contains(LAST_SUCCESS), "no success is known of it: {text}");
        assert_eq!(std::fs::read_dir(folder.path()).expect("lists").count(), 1);
    }
}
