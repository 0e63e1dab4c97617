//! The data folder of `dormouse serve`: where it is, who may have it, what is said when it cannot be used.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use crate::world::{Serve, World, objects};

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn it_is_in_the_projects_folder_and_for_its_user_alone() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Serve::start(folder.path(), &[]).unwrap();
    let data = folder.path().join(".dormouse");
    assert_eq!(std::fs::read_to_string(data.join(".gitignore")).unwrap(), "*\n");
    assert_eq!((mode(&data), mode(&data.join("control.sock"))), (0o700, 0o600));
    assert!(!data.join("journal").exists() && !data.join("objects").exists(), "nothing was stored");
    assert_eq!(objects(&data, &["list"]), (true, String::new(), String::new()));
    server.signal("TERM");
    assert!(!data.join("control.sock").exists());
    assert_eq!(objects(&data, &["list"]), (true, String::new(), String::new()));
}

#[test]
fn one_that_is_in_use_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let data = data.to_str().unwrap();
    let _server = Serve::start(folder.path(), &["--data", data]).unwrap();
    let error = Serve::start(folder.path(), &["--data", data]).err().unwrap();
    let says =
        format!("error: the data folder {data} is in use by another process; stop that one, or give this one another");
    assert!(error.contains(&says), "{error}");
}

#[test]
fn one_that_cannot_be_a_folder_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let data = file.join("data");
    let data = data.to_str().unwrap();
    let error = Serve::start(folder.path(), &["--data", data]).err().unwrap();
    assert!(error.contains(&format!("error: cannot use the data folder {data}: Not a directory")), "{error}");
}

#[test]
fn a_journal_that_cannot_be_read_is_an_error_that_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let mut world = World::new(&data);
    for value in 1..9 {
        world.get(&format!("/a/set-alarm?9999999999999{value}"));
    }
    let journal = std::fs::read_dir(data.join("journal")).unwrap().map(|entry| entry.unwrap().path());
    let segment = journal.filter(|path| path.extension() == Some("log".as_ref())).min().unwrap();
    let mut bytes = std::fs::read(&segment).unwrap();
    bytes[..64].fill(0xff);
    // As after a crash: a stop in peace leaves nothing in the journal.
    world.stop();
    std::fs::write(&segment, bytes).unwrap();
    let error = Serve::start(folder.path(), &["--data", data.to_str().unwrap()]).err().unwrap();
    assert!(error.contains("error: the journal is damaged at byte 0 of"), "{error}");
    assert!(error.contains("Restore the data folder from a copy; or move the file away"), "{error}");
    let (is_ok, _, says) = objects(&data, &["list"]);
    assert!(!is_ok && says.contains("the journal is damaged at byte 0 of"), "{says}");
    std::fs::remove_file(&segment).unwrap();
    Serve::start(folder.path(), &["--data", data.to_str().unwrap()]).map(drop).unwrap();
}

#[test]
fn the_socket_of_a_server_that_was_killed_is_in_nobodys_way() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let arguments = ["--data", data.to_str().unwrap()];
    let mut server = Serve::start(folder.path(), &arguments).unwrap();
    server.signal("KILL");
    assert!(data.join("control.sock").exists());
    assert!(objects(&data, &["list"]).0);
    let _server = Serve::start(folder.path(), &arguments).unwrap();
    assert!(objects(&data, &["list"]).0);
}

#[test]
fn a_path_too_long_for_a_socket_keeps_no_server_from_starting() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("long".repeat(30));
    let server = Serve::start(folder.path(), &["--data", data.to_str().unwrap()]).unwrap();
    assert!(server.log.contains("WARN") && server.log.contains("cannot reach this server"), "{}", server.log);
    let (is_ok, _, error) = objects(&data, &["list"]);
    assert!(!is_ok && error.contains("is in use by a server that cannot be asked"), "{error}");
    drop(server);
    assert!(objects(&data, &["list"]).0);
}

#[test]
fn a_folder_that_is_not_there_is_not_made_by_looking() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("nowhere");
    let (is_ok, _, error) = objects(&data, &["list"]);
    assert!(!is_ok && error.contains("there is no data folder"), "{error}");
    assert!(!data.exists());
    // A folder of something else stays as it is.
    let (is_ok, _, error) = objects(folder.path(), &["list"]);
    assert!(!is_ok && error.contains("is no data folder"), "{error}");
    assert!(std::fs::read_dir(folder.path()).unwrap().next().is_none());
}
