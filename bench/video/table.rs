//! The table that is printed.

use crate::SIZES;
use bench::figures::Figures;

/// A line for each row: label, unit, figure, aim. What belongs to the row above is indented.
const ROWS: &str = "\
offer → first frame, median | ms | first_frame_ms | ≤ 150
    the slowest | ms | first_frame_worst_ms |
stamp → painted, p50 | ms | glass_p50_ms |
stamp → painted, p95 | ms | glass_p95_ms |
painted a second |  | painted_fps |
data channel → wheel command, p50 | ms | wheels_p50_ms |
data channel → wheel command, p99 | ms | wheels_p99_ms | ≤ 4
processor, no viewer | % | cpu_0_pct |
processor, 1 viewer | % | cpu_1_pct |
processor, 5 viewers | % | cpu_5_pct |
processor, 10 viewers | % | cpu_10_pct |
    ratio of 10 to 1 |  | cpu_10_over_1 | ≤ 1.5
resident memory, no viewer | MiB | rss_0_mib |
resident memory, 1 viewer | MiB | rss_1_mib | ≤ 50
resident memory, 5 viewers | MiB | rss_5_mib |
resident memory, 10 viewers | MiB | rss_10_mib |
    for each after the first | MiB | mib_per_viewer | ≤ 0.5
each of 10 receives | kbit/s | each_10_kbps |
3 % lost: frozen in 10 s | ms | loss3_frozen_ms |
    oldest frame | ms | loss3_worst_frame_ms |
    frames whose clock is torn |  | loss3_torn |
    painted a second |  | loss3_fps |
    key frames |  | loss3_key_frames |
8 % lost: frozen in 10 s | ms | loss8_frozen_ms |
    oldest frame | ms | loss8_worst_frame_ms |
    frames whose clock is torn |  | loss8_torn |
    painted a second |  | loss8_fps |
    key frames |  | loss8_key_frames |
outage of 1.5 s: frozen | ms | outage_frozen_ms |
    oldest frame after it | ms | outage_worst_frame_ms | ≤ 300
    frames whose clock is torn |  | outage_torn |
    key frames |  | outage_key_frames |
800 kbit/s, queue of 200 ms; sent before | kbit/s | queue_before_kbps |
    longest freeze | ms | queue_freeze_ms |
    after the first 2 s | ms | queue_adapted_freeze_ms | ≤ 1000
    oldest frame | ms | queue_worst_frame_ms | ≤ 500
    frames whose clock is torn |  | queue_torn |
    put on the wire, of the path |  | queue_wire_ratio | ≤ 1.5
    in the busiest second after 2 s |  | queue_busiest_ratio | ≤ 1.5
    released → 2 Mbit/s | s | queue_recovered_s |
800 kbit/s, dropping; sent before | kbit/s | drop_before_kbps |
    longest freeze | ms | drop_freeze_ms |
    after the first 2 s | ms | drop_adapted_freeze_ms | ≤ 1000
    oldest frame | ms | drop_worst_frame_ms | ≤ 500
    frames whose clock is torn |  | drop_torn |
    put on the wire, of the path |  | drop_wire_ratio | ≤ 1.5
    in the busiest second after 2 s |  | drop_busiest_ratio | ≤ 1.5
    key frames |  | drop_key_frames |
    released → 2 Mbit/s | s | drop_recovered_s |";

pub(crate) fn print(figures: &Figures) {
    let rows: Vec<Vec<&str>> = ROWS.lines().map(cells).collect();
    let names: Vec<[String; 2]> = rows
        .iter()
        .map(|row| SIZES.each_ref().map(|size| size.name(row[2])))
        .collect();
    let rows: Vec<_> = rows
        .iter()
        .zip(&names)
        .map(|(row, [left, right])| (row[0], row[1], left.as_str(), right.as_str(), row[3]))
        .collect();
    let heads = SIZES
        .each_ref()
        .map(|size| format!("{}x{}", size.width, size.height));
    figures.print(heads.each_ref().map(String::as_str), &rows);
}

fn cells(line: &str) -> Vec<&str> {
    line.split('|')
        .map(str::trim_end)
        .map(|cell| cell.strip_prefix(' ').unwrap_or(cell))
        .collect()
}
