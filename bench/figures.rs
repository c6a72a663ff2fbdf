//! What a benchmark found: printed as a table, written as one JSON object.

use serde_json::{Map, Value};
use std::path::Path;
use std::time::Duration;

/// Clock ticks a second in `/proc/<pid>/stat`: 100 on every Linux that Rust runs on.
const TICKS_PER_S: u64 = 100;

/// Named figures in the order they were found.
#[derive(Default)]
pub struct Figures(Map<String, Value>);

impl Figures {
    /// Adds one; a figure that is not finite was not measured, and says so.
    pub fn put(&mut self, name: &str, value: f64) {
        let rounded = (value * 1000.0).round() / 1000.0;
        self.0.insert(name.to_owned(), rounded.into());
    }

    /// Prints the rows `(label, unit, figure, the one beside it, aim)` under two heads.
    #[expect(clippy::print_stdout, reason = "a benchmark's output is its table")]
    pub fn print(&self, [left, right]: [&str; 2], rows: &[(&str, &str, &str, &str, &str)]) {
        println!("{:<44} {left:>10} {right:>10}  {:<6} aim", "", "");
        for (label, unit, figure, peer, aim) in rows {
            println!(
                "{label:<44} {:>10} {:>10}  {unit:<6} {aim}",
                self.text(figure),
                self.text(peer)
            );
        }
    }

    /// One of them; not a number where it was tried and not reached.
    pub fn get(&self, name: &str) -> Option<f64> {
        let figure = self.0.get(name)?;
        Some(figure.as_f64().unwrap_or(f64::NAN))
    }

    fn text(&self, name: &str) -> String {
        self.0.get(name).map(Value::to_string).unwrap_or_default()
    }

    /// Writes all of them.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(self, path: &Path) -> std::io::Result<()> {
        std::fs::write(path, format!("{:#}\n", Value::Object(self.0)))
    }
}

/// The value below which the fraction `q` of the sorted values lies.
///
/// # Panics
/// When there are none.
pub fn percentile(sorted: &[f64], q: f64) -> f64 {
    let rank = (q * sorted.len() as f64).ceil() as usize;
    sorted[rank.clamp(1, sorted.len()) - 1]
}

/// Processor time that a process has used.
///
/// # Panics
/// When it is gone.
pub fn cpu(pid: u32) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("the process runs");
    // The second field is a name in parentheses and may hold anything.
    let fields = stat.rsplit(") ").next().expect("stat has a name");
    let ticks: u64 = fields
        .split_whitespace()
        .skip(11)
        .take(2)
        .map(|ticks| ticks.parse::<u64>().expect("utime and stime are numbers"))
        .sum();
    Duration::from_millis(ticks * 1000 / TICKS_PER_S)
}

/// Processor time that a process uses in the next while, in percent of one core.
///
/// # Panics
/// When it is gone.
pub async fn cpu_pct(pid: u32, time: Duration) -> f64 {
    let before = cpu(pid);
    tokio::time::sleep(time).await;
    100.0 * cpu(pid).saturating_sub(before).as_secs_f64() / time.as_secs_f64()
}

/// Resident memory of a process.
///
/// # Panics
/// When it is gone.
pub fn rss_mib(pid: u32) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("the process runs");
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .expect("Linux tells VmRSS");
    let kib: f64 = line
        .split_whitespace()
        .nth(1)
        .and_then(|n| n.parse().ok())
        .expect("in KiB");
    kib / 1024.0
}
