//! What the kernel says about the computer: temperature, load, memory, wireless signal.
//! What it does not say is absent.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use wire::telemetry::System;

/// On a Raspberry Pi the temperature is asked of the firmware, which takes a while, and
/// none of this changes faster.
const FRESH: Duration = Duration::from_millis(900);

/// Reads `/proc` and `/sys` under a root, which is `/` outside tests.
pub(super) struct Machine {
    root: PathBuf,
    last: Option<(Instant, System)>,
}

impl Machine {
    pub(super) fn new(root: impl AsRef<Path>) -> Self {
        Self {
            root: root.as_ref().to_owned(),
            last: None,
        }
    }

    /// How the computer is; read anew when the last reading is old.
    pub(super) fn read(&mut self, now: Instant) -> System {
        if let Some((at, system)) = self.last
            && now.saturating_duration_since(at) < FRESH
        {
            return system;
        }
        let system = System {
            cpu_temp_c: self.cpu_temp_c(),
            load1: self.load1(),
            rss_kib: self.rss_kib(),
            wifi_dbm: self.wifi_dbm(),
        };
        self.last = Some((now, system));
        system
    }

    fn text(&self, path: &str) -> Option<String> {
        fs::read_to_string(self.root.join(path)).ok()
    }

    /// Thousandths of a degree; what no chip survives is a sensor that is not there.
    fn cpu_temp_c(&self) -> Option<f64> {
        let text = self.text("sys/class/thermal/thermal_zone0/temp")?;
        let degrees = text.trim().parse::<f64>().ok()? / 1000.0;
        (-50.0..=150.0).contains(&degrees).then_some(degrees)
    }

    fn load1(&self) -> Option<f64> {
        let text = self.text("proc/loadavg")?;
        let load: f64 = text.split_whitespace().next()?.parse().ok()?;
        (load.is_finite() && load >= 0.0).then_some(load)
    }

    fn rss_kib(&self) -> Option<u64> {
        let text = self.text("proc/self/status")?;
        let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        line.trim().strip_suffix("kB")?.trim().parse().ok()
    }

    /// The strongest interface. `level` is the fourth column, in dBm where it is negative;
    /// some drivers give a bare percentage instead, which says nothing here.
    fn wifi_dbm(&self) -> Option<f64> {
        let text = self.text("proc/net/wireless")?;
        text.lines()
            .filter(|line| line.contains(':'))
            .filter_map(|line| {
                let level = line.split_whitespace().nth(3)?;
                level.trim_end_matches('.').parse::<f64>().ok()
            })
            .filter(|level| (-120.0..0.0).contains(level))
            .max_by(f64::total_cmp)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;

    fn machine(files: &[(&str, &str)]) -> (tempfile::TempDir, Machine) {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let machine = Machine::new(root.path());
        (root, machine)
    }

    #[test]
    fn a_raspberry_pi_says_everything() {
        let (_root, mut machine) = machine(&[
            ("sys/class/thermal/thermal_zone0/temp", "48312\n"),
            ("proc/loadavg", "0.21 0.13 0.10 1/169 2412\n"),
            (
                "proc/self/status",
                "Name:\trobot-agent\nVmRSS:\t    9876 kB\n",
            ),
            (
                "proc/net/wireless",
                "Inter-| sta-|   Quality        |   Discarded packets\n\
                 face | tus | link level noise |  nwid  crypt   frag\n\
                 wlan0: 0000   53.  -57.  -256        0      0      0\n",
            ),
        ]);
        assert_eq!(
            machine.read(clock::now()),
            System {
                cpu_temp_c: Some(48.312),
                load1: Some(0.21),
                rss_kib: Some(9876),
                wifi_dbm: Some(-57.0),
            }
        );
    }

    #[test]
    fn what_is_missing_or_nonsense_is_absent() {
        let (_root, mut machine) = machine(&[
            ("sys/class/thermal/thermal_zone0/temp", "-274000\n"),
            ("proc/loadavg", ""),
            ("proc/self/status", "VmRSS: many kB\n"),
            ("proc/net/wireless", "wlan0: 0000 53. 70. 0 0\nwlan1:\n"),
        ]);
        assert_eq!(machine.read(clock::now()), System::default());
        assert_eq!(
            Machine::new("/nowhere").read(clock::now()),
            System::default()
        );
    }

    #[test]
    fn a_reading_is_used_again_while_it_is_fresh() {
        let (root, mut machine) = machine(&[("proc/loadavg", "1.0 ")]);
        let now = clock::now();
        assert_eq!(machine.read(now).load1, Some(1.0));
        fs::write(root.path().join("proc/loadavg"), "2.0 ").unwrap();
        assert_eq!(machine.read(now + FRESH / 2).load1, Some(1.0));
        assert_eq!(machine.read(now + FRESH).load1, Some(2.0));
    }
}
