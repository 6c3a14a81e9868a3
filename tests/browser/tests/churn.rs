//! Viewers are killed and others come in their stead, and who stays does not see it.

use std::time::Duration;

use anyhow::{Result, ensure};
use peerstream_browser::audience::Calm;
use peerstream_browser::churn::Churn;
use peerstream_browser::condition::throughout;
use peerstream_browser::page::Options;
use peerstream_browser::stage::{PLAYS_WITHIN, Setting, play};

/// The bench has 12 viewers for 2 minutes (`KILL=3 VIEWERS=12 SECONDS=120`); this is what a
/// machine carries that does something else besides.
const VIEWERS: usize = 6;
const KILL_EVERY: Duration = Duration::from_secs(3);
const SPAN: Duration = Duration::from_secs(24);

#[test]
fn survivors_of_churn_do_not_stall() {
    play("churn", &Setting::default(), |stage| -> Result<()> {
        let options = Options::default();
        stage.admit(VIEWERS, &options)?;
        let mut churn = Churn::new(KILL_EVERY);
        let mut kills = 0;
        // Whoever plays has to play on, from its first frame to its death.
        let mut calm = Calm::now(&stage.audience)?;
        throughout(SPAN, Duration::from_millis(500), |elapsed| {
            calm.check(&stage.audience)?;
            calm.add(&stage.audience);
            if let Some(name) = churn.advance(elapsed, stage, &options)? {
                eprintln!("{:3.0} s: killed {name}", elapsed.as_secs_f64());
                kills += 1;
            }
            Ok(())
        })?;
        ensure!(kills >= 7, "{kills} kills");
        let all = stage.audience.until_playing(PLAYS_WITHIN)?;
        ensure!(all.len() == VIEWERS);
        ensure!(all.iter().all(|stats| stats.fragments_refused == 0));
        Ok(())
    });
}
