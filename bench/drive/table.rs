//! The table that is printed.

/// The table: label, unit, figure, the peer's figure, aim.
pub(crate) const ROWS: [(&str, &str, &str, &str, &str); 11] = [
    (
        "publish → wheel command, p50",
        "µs",
        "p50_us",
        "sample_p50_us",
        "",
    ),
    (
        "    ratio to the sample's library",
        "",
        "p50_ratio",
        "",
        "≤ 0.6",
    ),
    (
        "publish → wheel command, p99",
        "µs",
        "p99_us",
        "sample_p99_us",
        "",
    ),
    ("    ratio to the sample's library", "", "p99_ratio", "", ""),
    (
        "bytes readable → board write, p50",
        "µs",
        "own_share_p50_us",
        "",
        "",
    ),
    (
        "bytes readable → board write, p99",
        "µs",
        "own_share_p99_us",
        "",
        "≤ 1000",
    ),
    (
        "key released → wheels at rest",
        "ms",
        "release_to_rest_ms",
        "sample_release_to_rest_ms",
        "≤ 220",
    ),
    ("process start → obeys", "ms", "start_ms", "", ""),
    (
        "    beyond a TLS and MQTT handshake",
        "ms",
        "start_beyond_handshake_ms",
        "",
        "≤ 150",
    ),
    ("resident memory, no video", "MiB", "rss_mib", "", "≤ 15"),
    ("processor, idle", "%", "idle_cpu_pct", "", "≤ 0.5"),
];
