//! The table that is printed.

use crate::{SIZES, Size};
use bench::figures::Figures;

/// A line for each row: label, unit, figure, aim. What belongs to the row above is indented.
const ROWS: &str = "\
key → the world has moved, p50 | ms | hand_to_eye_p50_ms | ≤ 50
key → the world has moved, p95 | ms | hand_to_eye_p95_ms | ≤ 80
    a frame of the world, processor | ms | world_frame_ms | ≤ 6 / 15
offer → first frame, median of 20 | ms | first_frame_ms | ≤ 90
    the slowest | ms | first_frame_worst_ms | ≤ 200
stamp → painted, p50 | ms | glass_p50_ms | ≤ 7 / 12
stamp → painted, p95 | ms | glass_p95_ms | ≤ 11 / 20
painted a second |  | painted_fps |
    Chromium → Chromium, p50 | ms | reference_glass_p50_ms |
    Chromium → Chromium, p95 | ms | reference_glass_p95_ms |
    Chromium → Chromium, painted a second |  | reference_fps |
    webrtcbin → Chromium, p50 | ms | webrtcbin_sends_glass_p50_ms |
    webrtcbin → Chromium, p95 | ms | webrtcbin_sends_glass_p95_ms |
    robot-agent → webrtcbin, decoded, p50 | ms | webrtcbin_receives_glass_p50_ms |
    robot-agent → webrtcbin, decoded, p95 | ms | webrtcbin_receives_glass_p95_ms |
    robot-agent → webrtcbin, first frame | ms | webrtcbin_receives_first_frame_ms |
data channel → wheel command, p50 | ms | wheels_p50_ms |
data channel → wheel command, p99 | ms | wheels_p99_ms | ≤ 4
processor, no viewer | % | cpu_0_pct |
processor, 1 viewer | % | cpu_1_pct |
processor, 5 viewers | % | cpu_5_pct |
processor, 10 viewers | % | cpu_10_pct |
    ratio of 10 to 1 |  | cpu_10_over_1 | ≤ 1.4
resident memory, no viewer | MiB | rss_0_mib |
resident memory, 1 viewer | MiB | rss_1_mib | ≤ 50
resident memory, 5 viewers | MiB | rss_5_mib |
resident memory, 10 viewers | MiB | rss_10_mib |
    for each after the first | MiB | mib_per_viewer | ≤ 0.5
each of 10 receives | kbit/s | each_10_kbps |
3 % lost, 20 s: longest freeze | ms | loss3_longest_freeze_ms | ≤ 0
    frozen in all | ms | loss3_frozen_ms |
    oldest frame | ms | loss3_worst_frame_ms |
    frames whose clock is torn |  | loss3_torn |
    painted a second |  | loss3_fps |
    key frames |  | loss3_key_frames |
8 % lost, 60 s: longest freeze | ms | loss8_longest_freeze_ms | ≤ 300
    frozen in all | ms | loss8_frozen_ms |
    oldest frame | ms | loss8_worst_frame_ms |
    frames whose clock is torn |  | loss8_torn |
    painted a second |  | loss8_fps |
    key frames |  | loss8_key_frames |
jitter of 30 ms: between painted frames, p50 | ms | jitter30_interval_p50_ms |
    p99 | ms | jitter30_interval_p99_ms | ≤ 50
outage of 1.5 s: first frame after it | ms | outage_back_ms | ≤ 300
    oldest frame after it | ms | outage_worst_frame_ms | ≤ 300
    frozen in all | ms | outage_frozen_ms |
    frames whose clock is torn |  | outage_torn |
    key frames |  | outage_key_frames |
800 kbit/s: longest freeze | ms | throttled_longest_freeze_ms | ≤ 600
    oldest frame | ms | throttled_oldest_frame_ms | ≤ 400
    released → 2 Mbit/s | s | recover_2mbit_s | ≤ 3
with a queue of 200 ms; sent before | kbit/s | queue_before_kbps |
    longest time between frames | ms | queue_freeze_ms |
    after the first 2 s | ms | queue_adapted_freeze_ms | ≤ 1000
    oldest frame | ms | queue_worst_frame_ms |
    frames whose clock is torn |  | queue_torn |
    put on the wire, of the path |  | queue_wire_ratio | ≤ 1.5
    in the busiest second after 2 s |  | queue_busiest_ratio | ≤ 1.5
    released → 2 Mbit/s | s | queue_recovered_s |
dropping; sent before | kbit/s | drop_before_kbps |
    longest time between frames | ms | drop_freeze_ms |
    after the first 2 s | ms | drop_adapted_freeze_ms | ≤ 1000
    oldest frame | ms | drop_worst_frame_ms |
    frames whose clock is torn |  | drop_torn |
    put on the wire, of the path |  | drop_wire_ratio | ≤ 1.5
    in the busiest second after 2 s |  | drop_busiest_ratio | ≤ 1.5
    key frames |  | drop_key_frames |
    released → 2 Mbit/s | s | drop_recovered_s |";

pub(crate) fn print(figures: &Figures) {
    let rows: Vec<_> = (ROWS.lines().map(cells))
        .map(|row| {
            let [left, right] = SIZES.each_ref().map(|size| size.name(row[2]));
            let verdict = verdict(row[3], [&left, &right].map(|name| figures.get(name)));
            (row, left, right, verdict)
        })
        .collect();
    let measured = |name: &String| figures.get(name).is_some();
    let rows: Vec<_> = (rows.iter())
        .filter(|(_, left, right, _)| measured(left) || measured(right))
        .map(|(row, left, right, aim)| {
            (row[0], row[1], left.as_str(), right.as_str(), aim.as_str())
        })
        .collect();
    let heads = SIZES.each_ref().map(Size::label);
    figures.print(heads.each_ref().map(String::as_str), &rows);
}

/// The aim, and for each size that was measured whether it is met.
fn verdict(aim: &str, figures: [Option<f64>; 2]) -> String {
    let Some(most) = aim.strip_prefix('≤') else {
        return aim.to_owned();
    };
    let most: Vec<f64> = (most.split('/'))
        .filter_map(|most| most.trim().parse().ok())
        .collect();
    let judged = figures.iter().zip(most.iter().cycle());
    let words: Vec<_> = judged
        .filter_map(|(figure, most)| {
            let figure = (*figure)?;
            Some(if figure <= *most { "met" } else { "missed" })
        })
        .collect();
    if words.is_empty() {
        return aim.to_owned();
    }
    format!("{aim}: {}", words.join(", "))
}

fn cells(line: &str) -> Vec<&str> {
    line.split('|')
        .map(str::trim_end)
        .map(|cell| cell.strip_prefix(' ').unwrap_or(cell))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_size_has_its_verdict() {
        let both = |left, right| verdict("≤ 7 / 12", [left, right]);
        assert_eq!(both(Some(7.0), Some(12.1)), "≤ 7 / 12: met, missed");
        assert_eq!(both(None, Some(12.0)), "≤ 7 / 12: met");
        // What was tried and not reached.
        assert_eq!(both(Some(f64::NAN), None), "≤ 7 / 12: missed");
        assert_eq!(verdict("≤ 0", [Some(0.0), Some(1.0)]), "≤ 0: met, missed");
        assert_eq!(verdict("≤ 0", [None; 2]), "≤ 0");
        assert_eq!(verdict("", [Some(1.0); 2]), "");
    }

    #[test]
    fn every_row_has_its_cells() {
        for line in ROWS.lines() {
            assert_eq!(cells(line).len(), 4, "{line}");
        }
    }
}
