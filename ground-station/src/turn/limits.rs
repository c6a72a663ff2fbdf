//! How much of the relay one address and one name may have.

use std::collections::HashMap;

use stun::error_code::{CODE_ALLOC_QUOTA_REACHED, ErrorCodeAttribute};
use stun::message::{CLASS_ERROR_RESPONSE, METHOD_ALLOCATE, Message, MessageType, Setter};

use super::password::parts;
use crate::connections::Limits;
use daemon::rate_limit::Rate;

/// Allocations of one name. A robot needs one for each of ten viewers, and for a while also
/// for those who have just left; AWS is said to allow fifty as well.
pub(super) const MAX_PER_NAME: usize = 50;

/// Allocations at all: each costs a socket and two tasks.
const MAX_ALLOCATIONS: usize = 1000;

/// Connections over TCP and TLS: from one address, as ten viewers behind one NAT have two each, and
/// for a while also those they had before; and at all, as each costs a socket, a task and some 40 kB.
pub(super) const STREAMS: Limits = Limits {
    total: 1000,
    of_network: 64,
};

/// Requests from one address: ten viewers behind one NAT may all connect again at once, with a
/// dozen requests each.
pub(super) const REQUESTS: Rate = Rate {
    burst: 200.0,
    per_s: 50.0,
};

/// Addresses whose requests are counted; beyond, new ones wait for the next sweep.
pub(super) const MAX_SOURCES: usize = 4096;

/// Nonces that are known; each costs about 100 bytes.
pub(super) const MAX_NONCES: usize = 8192;

/// Whether `user` can have no further allocation beside those of `users`.
pub(super) fn is_full<'a>(user: &str, users: impl Iterator<Item = &'a String> + Clone) -> bool {
    let name = name_of(user);
    let of_name = users.clone().filter(|user| name_of(user) == name);
    users.count() >= MAX_ALLOCATIONS || of_name.count() >= MAX_PER_NAME
}

/// Makes room for one more nonce. When there are too many, all go: nobody but a flood makes so
/// many, and an honest client whose nonce is gone just asks for another.
pub(super) fn make_room(nonces: &mut HashMap<String, tokio::time::Instant>) {
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
