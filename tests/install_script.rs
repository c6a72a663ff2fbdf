//! `scripts/install` on the files of a Raspberry Pi that is only a folder.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

const MODEL: &str = "Raspberry Pi 4 Model B Rev 1.4\0";

/// As Raspberry Pi OS 12 brings it, shortened; it ends without an end of line.
const CONFIG: &str = "\
# For more options and information see the documentation
#dtparam=i2c_arm=on
#dtparam=spi=on
dtparam=audio=on
camera_auto_detect=1
[cm4]
dtparam=i2c_arm=on
otg_mode=1";

struct Pi(TempDir);

impl Pi {
    fn new(config: &str) -> Self {
        let pi = Self(tempfile::tempdir().unwrap());
        for (file, text) in [
            ("proc/device-tree/model", MODEL),
            ("boot/firmware/config.txt", config),
            ("etc/modules", "# modules\n"),
        ] {
            let path = pi.path(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        pi
    }

    fn path(&self, file: &str) -> PathBuf {
        self.0.path().join(file)
    }

    fn config(&self) -> String {
        fs::read_to_string(self.path("boot/firmware/config.txt")).unwrap()
    }

    fn modules(&self) -> String {
        fs::read_to_string(self.path("etc/modules")).unwrap()
    }

    /// Runs the script with these answers on its standard input.
    fn install(&self, arguments: &[&str], answers: &str) -> String {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/install");
        let mut child = Command::new(script)
            .args(arguments)
            .arg("--root")
            .arg(self.0.path())
            .stdin(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // A script that asks nothing may end before it is answered.
        let _ = child.stdin.take().unwrap().write_all(answers.as_bytes());
        let Output { status, stderr, .. } = child.wait_with_output().unwrap();
        let says = String::from_utf8(stderr).unwrap();
        assert!(status.success(), "{says}");
        says
    }
}

const ADAFRUIT: [&str; 3] = ["--board", "adafruit-motor-hat", "--yes"];

#[test]
fn what_a_board_needs_is_set_for_every_model_and_the_rest_is_left_alone() {
    let pi = Pi::new(CONFIG);
    let says = pi.install(&ADAFRUIT, "");
    let config = pi.config();
    let added = config.strip_prefix(CONFIG).expect("what was there stays");
    assert!(added.starts_with('\n'), "{added:?}");
    assert!(added.ends_with("[all]\ndtparam=i2c_arm=on\n"), "{added:?}");
    assert_eq!(pi.modules(), "# modules\ni2c-dev\n");
    assert!(says.contains("is set: camera_auto_detect=1"), "{says}");
    assert!(says.contains("reboot"), "{says}");
    let before = fs::read_to_string(pi.path("boot/firmware/config.txt.before-outpost"));
    assert_eq!(before.unwrap(), CONFIG);
}

#[test]
fn a_second_run_changes_nothing() {
    let pi = Pi::new(CONFIG);
    let arguments = [&ADAFRUIT[..], &["--robot", "--display"]].concat();
    pi.install(&arguments, "");
    let (config, modules) = (pi.config(), pi.modules());
    let says = pi.install(&arguments, "");
    assert_eq!((pi.config(), pi.modules()), (config, modules));
    assert!(!says.contains("reboot"), "{says}");
}

#[test]
fn nothing_changes_without_a_yes() {
    for answers in ["", "n\nn\nn\nn\n", "what?\nno\nNO\nnever\n"] {
        let pi = Pi::new(CONFIG);
        pi.install(&["--board", "adafruit-motor-hat"], answers);
        assert_eq!(
            (pi.config(), pi.modules()),
            (CONFIG.into(), "# modules\n".into())
        );
    }
}

#[test]
fn each_line_is_asked_about_by_itself() {
    let pi = Pi::new("camera_auto_detect=0\n");
    let says = pi.install(&["--board", "explorer-hat"], "n\ny\n");
    assert!(says.contains("dtparam=strict_gpiod"), "{says}");
    assert!(pi.config().ends_with("[all]\ncamera_auto_detect=1\n"));
    assert!(!pi.config().contains("strict_gpiod"));
}

#[test]
fn what_is_said_in_other_ways_counts_too_and_the_last_word_holds() {
    for (config, is_set) in [
        ("dtparam=i2c_arm=on\n", true),
        ("dtparam=spi=on,i2c_arm=on\r\n", true),
        ("dtparam=i2c_arm=off\n[all]\ndtparam=i2c_arm=on\n", true),
        ("dtparam=i2c_arm=on\ndtparam=i2c_arm=off\n", false),
        ("[pi4]\ndtparam=i2c_arm=on\n", false),
        ("dtparam=i2c_arm_baudrate=400000\n", false),
        ("#dtparam=i2c_arm=on\n", false),
    ] {
        let pi = Pi::new(config);
        let says = pi.install(&ADAFRUIT, "");
        let found = says.contains("is set: dtparam=i2c_arm=on");
        assert_eq!(found, is_set, "{config:?}: {says}");
    }
    let pi = Pi::new("dtparam=strict_gpiod\ncamera_auto_detect=1\n");
    assert!(!pi.install(&["--yes"], "").contains("reboot"));
}

#[test]
fn another_computer_is_left_alone() {
    let pi = Pi::new(CONFIG);
    fs::write(pi.path("proc/device-tree/model"), "Some other board\0").unwrap();
    let says = pi.install(&["--yes"], "");
    assert!(says.contains("no Raspberry Pi"), "{says}");
    assert_eq!(pi.config(), CONFIG);
}
