//! Is this computer's clock right? A Raspberry Pi has none that runs without power.

use daemon::check::Line;
use time::{Duration, OffsetDateTime};

use crate::certificates::Certificates;

const NAME: &str = "clock";

/// Signed requests that are further off are refused (AWS Signature Version 4).
const SIGNATURES: Duration = Duration::minutes(5);

/// An HTTP date has whole seconds, and the answer takes its time too.
const COARSE: Duration = Duration::seconds(2);

const ADVICE: &str = "timedatectl shows whether the clock is synchronized";

/// The clock against the server's, which is `ahead`, or else against the certificate's first day.
pub(super) fn line(
    certificates: Option<&Certificates>,
    ahead: Option<Duration>,
    now: OffsetDateTime,
) -> Line {
    match (
        ahead,
        certificates.map(|certificates| certificates.not_before),
    ) {
        (Some(ahead), _) => against(-ahead),
        (None, Some(first)) if now < first => Line::fault(
            NAME,
            format!("it is {} here, before the certificate was made", now.date()),
            ADVICE,
        ),
        (None, Some(_)) => Line::ok(
            NAME,
            format!("{} UTC; no server to compare it with", minute(now)),
        ),
        (None, None) => Line::skipped(NAME, "nothing to compare it with"),
    }
}

/// Ahead is positive.
fn against(off: Duration) -> Line {
    let direction = if off.is_positive() { "ahead" } else { "behind" };
    let found = format!("{} s {direction}", off.abs().whole_seconds());
    if off.abs() > SIGNATURES {
        Line::fault(NAME, format!("{found}: servers will refuse it"), ADVICE)
    } else if off.abs() <= COARSE {
        Line::ok(NAME, "agrees with the server's")
    } else {
        Line::warning(NAME, found, ADVICE)
    }
}

fn minute(at: OffsetDateTime) -> String {
    format!("{} {:02}:{:02}", at.date(), at.hour(), at.minute())
}

#[cfg(test)]
mod tests {
    use daemon::check::Verdict;

    use super::*;

    #[test]
    fn a_clock_that_is_off_is_said_and_one_that_is_far_off_is_a_fault() {
        let verdict = |off| against(Duration::seconds(off)).verdict;
        assert_eq!(verdict(1), Verdict::Ok);
        assert_eq!(verdict(-2), Verdict::Ok);
        assert_eq!(verdict(-60), Verdict::Warning);
        assert_eq!(verdict(301), Verdict::Fault);
        assert_eq!(verdict(-301), Verdict::Fault);
        assert_eq!(against(Duration::seconds(60)).found, "60 s ahead");
    }
}
