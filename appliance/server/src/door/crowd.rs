use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use crate::network::Origin;

/// Who is in from each address, so that those who come from one do not take the places of
/// all others, and do not come all at once.
#[derive(Debug)]
pub(crate) struct Crowd {
    /// From one address at most.
    most: usize,
    groups: Mutex<HashMap<Origin, Group>>,
}

/// Those from one address.
#[derive(Debug)]
struct Group {
    inside: usize,
    /// When the next of them may go on (the virtual scheduling of ITU-T I.371).
    turn: Instant,
}

/// One who is in, until it is dropped.
#[derive(Debug)]
pub(crate) struct Pass {
    origin: Origin,
    crowd: Arc<Crowd>,
}

impl Crowd {
    pub(crate) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self {
            most,
            groups: Mutex::default(),
        })
    }

    /// Lets one in, unless there are too many from its address.
    pub(crate) fn enter(self: &Arc<Self>, origin: Origin) -> Option<Pass> {
        let mut groups = self.groups();
        let group = groups.entry(origin).or_insert_with(|| Group {
            inside: 0,
            turn: Instant::now(),
        });
        if group.inside >= self.most {
            return None;
        }
        group.inside += 1;
        Some(Pass {
            origin,
            crowd: self.clone(),
        })
    }

    fn groups(&self) -> MutexGuard<'_, HashMap<Origin, Group>> {
        self.groups.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pass {
    /// How long this one is to wait, so that those from its address come one after another.
    pub(crate) fn turn(&self, now: Instant) -> Duration {
        let mut groups = self.crowd.groups();
        let Some(group) = groups.get_mut(&self.origin) else {
            return Duration::ZERO;
        };
        let wait = group.turn.saturating_duration_since(now + AHEAD);
        group.turn = group.turn.max(now) + APART;
        wait
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        let mut groups = self.crowd.groups();
        let Some(group) = groups.get_mut(&self.origin) else {
            return;
        };
        group.inside -= 1;
        // To leave and to come again does not make the wait shorter.
        let now = Instant::now();
        if group.inside == 0 && (group.turn <= now || groups.len() > REMEMBERED) {
            groups.retain(|_, group| group.inside > 0 || group.turn > now);
        }
    }
}

/// Between two from one address, on average: 20 a second. A school of 200 that comes at one
/// stroke of the bell is in within ten seconds.
const APART: Duration = Duration::from_millis(50);
/// So many may be ahead of that: a household, or a page that is opened again.
const AHEAD: Duration = APART.saturating_mul(20);
/// Addresses that are remembered for the sake of those who have left.
const REMEMBERED: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    const SCHOOL: Origin = Origin::V4([192, 0, 2, 1]);
    const HOME: Origin = Origin::V4([192, 0, 2, 2]);

    #[test]
    fn a_crowd_fills_its_own_places_only() {
        let crowd = Crowd::new(3);
        let mut school: Vec<_> = (0..3).map(|_| crowd.enter(SCHOOL).unwrap()).collect();
        assert!(crowd.enter(SCHOOL).is_none());
        let _home = crowd.enter(HOME).unwrap();
        school.pop();
        assert!(crowd.enter(SCHOOL).is_some());
    }

    #[test]
    fn a_school_is_in_within_ten_seconds_and_nobody_waits_for_it() {
        let crowd = Crowd::new(1000);
        let now = Instant::now();
        let waits: Vec<Duration> = (0..200)
            .map(|_| crowd.enter(SCHOOL).unwrap().turn(now))
            .collect();
        assert!(waits[..20].iter().all(Duration::is_zero), "{waits:?}");
        assert!(waits.is_sorted() && waits[199] > Duration::from_secs(8));
        assert!(waits[199] <= Duration::from_secs(10));
        assert_eq!(crowd.enter(HOME).unwrap().turn(now), Duration::ZERO);
        // Later, nobody waits any more.
        let later = now + Duration::from_secs(10);
        assert_eq!(crowd.enter(SCHOOL).unwrap().turn(later), Duration::ZERO);
    }

    #[test]
    fn coming_again_makes_no_wait_shorter() {
        let crowd = Crowd::new(1000);
        let now = Instant::now();
        for _ in 0..100 {
            crowd.enter(SCHOOL).unwrap().turn(now);
        }
        assert!(crowd.enter(SCHOOL).unwrap().turn(now) > Duration::from_secs(3));
    }

    #[test]
    fn who_has_gone_is_forgotten() {
        let crowd = Crowd::new(1000);
        drop(crowd.enter(SCHOOL));
        assert!(crowd.groups().is_empty());
    }
}
