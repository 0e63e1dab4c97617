//! Where things are in a data folder, and its files as files.

use std::fmt::Write as _;
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use dormouse_storage::db::{sync_folders, wal_path};
use dormouse_storage::file::{FileSystem, Open, create_dir_durably};

use super::OpenError;
use crate::commit_log::ObjectKey;

/// Takes the folder for this process.
pub(super) fn lock_folder(folder: &Path) -> Result<std::fs::File, OpenError> {
    let io = |source| OpenError::Io { folder: folder.into(), source };
    make_folder(folder).map_err(io)?;
    let lock = std::fs::File::create(folder.join("lock")).map_err(io)?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(std::fs::TryLockError::WouldBlock) => Err(OpenError::InUse(folder.into())),
        Err(std::fs::TryLockError::Error(source)) => Err(io(source)),
    }
}

/// Makes the data folder when it is not there: for this user alone, and for no version control.
fn make_folder(folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    std::fs::write(folder.join(".gitignore"), "*\n")
}

/// Makes the data folder, durably. It and those above it may have been made by a process that ended before that.
pub(super) fn make_durable(files: &dyn FileSystem, folder: &Path) -> io::Result<()> {
    create_dir_durably(files, folder)?;
    let mut above = folder.ancestors().skip(1);
    match above.next().map(|above| files.sync_dir(above)) {
        // A folder that is not ours to open is not one in which we made this one.
        Some(Err(error)) if error.kind() != io::ErrorKind::PermissionDenied => return Err(error),
        _ => {}
    }
    for above in above {
        if let Err(error) = files.sync_dir(above) {
            tracing::debug!(path = %above.display(), %error, "a folder above the data folder cannot be synced");
        }
    }
    Ok(())
}

/// Removes a database and its log.
pub(crate) fn remove_files(files: &dyn FileSystem, path: &Path) -> io::Result<()> {
    // A log is never without its database: another one of that name would take it for its own.
    files.remove(&wal_path(path))?;
    files.remove(path)?;
    match path.parent() {
        Some(folder) if files.exists(folder)? => files.sync_dir(folder),
        _ => Ok(()),
    }
}

/// Makes a database and its log durable as they are.
pub(crate) fn sync_files(files: &dyn FileSystem, path: &Path) -> io::Result<()> {
    files.open(&wal_path(path), Open::Existing)?.sync()?;
    files.open(path, Open::Existing)?.sync()?;
    sync_folders(files, path)
}

/// The database of an object in a data folder.
pub(crate) fn path(folder: &Path, key: &ObjectKey) -> PathBuf {
    let mut name = String::with_capacity(80);
    for byte in &key.id[1..] {
        let _ = write!(name, "{byte:02x}");
    }
    name.push_str(".sqlite");
    folder.join("objects").join(class_folder(&key.class)).join(format!("{:02x}", key.id[0])).join(name)
}

/// The folder of a class: its unique key, with what a file name cannot hold in hex.
pub(crate) fn class_folder(class: &str) -> String {
    let mut folder = String::with_capacity(class.len());
    for byte in class.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' => folder.push(char::from(byte)),
            byte => {
                let _ = write!(folder, "%{byte:02x}");
            }
        }
    }
    folder
}

/// The class that a folder is of.
pub(crate) fn class_of_folder(folder: &str) -> Option<String> {
    let mut class = Vec::with_capacity(folder.len());
    let mut bytes = folder.bytes();
    while let Some(byte) = bytes.next() {
        class.push(match byte {
            b'%' => hex(bytes.next()?, bytes.next()?)?,
            byte => byte,
        });
    }
    String::from_utf8(class).ok()
}

/// The id that the name of a folder and that of a file in it spell.
pub(crate) fn id_of_name(first: &str, rest: &str) -> Option<[u8; 32]> {
    let digits = [first.as_bytes(), rest.as_bytes()].concat();
    let bytes: Option<Vec<u8>> = digits.chunks(2).map(|pair| hex(*pair.first()?, *pair.get(1)?)).collect();
    bytes?.try_into().ok()
}

fn hex(high: u8, low: u8) -> Option<u8> {
    let digit = |digit: u8| char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    Some(digit(high)? << 4 | digit(low)?)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{class_folder, class_of_folder, id_of_name, path};
    use crate::commit_log::ObjectKey;

    #[test]
    fn a_path_tells_its_object() {
        let key = ObjectKey { class: "my app/Räume.v2%".into(), id: std::array::from_fn(|at| at as u8 * 7) };
        let path = path(Path::new("data"), &key);
        let parts: Vec<_> = path.iter().map(|part| part.to_str().unwrap()).collect();
        assert_eq!(parts[..3], ["data", "objects", "my%20app%2fR%c3%a4ume%2ev2%25"]);
        assert_eq!(class_of_folder(parts[2]).as_deref(), Some(&*key.class));
        assert_eq!(id_of_name(parts[3], parts[4].strip_suffix(".sqlite").unwrap()), Some(key.id));
        assert_eq!(class_folder("app-Room_1"), "app-Room_1");
        assert_eq!((class_of_folder("a%zz"), id_of_name("00", "11")), (None, None));
    }
}
