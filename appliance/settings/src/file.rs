//! Files that are there whole or not at all, and that only their owner can read.

use std::{
    fs::{self, File, OpenOptions, Permissions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt},
    path::Path,
};

use crate::StateError;

/// What is done to a file, and to which one, when the system refuses.
pub(crate) fn failed<'a>(
    what: &'static str,
    path: &'a Path,
) -> impl FnOnce(io::Error) -> StateError + 'a {
    move |source| StateError::Io {
        what,
        path: path.to_owned(),
        source,
    }
}

/// Makes a directory that is its owner's alone, or takes from an existing one what others
/// may do with it. Says whether it had to.
pub(crate) fn make_private_dir(path: &Path) -> Result<bool, StateError> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(DIR_MODE)
        .create(path)
        .map_err(failed("create the state directory", path))?;
    narrow(path, DIR_MODE)
}

/// What a file holds, `None` if there is no such file. Also takes from others what they
/// may do with it, and says whether it had to.
pub(crate) fn read_private(path: &Path) -> Result<Option<(String, bool)>, StateError> {
    match fs::read_to_string(path) {
        Ok(text) => narrow(path, FILE_MODE).map(|narrowed| Some((text, narrowed))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed("read", path)(error)),
    }
}

/// Puts `text` where `path` is, at once: a power cut leaves the old file or the new one.
pub(crate) fn write_private(path: &Path, text: &str) -> Result<(), StateError> {
    let dir = path.parent().unwrap_or(Path::new("."));
    let mut draft = path.as_os_str().to_owned();
    draft.push(".new");
    let draft = Path::new(&draft);
    write_synced(draft, text).map_err(failed("write", draft))?;
    fs::rename(draft, path).map_err(failed("write", path))?;
    // The rename itself is in the directory, and lasts only once that is on the disk.
    File::open(dir)
        .and_then(|dir| dir.sync_all())
        .map_err(failed("write", dir))
}

fn write_synced(path: &Path, text: &str) -> io::Result<()> {
    // A draft that a crash has left over may have any mode.
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(FILE_MODE)
        .open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

fn narrow(path: &Path, mode: u32) -> Result<bool, StateError> {
    let current = fs::metadata(path).map_err(failed("examine", path))?.mode();
    if current & 0o077 == 0 {
        return Ok(false);
    }
    fs::set_permissions(path, Permissions::from_mode(mode))
        .map_err(failed("narrow the permissions of", path))?;
    Ok(true)
}

const DIR_MODE: u32 = 0o700;
const FILE_MODE: u32 = 0o600;
