//! What the estimator makes of paths that are computed.

use super::*;

/// When the path changes, and the seeds with which that is tried.
const BEFORE_MS: u64 = 4000;
const SEEDS: std::ops::Range<u64> = 1..16;

fn after_four_good_seconds(seed: u64) -> Simulation {
    let mut path = Simulation::new(seed);
    path.run(BEFORE_MS, GOOD);
    assert_eq!(path.kbps(), LIMITS.ceiling_kbps);
    path
}

#[test]
fn a_path_that_narrows_is_followed_before_the_picture_is_old() {
    for (seed, queues) in SEEDS.flat_map(|seed| [(seed, true), (seed, false)]) {
        let mut path = after_four_good_seconds(seed);
        path.run(15_000, narrow(800.0, queues));
        let adapted = path.ms_until(BEFORE_MS, |kbps| kbps <= 900);
        assert!(adapted <= 600, "{seed} {queues}: {adapted} ms");
        let (freeze, oldest) = (path.freeze_ms(BEFORE_MS - 100), path.oldest_ms(BEFORE_MS));
        assert!(freeze <= 600.0, "{seed} {queues}: {freeze} ms");
        assert!(oldest <= 400.0, "{seed} {queues}: {oldest} ms");
        let later = path.freeze_ms(BEFORE_MS + 2000);
        assert!(later <= 300.0, "{seed} {queues}: {later} ms");
        assert!(path.mean_kbps(BEFORE_MS + 2000) > 500.0, "{seed} {queues}");
    }
}

#[test]
fn a_path_that_widens_again_is_used_again_within_three_seconds() {
    for (seed, queues) in SEEDS.flat_map(|seed| [(seed, true), (seed, false)]) {
        let mut path = after_four_good_seconds(seed);
        path.run(15_000, narrow(800.0, queues));
        let released = path.ms;
        path.run(10_000, GOOD);
        let recovered = path.ms_until(released, |kbps| kbps >= 2000);
        assert!(recovered <= 3000, "{seed} {queues}: {recovered} ms");
        assert_eq!(path.kbps(), LIMITS.ceiling_kbps);
    }
}

#[test]
fn neither_an_uneven_path_nor_one_that_loses_at_random_costs_quality() {
    for (seed, jitter_ms, loss) in SEEDS.flat_map(|seed| {
        let paths = [(30.0, 0.0), (0.0, 0.03), (0.0, 0.08), (20.0, 0.05)];
        paths.map(|(jitter_ms, loss)| (seed, jitter_ms, loss))
    }) {
        let mut path = after_four_good_seconds(seed);
        path.run(
            60_000,
            Path {
                jitter_ms,
                loss,
                ..GOOD
            },
        );
        let least = path.rates.iter().map(|(_, kbps)| *kbps).min();
        assert_eq!(
            least,
            Some(LIMITS.ceiling_kbps),
            "{seed} {jitter_ms} {loss}"
        );
    }
}

#[test]
fn a_path_that_was_gone_is_as_wide_as_before_and_begins_with_a_key_frame() {
    for seed in SEEDS {
        let mut path = after_four_good_seconds(seed);
        path.run(1500, Path { gone: true, ..GOOD });
        let back = path.ms;
        path.run(5000, GOOD);
        let least = path.rates.iter().map(|(_, kbps)| *kbps).min();
        assert_eq!(least, Some(LIMITS.ceiling_kbps), "{seed}");
        let first = path.painted(back)[0].0 - back as f64;
        assert!(first <= 200.0, "{seed}: {first} ms");
    }
}

#[test]
fn a_path_that_becomes_longer_for_good_is_as_wide_as_before() {
    for seed in SEEDS {
        let mut path = after_four_good_seconds(seed);
        let longer = Path {
            delay_ms: 150.0,
            ..GOOD
        };
        path.run(10_000, longer);
        assert_eq!(path.kbps(), LIMITS.ceiling_kbps, "{seed}");
    }
}

#[test]
fn reports_that_are_lost_delay_and_do_not_mislead() {
    for (seed, queues) in SEEDS.flat_map(|seed| [(seed, true), (seed, false)]) {
        let mut path = after_four_good_seconds(seed);
        let lossy = Path {
            feedback_lost: 0.3,
            ..narrow(800.0, queues)
        };
        path.run(15_000, lossy);
        let adapted = path.ms_until(BEFORE_MS, |kbps| kbps <= 900);
        assert!(adapted <= 1000, "{seed} {queues}: {adapted} ms");
        assert!(path.mean_kbps(BEFORE_MS + 2000) > 400.0, "{seed} {queues}");
        path.run(
            10_000,
            Path {
                feedback_lost: 0.3,
                ..GOOD
            },
        );
        assert_eq!(path.kbps(), LIMITS.ceiling_kbps, "{seed} {queues}");
    }
}

#[test]
fn others_in_the_bottleneck_get_their_share_and_no_queue_stands() {
    for seed in SEEDS {
        let mut path = Simulation::new(seed);
        let shared = Path {
            others_kbps: 900.0,
            ..narrow(2000.0, true)
        };
        path.run(20_000, shared);
        let kbps = path.mean_kbps(5000);
        assert!((600.0..1150.0).contains(&kbps), "{seed}: {kbps}");
        let mut ages: Vec<_> = path.painted(5000).iter().map(|(_, age)| *age).collect();
        ages.sort_by(f64::total_cmp);
        assert!(
            ages[ages.len() / 2] < 80.0,
            "{seed}: {} ms",
            ages[ages.len() / 2]
        );
    }
}

proptest::proptest! {
    #[test]
    fn whatever_the_path_the_rate_is_between_its_limits_and_follows(
        seed in 1_u64..1 << 40,
        kbps in 300.0..2400.0,
        queues: bool,
        delay_ms in 1.0..80.0,
        jitter_ms in 0.0..10.0,
    ) {
        let mut path = after_four_good_seconds(seed);
        path.run(12_000, Path { delay_ms, jitter_ms, ..narrow(kbps, queues) });
        let inside = |(_, kbps): &(u64, u32)| (150..=2500).contains(kbps);
        proptest::prop_assert!(path.rates.iter().all(inside));
        let mean = path.mean_kbps(BEFORE_MS + 3000);
        proptest::prop_assert!((0.35..1.15).contains(&(mean / kbps)), "{mean} of {kbps}");
        path.run(8000, Path { delay_ms, ..GOOD });
        proptest::prop_assert_eq!(path.kbps(), 2500);
    }
}
