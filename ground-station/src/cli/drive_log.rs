//! `log`: who drove a robot, and when.

use super::context::{CommandContext, print};
use super::robots::robot_name;
use crate::clock;
use crate::store::{DriveEntry, DriveEvent, MAX_ENTRIES, Sender};
use anyhow::bail;
use clap::Args;
use std::time::Duration;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use time::{Date, OffsetDateTime, Time};
use wire::telemetry::Via;

#[derive(Debug, Args)]
pub(super) struct Log {
    /// The robot
    #[arg(value_parser = robot_name)]
    name: String,
    /// Only what is younger than 90s, 30m, 12h or 7d, or not before 2026-11-26 or
    /// 2026-11-26T18:00:00Z; without, everything that is kept
    #[arg(long, value_name = "WHEN", value_parser = since)]
    since: Option<Since>,
    /// A line of JSON for each entry
    #[arg(long)]
    json: bool,
}

/// From when on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Since {
    Ago(Duration),
    UnixMs(u64),
}

impl Log {
    pub(super) fn run(self, context: &CommandContext) -> anyhow::Result<()> {
        if !context.store.directory().robots.contains(&self.name) {
            bail!("no robot is named {:?}", self.name);
        }
        let since_ms = match self.since {
            None => 0,
            Some(Since::UnixMs(ms)) => ms,
            Some(Since::Ago(ago)) => clock::unix_ms().saturating_sub(ago.as_millis() as u64),
        };
        let entries = context
            .store
            .drive_entries(&self.name, since_ms, MAX_ENTRIES)?;
        for entry in entries.iter().rev() {
            if self.json {
                print(serde_json::to_string(entry)?)?;
            } else {
                print(line(entry))?;
            }
        }
        Ok(())
    }
}

fn line(entry: &DriveEntry) -> String {
    let at = OffsetDateTime::from_unix_timestamp((entry.at_ms / 1000) as i64)
        .unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let shown = format_description!("[year]-[month]-[day] [hour]:[minute]:[second]Z");
    let at = at.format(&shown).unwrap_or_default();
    let what = match &entry.event {
        DriveEvent::Began { driver } => format!("{} drives, {}", name(driver), road(driver)),
        DriveEvent::TookOver { driver, from } => format!(
            "{} took over from {}, {}",
            name(driver),
            name(from),
            road(driver)
        ),
        DriveEvent::Ended { driver } => format!("{} ended", name(driver)),
        DriveEvent::Stopped { driver, by } => {
            format!("{} was stopped by {}, {}", name(driver), name(by), road(by))
        }
        DriveEvent::Lost { driver } => {
            format!("the robot reports no more; {} was driving", name(driver))
        }
    };
    format!("{at}  {what}")
}

/// As whoever reads a terminal knows them; a name must not be able to move its cursor.
fn name(sender: &Sender) -> String {
    let id = sender.id.escape_debug();
    match &sender.user {
        Some(user) => format!("{} ({id})", user.escape_debug()),
        None => id.to_string(),
    }
}

fn road(sender: &Sender) -> &'static str {
    match sender.via {
        Via::Mqtt => "over MQTT",
        Via::DataChannel => "by data channel",
    }
}

/// A value parser.
fn since(text: &str) -> Result<Since, String> {
    let ago = ago(text).map(Since::Ago);
    let day = || Date::parse(text, &format_description!("[year]-[month]-[day]")).ok();
    let moment = || OffsetDateTime::parse(text, &Rfc3339).ok();
    ago.or_else(|| {
        let at = moment().or_else(|| Some(day()?.with_time(Time::MIDNIGHT).assume_utc()))?;
        let ms = at.unix_timestamp_nanos() / 1_000_000;
        u64::try_from(ms).ok().map(Since::UnixMs)
    })
    .ok_or_else(|| {
        format!("{text:?} is no time like 30m, 12h, 7d, 2026-11-26 or 2026-11-26T18:00:00Z")
    })
}

fn ago(text: &str) -> Option<Duration> {
    let unit = text.chars().next_back()?;
    let unit_s = match unit {
        's' => 1,
        'm' => 60,
        'h' => 60 * 60,
        'd' => 24 * 60 * 60,
        _ => return None,
    };
    let number: u64 = text[..text.len() - unit.len_utf8()].parse().ok()?;
    number.checked_mul(unit_s).map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_so_long_ago_or_a_moment() {
        for (text, read) in [
            ("90s", Since::Ago(Duration::from_secs(90))),
            ("7d", Since::Ago(Duration::from_secs(604_800))),
            ("1970-01-02", Since::UnixMs(86_400_000)),
            ("1970-01-01T01:00:00+01:00", Since::UnixMs(0)),
        ] {
            assert_eq!(since(text), Ok(read), "{text}");
        }
        for text in [
            "",
            "d",
            "7",
            "7w",
            "-1d",
            "1960-01-01",
            "99999999999999999999d",
            "7ü",
        ] {
            assert!(since(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_line_says_when_who_and_by_which_road() {
        let sender = |id: &str, user: Option<&str>, via| Sender {
            id: id.to_owned(),
            user: user.map(str::to_owned),
            via,
        };
        let ann = || sender("page-1", Some("user-ann"), Via::DataChannel);
        let key = || sender("mqtt", None, Via::Mqtt);
        let evil = || sender("\u{1b}[2J", None, Via::Mqtt);
        for (event, said) in [
            (
                DriveEvent::Began { driver: ann() },
                "user-ann (page-1) drives, by data channel",
            ),
            (
                DriveEvent::TookOver {
                    driver: key(),
                    from: ann(),
                },
                "mqtt took over from user-ann (page-1), over MQTT",
            ),
            (
                DriveEvent::Stopped {
                    driver: key(),
                    by: ann(),
                },
                "mqtt was stopped by user-ann (page-1), by data channel",
            ),
            (DriveEvent::Ended { driver: evil() }, "\\u{1b}[2J ended"),
            (
                DriveEvent::Lost { driver: key() },
                "the robot reports no more; mqtt was driving",
            ),
        ] {
            let entry = DriveEntry {
                at_ms: 86_399_999,
                event,
            };
            assert_eq!(line(&entry), format!("1970-01-01 23:59:59Z  {said}"));
        }
    }
}
