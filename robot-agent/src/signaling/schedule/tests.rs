//! What the master does, and when, in tables.

use super::*;

const MS: Duration = Duration::from_millis(1);
const S: Duration = Duration::from_secs(1);

/// A schedule and its clock.
struct Bench {
    schedule: Schedule,
    start: Instant,
    now: Instant,
}

impl Bench {
    fn new() -> Self {
        let now = crate::clock::now();
        Self {
            schedule: Schedule::new(SocketTiming::default(), now),
            start: now,
            now,
        }
    }

    /// Connected, with ICE servers for `ice_life`.
    fn connected(ice_life: Duration) -> Self {
        let mut bench = Self::new();
        assert_eq!(bench.due(), [Step::FetchIceServers]);
        let now = bench.now;
        bench.schedule.ice_servers_fetched(Some(ice_life), now);
        assert_eq!(bench.due(), [Step::Connect]);
        bench.schedule.connected(now);
        assert_eq!(bench.due(), []);
        bench
    }

    fn due(&mut self) -> Vec<Step> {
        std::iter::from_fn(|| self.schedule.next(self.now)).collect()
    }

    /// Goes to the next step, which is one and no more; returns after how long.
    fn next(&mut self) -> (Duration, Step) {
        let before = self.now;
        let wake_at = self.schedule.wake_at().expect("there is always a plan");
        self.now = self.now.max(wake_at);
        let step = self.schedule.next(self.now).expect("it is due");
        (self.now - before, step)
    }

    fn wait_for_connect(&mut self) -> Duration {
        let before = self.now;
        loop {
            match self.next() {
                (_, Step::Connect) => return self.now - before,
                (_, step) => assert_eq!(step, Step::FetchIceServers),
            }
        }
    }

    fn lose_after(&mut self, lived: Duration) -> Loss {
        self.now += lived;
        self.schedule
            .lost(self.now, 1.0)
            .expect("there was a socket")
    }
}

#[test]
fn ice_servers_are_asked_for_before_the_socket_and_a_failure_holds_nothing_up() {
    for (renew_after, again) in [(Some(200 * S), 200 * S), (None, ICE_SERVERS_RETRY)] {
        let mut bench = Bench::new();
        assert_eq!(bench.due(), [Step::FetchIceServers]);
        assert_eq!(bench.schedule.wake_at(), None);
        bench.schedule.ice_servers_fetched(renew_after, bench.now);
        assert_eq!(bench.due(), [Step::Connect]);
        assert_eq!(bench.next(), (again, Step::FetchIceServers));
    }
}

#[test]
fn an_open_socket_is_pinged_and_one_that_is_silent_is_given_up() {
    let mut bench = Bench::connected(300 * S);
    assert_eq!(bench.next(), (2 * S, Step::Ping));
    bench.schedule.received(bench.now);
    assert_eq!(bench.next(), (2 * S, Step::Ping));
    assert_eq!(bench.next(), (2 * S, Step::Ping));
    assert_eq!(bench.next(), (500 * MS, Step::GiveUp));
    let lost = bench.lose_after(Duration::ZERO);
    let (lived, taken_over) = (6500 * MS, false);
    assert_eq!(lost, Loss::Reconnecting { lived, taken_over });
    assert_eq!(bench.next(), (FIRST_WAIT, Step::Connect));
}

#[test]
fn an_old_socket_is_replaced_while_it_is_listened_to() {
    let mut bench = Bench::connected(2 * 3600 * S);
    let step = loop {
        match bench.next() {
            (_, Step::Ping) => bench.schedule.received(bench.now),
            (_, step) => break step,
        }
    };
    assert_eq!((bench.now - bench.start, step), (3300 * S, Step::Connect));
    // It goes on with the old one, and a second attempt waits for the first.
    bench.schedule.reconnect(bench.now);
    assert_eq!(bench.due(), [Step::Ping]);
    bench.schedule.received(bench.now);
    assert_eq!(bench.next(), (2 * S, Step::Ping));
    bench.schedule.connect_failed(bench.now, 1.0);
    assert_eq!(bench.next(), (FIRST_WAIT, Step::Connect));
    assert_eq!(bench.lose_after(S), Loss::Replaced);
    bench.schedule.connected(bench.now);
    assert_eq!(bench.next(), (2 * S, Step::Ping));
}

#[test]
fn going_away_connects_at_once_and_new_ice_servers_are_fetched_at_once() {
    let mut bench = Bench::connected(300 * S);
    bench.schedule.reconnect(bench.now);
    assert_eq!(bench.due(), [Step::Connect]);
    bench.schedule.ice_servers_changed(bench.now);
    assert_eq!(bench.due(), [Step::FetchIceServers]);
}

#[test]
fn ice_servers_are_renewed_before_they_expire_and_with_a_lost_socket() {
    let mut bench = Bench::connected(S);
    assert_eq!(bench.next(), (S, Step::FetchIceServers));
    bench.schedule.ice_servers_fetched(Some(300 * S), bench.now);
    bench.lose_after(S);
    bench.now += FIRST_WAIT;
    assert_eq!(bench.due(), [Step::Connect, Step::FetchIceServers]);
}

#[test]
fn waits_grow_to_a_bound_and_are_spread() {
    let mut bench = Bench::connected(3600 * S);
    bench.lose_after(40 * S);
    let mut waits = Vec::new();
    for _ in 0..12 {
        waits.push(bench.wait_for_connect());
        bench.schedule.connect_failed(bench.now, 1.0);
    }
    assert_eq!(waits[..3], [100 * MS, 200 * MS, 400 * MS]);
    assert_eq!(waits[11], LONGEST_WAIT);
    bench.wait_for_connect();
    bench.schedule.connect_failed(bench.now, 0.0);
    assert_eq!(bench.wait_for_connect(), LONGEST_WAIT / 2);
    // A socket forgets them all, however short it lived.
    bench.schedule.connected(bench.now);
    bench.lose_after(S);
    assert_eq!(bench.wait_for_connect(), FIRST_WAIT);
}

#[test]
fn two_masters_on_one_channel_do_not_fight_for_ever() {
    let mut bench = Bench::connected(3600 * S);
    let mut last = Duration::ZERO;
    for round in 1..=12 {
        let lived = S;
        let taken_over = round == TAKEN_OVER_TIMES;
        assert_eq!(
            bench.lose_after(lived),
            Loss::Reconnecting { lived, taken_over }
        );
        last = bench.wait_for_connect();
        bench.schedule.connected(bench.now);
    }
    assert!(last > LONGEST_WAIT / 2, "{last:?}");
}

#[test]
fn a_call_that_panicked_is_made_again() {
    let mut bench = Bench::new();
    assert_eq!(bench.due(), [Step::FetchIceServers]);
    bench.schedule.call_panicked(bench.now);
    bench.now += ICE_SERVERS_RETRY;
    assert_eq!(bench.due(), [Step::Connect, Step::FetchIceServers]);
}
