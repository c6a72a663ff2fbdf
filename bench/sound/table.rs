//! The table that is printed.

use bench::figures::Figures;

/// A line for each row: label, unit, figure, aim. What belongs to the row above is indented.
const ROWS: &str = "\
robot's microphone → ear, p50 | ms | robot_to_ear_p50_ms | ≤ 130
robot's microphone → ear, p95 | ms | robot_to_ear_p95_ms | ≤ 180
    of it in Chromium's jitter buffer | ms | robot_to_ear_buffered_ms |
    longest hole | ms | robot_to_ear_longest_hole_ms |
    level of the bursts, sent at 0.2 |  | robot_to_ear_level |
sound after picture | ms | lips_ms | ±40
    stamp → painted meanwhile, p50 | ms | glass_p50_ms |
mouth → robot's speaker, p50 | ms | mouth_to_robot_p50_ms | ≤ 130
mouth → robot's speaker, p95 | ms | mouth_to_robot_p95_ms | ≤ 180
    longest hole | ms | mouth_to_robot_longest_hole_ms |
    level of the bursts, sent at 0.2 |  | mouth_to_robot_level |
Chromium to itself, p50 | ms | reference_p50_ms |
Chromium to itself, p95 | ms | reference_p95_ms |
    of it in its jitter buffer | ms | reference_buffered_ms |
3 % lost, jitter of 40 ms: made up | % | loss3_concealed_pct |
8 % lost, jitter of 40 ms: made up | % | loss8_concealed_pct |
    to the ear: p50 | ms | loss8_ear_p50_ms |
    to the ear: longest hole | ms | loss8_ear_longest_hole_ms |
    to the robot: p50 | ms | loss8_mouth_p50_ms |
    to the robot: longest hole | ms | loss8_mouth_longest_hole_ms |
20 % lost, jitter of 40 ms: made up | % | loss20_concealed_pct |
    to the ear: p50 | ms | loss20_ear_p50_ms |
    to the ear: p50, 5 s after it | ms | loss20_ear_after_p50_ms |
    to the robot: p50 | ms | loss20_mouth_p50_ms |
    to the robot: p50, 5 s after it | ms | loss20_mouth_after_p50_ms |
outage of 1.5 s, to the ear: last that is late | ms | outage_ear_last_late_ms | ≤ 3000
    oldest that is heard | ms | outage_ear_oldest_ms |
outage of 1.5 s, to the robot: last that is late | ms | outage_mouth_last_late_ms | ≤ 3000
    oldest that is heard | ms | outage_mouth_oldest_ms |
data channel → wheel command, p99, sound both ways | ms | wheels_p99_ms |
    without sound | ms | wheels_without_sound_p99_ms |
    ratio |  | wheels_with_over_without | ≤ 1.1
processor, no viewer | % | cpu_0_pct |
processor, 1 viewer who listens | % | cpu_1_pct |
processor, 5 viewers who listen | % | cpu_5_pct |
processor, 10 viewers who listen | % | cpu_10_pct |
    ratio of 10 to 1 |  | cpu_10_over_1 | ≤ 1.5
resident memory, 1 viewer | MiB | rss_1_mib |
resident memory, 10 viewers | MiB | rss_10_mib |";

pub(crate) fn print(figures: &Figures) {
    let rows = ROWS.lines().map(|line| {
        let mut cells = line.split('|').map(str::trim_end);
        let mut cell = || cells.next().unwrap_or_default();
        let label = cell();
        [label, cell().trim(), cell().trim(), "", cell().trim()]
    });
    let measured = rows.filter(|row| figures.get(row[2]).is_some());
    let rows: Vec<_> = measured
        .map(|[label, unit, figure, beside, aim]| (label, unit, figure, beside, aim))
        .collect();
    figures.print(["found", ""], &rows);
}
