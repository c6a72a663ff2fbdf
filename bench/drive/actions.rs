//! Actions that each carry a throttle of their own, and the wheel commands that obeyed them.

use serde_json::json;
use tests::eventually;
use tests::robot::{Folder, Write};

/// A throttle of its own for each message, far enough apart to be told from each other.
pub(crate) fn throttle(n: u64) -> f64 {
    (n % 1000 + 1) as f64 / 1024.0
}

pub(crate) fn drive(throttle: f64) -> String {
    json!({"action": "drive", "linear": throttle, "angular": 0.0, "speed": 1.0}).to_string()
}

pub(crate) fn at_rest(folder: &Folder) -> Option<Write> {
    folder.last_write().filter(|write| !write.moves())
}

/// Each message's moment and the wheel command that obeyed it. On a busy machine two may
/// arrive together; then only the newer is obeyed, as it should be.
pub(crate) async fn commands(sent: &[(f64, u64)], folder: &Folder) -> Vec<(u64, Write)> {
    eventually("the last message is obeyed", async || {
        let (throttle, at) = *sent.last()?;
        folder
            .writes()
            .into_iter()
            .find(|w| w.left == throttle && w.t_ns >= at)
    })
    .await;
    let writes = folder.writes();
    let obeyed = |&(throttle, at): &(f64, u64)| {
        let write = writes.iter().find(|w| w.left == throttle && w.t_ns >= at)?;
        Some((at, *write))
    };
    let commands: Vec<_> = sent.iter().filter_map(obeyed).collect();
    assert!(
        commands.len() * 20 >= sent.len() * 19,
        "only {} moved the wheels",
        commands.len()
    );
    commands
}

/// Nanoseconds from publish to wheel command, sorted.
pub(crate) async fn latencies(sent: &[(f64, u64)], folder: &Folder) -> Vec<f64> {
    let commands = commands(sent, folder).await;
    let mut all: Vec<_> = commands
        .iter()
        .map(|(at, w)| (w.t_ns - at) as f64)
        .collect();
    all.sort_by(f64::total_cmp);
    all
}
