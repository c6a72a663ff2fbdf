//! How each fault is brought about, and mended.

use crate::false_libc::FalseLibc;
use crate::faults::kind::{Fault, Link, PATH, Program};
use crate::faults::launch::Start;
use crate::faults::scene::Scene;
use crate::process::children;
use crate::station::Ready;
use crate::tcp_relay::Flow;
use crate::unix_ns;
use rustix::process::{Pid, Resource, Rlimit, Signal, kill_process, prlimit};
use std::net::TcpListener;

impl Scene {
    /// Breaks something.
    ///
    /// # Errors
    /// When it cannot be broken.
    pub(super) async fn begin(&mut self, fault: &Fault) -> anyhow::Result<()> {
        match *fault {
            Fault::Kill(program) => self.kill(program, Signal::KILL),
            Fault::Terminate(program) => self.kill(program, Signal::TERM),
            Fault::Freeze(program) => self.freeze(program),
            Fault::Suspend => {
                for program in [Program::Robot, Program::Broker, Program::Station] {
                    self.freeze(program);
                }
            }
            Fault::Link(link, flow) => self.link(link).set(flow),
            Fault::Path(shape) => self.hands.set_path(shape).await,
            Fault::OtherPorts => self.other_ports()?,
            Fault::DiskFull => self.fill_disk()?,
            Fault::DiskReadOnly => {
                // A disk that somebody writes to cannot be made read-only.
                self.station_down().await;
                self.remount("ro").await?;
                self.restart_station(Start::default());
            }
            Fault::DatabaseEmptied => self.damage_database(|_| 0).await?,
            Fault::DatabaseTorn => self.damage_database(|length| length / 2).await?,
            Fault::LogUnread(program) => self.log_into_full_pipe(program)?,
            Fault::FewDescriptors(program) => self.limit_descriptors(program, true),
            Fault::Clock(program, seconds) => {
                self.distrust_clock(program == Program::Robot);
                self.libc(program).set_clock(seconds);
                self.reconnect();
            }
            Fault::Clock1970 => {
                self.distrust_clock(true);
                self.libc(Program::Robot).set_clock_1970();
                self.reconnect();
            }
            Fault::NoNames => {
                self.libc(Program::Robot).resolve_nothing();
                self.reconnect();
            }
            Fault::RobotRevoked => {
                self.command(&["revoke", "rover"]).await?;
                self.forbidden = Some((unix_ns(), u64::MAX));
            }
            Fault::KeyRevoked => {
                anyhow::ensure!(!self.keys.is_empty(), "there is no key");
                let key = self.keys.remove(0);
                self.command(&["revoke", "--key", &key.number]).await?;
                self.forbidden = Some((unix_ns(), u64::MAX));
            }
            Fault::Flood => self.flood(),
            Fault::Crowd => self.crowd().await?,
            Fault::Twin => self.twin().await?,
        }
        Ok(())
    }

    /// Brings about what must be there before the driver begins.
    pub(super) fn prepare(&mut self, fault: &Fault) {
        let program = match *fault {
            Fault::Clock(program, _) => program,
            Fault::Clock1970 | Fault::NoNames => Program::Robot,
            _ => return,
        };
        self.libc(program).tell_truth();
        let start = Start {
            env: self.libc(program).env().to_vec(),
            log: None,
        };
        self.restart(program, start);
    }

    /// Mends it.
    ///
    /// # Errors
    /// When it cannot be mended, or was not refused as it must be.
    pub(super) async fn heal(&mut self, fault: &Fault) -> anyhow::Result<()> {
        match *fault {
            Fault::Freeze(program) => self.thaw(program),
            Fault::Suspend => {
                for program in [Program::Station, Program::Broker, Program::Robot] {
                    self.thaw(program);
                }
            }
            Fault::Link(link, _) => self.link(link).set(Flow::Open),
            Fault::Path(_) => self.hands.set_path(PATH).await,
            Fault::DiskFull => std::fs::remove_file(self.disk.join("filler"))?,
            Fault::DiskReadOnly => self.remount("rw").await?,
            Fault::DatabaseEmptied | Fault::DatabaseTorn => self.restore_database()?,
            Fault::LogUnread(program) => {
                self.held.abort_all();
                self.restart(program, Start::default());
            }
            // Of a clock that is one more jump.
            Fault::Clock(..) | Fault::Clock1970 | Fault::NoNames => {
                self.libc(Program::Robot).tell_truth();
                self.libc(Program::Station).tell_truth();
                self.reconnect();
            }
            Fault::FewDescriptors(program) => self.limit_descriptors(program, false),
            Fault::RobotRevoked => self.enroll_again().await?,
            Fault::KeyRevoked => {
                self.new_key().await?;
                self.forbidden = self.forbidden.map(|(from, _)| (from, unix_ns()));
            }
            Fault::Flood | Fault::Crowd | Fault::Twin => self.held.abort_all(),
            Fault::Kill(_) | Fault::Terminate(_) | Fault::OtherPorts => {}
        }
        Ok(())
    }

    /// Ends the robot's connection to the broker, so that it must make another one.
    fn reconnect(&self) {
        self.link(Link::Mqtt).set(Flow::Cut);
        self.link(Link::Mqtt).set(Flow::Open);
    }

    fn libc(&self, program: Program) -> &FalseLibc {
        match program {
            Program::Robot => &self.robots_libc,
            _ => &self.stations_libc,
        }
    }

    fn pid(&self, program: Program) -> Option<Pid> {
        match program {
            Program::Robot => self.robot.pid(),
            Program::Station => self.daemon.pid(),
            Program::Broker => {
                let station = u32::try_from(self.daemon.pid()?.as_raw_nonzero().get()).ok()?;
                children(station).first().copied()
            }
        }
    }

    fn signal(&self, program: Program, signal: Signal) {
        if let Some(pid) = self.pid(program) {
            let _ = kill_process(pid, signal);
        }
    }

    fn kill(&mut self, program: Program, signal: Signal) {
        if program == Program::Robot && signal == Signal::KILL {
            self.gone.push((unix_ns(), None));
        }
        self.signal(program, signal);
    }

    fn freeze(&mut self, program: Program) {
        if program == Program::Robot {
            self.gone.push((unix_ns(), None));
        }
        self.signal(program, Signal::STOP);
    }

    fn thaw(&mut self, program: Program) {
        self.signal(program, Signal::CONT);
        if program == Program::Robot
            && let Some((_, back)) = self.gone.last_mut()
        {
            *back = Some(unix_ns());
        }
    }

    fn restart(&self, program: Program, start: Start) {
        match program {
            Program::Robot => self.restart_robot(start),
            _ => self.restart_station(start),
        }
    }

    fn other_ports(&mut self) -> anyhow::Result<()> {
        let ports = [(); 3].map(|()| TcpListener::bind("127.0.0.1:0"));
        let [http, https, mqtt] =
            ports.map(|port| Ok::<_, std::io::Error>(port?.local_addr()?.to_string()));
        self.moved(Ready {
            http: http?,
            https: https?,
            mqtt: mqtt?,
        });
        self.restart_station(Start::default());
        Ok(())
    }

    fn log_into_full_pipe(&mut self, program: Program) -> anyhow::Result<()> {
        let (reader, writer) = rustix::pipe::pipe()?;
        let room = rustix::pipe::fcntl_getpipe_size(&writer)?;
        rustix::io::write(&writer, &vec![b'\n'; room])?;
        self.held.spawn(async move {
            let _reader = reader;
            std::future::pending().await
        });
        let start = Start {
            env: Vec::new(),
            log: Some(writer),
        };
        self.restart(program, start);
        Ok(())
    }

    fn limit_descriptors(&self, program: Program, few: bool) {
        let Some(pid) = self.pid(program) else {
            return;
        };
        let open = std::fs::read_dir(format!("/proc/{}/fd", pid.as_raw_nonzero()));
        let open = open.map_or(0, |files| files.count() as u64);
        let limit = rustix::process::getrlimit(Resource::Nofile);
        let current = if few { Some(open) } else { limit.current };
        let limit = Rlimit {
            current,
            maximum: limit.maximum,
        };
        let _ = prlimit(Some(pid), Resource::Nofile, limit);
    }

    async fn enroll_again(&mut self) -> anyhow::Result<()> {
        let config = self.folder.config();
        let out = self.folder.path().display().to_string();
        self.robot.relaunch(|unit| unit.start = None);
        self.command(&[
            "new-robot",
            "rover",
            "--force",
            "--out",
            &out,
            "--host",
            "localhost",
        ])
        .await?;
        self.folder.write_config(&config);
        self.restart_robot(Start::default());
        self.forbidden = self.forbidden.map(|(from, _)| (from, unix_ns()));
        Ok(())
    }
}
