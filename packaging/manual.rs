//! `manual FOLDER`: man pages and shell completions of the daemons, made from their own command
//! lines, so that they cannot say anything else. A feature for each daemon: whoever packs one
//! compiles one.
//!
//! Below the folder lies one for each daemon, with its files named as they are installed.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::{Command, CommandFactory};
use clap_complete::Shell;
use clap_mangen::Man;

fn main() -> Result<()> {
    let folder = std::env::args_os().nth(1).map(PathBuf::from);
    let folder = folder.context("usage: manual FOLDER")?;
    daemons()
        .into_iter()
        .try_for_each(|daemon| write(daemon, &folder))
}

fn daemons() -> Vec<Command> {
    vec![
        #[cfg(feature = "robot-agent")]
        robot_agent::arguments::Arguments::command(),
        #[cfg(feature = "display-agent")]
        display_agent::arguments::Arguments::command(),
        #[cfg(feature = "ground-station")]
        ground_station::cli::Cli::command(),
    ]
}

fn write(mut daemon: Command, folder: &Path) -> Result<()> {
    // The heading of every page: who made it, and not the name of a subcommand.
    let source = format!(
        "Outpost {}",
        daemon.get_version().context("a daemon has a version")?
    );
    let name = daemon.get_name().to_owned();
    let folder = folder.join(&name);
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
        clap_complete::generate_to(shell, &mut daemon, &name, &folder)?;
    }
    daemon = daemon.disable_help_subcommand(true);
    daemon.build();
    pages(&daemon, &name, &source, &folder)
}

/// One page for a command, and one for each of its subcommands.
fn pages(command: &Command, page: &str, source: &str, folder: &Path) -> Result<()> {
    let man = Man::new(command.clone())
        .title(page.to_uppercase())
        .source(source)
        .manual("Outpost");
    let mut text = Vec::new();
    man.render(&mut text)?;
    fs::write(folder.join(format!("{page}.1")), text)?;
    command
        .get_subcommands()
        .filter(|below| !below.is_hide_set())
        .try_for_each(|below| {
            let name = format!("{page}-{}", below.get_name());
            pages(below, &name, source, folder)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_that_is_shown_has_a_page_and_completions() {
        let folder = tempfile::tempdir().unwrap();
        for daemon in daemons() {
            let name = daemon.get_name().to_owned();
            let shown: Vec<String> = daemon
                .get_subcommands()
                .filter(|command| !command.is_hide_set())
                .map(|command| command.get_name().to_owned())
                .collect();
            assert!(!shown.is_empty(), "{name}");
            write(daemon, folder.path()).unwrap();
            let read = |file: String| {
                let path = folder.path().join(&name).join(&file);
                fs::read_to_string(&path).unwrap_or_else(|error| panic!("{file}: {error}"))
            };
            let page = read(format!("{name}.1"));
            for command in shown {
                assert!(
                    page.contains(&command.replace('-', "\\-")),
                    "{name} {command}"
                );
                let below = read(format!("{name}-{command}.1"));
                assert!(below.contains(".SH OPTIONS"), "{name} {command}");
                assert!(read(format!("{name}.bash")).contains(&command));
            }
            read(format!("_{name}"));
            read(format!("{name}.fish"));
        }
    }
}
