//! How often a request is made again, and after how long.

use std::time::Duration;

/// When a request that went wrong is made again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Retry {
    /// How often a request is made at most.
    pub(super) attempts: u32,
    /// How long the first wait is at most; each one after that twice as long.
    pub(super) first: Duration,
    /// The longest that is waited, also where a server asks for more.
    pub(super) most: Duration,
}

impl Default for Retry {
    fn default() -> Self {
        Self { attempts: 6, first: Duration::from_millis(500), most: Duration::from_secs(30) }
    }
}

impl Retry {
    /// How long to wait after that attempt, the first being 0: at least half of the whole, the rest as `random` has it, so that
    /// many who were refused at once do not come back at once. `asked` is what the server asked for.
    pub(super) fn wait(&self, attempt: u32, random: u32, asked: Option<Duration>) -> Duration {
        let whole = self.first.saturating_mul(1_u32.checked_shl(attempt).unwrap_or(u32::MAX)).min(self.most);
        let half = whole / 2;
        let wait = half + half.mul_f64(f64::from(random) / f64::from(u32::MAX));
        asked.map_or(wait, |asked| asked.min(self.most).max(wait))
    }
}

/// What `retry-after` asks for, where it does so in seconds.
pub(super) fn asked(retry_after: &str) -> Option<Duration> {
    let digits = !retry_after.is_empty() && retry_after.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| Duration::from_secs(retry_after.parse().unwrap_or(u64::MAX)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn waits_double_up_to_the_longest() {
        let milliseconds = |attempt, random| Retry::default().wait(attempt, random, None).as_millis();
        for (attempt, least, most) in [(0, 250, 500), (1, 500, 1000), (4, 4000, 8000), (6, 15_000, 30_000)] {
            assert_eq!((milliseconds(attempt, 0), milliseconds(attempt, u32::MAX)), (least, most), "{attempt}");
        }
        assert_eq!(milliseconds(1000, u32::MAX), 30_000);
    }

    #[test]
    fn a_server_may_ask_for_longer_and_not_for_ever() {
        for (text, expect) in [
            ("0", Some(250)),
            ("2", Some(2000)),
            ("99999999999999999999", Some(30_000)),
            ("-1", None),
            ("", None),
            ("1.5", None),
            ("Wed, 21 Oct 2026 07:28:00 GMT", None),
        ] {
            let wait = asked(text).map(|asked| Retry::default().wait(0, 0, Some(asked)).as_millis());
            assert_eq!(wait, expect, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_wait_is_longer_than_the_longest(attempt: u32, random: u32, seconds: Option<u64>) {
            let retry = Retry::default();
            let wait = retry.wait(attempt, random, seconds.map(Duration::from_secs));
            prop_assert!(wait <= retry.most && wait >= retry.first / 2);
        }
    }
}
