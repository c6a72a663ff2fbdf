//! A log that nobody reads, or whose reader is gone, stops nothing.

use rustix::process::Signal;
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;
use tests::process::{Process, command};
use tests::{Robot, Station, eventually};

const LONG_DRIVE: &str = r#"{"action":"forward","duration_ms":2000}"#;
const STOP: &str = r#"{"action":"stop"}"#;

/// A pipe, as a shell has it between a program and the next one.
struct Pipe {
    reader: BufReader<File>,
    writer: File,
}

impl Pipe {
    fn new() -> Self {
        let (reader, writer) = rustix::pipe::pipe().unwrap();
        Self {
            reader: BufReader::new(reader.into()),
            writer: writer.into(),
        }
    }

    /// One that takes nothing more until somebody reads.
    fn full() -> Self {
        let mut pipe = Self::new();
        let room = rustix::pipe::fcntl_getpipe_size(&pipe.writer).unwrap();
        pipe.writer.write_all(&vec![b'\n'; room]).unwrap();
        pipe
    }

    fn input(&self) -> Stdio {
        self.writer.try_clone().unwrap().into()
    }

    /// Reads one line and goes away, as `head -1` does.
    fn read_one_line(self) {
        let Self { mut reader, writer } = self;
        drop(writer);
        assert!(reader.read_line(&mut String::new()).unwrap() > 0);
    }
}

/// It moves, obeys a stop in mid-drive, and ends when it is asked to.
async fn drives_and_ends(station: &Station, key: &str, mut robot: Robot) {
    for _ in 0..3 {
        let seen = robot.folder.writes().len();
        station.drive_until_it_moves(&robot, key).await;
        assert!(robot.pulse(seen).await.as_millis() < 1000);
    }
    let seen = robot.folder.writes().len();
    station.publish("rover", key, LONG_DRIVE).await;
    robot.wheels(seen, "the wheels turn", |w| w.moves()).await;
    station.publish("rover", key, STOP).await;
    assert!(robot.pulse(seen).await.as_millis() < 2000);
    station.publish("rover", key, LONG_DRIVE).await;
    robot.process().signal(Signal::TERM);
    assert!(robot.process().ended().await.success());
    assert!(robot.folder.last_write().is_some_and(|w| !w.moves()));
}

#[tokio::test]
async fn a_robot_whose_logs_reader_is_gone_drives_on() {
    let station = Station::start().await;
    let key = station.new_key("rover").await;
    let folder = station.new_robot("rover").await;
    let pipe = Pipe::new();
    let robot = Robot::start_logging_to(folder, pipe.input());
    pipe.read_one_line();
    drives_and_ends(&station, &key, robot).await;
}

#[tokio::test]
async fn a_robot_whose_log_nobody_reads_drives_on() {
    let station = Station::start().await;
    let key = station.new_key("rover").await;
    let folder = station.new_robot("rover").await;
    let pipe = Pipe::full();
    let robot = Robot::start_logging_to(folder, pipe.input());
    drives_and_ends(&station, &key, robot).await;
}

/// The station again on its ports, with all its output in `pipe`.
async fn restart_into(station: &mut Station, pipe: &Pipe) -> Process {
    station.process().kill().await;
    let (ready, mut run) = (station.ready.clone(), command("ground-station"));
    run.arg("--state").arg(station.state()).arg("run");
    run.args(["--http", &ready.http, "--https", &ready.https]);
    run.args(["--mqtt", &ready.mqtt]).env("RUST_LOG", "debug");
    Process::start_unlogged({
        run.stdout(pipe.input()).stderr(pipe.input());
        run
    })
}

/// It answers, passes actions on, and ends when it is asked to.
async fn answers_and_ends(station: &Station, key: &str, robot: &Robot, mut process: Process) {
    eventually("the station answers", async || {
        station.request("GET", "/healthz").send().await.ok()
    })
    .await;
    station.drive_until_it_moves(robot, key).await;
    for _ in 0..200 {
        assert_eq!(station.ask("GET", "/healthz", &[], "").await.0, 200);
    }
    process.signal(Signal::TERM);
    assert!(process.ended().await.success());
}

#[tokio::test]
async fn a_station_whose_logs_reader_is_gone_serves_on() {
    let mut station = Station::start().await;
    let key = station.new_key("rover").await;
    let robot = Robot::start(station.new_robot("rover").await);
    let pipe = Pipe::new();
    let process = restart_into(&mut station, &pipe).await;
    pipe.read_one_line();
    answers_and_ends(&station, &key, &robot, process).await;
}

#[tokio::test]
async fn a_station_whose_log_nobody_reads_serves_on() {
    let mut station = Station::start().await;
    let key = station.new_key("rover").await;
    let robot = Robot::start(station.new_robot("rover").await);
    let pipe = Pipe::full();
    let process = restart_into(&mut station, &pipe).await;
    answers_and_ends(&station, &key, &robot, process).await;
}
