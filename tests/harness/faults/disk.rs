//! What happens to the station's disk, and to the database on it.

use crate::faults::launch::Start;
use crate::faults::scene::Scene;
use std::time::Duration;
use tokio::time::sleep;

/// Exit status of a daemon that must not start on what it finds.
const REFUSED: i32 = 78;

impl Scene {
    pub(super) fn fill_disk(&self) -> anyhow::Result<()> {
        let mut filler = std::fs::File::create(self.disk.join("filler"))?;
        // Until it says that there is no space left.
        let chunk = vec![0; 64 * 1024];
        while std::io::Write::write_all(&mut filler, &chunk).is_ok() {}
        Ok(())
    }

    pub(super) async fn remount(&self, how: &str) -> anyhow::Result<()> {
        let mut mount = tokio::process::Command::new("mount");
        mount
            .args(["-o", &format!("remount,{how}")])
            .arg(&self.disk);
        let (status, _, stderr) = crate::process::output(mount).await;
        anyhow::ensure!(status.success(), "{stderr}");
        Ok(())
    }

    pub(super) async fn station_down(&self) {
        self.daemon.relaunch(|unit| unit.start = None);
        while self.daemon.pid().is_some() {
            sleep(Duration::from_millis(10)).await;
        }
    }

    pub(super) async fn damage_database(
        &mut self,
        left: impl Fn(u64) -> u64,
    ) -> anyhow::Result<()> {
        self.station_down().await;
        let database = self.disk.join("station.db");
        std::fs::copy(&database, self.path().join("station.db.whole"))?;
        let file = std::fs::OpenOptions::new().write(true).open(&database)?;
        file.set_len(left(file.metadata()?.len()))?;
        self.restart_station(Start::default());
        Ok(())
    }

    pub(super) fn restore_database(&mut self) -> anyhow::Result<()> {
        let last = self.daemon.ended().last().map(|end| end.status);
        let whole = self.path().join("station.db.whole");
        std::fs::copy(whole, self.disk.join("station.db"))?;
        self.restart_station(Start::default());
        let refused = last.and_then(|status| status.code()) == Some(REFUSED);
        anyhow::ensure!(
            refused,
            "a damaged database was taken for a station's: {last:?}"
        );
        Ok(())
    }
}
