use std::{
    env,
    fs::{File, OpenOptions, TryLockError},
    io::{Read, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    time::Duration,
};

use crate::{
    Seed, SigningRecord, StateError, StreamKey,
    file::{failed, make_private_dir, read_private, write_private},
};

/// The state directory: what the box must not forget.
///
/// ```text
/// identity.key   the stream's name: whoever has it is the stream. 64 hexadecimal digits
/// signing.key    what signs the fragments, with its serial and its time (TOML)
/// stream.key     what a publisher shows
/// ticket.key     what viewers' tickets are made with. 64 hexadecimal digits
/// clock          what the box's clock has shown at most, in seconds of Unix time
/// https.crt, https.key   the box's own certificate for https (PEM)
/// lock           held by the daemon at work, with its process id
/// ```
#[derive(Debug, Clone)]
pub struct State {
    dir: PathBuf,
}

/// A state directory that has just been opened.
#[derive(Debug)]
pub struct Opened {
    /// The directory.
    pub state: State,
    /// Others had rights on it, which have been taken away.
    pub narrowed: bool,
}

/// While it lives, no other daemon works with the directory.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl State {
    /// Where the state is kept unless someone says otherwise: what systemd gives the
    /// service, else the user's own place for such things.
    ///
    /// # Errors
    /// If the environment names none.
    pub fn default_dir() -> Result<PathBuf, StateError> {
        let var = |name| env::var_os(name).filter(|value| !value.is_empty());
        // systemd separates several directories by colons; the unit declares one.
        var("STATE_DIRECTORY")
            .map(PathBuf::from)
            .or_else(|| var("XDG_STATE_HOME").map(|home| Path::new(&home).join("peerstream")))
            .or_else(|| var("HOME").map(|home| Path::new(&home).join(".local/state/peerstream")))
            .ok_or(StateError::Nowhere)
    }

    /// Opens the directory, and makes it if it is not there. Takes away what others may
    /// do with it.
    ///
    /// # Errors
    /// If it cannot be made or narrowed.
    pub fn open(dir: &Path) -> Result<Opened, StateError> {
        let narrowed = make_private_dir(dir)?;
        let state = Self {
            dir: dir.to_owned(),
        };
        Ok(Opened { state, narrowed })
    }

    /// Where it is.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Claims the directory for this process.
    ///
    /// # Errors
    /// If another process has it.
    pub fn lock(&self) -> Result<Lock, StateError> {
        let path = self.dir.join("lock");
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(failed("open", &path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(StateError::InUse {
                    path: self.dir.clone(),
                });
            }
            Err(TryLockError::Error(error)) => return Err(failed("lock", &path)(error)),
        }
        file.set_len(0)
            .and_then(|()| writeln!(file, "{}", std::process::id()))
            .map_err(failed("write", &path))?;
        Ok(Lock { _file: file })
    }

    /// The process id of the daemon that has claimed the directory, if there is one.
    ///
    /// # Errors
    /// If that cannot be found out.
    pub fn daemon(&self) -> Result<Option<u32>, StateError> {
        let path = self.dir.join("lock");
        let mut file = match File::open(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            opened => opened.map_err(failed("open", &path))?,
        };
        match file.try_lock_shared() {
            Ok(()) => Ok(None),
            Err(TryLockError::Error(error)) => Err(failed("lock", &path)(error)),
            Err(TryLockError::WouldBlock) => {
                let mut text = String::new();
                file.read_to_string(&mut text)
                    .map_err(failed("read", &path))?;
                Ok(text.trim().parse().ok())
            }
        }
    }

    /// The seed of the identity key, made at the first start.
    ///
    /// # Errors
    /// If it is there and is no seed, or cannot be read or written.
    pub fn identity(&self) -> Result<Seed, StateError> {
        self.seed("identity.key")
    }

    /// What viewers' tickets are made with, made at the first start. A secret of its own:
    /// the identity key does nothing but sign certificates, and signing keys come and go.
    ///
    /// # Errors
    /// As [`State::identity`].
    pub fn tickets(&self) -> Result<Seed, StateError> {
        self.seed("ticket.key")
    }

    fn seed(&self, name: &str) -> Result<Seed, StateError> {
        let path = self.dir.join(name);
        match read_private(&path)? {
            Some((text, _)) => Seed::from_hex(text.trim())
                .ok_or_else(|| damaged(&path, "not 64 hexadecimal digits")),
            None => {
                let seed = Seed::random()?;
                write_private(&path, &format!("{}\n", seed.to_hex()))?;
                Ok(seed)
            }
        }
    }

    /// The signing key in use. The first is made at the first start; one that ages is
    /// followed by the next.
    ///
    /// # Errors
    /// If it is there and cannot be understood, or cannot be read or written.
    pub fn signing(&self, now_unix: u64) -> Result<SigningRecord, StateError> {
        match self.stored_signing()? {
            Some(record) if !record.is_ageing(now_unix) => Ok(record),
            record => self.next_signing(record, now_unix),
        }
    }

    /// Makes a new signing key, with the next serial.
    ///
    /// # Errors
    /// As [`State::signing`].
    pub fn rotate_signing(&self, now_unix: u64) -> Result<SigningRecord, StateError> {
        self.next_signing(self.stored_signing()?, now_unix)
    }

    /// What publishers must show, made at the first start.
    ///
    /// # Errors
    /// If it is there and is no such key, or cannot be read or written.
    pub fn stream_key(&self) -> Result<StreamKey, StateError> {
        let path = self.dir.join("stream.key");
        match read_private(&path)? {
            Some((text, _)) => StreamKey::new(text.trim()).ok_or_else(|| {
                damaged(
                    &path,
                    "not 16 to 128 letters, digits, hyphens and underscores",
                )
            }),
            None => {
                let key = StreamKey::random()?;
                write_private(&path, &format!("{}\n", key.reveal()))?;
                Ok(key)
            }
        }
    }

    /// The box's own certificate and key for https, both PEM, if they have been made.
    ///
    /// # Errors
    /// If they cannot be read.
    pub fn own_certificate(&self) -> Result<Option<(String, String)>, StateError> {
        let certificate = read_private(&self.dir.join(OWN_CERTIFICATE))?;
        let key = read_private(&self.dir.join(OWN_KEY))?;
        Ok(certificate
            .zip(key)
            .map(|((certificate, _), (key, _))| (certificate, key)))
    }

    /// Keeps the box's own certificate and key.
    ///
    /// # Errors
    /// If they cannot be written.
    pub fn keep_own_certificate(&self, certificate: &str, key: &str) -> Result<(), StateError> {
        write_private(&self.dir.join(OWN_KEY), key)?;
        write_private(&self.dir.join(OWN_CERTIFICATE), certificate)
    }

    /// What was last given to [`State::keep_clock`]; zero if nothing was, or nothing that
    /// can be read: it is a help against clocks that step back, and no key.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn clock(&self) -> Result<Duration, StateError> {
        let kept = read_private(&self.dir.join(CLOCK))?;
        let seconds = kept.and_then(|(text, _)| text.trim().parse::<u32>().ok());
        Ok(Duration::from_secs(seconds.unwrap_or(0).into()))
    }

    /// Remembers what the box's clock may have shown.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn keep_clock(&self, time: Duration) -> Result<(), StateError> {
        let seconds = time.as_secs().saturating_add(1);
        write_private(&self.dir.join(CLOCK), &format!("{seconds}\n"))
    }

    fn stored_signing(&self) -> Result<Option<SigningRecord>, StateError> {
        let path = self.dir.join(SIGNING);
        let Some((text, _)) = read_private(&path)? else {
            return Ok(None);
        };
        match toml::from_str(&text) {
            Ok(record) => Ok(Some(record)),
            // What the parser says would repeat the line, and the line may be the key.
            Err(_) => Err(damaged(&path, "not a signing key")),
        }
    }

    fn next_signing(
        &self,
        last: Option<SigningRecord>,
        now_unix: u64,
    ) -> Result<SigningRecord, StateError> {
        let path = self.dir.join(SIGNING);
        let serial = match last {
            None => FIRST_SERIAL,
            Some(last) => last
                .serial
                .checked_add(1)
                .ok_or_else(|| damaged(&path, "no serial is left"))?,
        };
        let record = SigningRecord::new(serial, now_unix)?;
        let text = toml::to_string(&record).map_err(|_| damaged(&path, "cannot be written"))?;
        write_private(&path, &text)?;
        Ok(record)
    }
}

fn damaged(path: &Path, reason: &'static str) -> StateError {
    StateError::Damaged {
        path: path.to_owned(),
        reason,
    }
}

const CLOCK: &str = "clock";
const SIGNING: &str = "signing.key";
const OWN_CERTIFICATE: &str = "https.crt";
const OWN_KEY: &str = "https.key";
const FIRST_SERIAL: u32 = 1;
