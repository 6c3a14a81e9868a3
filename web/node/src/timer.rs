use core::time::Duration;

/// Every reason for which a node wants to be woken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Timer {
    /// Tell the links that this node lives, and what it holds.
    Heartbeat,
    /// See whether the parent still does its duty.
    Upstream,
    /// A gap in what is played has been waited for long enough, or is to be asked for.
    Gap,
    /// A link did not open, may be tried again, or has retired.
    Links,
    /// Open the control socket again.
    Reconnect,
    /// Ask for the box's clock.
    Clock,
    /// Tell the box what this node can pass on.
    Capacity,
    /// The uplink is free for more of what children wait for.
    Pace,
}

/// When each of them is due.
#[derive(Debug, Default)]
pub(crate) struct Timers([Option<Duration>; 8]);

impl Timers {
    pub(crate) fn set(&mut self, timer: Timer, at: Duration) {
        self.0[timer as usize] = Some(at);
    }

    /// Sets a timer unless it is due sooner already.
    pub(crate) fn by(&mut self, timer: Timer, at: Duration) {
        let slot = &mut self.0[timer as usize];
        *slot = Some(slot.map_or(at, |due| due.min(at)));
    }

    pub(crate) fn stop(&mut self, timer: Timer) {
        self.0[timer as usize] = None;
    }

    /// Whether a timer is due; if so it is stopped.
    pub(crate) fn take(&mut self, timer: Timer, now: Duration) -> bool {
        let slot = &mut self.0[timer as usize];
        let due = slot.is_some_and(|at| at <= now);
        if due {
            *slot = None;
        }
        due
    }

    pub(crate) fn next(&self) -> Option<Duration> {
        self.0.iter().flatten().min().copied()
    }
}
