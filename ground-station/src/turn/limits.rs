//! How much of the relay one address and one name may have.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Instant;

use stun::error_code::{CODE_ALLOC_QUOTA_REACHED, ErrorCodeAttribute};
use stun::message::{CLASS_ERROR_RESPONSE, METHOD_ALLOCATE, Message, MessageType, Setter};

use super::password::parts;
use crate::signaling::Bucket;

/// Allocations of one name. A robot needs one for each of ten viewers, and for a while also
/// for those who have just left; AWS is said to allow fifty as well.
pub(super) const MAX_PER_NAME: usize = 50;

/// Allocations at all: each costs a socket and two tasks.
const MAX_ALLOCATIONS: usize = 1000;

/// Requests that may come from one address at once: ten viewers behind one NAT that all
/// connect again, with a dozen requests each.
pub(super) const REQUEST_BURST: u32 = 200;

/// And in the long run.
const REQUESTS_PER_S: f64 = 50.0;

/// Addresses whose requests are counted; beyond, strangers wait for the next sweep.
const MAX_SOURCES: usize = 4096;

/// Nonces that are known; each costs about 100 bytes.
pub(super) const MAX_NONCES: usize = 8192;

/// How often each address has asked.
#[derive(Default)]
pub(super) struct Sources(HashMap<IpAddr, Bucket>);

impl Sources {
    /// Whether `from` may ask once more.
    pub(super) fn within_rate(&mut self, from: IpAddr, now: Instant) -> bool {
        if !self.0.contains_key(&from) && self.0.len() >= MAX_SOURCES {
            return false;
        }
        self.0
            .entry(from)
            .or_insert_with(|| Bucket::new(REQUEST_BURST, REQUESTS_PER_S, now))
            .take(now)
    }

    /// Forgets who has been quiet.
    pub(super) fn sweep(&mut self, now: Instant) {
        self.0.retain(|_, bucket| !bucket.is_full(now));
    }
}

/// Whether `user` can have one more allocation beside those of `users`.
pub(super) fn is_full<'a>(user: &str, users: impl Iterator<Item = &'a String> + Clone) -> bool {
    let name = name_of(user);
    let of_name = users.clone().filter(|user| name_of(user) == name);
    users.count() >= MAX_ALLOCATIONS || of_name.count() >= MAX_PER_NAME
}

/// Makes room for one more nonce. When there are too many, all go: nobody but a flood makes so
/// many, and an honest client whose nonce is gone just asks for another.
pub(super) fn bound(nonces: &mut HashMap<String, tokio::time::Instant>) {
    if nonces.len() >= MAX_NONCES {
        nonces.clear();
    }
}

/// The answer 486, Allocation Quota Reached.
pub(super) fn quota_reached(request: &Message) -> Option<Vec<u8>> {
    let mut answer = Message::new();
    let setters: [Box<dyn Setter>; 3] = [
        Box::new(request.transaction_id),
        Box::new(MessageType::new(METHOD_ALLOCATE, CLASS_ERROR_RESPONSE)),
        Box::new(ErrorCodeAttribute {
            code: CODE_ALLOC_QUOTA_REACHED,
            reason: b"Allocation Quota Reached".to_vec(),
        }),
    ];
    answer.build(&setters).ok()?;
    Some(answer.raw)
}

/// The part of a user that stays the same from password to password.
pub(super) fn name_of(user: &str) -> &str {
    parts(user).map_or(user, |(_, name)| name)
}
