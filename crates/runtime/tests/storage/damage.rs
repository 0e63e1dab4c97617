//! Bytes that changed on the disk: what is wrong is refused with the name of the file, and never given out.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use dormouse_storage::file::sim::{Loss, SimDisk};

use crate::guest::application;
use crate::node::Server;
use crate::rig::SEGMENT_LEN;

const VALUES: [(&str, u64); 3] =
    [("one", 91_000_000_000_000), ("two", 92_000_000_000_000), ("three", 93_000_000_000_000)];

fn start(disk: &SimDisk, data: &Path) -> std::io::Result<Server> {
    let (application, _watch) = application();
    Server::try_with(application, |options| {
        options.storage.data = Some(data.to_owned());
        options.storage.files = Arc::new(disk.clone());
        options.storage.tuning.segment_len = SEGMENT_LEN;
        // So that something is left in each kind of file.
        options.storage.tuning.stop_time = Duration::ZERO;
        options.object.hibernate_after = Some(Duration::ZERO);
    })
}

/// A disk with a value in each object, as it is after the process has died.
fn disk_with_values(data: &Path) -> SimDisk {
    let disk = SimDisk::new(5);
    let server = start(&disk, data).unwrap();
    for (name, value) in VALUES {
        // Twice, so that a log that ends too early has something else to tell.
        for value in [value - 1, value] {
            assert_eq!(server.ask(&format!("/{name}/set-alarm?{value}")), (200, "set".into()));
        }
    }
    drop(server);
    disk
}

/// What becomes of each object when a bit has changed: `true` if it was refused.
fn look(disk: &SimDisk, data: &Path, case: &str) -> Result<[bool; VALUES.len()], String> {
    let server = start(disk, data).map_err(|error| error.to_string())?;
    Ok(VALUES.map(|(name, value)| match server.try_get(&format!("/{name}/alarm")) {
        Ok(answer) => {
            assert_eq!(answer.text(), format!("Some({value})"), "{case}, object {name}");
            false
        }
        Err(error) => {
            let text = error.to_string();
            assert!(text.contains("damaged") && text.contains(".sqlite"), "{case}, object {name}: {text}");
            true
        }
    }))
}

#[test]
fn a_changed_bit_of_any_file_is_never_an_answer() {
    let folder = tempfile::tempdir().unwrap();
    let disk = disk_with_values(folder.path());
    let (mut looked, mut refused, mut not_started) = (0, 0, 0);
    for path in disk.paths() {
        if path.file_name().is_some_and(|name| name == "spare") {
            continue;
        }
        let len = disk.contents(&path).unwrap().len() as u64;
        let is_journal = path.extension().is_some_and(|extension| extension == "log");
        // The journal is zeros from some point on, of which nothing is read.
        let (end, stride) = if is_journal { (len.min(70_000), 2_111) } else { (len, 1_709) };
        for at in (0..end).step_by(stride) {
            let changed = disk.power_loss_of(Loss::Nothing, at);
            changed.flip(&path, at, (at % 8) as u32);
            let case = format!("byte {at} of {}", path.display());
            looked += 1;
            match look(&changed, folder.path(), &case) {
                Ok(objects) => {
                    let count = objects.iter().filter(|refused| **refused).count();
                    assert!(count <= 1, "{case}: {count} objects are refused");
                    refused += count;
                }
                Err(text) => {
                    assert!(is_journal && text.contains("the journal is damaged at byte"), "{case}: {text}");
                    not_started += 1;
                }
            }
        }
    }
    // Not all of what is flipped is read; but most of what is not zeros is.
    assert!(looked > 50 && refused + not_started > 10, "{looked} {refused} {not_started}");
}

#[test]
fn a_lost_registry_is_made_again() {
    let folder = tempfile::tempdir().unwrap();
    let disk = disk_with_values(folder.path());
    for len in [0, 3_000] {
        let disk = disk.power_loss_of(Loss::Nothing, 0);
        let registry = folder.path().join("registry.sqlite");
        let files: &dyn dormouse_storage::file::FileSystem = &disk;
        files.open(&registry, dormouse_storage::file::Open::Existing).unwrap().set_len(len).unwrap();
        let server = start(&disk, folder.path()).unwrap();
        for (name, value) in VALUES {
            assert_eq!(server.ask(&format!("/{name}/alarm")), (200, format!("Some({value})")));
        }
    }
}
