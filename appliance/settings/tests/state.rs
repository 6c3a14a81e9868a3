//! The state directory: what is kept, for whom, and what happens to what is damaged.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
    path::Path,
    time::Duration,
};

use peerstream_settings::{State, StateError};

const NOW: u64 = 1_800_000_000;

fn mode(path: &Path) -> u32 {
    fs::metadata(path)
        .expect("the file is there")
        .permissions()
        .mode()
        & 0o777
}

fn fresh() -> (tempfile::TempDir, State) {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let state = State::open(&dir.path().join("a/state"))
        .expect("it can be made")
        .state;
    (dir, state)
}

#[test]
fn keys_are_made_once_and_stay() {
    let (_dir, state) = fresh();
    let identity = state.identity().unwrap();
    let signing = state.signing(NOW).unwrap();
    let stream_key = state.stream_key().unwrap();
    let tickets = state.tickets().unwrap();
    assert_ne!(tickets, identity);
    let again = State::open(state.dir()).unwrap().state;
    assert_eq!(again.identity().unwrap(), identity);
    assert_eq!(again.signing(NOW + 60).unwrap(), signing);
    assert_eq!(again.stream_key().unwrap(), stream_key);
    assert_eq!(again.tickets().unwrap(), tickets);
}

#[test]
fn nobody_else_may_read_anything() {
    let (_dir, state) = fresh();
    state.identity().unwrap();
    state.signing(NOW).unwrap();
    state.stream_key().unwrap();
    state.tickets().unwrap();
    state.keep_own_certificate("certificate", "key").unwrap();
    state.keep_clock(Duration::from_secs(NOW)).unwrap();
    let _lock = state.lock().unwrap();
    assert_eq!(mode(state.dir()), 0o700);
    let files: Vec<_> = fs::read_dir(state.dir())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    assert_eq!(files.len(), 8, "{files:?}");
    for file in files {
        assert_eq!(mode(&file), 0o600, "{}", file.display());
    }
}

#[test]
fn wider_modes_are_narrowed() {
    let (_dir, state) = fresh();
    state.identity().unwrap();
    let key = state.dir().join("identity.key");
    fs::set_permissions(&key, Permissions::from_mode(0o644)).unwrap();
    fs::set_permissions(state.dir(), Permissions::from_mode(0o755)).unwrap();
    let opened = State::open(state.dir()).unwrap();
    assert!(opened.narrowed);
    opened.state.identity().unwrap();
    assert_eq!((mode(&key), mode(state.dir())), (0o600, 0o700));
    assert!(!State::open(state.dir()).unwrap().narrowed);
}

#[test]
fn rotation_raises_the_serial() {
    let (_dir, state) = fresh();
    let first = state.signing(NOW).unwrap();
    let second = state.rotate_signing(NOW).unwrap();
    assert_eq!(second.serial, first.serial + 1);
    assert_ne!(second.seed, first.seed);
    assert_eq!(state.signing(NOW).unwrap(), second);
}

#[test]
fn an_ageing_signing_key_is_followed_by_the_next() {
    let (_dir, state) = fresh();
    let first = state.signing(NOW).unwrap();
    let second = state.signing(first.not_after - 1).unwrap();
    assert_eq!(second.serial, first.serial + 1);
    assert!(second.not_after > first.not_after);
}

#[test]
fn a_damaged_key_is_reported_and_left_alone() {
    let (_dir, state) = fresh();
    for (file, text) in [
        ("identity.key", "abc"),
        ("signing.key", "serial = 1"),
        ("stream.key", "two words"),
    ] {
        let path = state.dir().join(file);
        fs::write(&path, text).unwrap();
        let result = match file {
            "identity.key" => state.identity().map(|_| ()),
            "signing.key" => state.signing(NOW).map(|_| ()),
            _ => state.stream_key().map(|_| ()),
        };
        assert!(matches!(result, Err(StateError::Damaged { path: named, .. }) if named == path));
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
    }
}

#[test]
fn a_draft_that_a_crash_left_over_does_no_harm() {
    let (_dir, state) = fresh();
    fs::write(state.dir().join("identity.key.new"), "half").unwrap();
    let identity = state.identity().unwrap();
    assert_eq!(state.identity().unwrap(), identity);
    assert!(!state.dir().join("identity.key.new").exists());
}

#[test]
fn a_directory_serves_one_daemon_at_a_time() {
    let (_dir, state) = fresh();
    assert_eq!(state.daemon().unwrap(), None);
    let lock = state.lock().unwrap();
    assert!(matches!(state.lock(), Err(StateError::InUse { .. })));
    assert_eq!(state.daemon().unwrap(), Some(std::process::id()));
    drop(lock);
    assert_eq!(state.daemon().unwrap(), None);
    state.lock().unwrap();
}

#[test]
fn the_clock_is_remembered_and_damage_to_it_is_forgotten() {
    let (_dir, state) = fresh();
    assert_eq!(state.clock().unwrap(), Duration::ZERO);
    let now = Duration::from_millis(NOW * 1000 + 700);
    state.keep_clock(now).unwrap();
    assert!(state.clock().unwrap() >= now);
    assert!(state.clock().unwrap() <= now + Duration::from_secs(1));
    fs::write(state.dir().join("clock"), "late").unwrap();
    assert_eq!(state.clock().unwrap(), Duration::ZERO);
}
