//! The limits of the relay, and bad input.

use super::*;
use crate::turn::limits::{MAX_NONCES, MAX_PER_NAME, REQUESTS, make_room};
use std::collections::HashMap;

#[tokio::test]
async fn one_name_has_fifty_allocations_and_another_still_gets_one() {
    let bench = bench().await;
    let server = bench.server("rover");
    let mut kept = Vec::new();
    for _ in 0..MAX_PER_NAME {
        let client = bench.client(&server).await;
        kept.push((client.allocate().await.unwrap(), client));
    }
    let later = bench
        .relay
        .server_for("rover", 2 * HOUR, clock::unix_s(), None);
    for server in [server, later] {
        let client = bench.client(&server).await;
        assert!(client.allocate().await.is_err(), "{server:?}");
    }
    let client = bench.client(&bench.server("other")).await;
    assert!(client.allocate().await.is_ok());
}

#[tokio::test]
async fn who_is_no_longer_allowed_loses_the_relay() {
    let bench = bench().await;
    let client = bench.client(&bench.server("rover")).await;
    let relayed = client.allocate().await.unwrap();
    let relayed_at = relayed.local_addr().unwrap();
    bench.allowed.store(false, Ordering::Relaxed);
    // The port is free again once the allocation is gone.
    let deadline = clock::instant() + TIMEOUT;
    while StdSocket::bind(relayed_at).is_err() {
        assert!(clock::instant() < deadline, "the allocation is still there");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test]
async fn garbage_and_floods_are_survived() {
    let mut bench = bench().await;
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let mut stun_like = vec![0, 1, 0, 8, 0x21, 0x12, 0xa4, 0x42];
    stun_like.extend([0; 12]);
    for garbage in [
        &b""[..],
        b"x",
        &[0x40; 3],
        &[0x40, 0, 0xff, 0xff, 1],
        &[0xff; 1500],
        &stun_like,
        &stun_like[..10],
    ] {
        socket.send_to(garbage, bench.address).await.unwrap();
    }
    let mut allocate = Message::new();
    let setters: [Box<dyn Setter>; 2] = [
        Box::new(stun::agent::TransactionId::new()),
        Box::new(MessageType::new(METHOD_ALLOCATE, CLASS_REQUEST)),
    ];
    allocate.build(&setters).unwrap();
    for _ in 0..2 * REQUESTS.burst as usize {
        socket.send_to(&allocate.raw, bench.address).await.unwrap();
    }
    // The flood has used up what its address may ask; that comes back.
    let deadline = clock::instant() + TIMEOUT;
    loop {
        let client = bench.client(&bench.server("rover")).await;
        if client.allocate().await.is_ok() {
            break;
        }
        assert!(clock::instant() < deadline, "the relay no longer answers");
    }
    bench.shutdown.cancel();
    bench.tasks.join_next().await.unwrap().unwrap().unwrap();
}

#[test]
fn a_flood_of_nonces_is_bounded() {
    let now = tokio::time::Instant::from_std(clock::instant());
    let mut nonces = HashMap::new();
    for n in 0..3 * MAX_NONCES {
        make_room(&mut nonces);
        nonces.insert(n.to_string(), now);
    }
    assert!(nonces.len() <= MAX_NONCES);
}
