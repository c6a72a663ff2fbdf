//! The exit codes of all three daemons, as sysexits.h has them, and the command line whose
//! mistakes have one of their own.

use std::process::ExitCode;

/// The command line cannot be understood (`EX_USAGE`).
pub const USAGE: u8 = 64;
/// The configuration cannot be used (`EX_CONFIG`); systemd does not restart after it, because the
/// units say `RestartPreventExitStatus=78`.
pub const CONFIG: u8 = 78;

/// Reads the command line. If there is nothing to run, the help or the mistake is printed and the
/// process should end with the returned code.
///
/// # Errors
/// Success after `--help` or `--version`, [`USAGE`] after a mistake.
pub fn parse_arguments<A: clap::Parser>() -> Result<A, ExitCode> {
    A::try_parse().map_err(|error| {
        // With stdout and stderr closed there is nobody to read it.
        let _ = error.print();
        ExitCode::from(if error.use_stderr() { USAGE } else { 0 })
    })
}
