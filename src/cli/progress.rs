use std::io::IsTerminal;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::pipeline::Observer;

/// Shows the running stage on a terminal, and nothing in a pipe.
pub struct Progress {
    bar: ProgressBar,
    rows: AtomicU64,
}

const STAGE: &str = "{spinner} {msg} {elapsed}";
/// A stage that knows how much is to be read.
const READING: &str = "{spinner} {msg} · {bytes} of {total_bytes} · {bytes_per_sec} · {eta} left";

impl Progress {
    pub fn new(quiet: bool) -> Progress {
        let bar = if quiet || !std::io::stderr().is_terminal() {
            ProgressBar::hidden()
        } else {
            let bar = ProgressBar::new_spinner();
            bar.enable_steady_tick(Duration::from_millis(100));
            bar
        };
        Progress { bar, rows: AtomicU64::new(0) }
    }

    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }

    fn style(&self, template: &str) {
        if let Ok(style) = ProgressStyle::with_template(template) {
            self.bar.set_style(style);
        }
    }
}

impl Observer for Progress {
    fn stage(&self, name: &'static str) {
        tracing::info!(stage = name, "stage");
        self.style(STAGE);
        self.bar.set_message(name);
    }

    fn announce(&self, bytes: u64) {
        self.bar.reset();
        self.bar.set_length(bytes);
        self.style(READING);
    }

    fn advance(&self, bytes: u64, rows: u64) {
        let rows = self.rows.fetch_add(rows, Ordering::Relaxed) + rows;
        let seconds = self.bar.elapsed().as_secs_f64().max(0.001);
        self.bar.inc(bytes);
        self.bar.set_message(format!("read {rows} rows, {:.0}/s", rows as f64 / seconds));
    }
}

/// JSON lines on stderr where asked for; nothing otherwise.
pub fn start_log(json: bool) {
    if json {
        let logger = tracing_subscriber::fmt()
            .json()
            .with_writer(std::io::stderr)
            .with_max_level(tracing::Level::INFO);
        // A second logger in one process is refused; the first goes on.
        let _ = logger.try_init();
    }
}
