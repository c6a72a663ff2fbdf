//! The resource name of a robot's channel.

use std::fmt;
use std::str::FromStr;

use wire::signaling::is_id;

use super::rejection::Rejection;

/// Longest resource name, as documented.
const MAX_BYTES: usize = 1024;

/// The account in our resource names; AWS' are twelve digits as well, and never all zero.
const ACCOUNT: &str = "000000000000";

/// `arn:aws:kinesisvideo:REGION:ACCOUNT:channel/ROBOT/CREATED`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Arn {
    /// The region it is in.
    pub region: String,
    /// The robot, and so the channel's name.
    pub robot: String,
    /// When it was made, in Unix milliseconds.
    pub created_ms: u64,
}

impl fmt::Display for Arn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            region,
            robot,
            created_ms,
        } = self;
        write!(
            f,
            "arn:aws:kinesisvideo:{region}:{ACCOUNT}:channel/{robot}/{created_ms}"
        )
    }
}

impl FromStr for Arn {
    type Err = Rejection;

    fn from_str(text: &str) -> Result<Self, Rejection> {
        let read = || {
            let rest = text.strip_prefix("arn:aws:kinesisvideo:")?;
            let (region, rest) = rest.split_once(':')?;
            let (account, rest) = rest.split_once(':')?;
            let (robot, created) = rest.strip_prefix("channel/")?.split_once('/')?;
            let digits = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
            (digits(account) && digits(created) && is_id(robot)).then_some(())?;
            let region_letter = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
            (!region.is_empty() && region.bytes().all(region_letter)).then_some(())?;
            Some(Self {
                region: region.to_owned(),
                robot: robot.to_owned(),
                created_ms: created.parse().ok()?,
            })
        };
        (text.len() <= MAX_BYTES).then(read).flatten().ok_or_else(|| {
            Rejection::invalid(
                "ChannelARN must be like arn:aws:kinesisvideo:us-east-1:000000000000:channel/rover/1763690000123",
            )
        })
    }
}
