use super::*;
use crate::clock::now;

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// The packet of the `number`th 20 ms, which says its number.
fn packet(number: u32) -> VoicePacket {
    VoicePacket {
        ssrc: 1,
        sequence_number: number as u16,
        timestamp: number.wrapping_mul(960),
        payload: Bytes::copy_from_slice(&[&[0xf8], &number.to_be_bytes()[..]].concat()),
    }
}

/// What is played at each 20 ms, while `arrivals` come: when, and what.
fn played(arrivals: &[(u64, VoicePacket)], until: u64) -> (Vec<Step>, Counts) {
    let start = now();
    let mut buffer = JitterBuffer::default();
    let mut arrivals: Vec<_> = arrivals.to_vec();
    arrivals.sort_by_key(|(at, _)| *at);
    let mut arrivals = arrivals.into_iter().peekable();
    let mut steps = Vec::new();
    for at in 0..until {
        while let Some((_, packet)) = arrivals.next_if(|(came, _)| *came <= at) {
            buffer.receive(packet, start + ms(at));
        }
        if at % 20 == 7 {
            steps.push(buffer.next(start + ms(at)));
        }
    }
    (steps, buffer.counts)
}

fn number(step: &Step) -> Option<u32> {
    match step {
        Step::Packet(payload) => payload[1..].try_into().ok().map(u32::from_be_bytes),
        _ => None,
    }
}

fn numbers(steps: &[Step]) -> Vec<u32> {
    steps.iter().filter_map(number).collect()
}

#[test]
fn packets_are_played_once_in_order_whatever_order_they_come_in() {
    let mut arrivals: Vec<_> = (0..100).map(|n| (u64::from(n) * 20, packet(n))).collect();
    arrivals.swap(10, 11);
    (arrivals[10].0, arrivals[11].0) = (220, 220);
    arrivals.push((500, packet(24)));
    arrivals.push((600, packet(3)));
    let (steps, counts) = played(&arrivals, 2300);
    assert_eq!(numbers(&steps), (0..100).collect::<Vec<_>>());
    assert_eq!(counts.played, 100);
    assert_eq!(counts.duplicate + counts.late, 2, "{counts:?}");
    assert_eq!(counts.concealed, 0);
}

#[test]
fn a_missing_packet_is_concealed_in_its_place() {
    let arrivals: Vec<_> = (0..50)
        .filter(|n| ![20, 30, 31].contains(n))
        .map(|n| (u64::from(n) * 20, packet(n)))
        .collect();
    let (steps, counts) = played(&arrivals, 1400);
    let at = steps
        .iter()
        .position(|step| number(step) == Some(19))
        .unwrap();
    assert_eq!(steps[at + 1], Step::Lost);
    assert_eq!(number(&steps[at + 2]), Some(21));
    assert_eq!(counts.concealed, 3);
    let end = steps
        .iter()
        .position(|step| number(step) == Some(49))
        .unwrap();
    assert_eq!(end - at, 30, "time goes on at the same pace");
}

#[test]
fn the_delay_follows_the_path_and_comes_back() {
    let start = now();
    let mut buffer = JitterBuffer::default();
    let mut delay = |from: u32, jitter: fn(u32) -> u64| {
        for n in from..from + 300 {
            let at = start + ms(u64::from(n) * 20 + jitter(n));
            buffer.receive(packet(n), at);
            buffer.next(at);
        }
        buffer.delay()
    };
    assert_eq!(delay(0, |_| 0), LEAST_DELAY);
    let uneven = delay(300, |n| u64::from(n * 7 % 41));
    assert!((ms(60)..ms(75)).contains(&uneven), "{uneven:?}");
    assert_eq!(delay(600, |n| u64::from(n % 10) * 90), LONGEST_DELAY);
    assert_eq!(delay(900, |_| 0), LEAST_DELAY);
}

#[test]
fn what_a_stalled_path_delivers_at_once_is_not_played_late() {
    let arrivals: Vec<_> = (0..300_u32)
        .map(|n| {
            let sent = u64::from(n) * 20;
            let stalled = (2000..3500).contains(&sent);
            (if stalled { 3500 } else { sent }, packet(n))
        })
        .collect();
    let (steps, counts) = played(&arrivals, 6100);
    assert!(counts.skipped > 50, "{counts:?}");
    let at = |n: u32| {
        steps
            .iter()
            .position(|step| number(step) == Some(n))
            .unwrap()
    };
    // The steps are 20 ms each, as are the packets.
    assert!(
        at(180) - 180 <= 11,
        "{} steps late after the stall",
        at(180) - 180
    );
    assert!(at(290) - 290 <= 11, "{} steps late at last", at(290) - 290);
    let order = numbers(&steps);
    assert!(order.is_sorted(), "{order:?}");
}

#[test]
fn silence_that_the_sender_leaves_out_is_as_long_as_it_was() {
    // Numbers go on, timestamps tell: 400 ms of nothing after each tenth packet.
    let arrivals: Vec<_> = (0..40_u32)
        .map(|n| {
            let frame = n + n / 10 * 20;
            let mut packet = packet(n);
            packet.timestamp = frame * 960;
            (u64::from(frame) * 20, packet)
        })
        .collect();
    let (steps, counts) = played(&arrivals, 2400);
    let at = |n: u32| {
        steps
            .iter()
            .position(|step| number(step) == Some(n))
            .unwrap()
    };
    assert_eq!(at(10) - at(9), 21);
    // The first delay is longer than the least.
    assert!((97..=99).contains(&(at(39) - at(0))));
    assert_eq!(counts.concealed, 0);
    assert_eq!(counts.played, 40);
}

#[test]
fn a_path_that_dies_is_concealed_for_a_moment_and_then_silent() {
    let arrivals: Vec<_> = (0..50).map(|n| (u64::from(n) * 20, packet(n))).collect();
    let (steps, _) = played(&arrivals, 3000);
    let last = steps
        .iter()
        .rposition(|step| number(step).is_some())
        .unwrap();
    let lost = steps[last + 1..]
        .iter()
        .take_while(|step| **step == Step::Lost);
    assert_eq!(lost.count(), MAX_CONCEALED as usize);
    assert_eq!(steps.last(), Some(&Step::Silence));
}

#[test]
fn numbers_that_wrap_go_on_and_those_that_jump_begin_anew() {
    let wrapping: Vec<_> = (0..100_u32)
        .map(|n| {
            let mut packet = packet(n);
            packet.sequence_number = packet.sequence_number.wrapping_sub(50);
            packet.timestamp = packet.timestamp.wrapping_sub(50 * 960);
            (u64::from(n) * 20, packet)
        })
        .collect();
    let (steps, counts) = played(&wrapping, 2300);
    assert_eq!(numbers(&steps), (0..100).collect::<Vec<_>>());
    assert_eq!(counts.concealed, 0);
    let jumping: Vec<_> = (0..100_u32)
        .map(|n| {
            let mut packet = packet(n);
            if n >= 50 {
                packet.sequence_number = packet.sequence_number.wrapping_add(20_000);
                packet.timestamp = packet.timestamp.wrapping_add(1 << 31);
            }
            (u64::from(n) * 20, packet)
        })
        .collect();
    let (steps, _) = played(&jumping, 2400);
    assert!(numbers(&steps).ends_with(&(60..100).collect::<Vec<_>>()));
}

#[test]
fn whatever_comes_nothing_grows_and_nothing_panics() {
    let start = now();
    let mut buffer = JitterBuffer::default();
    let mut random = 12_345_u32;
    let mut next = || {
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        random >> 8
    };
    for n in 0..20_000_u64 {
        let length = next() as usize % 4;
        let packet = VoicePacket {
            ssrc: 1,
            sequence_number: next() as u16,
            timestamp: next() << 9,
            payload: (0..length).map(|_| next() as u8).collect(),
        };
        buffer.receive(packet, start + ms(n));
        let near = VoicePacket {
            ssrc: 1,
            sequence_number: (next() % 600) as u16,
            timestamp: next() % 600_000,
            payload: Bytes::from_static(&[0xf8, 1]),
        };
        buffer.receive(near, start + ms(n));
        buffer.next(start + ms(n));
        let waiting = buffer
            .stream
            .as_ref()
            .map_or(0, |stream| stream.packets.len());
        assert!(waiting <= MAX_PACKETS, "{waiting}");
    }
}
