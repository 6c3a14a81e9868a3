//! When so many complain at once that it is nobody's fault.

use core::time::Duration;

use crate::defaults::{ALARM, ALARM_LEAST, ALARM_SHARE};

/// Nodes that complain of being fed badly, in this stretch of time and in the last one.
#[derive(Debug, Default)]
pub(super) struct Alarm {
    pub(super) since: Duration,
    now: usize,
    before: usize,
}

impl Alarm {
    /// Whether so many of an audience complain at once that it is nobody's fault.
    pub(super) fn rings(&mut self, now: Duration, counts: bool, audience: usize) -> bool {
        let passed = now.saturating_sub(self.since);
        if passed >= ALARM {
            let before = if passed >= ALARM * 2 { 0 } else { self.now };
            (self.since, self.now, self.before) = (now, 0, before);
        }
        self.now += usize::from(counts);
        self.now.max(self.before) > (audience / ALARM_SHARE).max(ALARM_LEAST)
    }
}
