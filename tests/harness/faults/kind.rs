//! What goes wrong: every kind of fault, how long it lasts, who drives meanwhile, and within what
//! time after it the robot serves again.

use crate::faults::road::Road::{self, DataChannel, Http, Mqtt};
use crate::tcp_relay::Flow;
use crate::udp_relay::Shape;
use std::time::Duration;

/// A process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    /// robot-agent.
    Robot,
    /// ground-station.
    Station,
    /// Mosquitto, which the station has started.
    Broker,
}

/// A TCP connection that goes through a relay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// From the robot to the broker.
    Mqtt,
    /// From the robot to the station's HTTPS: credentials and signaling.
    Signaling,
    /// From the driver to `/publish`.
    Publish,
}

/// What breaks.
#[derive(Clone, Copy, Debug)]
pub enum Fault {
    /// SIGKILL.
    Kill(Program),
    /// SIGTERM.
    Terminate(Program),
    /// SIGSTOP, then SIGCONT.
    Freeze(Program),
    /// The same for all of them, as a machine does that sleeps.
    Suspend,
    /// A connection does this.
    Link(Link, Flow),
    /// The way between viewer and robot is like this.
    Path(Shape),
    /// The station comes back on other ports.
    OtherPorts,
    /// The station's disk takes nothing more.
    DiskFull,
    /// The station starts on a disk that is read-only.
    DiskReadOnly,
    /// The station's database is lost, then found again.
    DatabaseEmptied,
    /// The station's database ends in its middle, then is whole again.
    DatabaseTorn,
    /// Nobody reads the log of a program.
    LogUnread(Program),
    /// A program may open no more files.
    FewDescriptors(Program),
    /// The clock of a program jumps by so many seconds.
    Clock(Program, i64),
    /// The clock of the robot shows 1970.
    Clock1970,
    /// The robot is cut from the broker, and cannot resolve its name.
    NoNames,
    /// The robot's certificate is revoked; then it gets another one.
    RobotRevoked,
    /// The driver's key is revoked; then there is another one.
    KeyRevoked,
    /// Somebody else sends a thousand actions a second.
    Flood,
    /// Fifty viewers want to watch.
    Crowd,
    /// A second robot with the same certificate.
    Twin,
}

/// A kind of fault.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    /// What a report calls it.
    pub name: &'static str,
    /// What breaks.
    pub fault: Fault,
    /// How long, in milliseconds: at least and at most.
    pub lasts_ms: (u64, u64),
    /// By what roads somebody drives meanwhile.
    pub roads: &'static [Road],
    /// Within what time after its end the robot serves again.
    pub back_within: Duration,
}

const ALL: &[Road] = &[Http, Mqtt, DataChannel];
const BY_STATION: &[Road] = &[Http, Mqtt];
const BY_VIEWER: &[Road] = &[DataChannel];
const BY_HTTP: &[Road] = &[Http];

/// A program or a connection is there again, and was looked for by then: the longest waits of robot
/// and viewer are a few seconds, and a driver needs a second to let go.
const SOON: Duration = Duration::from_secs(10);

/// A process starts, is found, and a viewer calls anew: its ICE agent gives up the old connection
/// first.
const STARTED: Duration = Duration::from_secs(20);

/// The way between viewer and robot while nothing is wrong.
pub const PATH: Shape = Shape {
    delay: Duration::from_millis(5),
    jitter: Duration::ZERO,
    overtakes: false,
    twice: 0.0,
    loss: 0.0,
    gone: false,
    narrow: None,
};

/// By then every certificate has expired.
const TWENTY_YEARS_S: i64 = 20 * 366 * 86_400;

const fn kind(
    name: &'static str,
    fault: Fault,
    lasts_ms: (u64, u64),
    roads: &'static [Road],
    back_within: Duration,
) -> Kind {
    Kind {
        name,
        fault,
        lasts_ms,
        roads,
        back_within,
    }
}

const fn path(name: &'static str, shape: Shape) -> Kind {
    kind(name, Fault::Path(shape), (1000, 6000), BY_VIEWER, STARTED)
}

/// Every kind there is.
#[rustfmt::skip]
pub const KINDS: &[Kind] = {
    use Fault::{
        Clock, Clock1970, Crowd, DatabaseEmptied, DatabaseTorn, DiskFull, DiskReadOnly, FewDescriptors, Flood, Freeze,
        KeyRevoked, Kill, LogUnread, NoNames, OtherPorts, RobotRevoked, Suspend, Terminate, Twin,
    };
    use Link::{Mqtt as ToBroker, Publish, Signaling};
    use Program::{Broker, Robot, Station};
    &[
        kind("robot killed", Kill(Robot), (0, 0), ALL, STARTED),
        kind("robot ended", Terminate(Robot), (0, 0), ALL, STARTED),
        kind("robot frozen", Freeze(Robot), (300, 1900), ALL, SOON),
        kind("robot hangs", Freeze(Robot), (4000, 8000), ALL, STARTED),
        kind("station killed", Kill(Station), (0, 0), ALL, STARTED),
        kind("station ended", Terminate(Station), (0, 0), ALL, STARTED),
        kind("station frozen", Freeze(Station), (300, 2500), ALL, SOON),
        kind("station hangs", Freeze(Station), (5000, 15_000), ALL, STARTED),
        kind("station hangs for long", Freeze(Station), (31_000, 33_000), ALL, STARTED),
        kind("broker killed", Kill(Broker), (0, 0), ALL, SOON),
        kind("broker ended", Terminate(Broker), (0, 0), ALL, SOON),
        kind("broker frozen", Freeze(Broker), (300, 2000), ALL, SOON),
        kind("broker hangs", Freeze(Broker), (5000, 12_000), ALL, STARTED),
        kind("all sleep", Suspend, (1000, 10_000), ALL, STARTED),
        kind("link to broker cut", link(ToBroker, Flow::Cut), (0, 4000), BY_STATION, SOON),
        kind("link to broker reset", link(ToBroker, Flow::Reset), (0, 4000), BY_STATION, SOON),
        kind("link to broker dead", link(ToBroker, Flow::Held), (500, 12_000), BY_STATION, SOON),
        kind("link to broker dead upwards", link(ToBroker, Flow::HeldUp), (500, 8000), BY_STATION, SOON),
        kind("link to broker dead downwards", link(ToBroker, Flow::HeldDown), (500, 8000), BY_STATION, SOON),
        kind("link to broker half open", link(ToBroker, Flow::HalfOpen), (2000, 8000), BY_STATION, STARTED),
        kind("link to broker slow", link(ToBroker, Flow::Slow), (2000, 6000), BY_STATION, SOON),
        kind("link to broker uneven", link(ToBroker, Flow::Jitter(300)), (2000, 6000), BY_STATION, SOON),
        kind("link to signaling cut", link(Signaling, Flow::Cut), (0, 4000), BY_VIEWER, STARTED),
        kind("link to signaling reset", link(Signaling, Flow::Reset), (0, 4000), BY_VIEWER, STARTED),
        kind("link to signaling dead", link(Signaling, Flow::Held), (500, 8000), BY_VIEWER, STARTED),
        kind("link to publish dead", link(Publish, Flow::Held), (500, 6000), BY_HTTP, SOON),
        kind("link to publish dead upwards", link(Publish, Flow::HeldUp), (500, 6000), BY_HTTP, SOON),
        kind("link to publish reset", link(Publish, Flow::Reset), (0, 2000), BY_HTTP, SOON),
        kind("link to publish slow", link(Publish, Flow::Slow), (2000, 6000), BY_HTTP, SOON),
        path("path gone", Shape { gone: true, ..PATH }),
        path("path loses 8 %", Shape { loss: 0.08, ..PATH }),
        path("path loses 30 %", Shape { loss: 0.3, ..PATH }),
        path("path duplicates", Shape { twice: 0.5, ..PATH }),
        path("path reorders", Shape { jitter: Duration::from_millis(40), overtakes: true, ..PATH }),
        path("path uneven", Shape { jitter: Duration::from_millis(300), ..PATH }),
        kind("station on other ports", OtherPorts, (0, 0), ALL, STARTED),
        kind("disk full", DiskFull, (2000, 5000), ALL, SOON),
        kind("disk read-only", DiskReadOnly, (2000, 5000), ALL, STARTED),
        kind("database emptied", DatabaseEmptied, (2000, 4000), ALL, STARTED),
        kind("database torn", DatabaseTorn, (2000, 4000), ALL, STARTED),
        kind("robot's log unread", LogUnread(Robot), (2000, 4000), ALL, STARTED),
        kind("station's log unread", LogUnread(Station), (2000, 4000), ALL, STARTED),
        kind("robot has few descriptors", FewDescriptors(Robot), (1000, 4000), ALL, SOON),
        kind("station has few descriptors", FewDescriptors(Station), (1000, 4000), ALL, SOON),
        kind("robot's clock + 1 h", Clock(Robot, 3600), (1000, 3000), ALL, SOON),
        kind("robot's clock - 1 h", Clock(Robot, -3600), (1000, 3000), ALL, SOON),
        kind("robot's clock + 2 s", Clock(Robot, 2), (1000, 3000), ALL, SOON),
        kind("robot's clock - 2 s", Clock(Robot, -2), (1000, 3000), ALL, SOON),
        kind("robot's clock in 1970", Clock1970, (1000, 3000), ALL, SOON),
        kind("station's clock + 1 h", Clock(Station, 3600), (1000, 3000), ALL, SOON),
        kind("station's clock - 1 h", Clock(Station, -3600), (1000, 3000), ALL, SOON),
        kind("robot's clock + 20 years", Clock(Robot, TWENTY_YEARS_S), (1000, 3000), ALL, SOON),
        kind("station's clock + 20 years", Clock(Station, TWENTY_YEARS_S), (1000, 3000), ALL, STARTED),
        kind("names not resolved", NoNames, (1000, 5000), BY_STATION, SOON),
        kind("robot revoked", RobotRevoked, (1000, 3000), ALL, STARTED),
        kind("key revoked", KeyRevoked, (500, 2000), &[Http, DataChannel], STARTED),
        kind("1,000 actions a second", Flood, (1000, 3000), ALL, SOON),
        kind("fifty viewers", Crowd, (1000, 3000), ALL, SOON),
        kind("twin", Twin, (3000, 6000), BY_STATION, SOON),
    ]
};

const fn link(link: Link, flow: Flow) -> Fault {
    Fault::Link(link, flow)
}

impl Fault {
    /// Whether somebody else may drive as soon as nobody does, so that the key is held throughout.
    pub fn needs_a_held_key(&self) -> bool {
        matches!(self, Self::Flood)
    }

    /// Whether only an administrator can bring it about: it mounts.
    pub fn needs_root(&self) -> bool {
        matches!(self, Self::DiskFull | Self::DiskReadOnly)
    }
}
