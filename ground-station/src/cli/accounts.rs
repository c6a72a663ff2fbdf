//! `new-user` and `new-key`: who may ask over HTTP.

use super::context::{CommandContext, print};
use super::robots::robot_name;
use crate::auth::{hash_key, new_key, password};
use crate::clock;
use crate::hex;
use crate::store::{self, Permission, RobotScope};
use anyhow::{Context, ensure};
use clap::builder::PossibleValue;
use clap::{Args, ValueEnum};
use daemon::log;
use std::io::Read;

/// What a key may do when nobody says: enough for a page that holds a button down in several
/// tabs.
const RATE: f64 = 50.0;
/// See [`RATE`].
const BURST: u32 = 100;

#[derive(Debug, Args)]
pub(super) struct NewUser {
    /// The name to sign in with
    #[arg(value_parser = robot_name)]
    name: String,
    /// A robot they may drive; may be given again; without, all robots, or with --replace those they
    /// might before
    #[arg(long = "robot", value_name = "NAME", value_parser = robot_name)]
    robots: Vec<String>,
    /// With --replace: all robots from now on
    #[arg(long, requires = "replace", conflicts_with = "robots")]
    all_robots: bool,
    /// Read the password from standard input instead of making one
    #[arg(long)]
    password_stdin: bool,
    /// Give a user who is there a new password; old tokens end
    #[arg(long)]
    replace: bool,
}

#[derive(Debug, Args)]
pub(super) struct NewKey {
    /// A robot the key is for; may be given again; without, all robots
    #[arg(long = "robot", value_name = "NAME", value_parser = robot_name)]
    robots: Vec<String>,
    /// What the key may be used for; may be given again; without, publish
    #[arg(long = "may", value_name = "WHAT", value_enum)]
    may: Vec<Permission>,
    /// Requests per second in the long run
    #[arg(long, value_name = "PER_SECOND", default_value_t = RATE, value_parser = rate)]
    rate: f64,
    /// Requests that may come at once
    #[arg(long, value_name = "REQUESTS", default_value_t = BURST, value_parser = clap::value_parser!(u32).range(1..))]
    burst: u32,
    /// Requests per day (UTC); without, no limit
    #[arg(long, value_name = "PER_DAY")]
    quota: Option<u64>,
    /// How many certificates a key that may sign has signed before it ends
    #[arg(long, value_name = "COUNT", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1000))]
    certificates: u32,
    /// After how many days it has none signed any more
    #[arg(long, value_name = "DAYS", default_value_t = 7, value_parser = clap::value_parser!(u32).range(1..=366))]
    days: u32,
}

impl ValueEnum for Permission {
    fn value_variants<'a>() -> &'a [Self] {
        &[Self::Publish, Self::Sign, Self::Mars]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        let (name, help) = match self {
            Self::Publish => (
                "publish",
                "Tell its robots what to do, and see how they are",
            ),
            Self::Sign => ("sign", "Have certificates of its robots signed"),
            Self::Mars => ("mars", "Read the Mars API"),
        };
        Some(PossibleValue::new(name).help(help))
    }
}

impl NewUser {
    pub(super) fn run(self, context: &CommandContext) -> anyhow::Result<()> {
        let password = if self.password_stdin {
            read_password()?
        } else {
            password::generate()
        };
        context.store.add_user(
            &store::NewUser {
                name: self.name.clone(),
                password: password::hash(&password)?,
                robots: (self.all_robots || !self.robots.is_empty()).then(|| self.robots.into()),
                password_version: hex::encode(&rand::random::<[u8; 16]>()),
            },
            self.replace,
            clock::unix_s(),
        )?;
        if self.replace {
            context.wait_until_out(|_| true);
        } else {
            context.wait_until_applied();
        }
        if !self.password_stdin {
            print(password)?;
        }
        Ok(())
    }
}

fn read_password() -> anyhow::Result<String> {
    let mut text = String::new();
    // Room for the line's end.
    std::io::stdin()
        .lock()
        .take(password::MAX_BYTES as u64 + 3)
        .read_to_string(&mut text)
        .context("cannot read the password from standard input")?;
    let password = text.trim_end_matches(['\r', '\n']).to_owned();
    ensure!(
        password.chars().count() >= password::MIN_CHARS && password.len() <= password::MAX_BYTES,
        "a password has {} characters to {} bytes",
        password::MIN_CHARS,
        password::MAX_BYTES
    );
    Ok(password)
}

impl NewKey {
    pub(super) fn run(self, context: &CommandContext) -> anyhow::Result<()> {
        let mut may: std::collections::BTreeSet<_> = self.may.into_iter().collect();
        if may.is_empty() {
            may.insert(Permission::Publish);
        }
        let robots: RobotScope = self.robots.into();
        let of_one = matches!(&robots, RobotScope::Only(names) if names.len() == 1);
        let signs = may.contains(&Permission::Sign);
        ensure!(
            !signs || of_one,
            "a key that may sign needs one --robot NAME: the name in the certificate is the key's"
        );
        let now_s = clock::unix_s();
        let key = new_key();
        let id = context.store.add_key(
            &store::NewKey {
                hash: hash_key(&key),
                robots,
                may,
                rate: self.rate,
                burst: self.burst,
                quota: self.quota,
                certificates: if signs { self.certificates } else { 0 },
                signs_until_s: now_s + u64::from(self.days) * 86_400,
            },
            now_s,
        )?;
        context.wait_until_applied();
        log::line(format_args!(
            "key {id}: `ground-station revoke --key {id}` ends it"
        ));
        print(key)?;
        Ok(())
    }
}

fn rate(text: &str) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|rate: &f64| *rate > 0.0 && rate.is_finite())
        .ok_or_else(|| format!("{text:?} is not a number above 0"))
}
