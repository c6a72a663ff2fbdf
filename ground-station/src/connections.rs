//! How many connections a listener has, and which one goes when another needs its place: nobody's
//! whom the station knows, of the others one of the network that has most of them.

use crate::network::{Network, network_of};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio_util::sync::CancellationToken;

/// How many files this process asks to have open at most, where it may: thousands of robots and pages.
const WANTED_FILES: u64 = 16 * 1024;

/// How many there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limits {
    pub total: usize,
    /// From one network: a class of thirty behind one router, each with a browser's six and a stream.
    pub of_network: usize,
}

impl Limits {
    /// A share of the `files` that this process may have open, of which each connection takes
    /// `each`; past `most`, a machine for one station has no memory for them.
    pub(crate) fn of_files(files: u64, each: u64, most: usize) -> Self {
        let share = usize::try_from(files / 4 / each).unwrap_or(usize::MAX);
        let total = share.clamp(16, most);
        Self {
            total,
            of_network: (total / 2).min(512),
        }
    }
}

/// Takes as many open files as this process may have; how many that are.
pub(crate) fn open_files() -> u64 {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let now = current.unwrap_or(WANTED_FILES);
    let wanted = WANTED_FILES.min(maximum.unwrap_or(WANTED_FILES)).max(now);
    let raised = Rlimit {
        current: Some(wanted),
        maximum,
    };
    setrlimit(Resource::Nofile, raised).map_or(now, |()| wanted)
}

/// The connections of a listener, or of several that share their limits.
#[derive(Clone, Debug)]
pub(crate) struct Connections(Arc<Mutex<Table>>);

#[derive(Debug)]
struct Table {
    limits: Limits,
    next: u64,
    /// The oldest first.
    open: BTreeMap<u64, Entry>,
    of_network: HashMap<Network, usize>,
}

#[derive(Debug)]
struct Entry {
    /// None for a proxy that the owner trusts: its clients are many.
    network: Option<Network>,
    is_known: bool,
    evicted: CancellationToken,
}

/// One connection, for as long as this lives.
#[derive(Debug)]
pub(crate) struct Admitted {
    known: Known,
    pub evicted: CancellationToken,
}

/// By which a connection becomes that of somebody known.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    table: Connections,
    id: u64,
}

impl Connections {
    pub(crate) fn new(limits: Limits) -> Self {
        Self(Arc::new(Mutex::new(Table {
            limits,
            next: 0,
            open: BTreeMap::new(),
            of_network: HashMap::new(),
        })))
    }

    /// One more, in the place of another where it must be; none where all are of known people.
    pub(crate) fn admit(&self, from: IpAddr, is_proxy: bool) -> Option<Admitted> {
        let mut table = self.lock();
        let network = (!is_proxy).then(|| network_of(from));
        if let Some(network) = network
            && table.of(network) >= table.limits.of_network
        {
            table.evict(|entry| entry.network == Some(network))?;
        }
        if table.open.len() >= table.limits.total {
            let most = table.most_strangers();
            table.evict(|entry| entry.network == most)?;
        }
        if let Some(network) = network {
            *table.of_network.entry(network).or_default() += 1;
        }
        let (id, evicted) = (table.next, CancellationToken::new());
        table.next += 1;
        let entry = Entry {
            network,
            is_known: false,
            evicted: evicted.clone(),
        };
        table.open.insert(id, entry);
        let known = Known {
            table: self.clone(),
            id,
        };
        Some(Admitted { known, evicted })
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    fn of(&self, network: Network) -> usize {
        self.of_network.get(&network).copied().unwrap_or(0)
    }

    /// The network with most connections of nobody known.
    fn most_strangers(&self) -> Option<Network> {
        let mut strangers: HashMap<_, usize> = HashMap::new();
        for entry in self.open.values().filter(|entry| !entry.is_known) {
            *strangers.entry(entry.network).or_default() += 1;
        }
        let most = strangers.into_iter().max_by_key(|(_, count)| *count);
        most.and_then(|(network, _)| network)
    }

    /// Ends the oldest connection of nobody known, of those.
    fn evict(&mut self, of: impl Fn(&Entry) -> bool) -> Option<()> {
        let mut open = self.open.iter();
        let (id, _) = open.find(|(_, entry)| !entry.is_known && of(entry))?;
        let id = *id;
        self.remove(id)?.evicted.cancel();
        Some(())
    }

    fn remove(&mut self, id: u64) -> Option<Entry> {
        let entry = self.open.remove(&id)?;
        if let Some(network) = entry.network
            && let Some(count) = self.of_network.get_mut(&network)
        {
            *count -= 1;
            if *count == 0 {
                self.of_network.remove(&network);
            }
        }
        Some(entry)
    }
}

impl Admitted {
    pub(crate) fn known(&self) -> Known {
        self.known.clone()
    }
}

impl Known {
    /// Whoever is at the other end has shown who they are.
    pub(crate) fn mark(&self) {
        if let Some(entry) = self.table.lock().open.get_mut(&self.id) {
            entry.is_known = true;
        }
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        self.known.table.lock().remove(self.known.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits {
        total: 20,
        of_network: 12,
    };

    fn from(n: u8) -> IpAddr {
        [192, 0, 2, n].into()
    }

    #[test]
    fn whoever_opens_most_makes_room_for_the_others() {
        let connections = Connections::new(LIMITS);
        let admit = |n| connections.admit(from(n), false).unwrap();
        let few = [admit(1), admit(1)];
        let much: Vec<_> = (0..30).map(|_| admit(2)).collect();
        let evicted =
            |all: &[Admitted]| all.iter().filter(|one| one.evicted.is_cancelled()).count();
        assert_eq!(evicted(&much), 18, "of one network");
        let others: Vec<_> = (3..9).map(admit).collect();
        let new = admit(10);
        assert_eq!((evicted(&few), evicted(&others)), (0, 0));
        assert_eq!(evicted(&much), 19, "the oldest go");
        assert!(much[18].evicted.is_cancelled() && !new.evicted.is_cancelled());
    }

    #[test]
    fn nobody_known_loses_their_place() {
        let connections = Connections::new(LIMITS);
        let robot = connections.admit(from(1), false).unwrap();
        robot.known().mark();
        let strangers: Vec<_> = (0..100)
            .map(|_| connections.admit(from(1), false).unwrap())
            .collect();
        assert!(!robot.evicted.is_cancelled());
        strangers.iter().for_each(|one| one.known().mark());
        assert!(connections.admit(from(1), false).is_none(), "all are known");
        assert!(connections.admit(from(2), false).is_some());
        drop(robot);
        assert!(connections.admit(from(1), false).is_some());
    }

    #[test]
    fn a_proxy_has_no_limit_of_its_own() {
        let connections = Connections::new(LIMITS);
        let many: Vec<_> = (0..20)
            .map(|_| connections.admit(from(1), true).unwrap())
            .collect();
        assert!(many.iter().all(|one| !one.evicted.is_cancelled()));
        assert!(connections.admit(from(2), false).is_some());
        assert!(many[0].evicted.is_cancelled());
    }

    #[test]
    fn what_has_ended_leaves_nothing_behind() {
        let connections = Connections::new(LIMITS);
        for n in 0..100 {
            drop(connections.admit(from(n), false));
        }
        let table = connections.lock();
        assert!(table.open.is_empty() && table.of_network.is_empty());
    }

    #[test]
    fn limits_follow_the_open_files() {
        let limits = |files| Limits::of_files(files, 1, 4096);
        assert_eq!((limits(300).total, limits(300).of_network), (75, 37));
        assert_eq!(
            (limits(16_384).total, limits(16_384).of_network),
            (4096, 512)
        );
        assert_eq!(Limits::of_files(16_384, 2, 4096).total, 2048);
    }
}
